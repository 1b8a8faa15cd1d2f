"""The question "which variant converts better?": check the arguments, count, compare the variants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from journeys.analyses.experiment.count import count
from journeys.analyses.experiment.result import Experiment
from journeys.analyses.experiment.spec import make_spec
from journeys.analyses.experiment.summarise import add_up, summarise
from journeys.analyses.money import Measure, check_added_amounts
from journeys.analyses.protocol import J
from journeys.display import format_count
from journeys.errors import ArgumentError, UnknownNameError, unknown_message
from journeys.steps import StepLike


def experiment(
    journeys: J,
    variant: str,
    *,
    goal: StepLike,
    control: str | None = None,
    expected: Mapping[str, float] | None = None,
    within: str | timedelta | None = None,
    measure: Measure | None = None,
) -> Experiment[J]:
    """Compare the variants of an experiment: rates, lift, interval, and whether the assignment can be trusted.

    Parameters
    ----------
    variant : str
        The column with the variant; each event where it is filled is an exposure. A column of people serves as well:
        then the clock starts with a person's first event.
    goal : str, list of str, pl.Expr or Step
        The event of converting; it counts after the first exposure.
    control : str, optional
        The variant the others are compared with; by default "control", else the first by name.
    expected : mapping of variant to share, optional
        The planned shares of people; equal shares by default.
    within : duration, optional
        How long after the exposure a conversion counts; people who could not be observed for that long are pending.
    measure : ("sum", column), optional
        Compare the sum of a numeric column over the goal's events per person, instead of the share who convert.

    Returns
    -------
    Experiment
        `.table`: `variant`, `people`, `pending`, `converted` (Int64), `rate`, `ci_low`, `ci_high` (Wilson 95%; with a
        measure `mean` instead), `difference`, `difference_low`, `difference_high`, `lift`, `lift_low`, `lift_high`,
        `p_value`, `q_value`; the control first. `.sample_ratio_p`, `.in_several` (people set apart).

    Raises
    ------
    UnknownNameError
        When an event, a column or a variant does not exist.
    ArgumentError
        When there are fewer than two variants, an option is invalid, or amounts are in several currencies.

    Notes
    -----
    Differences by Welch's t-test, relative lifts by the delta method; q-values by Benjamini and Hochberg over all
    variants. People exposed to several variants are set apart and counted. A sample ratio mismatch (p < 0.001) is the
    first thing reported: then something assigned people unequally, and no lift can be trusted. Decide on the length
    of an experiment before it starts: looking every day and stopping at the first p < 0.05 finds effects that are not
    there.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> rows = [(1, "1", "seen", "a"), (1, "2", "Paid", None), (2, "1", "seen", "a"), (3, "1", "seen", "b"),
    ...     (3, "2", "Paid", None), (4, "1", "seen", "b")]
    >>> log = pl.DataFrame(rows, schema=["person", "day", "event", "variant"], orient="row")
    >>> log = log.select("person", "event", "variant", timestamp="2026-03-0" + pl.col("day"))
    >>> e = jn.Journeys.from_table(log).experiment("variant", goal="Paid")
    >>> e.table.select("variant", "people", "converted", "rate").rows()
    [('a', 2, 1, 0.5), ('b', 2, 1, 0.5)]
    """
    spec = make_spec(journeys, variant, goal=goal, expected=expected, within=within, measure=measure)
    check_added_amounts(journeys, spec.measure, of=[spec.goal], argument="measure")
    variants, in_several = add_up(journeys._count_shards(count, spec))
    names = variants["variant"].to_list()
    if len(names) < 2:
        unit = journeys._log.unit
        note = f" Not counted: {format_count(in_several, unit)} exposed to several variants." if in_several else ""
        found = format_count(len(names), "variant")
        raise ArgumentError(f"variant: column {variant!r} has {found} here; expected two or more.{note}")
    if control is None:
        control = "control" if "control" in names else names[0]
    for argument, given in (("control", [control]), ("expected", expected or ())):
        if wrong := [name for name in given if name not in names]:
            raise UnknownNameError(unknown_message(argument, wrong, available=names, what="variant"))
    shares = expected or dict.fromkeys(names, 1 / len(names))
    table, ratio_p = summarise(variants, control=control, expected=shares, by_value=measure is not None)
    optional = {"within": within, "measure": None if measure is None else f"sum of {measure[1]}"}
    chosen = {name: value for name, value in optional.items() if value is not None}
    settings = journeys._make_settings(variant=variant, goal=spec.goal.name, control=control, **chosen)
    return Experiment(table, settings, journeys, ratio_p, in_several, spec)
