"""The question "what does using it change?": check the arguments, count moments, compare both sides."""

from __future__ import annotations

from dataclasses import replace

from journeys.analyses.impact.count import count_people, count_periods, count_uses, find_first_uses
from journeys.analyses.impact.result import Impact
from journeys.analyses.impact.spec import Against, make_spec
from journeys.analyses.impact.summarise import match_strata, summarise
from journeys.analyses.protocol import J
from journeys.steps import StepLike


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
        invalid options are named.

    Notes
    -----
    effect = mean(after - before of those who use it) - mean(after - before of the others, weighted to the same strata).
    Before and after alone would mislead: people start to use something when they are active anyway, and are less active
    later (regression to the mean). The others are therefore observed around an event of theirs, too; where the first
    use is one of a person's events picked by chance, the expected effect is zero, however active those people are. The
    interval takes people as clusters (the jackknife); with fewer than some 200 people who use it, it covers a little
    less than 95%. People who could not be observed for all periods are pending.

    The others may start to use it within the time compared (`used_later`): they stay on their side, since leaving them
    out would leave out the active, so that an effect is understated by about that share. This is no experiment: what
    makes people use it and is not in their past activity remains in the effect. Do not use it for what is done to
    people, such as a mail they receive, since the others are observed around a moment of their own activity; nor for
    what people can only do once they have converted. Matching at the time of treatment: Li, Propert and
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
    spec = make_spec(journeys, of, on=on, every=every, periods=periods, against=against)
    everyone = journeys._unfiltered()
    if everyone is not journeys:
        spec = replace(spec, first_uses=everyone._count_shards(find_first_uses, spec))
    uses = journeys._count_shards(count_uses, spec)
    limited = replace(spec, strata=uses.filter(uses["people"] > 0).drop("people", "pending").unique())
    people = journeys._count_shards(count_people, limited)
    table, summary = summarise(uses, people, journeys._count_shards(count_periods, limited), spec)
    settings = journeys._make_settings(of=spec.of.name, on=spec.on.name, every=every, periods=periods, against=against)
    return Impact(table, settings | {"compared": summary["people"][0]}, journeys, summary, spec, match_strata(people))
