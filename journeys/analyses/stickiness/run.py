"""The question "how often do they come?": check the arguments, count active days, add up the shares."""

from __future__ import annotations

from dataclasses import replace

from journeys.analyses.breakdown import check_by, describe_wrong_top
from journeys.analyses.calendar import Weekday, make_calendar
from journeys.analyses.labels import largest_values
from journeys.analyses.protocol import J
from journeys.analyses.stickiness.count import count
from journeys.analyses.stickiness.result import Stickiness
from journeys.analyses.stickiness.spec import StickinessSpec
from journeys.analyses.stickiness.summarise import summarise
from journeys.errors import Problems
from journeys.steps import StepLike, resolve_step

_DAYS = {"d": 1, "w": 7, "mo": 28, "q": 90, "y": 365}


def stickiness(
    journeys: J,
    event: StepLike,
    *,
    every: str = "1d",
    of: str = "1w",
    by: str | None = None,
    top: int | None = 5,
    time_zone: str = "UTC",
    week_start: Weekday = "monday",
) -> Stickiness[J]:
    """Count on how many days of each week (or month) people are active.

    Parameters
    ----------
    event : str, list of str, pl.Expr or Step
        The event that makes a person active.
    every : str
        The short periods that are counted, usually "1d".
    of : str
        The long periods in which they are counted: "1w", "1mo", …
    by : str, optional
        Break down by a column's value at a person's first such event of each long period (columns of people too), so
        that the groups add up.
    top : int, optional
        How many groups are shown, the most active ones; the rest is "(other)", no value is "(none)". None shows all.
    time_zone : str
        Whose days, weeks and months count.
    week_start : str
        The first day of a week.

    Returns
    -------
    Stickiness
        `.table`: `period` (Date, the first day of the long period), the column of `by`, `days` (short periods with such
        an event), `people` (Int64), `share` (of the people of the group who were active in that period), `at_least`
        (share active on so many days or more), `complete`.

    Raises
    ------
    UnknownNameError
        When the event or the column does not exist.
    ArgumentError
        When a period is invalid, or `of` is not longer than `every`.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "event": ["x", "x", "x"],
    ...     "timestamp": ["2026-03-02", "2026-03-03", "2026-03-02"]})
    >>> s = jn.Journeys.from_table(log).stickiness("x")
    >>> s.table.select("days", "people", "share", "at_least").rows()
    [(1, 1, 0.5, 1.0), (2, 1, 0.5, 0.5)]
    """
    log = journeys._log
    problems = Problems()
    problems.invalid_values += describe_wrong_top(top)
    short = problems.run_check(lambda: make_calendar(every, time_zone=time_zone, week_start=week_start))
    long = problems.run_check(lambda: make_calendar(of, argument="of"))
    if short and long and long.number * _DAYS[long.unit] <= short.number * _DAYS[short.unit]:
        problems.invalid_values.append(f"of: {of!r} must be longer than every, {every!r}.")
    problems.run_check(lambda: check_by(log, by))
    step = problems.run_check(lambda: resolve_step(event, log, argument="event"))
    problems.raise_found()
    assert short and long and step  # noqa: S101, PT018  # otherwise raised above
    long = replace(long, time_zone=short.time_zone, week_start=short.week_start)
    spec = StickinessSpec(step, short, long, by, top)
    counts = journeys._count_shards(count, spec)
    kept = None if by is None else largest_values(counts, top=top)
    table = summarise(counts, spec, kept=kept, observed=journeys.observed_period)
    chosen = {"by": by, "time_zone": None if time_zone == "UTC" else time_zone}
    described = {name: value for name, value in chosen.items() if value is not None}
    settings = journeys._make_settings(event=step.name, every=every, of=of, **described)
    return Stickiness(table, settings, journeys, spec, None if kept is None else tuple(kept))
