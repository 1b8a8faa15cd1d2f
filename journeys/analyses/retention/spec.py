"""What is asked of retention: who starts, what counts as coming back, and which clock runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, Literal, get_args

import polars as pl

from journeys.analyses.breakdown import check_by, describe_wrong_top, name_group
from journeys.analyses.calendar import Calendar, Weekday, make_calendar
from journeys.analyses.money import Measure, describe_wrong_measure
from journeys.analyses.name_patterns import list_passive_events
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError, JourneysError, describe_wrong_number, raise_all, unknown_message
from journeys.steps import Step, StepLike, duration_us, resolve_step, step

Clock = Literal["calendar", "own"]
When = Literal["on", "on or after", "on or before", "streak"]
Cohorts = Literal["first", "each"]
Semantics = Literal["mixpanel", "amplitude", "posthog"]
Rounding = Literal["rounded down to hours", "rounded down to days"]

PRESETS: dict[str, dict[str, Any]] = {
    "mixpanel": {"clock": "own", "when": "on or after", "cohorts": "each"},
    "amplitude": {"clock": "own", "when": "on", "cohorts": "each"},
    "posthog": {"clock": "calendar", "when": "on", "cohorts": "each"},
}
CHOICES = {
    "back": ("back", "is_any_back"),
    "clock": ("clock", "rounding"),
    "every": ("calendar", "periods", "edges"),
}
"""Options that several fields of a spec hold together."""

NOT_COMPARED = frozenset({"measure", "by", "top", "first_starts"})
"""Fields in which two retentions are not compared."""


@dataclass(frozen=True, eq=False, slots=True)
class RetentionSpec:
    """The options of a retention question, checked.

    Attributes
    ----------
    start, back : Step
        What puts a person into a cohort, and what counts as coming back.
    calendar : Calendar
        The periods that form cohorts, and on the calendar clock the periods of coming back.
    periods : int
        How many periods after the first are shown.
    clock : {"calendar", "own"}
        Calendar periods, or windows that start with each person's own start event.
    when : {"on", "on or after", "on or before", "streak"}
        Back in that very period, in that one or a later one, in that one or an earlier one, in each one up to it.
    cohorts : {"first", "each"}
        A person's first start ever, or the first start in each period.
    at_least : int
        How many events within a period count as coming back.
    edges : tuple of int
        On a person's own clock: where each period ends, in microseconds after the start.
    measure : str, optional
        The numeric column that is summed over the events of coming back.
    by : str, optional
        The column whose value at the start event forms groups.
    top : int, optional
        How many groups are shown.
    rounding : str, optional
        To what all times are rounded down on a person's own clock, as Amplitude does: to hours where periods are days
        or brackets, to days (of the time zone) where they are longer.
    is_any_back : bool
        Whether every event counts as coming back.
    first_starts : pl.DataFrame, optional
        For a selection: `person` and `time` of each first start in the whole log; who started before the selection is
        not new in it.
    """

    start: Step
    back: Step
    calendar: Calendar
    periods: int
    clock: Clock
    when: When
    cohorts: Cohorts
    at_least: int
    edges: tuple[int, ...]
    measure: str | None
    by: str | None
    top: int | None
    rounding: Rounding | None = None
    is_any_back: bool = False
    first_starts: pl.DataFrame | None = None

    @property
    def group(self) -> str:
        """What the column of the breakdown is called in the table."""
        return name_group(self.by)


def make_spec(
    journeys: JourneysProtocol,
    *,
    start: StepLike,
    back: StepLike,
    every: str,
    periods: int,
    clock: Clock | None,
    when: When | None,
    cohorts: Cohorts | None,
    at_least: int,
    brackets: Sequence[str | timedelta] | None,
    measure: Measure | None,
    by: str | None,
    top: int | None,
    time_zone: str,
    week_start: Weekday,
    semantics: Semantics | None,
) -> RetentionSpec:
    """Check all options and raise one error that lists every problem."""
    log, problems = journeys._log, []
    if semantics is not None and semantics not in PRESETS:
        raise ArgumentError(unknown_message("semantics", semantics, available=list(PRESETS), what="preset"))
    chosen = {"clock": "calendar", "when": "on", "cohorts": "first", **PRESETS.get(semantics or "", {})}
    chosen |= {name: one for name, one in (("clock", clock), ("when", when), ("cohorts", cohorts)) if one is not None}
    for name, kind in (("clock", Clock), ("when", When), ("cohorts", Cohorts)):
        if chosen[name] not in get_args(kind):
            problems.append(f"{name}: {chosen[name]!r} must be one of {', '.join(map(repr, get_args(kind)))}.")
    if brackets is not None and clock == "calendar":
        problems.append("brackets: brackets run on each person's own clock; leave out clock='calendar'.")
    for name, number, least in (("periods", periods, 1), ("at_least", at_least, 1)):
        problems += describe_wrong_number(name, number, least=least, most=1_000)
    problems += describe_wrong_top(top)
    edges: tuple[int, ...] = ()
    calendar = Calendar(1, "d")
    try:
        calendar = make_calendar(every, time_zone=time_zone, week_start=week_start)
        edges = _period_edges(calendar, periods=1 if problems else periods, brackets=brackets)
    except JourneysError as error:
        problems.append(str(error))
    problems += describe_wrong_measure(measure, schema=log.schema)
    raise_all(problems, ArgumentError)
    check_by(log, by)
    passive = list_passive_events(log) if isinstance(back, str) and back == "any" else None
    if passive is not None:
        names = [name for name in log.names if name not in passive] or list(log.names) or ["any"]
        back = replace(step("any event", names), is_named=False)
    is_own = brackets is not None or chosen["clock"] == "own"
    rounding: Rounding | None = None
    if semantics == "amplitude" and is_own:
        is_by_hour = calendar.unit == "d" or brackets is not None
        rounding = "rounded down to hours" if is_by_hour else "rounded down to days"
    return RetentionSpec(
        start=resolve_step(start, log, argument="start"),
        back=resolve_step(back, log, argument="back"),
        calendar=calendar,
        periods=len(edges) - 1,
        clock="own" if is_own else chosen["clock"],
        when=chosen["when"],
        cohorts=chosen["cohorts"],
        at_least=at_least,
        edges=edges,
        measure=None if measure is None else measure[1],
        by=by,
        top=top,
        rounding=rounding,
        is_any_back=passive == [],
    )


def _period_edges(calendar: Calendar, *, periods: int, brackets: Sequence[str | timedelta] | None) -> tuple[int, ...]:
    """Return where each period ends on a person's own clock; months are 30 days there."""
    if brackets is None:
        return tuple(calendar.length_us * (n + 1) for n in range(periods + 1))
    if isinstance(brackets, str) or not isinstance(brackets, Sequence):
        raise ArgumentError(f"brackets: {brackets!r} must be a list of durations such as ['1d', '3d', '7d'].")
    edges = tuple(duration_us(one, argument="brackets") for one in brackets)
    if len(edges) < 2 or any(high <= low for low, high in pairwise(edges)):
        raise ArgumentError(f"brackets: {list(brackets)!r} must be two or more durations, each longer than the last.")
    return edges
