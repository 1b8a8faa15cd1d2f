"""The question "who is new, who returns, who falls asleep?": check the arguments, count, lay out the periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.lifecycle.count import STATES, LifecycleSpec, count, find_first_events
from journeys.analyses.lifecycle.result import Lifecycle
from journeys.analyses.protocol import J
from journeys.analyses.result import settings_of
from journeys.steps import StepLike, resolve_step

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def lifecycle(
    journeys: J, event: StepLike, *, every: str = "1w", time_zone: str = "UTC", week_start: str = "monday"
) -> Lifecycle[J]:
    """Count who is new, returning, resurrecting and dormant in each period.

    Parameters
    ----------
    event : str, list of str, pl.Expr or Step
        The event that makes a person active.
    every : str
        The length of a period: "1d", "1w", "1mo", "1q", "1y" or multiples.
    time_zone : str
        Whose days, weeks and months count.
    week_start : str
        The first day of a week.

    Returns
    -------
    Lifecycle
        `.table`: `period` (Date, its first day), `new` (the first such event in the whole log), `returning` (active
        also in the period before), `resurrecting` (active earlier, but not in the period before), `dormant` (active in
        the period before, but not in this one), `active` (new + returning + resurrecting; all Int64), `pulse`
        ((new + resurrecting) / dormant; null without dormant people), `complete`.

    Raises
    ------
    UnknownNameError
        When the event does not exist.
    ArgumentError
        When the period, the time zone or the weekday is invalid.

    Notes
    -----
    PostHog counts a person as new in the period of the person's creation, Amplitude by its first use of the product;
    here the event itself decides. People who are active in each period before an incomplete one may still return in
    it: its `dormant` is too high, and `complete` is false.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "event": ["x", "x", "x"],
    ...     "timestamp": ["2026-03-01", "2026-03-03", "2026-03-02"]})
    >>> l = jn.Journeys.from_table(log).lifecycle("x", every="1d")
    >>> l.table.select("new", "returning", "resurrecting", "dormant").rows()
    [(1, 0, 0, 0), (1, 0, 0, 1), (0, 0, 1, 1)]
    """
    log = journeys._log
    calendar = make_calendar(every, time_zone=time_zone, week_start=week_start)
    step = resolve_step(event, names=log.names, columns=log.step_columns, argument="event")
    first, last = (moment or _EPOCH for moment in journeys.observed_period)
    periods = calendar.table(first, last)
    spec = LifecycleSpec(step, calendar, int(periods["index"][-1]))
    whole = journeys._unfiltered()
    if whole is not journeys:
        spec = replace(spec, first_events=whole._count_shards(find_first_events, spec))
    counts = journeys._count_shards(count, spec)
    wide = counts.group_by("period", "state").agg(pl.col("people").sum())
    columns = [pl.col("people").filter(pl.col("state") == state).sum().alias(state) for state in STATES]
    states = wide.group_by("period").agg(columns).rename({"period": "index"})
    complete = (pl.col("start") + timedelta(days=1) > first) & (pl.col("stop") <= last)
    table = periods.join(states, on="index", how="left").with_columns(pl.col(STATES).fill_null(0), complete=complete)
    woken = pl.col("new") + pl.col("resurrecting")
    table = table.sort("index").select(
        "period",
        *STATES,
        (woken + pl.col("returning")).alias("active"),
        pl.when(pl.col("dormant") > 0).then(woken / pl.col("dormant")).alias("pulse"),
        "complete",
    )
    settings = settings_of(journeys, event=step.name, every=every)
    if time_zone != "UTC":
        settings["time_zone"] = time_zone
    return Lifecycle(table, settings, journeys, spec)
