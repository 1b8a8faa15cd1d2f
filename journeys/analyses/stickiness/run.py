"""The question "how often do they come?": check the arguments, count active days, add up the shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.protocol import J
from journeys.analyses.result import settings_of
from journeys.analyses.stickiness.count import StickinessSpec, count
from journeys.analyses.stickiness.result import Stickiness
from journeys.errors import ArgumentError
from journeys.steps import StepLike, resolve_step

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = {"d": 1, "w": 7, "mo": 28, "q": 90, "y": 365}


def stickiness(
    journeys: J,
    event: StepLike,
    *,
    every: str = "1d",
    of: str = "1w",
    time_zone: str = "UTC",
    week_start: str = "monday",
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
    time_zone : str
        Whose days, weeks and months count.
    week_start : str
        The first day of a week.

    Returns
    -------
    Stickiness
        `.table`: `period` (Date, the first day of the long period), `days` (short periods with such an event), `people`
        (Int64), `share` (of the people active in that period), `at_least` (share active on so many days or more),
        `complete`.

    Raises
    ------
    UnknownNameError
        When the event does not exist.
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
    short = make_calendar(every, time_zone=time_zone, week_start=week_start)
    long = make_calendar(of, time_zone=time_zone, week_start=week_start)
    if long.number * _DAYS[long.unit] <= short.number * _DAYS[short.unit]:
        raise ArgumentError(f"of: {of!r} must be longer than every, {every!r}.")
    step = resolve_step(event, names=log.names, columns=log.step_columns, argument="event")
    spec = StickinessSpec(step, short, long)
    counts = journeys._count_shards(count, spec).group_by("period", "days").agg(pl.col("people").sum())
    counts = counts.sort("period", "days")
    first, last = (moment or _EPOCH for moment in journeys.observed_period)
    periods = long.table(first, last)
    complete = (pl.col("start") + timedelta(days=1) > first) & (pl.col("stop") <= last)
    total, reached = pl.col("people").sum().over("index"), pl.col("people").reverse().cum_sum().reverse().over("index")
    table = (
        periods.with_columns(complete=complete)
        .join(counts.rename({"period": "index"}), on="index", how="inner")
        .sort("index", "days")
        .with_columns(share=pl.col("people") / total, at_least=reached / total)
        .select("period", "days", "people", "share", "at_least", "complete")
    )
    settings = settings_of(journeys, event=step.name, every=every, of=of)
    if time_zone != "UTC":
        settings["time_zone"] = time_zone
    return Stickiness(table, settings, journeys, spec)
