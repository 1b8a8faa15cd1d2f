"""The question "how does it develop?": check the arguments, count by period, compute the values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from journeys.analyses.calendar import Weekday
from journeys.analyses.money import check_added_amounts
from journeys.analyses.protocol import J
from journeys.analyses.trend.count import count as count_shard
from journeys.analyses.trend.result import Trend
from journeys.analyses.trend.spec import Compare, Count, make_spec
from journeys.analyses.trend.summarise import largest_groups, summarise
from journeys.steps import StepLike


def trend(
    journeys: J,
    events: StepLike | Mapping[str, StepLike],
    *,
    count: Count = "people",
    every: str = "1w",
    by: str | None = None,
    top: int | None = 7,
    trailing: str | timedelta | None = None,
    formula: str | None = None,
    compare: Compare | None = None,
    time_zone: str = "UTC",
    week_start: Weekday = "monday",
    gap: str | timedelta = "30m",
    campaign_cuts: bool = False,
) -> Trend[J]:
    """Count events, people, sessions or sums per day, week or month.

    Parameters
    ----------
    events : str, list of str, pl.Expr, Step, or a mapping of names to these
        The events that are counted; a mapping gives several series.
    count : {"people", "events", "sessions", "per person"} or (statistic, column)
        People with such an event in the period (each once), events, sessions with one, events per person, or the
        "sum", "mean", "median" or "p90" of a numeric column, such as ("sum", "amount").
    every : str
        The length of a period: "1d", "1w", "1mo", "1q", "1y" or multiples.
    by : str, optional
        Break down by a column's value at the event (columns of people too).
    top : int, optional
        How many groups are shown, the largest of the whole time; the rest is "(other)", no value is "(none)". None
        shows all.
    trailing : duration, optional
        With every="1d": people active in this many days up to and including each day, such as "7d" for weekly actives.
        `people` then are those of the day alone, and `stickiness` is their share (DAU / WAU).
    formula : str, optional
        A formula over the names of the series, such as "A / B": + - * / and brackets. A division by zero is null.
    compare : {"previous", "year"} or duration, optional
        Compare each period with the one before, with the same one a year before (364 days, so that weekdays match), or
        with one so much earlier, such as "4w".
    time_zone : str
        Whose days, weeks and months count.
    week_start : str
        The first day of a week.
    gap : str or timedelta
        The silence that ends a session.
    campaign_cuts : bool
        Whether a touch of another campaign starts a new session, too.

    Returns
    -------
    Trend
        `.table`: `period` (Date, its first day), the column of `by`, `series`, `value` (Float64), `people`, `events`
        (Int64), `complete`; with `compare` also `previous` and `change` (relative; null from 0), with `formula`
        `null_reason` (String: why a value is null, such as "B is 0"). `.total`: the same over the whole time, in which
        each person counts once.

    Raises
    ------
    UnknownNameError
        When an event, a column or a name in the formula does not exist.
    ArgumentError
        When options are invalid (all that are invalid are named), or amounts are in several currencies and not broken
        down by "currency".

    Notes
    -----
    Every period between the first and the last event of the log is listed. A sum of nothing is 0; a mean, a median and
    a formula of nothing are null. People do not add up over periods or over groups: a person may be in several. With
    `trailing`, a day is complete if the log holds all days of its window.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "event": ["x", "x", "x"],
    ...     "timestamp": ["2026-03-01", "2026-03-03", "2026-03-03"]})
    >>> jn.Journeys.from_table(log).trend("x", every="1d").table.select("value", "complete").rows()
    [(1.0, True), (0.0, True), (2.0, False)]
    """
    spec = make_spec(
        journeys,
        events=events,
        count=count,
        every=every,
        by=by,
        top=top,
        trailing=trailing,
        formula=formula,
        compare=compare,
        time_zone=time_zone,
        week_start=week_start,
        gap=gap,
        campaign_cuts=campaign_cuts,
    )
    check_added_amounts(journeys, spec.column, of=list(spec.series.values()), by=by, argument="count")
    counts = journeys._count_shards(count_shard, spec)
    shown = largest_groups(counts, spec)
    if shown is not None:
        # a person may be in several of the groups that are put together: counted again, not added up
        spec = replace(spec, shown=shown)
        counts = journeys._count_shards(count_shard, spec)
    table, total = summarise(counts, spec, observed=journeys.observed_period)
    counted = count if isinstance(count, str) else f"{count[0]} of {count[1]}"
    optional = {"by": by, "trailing": trailing, "formula": formula, "compare": compare}
    optional["time_zone"] = None if time_zone == "UTC" else time_zone
    chosen = {name: value for name, value in optional.items() if value is not None}
    settings = journeys._make_settings(event=spec.describe_series(), count=counted, every=every, **chosen)
    return Trend(table, settings, journeys, total, spec)
