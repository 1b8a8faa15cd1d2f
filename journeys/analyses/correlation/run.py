"""The question "which behaviours go with reaching a goal?": check the arguments, count, summarise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from journeys.analyses.correlation.count import count
from journeys.analyses.correlation.exposure import collect_times, fit_matched
from journeys.analyses.correlation.matrix import Correlations, combine_goals
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.correlation.spec import BehaviourLike, CorrelationSpec, Matched, make_spec
from journeys.analyses.correlation.summarise import add_up, summarise
from journeys.analyses.protocol import J
from journeys.errors import ArgumentError, UnknownNameError, unknown_message
from journeys.steps import StepLike


def correlation(
    journeys: J,
    goal: StepLike,
    *,
    behaviours: BehaviourLike | Sequence[BehaviourLike] = "events",
    exposure: str = "before",
    since: StepLike | None = None,
    within: str | timedelta | None = None,
    follow_up: str | timedelta | None = None,
    exclude: Sequence[str] = (),
    min_people: int = 30,
    confidence: float = 0.95,
) -> Correlation[J]:
    """Find out which behaviours go with reaching a goal: for each, all four counts, and phi with its interval.

    Parameters
    ----------
    goal : str, list of str, pl.Expr or Step
        The first time it happens is the conversion.
    behaviours : one or several
        `"events"` (each event name), an event name, a column of the events or of the people (each value), any step,
        and what `jn.values`, `jn.at_least` and `jn.sequence` make. A column of the people counts as known from the
        start: one that is filled in after converting leaks. Several go into one table, with q-values over all of it.
    exposure : "before", "first …" or "matched"
        Whose behaviour counts for how long. `"before"`: that of converters until their first conversion, that of the
        others to the end of the log; everybody is compared, but the others had more time to do things. `"first 7d"`:
        what everybody did in their first seven days, against converting later; those who converted earlier are set
        apart and counted. `"matched"`: each of the others is observed for as long as some converter was.
    since : str, list of str, pl.Expr or Step, optional
        Only people who did this; the clock starts there, and only what comes later counts.
    within : duration, optional
        A conversion counts within this time of the clock's start; so does behaviour.
    follow_up : duration, optional
        With `"first …"`: a conversion counts within this time after the first days, among those who could be observed
        to its end. Without it, late arrivals had less time to convert.
    exclude : sequence of str
        Behaviours to leave out, such as the steps of a funnel.
    min_people : int
        Hide behaviours that fewer people did; `set_apart` lists them.
    confidence : float
        Of the intervals.

    Returns
    -------
    Correlation

    Raises
    ------
    UnknownNameError
        When an event or a column is not in the log, or `exclude` names something that is not a behaviour; the closest
        names are given.
    ArgumentError
        When an exposure, a duration, a floor or a confidence is invalid.

    Notes
    -----
    phi = (ad − bc) / √((a+b)(c+d)(a+c)(b+d)), a: did it and converted, b: only did it, c: only converted, d: neither;
    Pearson's r of two yes/no columns. Words for |phi|: below 0.2 negligible, from 0.2 weak, 0.3 moderate, 0.4 strong,
    0.7 very strong (Quinnipiac University's scale); above 0.9 it is too good to be true. That something goes with
    converting does not show that it makes people convert.

    `"before"` is the default because it counts everyone and can be checked by hand. Effects of time alone are found
    afterwards: `.findings` and the chart repeat the comparison with everyone observed for the same length of time, and
    `.checks` says which rows do not hold there.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({
    ...     "person": [1, 1, 2, 2, 3, 4], "timestamp": [f"2026-03-0{day}" for day in (1, 2, 1, 2, 1, 1)],
    ...     "event": ["Invited", "Upgraded", "Invited", "Upgraded", "Invited", "Looked"]})
    >>> c = jn.Journeys.from_table(log).correlation("Upgraded", min_people=1)
    >>> c.table.select("behaviour", "both", "behaviour_only", "conversion_only", "neither", "phi").rows()
    [('Invited', 2, 1, 0, 1, 0.5773502691896258), ('Looked', 0, 1, 2, 1, -0.5773502691896258)]
    """
    spec = make_spec(
        journeys._log,
        until=journeys._until_us,
        goal=goal,
        behaviours=behaviours,
        exposure=exposure,
        since=since,
        within=within,
        follow_up=follow_up,
        exclude=exclude,
        min_people=min_people,
        confidence=confidence,
    )
    asked = {"goal": spec.goal.name, "exposure": exposure, "min_people": min_people}
    optional = {"since": spec.since and spec.since.name, "within": within, "follow_up": follow_up}
    asked |= {name: value for name, value in optional.items() if value is not None}
    answer = _answer_question(journeys, spec, asked=asked)
    _check_excluded(answer)
    return answer


def correlations(
    journeys: J,
    goals: Sequence[StepLike],
    *,
    behaviours: BehaviourLike | Sequence[BehaviourLike] = "events",
    exposure: str = "before",
    since: StepLike | None = None,
    within: str | timedelta | None = None,
    follow_up: str | timedelta | None = None,
    exclude: Sequence[str] = (),
    min_people: int = 30,
    confidence: float = 0.95,
) -> Correlations[J]:
    """Find out which behaviours go with which of several goals: one table, one heatmap.

    Parameters
    ----------
    goals : sequence of str, list of str, pl.Expr or Step
        The goals, such as the stages of a CRM.
    behaviours, exposure, since, within, follow_up, exclude, min_people, confidence
        As in `correlation`, the same for each.

    Returns
    -------
    Correlations

    Raises
    ------
    UnknownNameError
        When an event or a column is not in the log.
    ArgumentError
        When there is no goal, or what `correlation` refuses.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({
    ...     "person": [1, 1, 2, 2, 3, 4], "timestamp": [f"2026-03-0{day}" for day in (1, 2, 1, 2, 1, 1)],
    ...     "event": ["Invited", "Upgraded", "Invited", "Asked", "Invited", "Looked"]})
    >>> jn.Journeys.from_table(log).correlations(["Upgraded", "Asked"], min_people=1).matrix.columns
    ['behaviour', 'Upgraded', 'Asked']
    """
    if isinstance(goals, str) or len(goals) == 0:
        raise ArgumentError(f"goals: expected a list of at least one goal, got {goals!r}.")
    answers = [
        correlation(
            journeys,
            goal,
            behaviours=behaviours,
            exposure=exposure,
            since=since,
            within=within,
            follow_up=follow_up,
            exclude=exclude,
            min_people=min_people,
            confidence=confidence,
        )
        for goal in goals
    ]
    names = [answer.goal for answer in answers]
    if len(set(names)) < len(names):
        raise ArgumentError(f"goals: {names!r} has a name twice; give each its own with jn.step(name, …).")
    settings = journeys._make_settings(goals=names, exposure=exposure, min_people=min_people)
    return combine_goals(journeys, answers, settings=settings)


def _answer_question(journeys: J, spec: CorrelationSpec, *, asked: Mapping[str, Any]) -> Correlation[J]:
    """Count and summarise; `asked` is what the settings show."""

    def rerun_on(other: J) -> Correlation[J]:
        spec_there = replace(spec, names=other._log.names, until=other._until_us)
        return _answer_question(other, spec_there, asked=asked)

    fitted = spec
    if isinstance(spec.exposure, Matched):
        fitted = replace(spec, exposure=fit_matched(*collect_times(journeys, spec)))
    counts = add_up(journeys._count_shards(count, fitted), fitted)
    table, left_out = summarise(counts, fitted, unit=journeys._log.unit)
    return Correlation(
        table=table,
        settings=journeys._make_settings(**asked),
        _journeys=journeys,
        not_compared=counts.not_compared,
        _left_out=left_out,
        _spec=fitted,
        _counts=counts,
        _rerun_on=rerun_on,
    )


def _check_excluded(answer: Correlation[J]) -> None:
    """Refuse to exclude what is neither a behaviour nor an event: a misspelt name would leave a leak in."""
    known = {*answer.table["behaviour"], *answer._left_out["behaviour"], *answer._spec.names}
    if wrong := sorted(answer._spec.exclude - known):
        raise UnknownNameError(unknown_message("exclude", wrong, available=sorted(known), what="behaviour"))
