"""The question "what does using it change?": check the arguments, count moments, compare both sides."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from journeys.analyses.calendar import make_calendar
from journeys.analyses.impact.result import Impact
from journeys.analyses.impact.spec import Against, ImpactSpec
from journeys.analyses.name_patterns import list_passive_events
from journeys.analyses.protocol import J
from journeys.errors import ArgumentError, JourneysError, describe_wrong_number, raise_all
from journeys.steps import StepLike, moment_us, resolve_step

_DAY = 86_400_000_000
_DAYS = {"d": 1, "w": 7, "mo": 30, "q": 90, "y": 365}
_MOST_PERIODS = 100


def impact(
    journeys: J,
    of: StepLike,
    *,
    on: StepLike,
    every: str = "1d",
    periods: int = 14,
    against: Against = "matched",
) -> Impact[J]:
    """Compare what people do after they first use something with what matched people do who have not used it.

    Parameters
    ----------
    of : str, list of str, pl.Expr or Step
        What is used; each person's first use counts.
    on : str, list of str, pl.Expr or Step
        What is counted before and after.
    every : str
        The length of a period on each person's own clock: "1d", "1w" or multiples; a month has 30 days.
    periods : int
        How many periods before and after the first use are compared.
    against : {"matched", "anyone"}
        "matched": people who had not used it by then, first seen in the same week, with as many of the counted events
        in the periods before and about as many events of any kind in the last of them, at an event of theirs in the
        same week. "anyone": all who had not used it by then, at an event of theirs in the same week.

    Returns
    -------
    Impact
        `.table`: `relative_period` (0 begins with the first use), `people`, `mean` (events per person, those without
        any included), `ci_low`, `ci_high`, `active_share`, `others_mean`, `difference_in_differences`. `.summary`: who
        was compared, and the effect over all periods with its interval.

    Raises
    ------
    UnknownNameError
        When an event does not exist.
    ArgumentError
        When `of` and `on` share an event, `of` is something that only the system did, or an option is invalid; all
        that are invalid are named.

    Notes
    -----
    effect = mean(after - before of those who use it) - mean(after - before of the others, weighted to the same strata).
    Before and after alone would mislead: people start to use something when they are active anyway, and are less active
    later (regression to the mean). The others therefore are seen at an event of theirs, too; where the first use is one
    of a person's events picked by chance, the expected effect is zero, however active those people are. The interval
    takes people as clusters (the jackknife); with fewer than some 200 people who use it, it covers a little less than
    95%. People followed for less than all periods are pending.

    The others may start to use it within the time compared (`used_later`): they stay on their side, since leaving them
    out would leave out the active, so that an effect is understated by about that share. This is no experiment: what
    makes people use it and is not in their past activity remains in the effect. Do not use it for what is done to
    people, such as a mail they receive: the others are seen at a moment of their own activity, they are not. Nor
    use it for what people can only do once they have converted. Matching at the time of treatment: Li, Propert and
    Rosenbaum (2001), Balanced risk set matching, JASA 96, 870-882.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> rows = [(p, day, "Task") for p in range(40) for day in (1, 2, 3)] + [(p, 2, "Calendar") for p in range(10)]
    >>> rows += [(p, 4, "Task") for p in range(10) for _ in range(3)] + [(99, 9, "Task")]
    >>> log = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row")
    >>> log = log.select("person", "event", timestamp=pl.datetime(2026, 3, pl.col("day")))
    >>> i = jn.Journeys.from_table(log).impact("Calendar", on="Task", periods=3)
    >>> i.table.select("relative_period", "mean", "others_mean").tail(3).rows()
    [(0, 0.0, 0.0), (1, 1.0, 0.0), (2, 3.0, 0.0)]
    """
    from journeys.analyses.impact.count import count_people, count_periods, count_uses, find_first_uses
    from journeys.analyses.impact.summarise import match_strata, summarise

    log, problems, length = journeys._log, [], 0
    try:
        calendar = make_calendar(every)
        length = calendar.number * _DAYS[calendar.unit] * _DAY
    except JourneysError as error:
        problems.append(str(error))
    problems += describe_wrong_number("periods", periods, most=_MOST_PERIODS)
    if against not in get_args(Against):
        problems.append(f"against: {against!r} must be one of {', '.join(map(repr, get_args(Against)))}.")
    raise_all(problems, ArgumentError)
    used, counted = resolve_step(of, log, argument="of"), resolve_step(on, log, argument="on")
    passive = sorted(set(used.events or ()) & set(list_passive_events(log)))
    if passive:
        raise ArgumentError(
            f"of: {passive[0]!r} is what the system did, at no moment of the person's choosing; ask messages() or an "
            "experiment what it changes."
        )
    shared = sorted(set(used.events or ()) & set(counted.events or ()))
    if shared:
        raise ArgumentError(f"on: {shared[0]!r} is what is used; count something else before and after its first use.")
    until = 0 if journeys.until is None else moment_us(journeys.until)
    spec = ImpactSpec(used, counted, length, periods, until, against)
    whole = journeys._unfiltered()
    if whole is not journeys:
        spec = replace(spec, first_uses=whole._count_shards(find_first_uses, spec))
    uses = journeys._count_shards(count_uses, spec)
    limited = replace(spec, strata=uses.filter(uses["people"] > 0).drop("people", "pending").unique())
    people = journeys._count_shards(count_people, limited)
    table, summary = summarise(uses, people, journeys._count_shards(count_periods, limited), spec)
    settings = journeys._make_settings(of=used.name, on=counted.name, every=every, periods=periods, against=against)
    return Impact(table, settings | {"compared": summary["people"][0]}, journeys, summary, spec, match_strata(people))
