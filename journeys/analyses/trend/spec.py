"""What is asked of a trend: which series, what is counted, and by which calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, get_args

from journeys.analyses.breakdown import check_by, describe_wrong_top, name_group
from journeys.analyses.calendar import Calendar, Weekday, make_calendar
from journeys.analyses.money import check_column
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.trend.formula import parse_formula
from journeys.errors import ArgumentError, JourneysError, raise_all
from journeys.log import Log
from journeys.log.boundaries import present_campaign_columns
from journeys.steps import Step, StepLike, duration_us, resolve_step

Statistic = Literal["sum", "mean", "median", "p90"]
Count = Literal["events", "people", "sessions", "per person"] | tuple[Statistic, str]
Compare = Literal["previous", "year"] | str
_COUNTS = ("events", "people", "sessions", "per person")
_DAY = 86_400_000_000
_MOST_SERIES = 26


@dataclass(frozen=True, eq=False, slots=True)
class TrendSpec:
    """The options of a trend, checked.

    Attributes
    ----------
    series : dict of str to Step
        The events of each series, by name.
    calendar : Calendar
        The periods.
    count : {"events", "people", "sessions", "per person", "sum", "mean", "median", "p90"}
        What is counted, or the statistic of `column`.
    column : str, optional
        The numeric column of a statistic.
    by : str, optional
        The column whose value at the event forms groups.
    top : int, optional
        How many groups are shown.
    trailing : int, optional
        People active in this many days up to each day.
    gap : int
        The silence that ends a session, in microseconds.
    campaign_columns : tuple of str
        The campaign columns by which sessions start, if asked.
    formula : str, optional
        A formula over the series.
    back : int, optional
        How many periods earlier is the one that each is compared with.
    shown : tuple of str or None, optional
        The values of `by` that are shown; all others are one group, in which each person counts once. None shows all.
    """

    series: dict[str, Step]
    calendar: Calendar
    count: str
    column: str | None
    by: str | None
    top: int | None
    trailing: int | None
    gap: int
    campaign_columns: tuple[str, ...]
    formula: str | None
    back: int | None
    shown: tuple[str | None, ...] | None = None

    @property
    def group(self) -> str:
        """What the column of the breakdown is called in the table."""
        return name_group(self.by)

    def describe_series(self) -> str:
        """Name the series, and the events of those that have another name."""
        return ", ".join(name if name == one.name else f"{name}: {one.name}" for name, one in self.series.items())


def make_spec(
    journeys: JourneysProtocol,
    *,
    events: StepLike | Mapping[str, StepLike],
    count: Count,
    every: str,
    by: str | None,
    top: int | None,
    trailing: str | timedelta | None,
    formula: str | None,
    compare: Compare | None,
    time_zone: str,
    week_start: Weekday,
    gap: str | timedelta,
    campaign_cuts: bool,
) -> TrendSpec:
    """Check all options and raise one error that lists every problem."""
    log, problems = journeys._log, []
    schema = log.schema
    calendar, days, pause = Calendar(1, "d"), None, 0
    try:
        calendar = make_calendar(every, time_zone=time_zone, week_start=week_start)
    except JourneysError as error:
        problems.append(str(error))
    try:
        days = _trailing_days(trailing, every=every, count=count)
        pause = duration_us(gap, argument="gap")
    except JourneysError as error:
        problems.append(str(error))
    kind, column = count if isinstance(count, tuple) and len(count) == 2 else (count, None)
    if column is None and kind not in _COUNTS:
        choices = ", ".join(map(repr, _COUNTS))
        problems.append(f"count: {count!r} must be one of {choices}, or a pair such as ('sum', 'amount').")
    elif column is not None and kind not in get_args(Statistic):
        choices = ", ".join(map(repr, get_args(Statistic)))
        problems.append(f"count: {kind!r} is not a statistic; available are {choices}.")
    problems += check_column(column, schema=schema, argument="count")
    back = None
    try:
        back = None if compare is None else count_periods_back(compare, calendar=calendar)
    except JourneysError as error:
        problems.append(str(error))
    problems += describe_wrong_top(top)
    campaign = present_campaign_columns(schema) if campaign_cuts else []
    if campaign_cuts and not campaign:
        problems.append("campaign_cuts: the log has no campaign column by which sessions could start.")
    raise_all(problems, ArgumentError)
    check_by(log, by)
    series = _resolve_series(log, events)
    if formula is not None:
        parse_formula(formula, names=list(series))
        if formula in series:
            raise ArgumentError(f"formula: {formula!r} is the name of a series; leave out the formula.")
    return TrendSpec(series, calendar, str(kind), column, by, top, days, pause, tuple(campaign), formula, back)


def _trailing_days(trailing: str | timedelta | None, *, every: str, count: Count) -> int | None:
    """Return the whole days of a trailing window."""
    if trailing is None:
        return None
    length = duration_us(trailing, argument="trailing")
    if length % _DAY or length < _DAY or every.strip() != "1d" or count != "people":
        raise ArgumentError(f"trailing: {trailing!r} must be whole days, with every='1d' and count='people'.")
    return length // _DAY


def count_periods_back(compare: Compare, *, calendar: Calendar) -> int:
    """Return how many periods earlier is the one to compare with."""
    if compare == "previous":
        return 1
    if compare == "year":
        return max(1, {"d": 364, "w": 52, "mo": 12, "q": 4, "y": 1}[calendar.unit] // calendar.number)
    length = duration_us(compare, argument="compare", instead="write 'previous', 'year', or how much earlier, as '4w'")
    period = calendar.number * {"d": 1, "w": 7}.get(calendar.unit, 0) * _DAY
    if not period or length % period:
        raise ArgumentError(f"compare: {compare!r} is not a whole number of periods of a {calendar.name}.")
    return length // period


def _resolve_series(log: Log, events: StepLike | Mapping[str, StepLike]) -> dict[str, Step]:
    """Resolve the events of each series; a single series is named after its event."""
    if not isinstance(events, Mapping):
        step = resolve_step(events, log, argument="events")
        return {step.name: step}
    if not 0 < len(events) <= _MOST_SERIES:
        raise ArgumentError(f"events: {len(events)} series; expected 1 to {_MOST_SERIES}.")
    return {str(name): resolve_step(one, log, argument=f"events[{name!r}]") for name, one in events.items()}
