"""The question "who is new, who returns, who falls asleep?": check the arguments, count, lay out the periods."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from journeys.analyses.breakdown import check_by, describe_wrong_top
from journeys.analyses.calendar import Weekday, list_periods, make_calendar
from journeys.analyses.lifecycle.count import count, count_dormant_before, find_first_events
from journeys.analyses.lifecycle.result import Lifecycle
from journeys.analyses.lifecycle.spec import LifecycleSpec
from journeys.analyses.lifecycle.summarise import largest_groups, summarise
from journeys.analyses.protocol import J
from journeys.errors import Problems
from journeys.steps import StepLike, resolve_step


def lifecycle(
    journeys: J,
    event: StepLike,
    *,
    every: str = "1w",
    by: str | None = None,
    top: int | None = 5,
    time_zone: str = "UTC",
    week_start: Weekday = "monday",
) -> Lifecycle[J]:
    """Count who is new, returning, resurrecting and dormant in each period.

    Parameters
    ----------
    event : str, list of str, pl.Expr or Step
        The event that makes a person active.
    every : str
        The length of a period: "1d", "1w", "1mo", "1q", "1y" or multiples.
    by : str, optional
        Break down by a column's value at a person's first such event (columns of people too); a person stays in that
        group, so that the groups add up.
    top : int, optional
        How many groups are shown, the most active ones; the rest is "(other)", no value is "(none)". None shows all.
    time_zone : str
        Whose days, weeks and months count.
    week_start : str
        The first day of a week.

    Returns
    -------
    Lifecycle
        `.table`: `period` (Date, its first day), the column of `by`, `new` (the first such event in the whole log),
        `returning` (active also in the period before), `resurrecting` (active earlier, but not in the period before),
        `dormant` (active in the period before, but not in this one), `active` (new + returning + resurrecting; all
        Int64), `pulse` ((new + resurrecting) / dormant; null without dormant people), `complete`.

    Raises
    ------
    UnknownNameError
        When the event or the column does not exist.
    ArgumentError
        When the period, the time zone or the weekday is invalid.

    Notes
    -----
    PostHog counts a person as new in the period of the person's creation, Amplitude by its first use of the product;
    here the event itself decides. People who were active in the period before an incomplete one may still return in it:
    its `dormant` is too high, and `complete` is false. active = new + returning + resurrecting, and
    active(t) = active(t - 1) - dormant(t) + new(t) + resurrecting(t). The pulse is Amplitude's.

    Nothing is known of the time before the log: in its first periods, people who come back from an earlier time count
    as new, and no one is dormant in the first period. Journeys that were cut with `between` know what came before.

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
    problems = Problems()
    calendar = problems.run_check(lambda: make_calendar(every, time_zone=time_zone, week_start=week_start))
    problems.invalid_values += describe_wrong_top(top)
    problems.run_check(lambda: check_by(log, by))
    step = problems.run_check(lambda: resolve_step(event, log, argument="event"))
    problems.raise_found()
    assert calendar is not None and step is not None  # noqa: S101, PT018  # otherwise raised above
    periods = list_periods(calendar, journeys.observed_period)
    ends = (int(periods["index"][0]), int(periods["index"][-1])) if periods.height else (0, 0)
    spec = LifecycleSpec(step, calendar, *ends, by, top)
    whole = journeys._unfiltered()
    if whole is not journeys:
        spec = replace(spec, first_events=whole._count_shards(find_first_events, spec))
    counts = journeys._count_shards(count, spec)
    uncut = journeys._at_any_time()
    if uncut is not journeys and periods.height:
        counts = pl.concat([counts, uncut._count_shards(count_dormant_before, spec)])
    chosen = {"by": by, "time_zone": None if time_zone == "UTC" else time_zone}
    described = {name: value for name, value in chosen.items() if value is not None}
    settings = journeys._make_settings(event=step.name, every=every, **described)
    kept = largest_groups(counts, spec)
    table = summarise(counts, spec, periods=periods)
    return Lifecycle(table, settings, journeys, spec, None if kept is None else tuple(kept))
