"""The question "how many people get how far along these steps?": check the arguments, count the shards, summarise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl

from journeys.analyses.against import split_sides
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.funnel.spec import (
    ByAt,
    Count,
    Entry,
    Excluded,
    FunnelOptions,
    FunnelSpec,
    OnExclusion,
    Order,
    Reentry,
    Semantics,
    apply_preset,
    describe_options,
    parse_funnel,
)
from journeys.analyses.protocol import J
from journeys.steps import Moment, Steps


def funnel(
    journeys: J,
    steps: str | Steps | Sequence[Any],
    *,
    within: str | timedelta | None = None,
    order: Order = "loose",
    by: str | Sequence[str] | None = None,
    by_at: ByAt = "first",
    top: int | None = 25,
    exclude: Excluded | Sequence[Excluded] | None = None,
    on_exclusion: OnExclusion | None = None,
    hold: str | Sequence[str] | None = None,
    count: Count = "people",
    gap: str | timedelta = "30m",
    campaign_cuts: bool = False,
    entry: Entry = "first",
    entered: tuple[Moment, Moment] | None = None,
    ties: str | timedelta | None = None,
    reentry: Reentry | None = None,
    time_zone: str = "UTC",
    against: J | pl.Expr | None = None,
    semantics: Semantics | None = None,
) -> Funnel[J]:
    """Count how many people get how far along some steps, and how long it takes them.

    Parameters
    ----------
    steps : list or str
        Event names, lists of names (any of them), Polars conditions over columns of events and people,
        `jn.step(...)`, `jn.any_order(...)`, `jn.never(...)`; steps joined by ``>>``; or a pattern such as
        ``"Viewed Page -> [Read Article | Opened Email] -> Signed Up"``. Steps may repeat.
    within : str or timedelta, optional
        Longest time from the first step to the last, inclusive ("14d" is 14 × 24 hours); or "same day",
        "same week", "same month" (of `time_zone`), "session". No limit by default.
    order : {"loose", "strict", "any"}
        Other events may lie between the steps; each step is the very next event; or as many different steps as
        possible inside one window, in any order.
    by : str or sequence of str, optional
        Break down by properties, traits or first-touch campaign columns. A column with the name of one of the
        answer's columns, such as "name", is shown as "by_name".
    by_at : {"first", "last", "all"} or int
        Which value of a property along the attempt counts: the first or last defined one, that at a step,
        or (all) the property is held constant and a person counts in each value's group.
    top : int or None
        How many groups are shown; the rest is "(other)", no value is "(none)". None shows all.
    exclude : event, condition, `jn.never(...)` or a sequence of these, optional
        What must not happen: events anywhere in an attempt, or `jn.never(...)` between two steps.
    on_exclusion : {"drops", "removed"}
        An attempt that meets an exclusion ends there (the default); or the person leaves the funnel unless another
        attempt converts without one.
    hold : str or sequence of str, optional
        Properties that have to keep one value through all steps.
    count : {"people", "sessions", "entries"}
        One attempt per person; one per session; or every attempt, each beginning after the one before has
        converted, timed out or met an exclusion.
    gap : str or timedelta
        A silence of this length or longer starts a new session.
    campaign_cuts : bool
        Whether a touch of another campaign starts a new session too.
    entry : {"first", "any"}
        A closed funnel, entered at the first step; or an open one, entered at any.
    entered : tuple of (start, end), optional
        Only attempts that start from `start` on and before `end`, in `time_zone`; they may end later. See also
        `Funnel.previous`.
    ties : {"arrival", "either", "rising", "step_order"} or duration
        Events of equal time are in order of arrival (the default); in either order; or in no order ("rising").
        A duration treats times that close as equal. "step_order" is another name for "either".
    reentry : {"best", "first", "each"}
        The attempt that counts: the deepest, of these the first to get there, of these the one with the latest
        start (the default); only the first entry; or, for entries, every first step.
    time_zone : str
        The time zone of calendar windows, of `entered`, and of the periods of `Funnel.trend`.
    against : Journeys or pl.Expr, optional
        People to compare with, see `Funnel.comparison`: other journeys, or a condition over the columns of people.
        People for whom the condition holds are then the other side, everyone else this side.
    semantics : {"mixpanel", "amplitude", "posthog", "ga4", "clickhouse"}, optional
        The meaning of another tool, all options at once; an option that is given wins over it.

    Returns
    -------
    Funnel
        `.table`: `step`, `name`, `people`, `dropped`, `rate_from_start`, `rate_from_previous`, `ci_low`,
        `ci_high`, `median_time_from_previous`, `median_time_from_start`; the columns of `by` come first.

    Raises
    ------
    UnknownNameError
        When a step or a column is not in the log; the closest names are given.
    ArgumentError
        When options contradict each other; all conflicts are reported together.

    Notes
    -----
    An attempt is a chain of different events in log order (time, then order of arrival). Rates carry Wilson's
    95% interval, which takes people as independent: do not read it for entries or sessions of few people. People
    who entered shortly before the log ends have had less time than `within`: see `Funnel.converted_within`.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...     "event": ["Visit", "Sign up", "Visit"]})
    >>> f = jn.Journeys.from_table(log).funnel(["Visit", "Sign up"], within="14d")
    >>> f.table.select("name", "people", "dropped", "rate_from_start").rows()
    [('Visit', 2, 1, 1.0), ('Sign up', 1, 0, 0.5)]
    """
    given = FunnelOptions(
        within=within, order=order, by=by, by_at=by_at, top=top, exclude=exclude, on_exclusion=on_exclusion, hold=hold,
        count=count, gap=gap, campaign_cuts=campaign_cuts, entry=entry, entered=entered, ties=ties, reentry=reentry,
        time_zone=time_zone, semantics=semantics,
    )  # fmt: skip
    options = apply_preset(given)
    spec = parse_funnel(steps, options=options, log=journeys._log)
    described = describe_options(given, options, spec)
    if against is None:
        return _answer_question(journeys, spec, described)
    here, there = split_sides(journeys, against)
    return replace(_answer_question(here, spec, described), _against=_answer_question(there, spec, described))


def _answer_question(journeys: J, spec: FunnelSpec, described: Mapping[str, Any]) -> Funnel[J]:
    """Count and summarise a funnel whose options are checked."""
    from journeys.analyses.funnel.count import count
    from journeys.analyses.funnel.summarise import summarise

    counts = journeys._count_shards(count, spec)
    settings = journeys._make_settings(steps=" → ".join(one.name for one in spec.steps), **described)
    return Funnel(summarise(counts, spec=spec), settings, journeys, spec, counts, _answer_question)
