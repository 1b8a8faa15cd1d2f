"""The question "which variant converts better?": check the arguments, count outcomes, compare the variants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import isclose

import polars as pl

from journeys.analyses.breakdown import check_by
from journeys.analyses.experiment.count import ExperimentSpec, count
from journeys.analyses.experiment.result import Experiment
from journeys.analyses.experiment.summarise import summarise
from journeys.analyses.money import check_added_amounts, check_column
from journeys.analyses.protocol import J
from journeys.display import format_count
from journeys.errors import ArgumentError, UnknownNameError, is_number, raise_all, unknown_message
from journeys.steps import StepLike, duration_us, moment_us, resolve_step


def experiment(
    journeys: J,
    variant: str,
    *,
    goal: StepLike,
    control: str | None = None,
    expected: Mapping[str, float] | None = None,
    within: str | timedelta | None = None,
    measure: tuple[str, str] | None = None,
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
        How long after the exposure a conversion counts; people who could not be observed so long are pending.
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
    log = journeys._log
    if variant not in log.step_columns:
        raise UnknownNameError(unknown_message("variant", variant, available=log.step_columns, what="column"))
    check_by(log, variant, argument="variant")
    problems = []
    if measure is not None:
        if not isinstance(measure, tuple) or len(measure) != 2 or measure[0] != "sum":
            problems.append(f"measure: {measure!r} must be ('sum', column).")
        else:
            problems += check_column(measure[1], schema=log.schema, argument="measure")
    if expected is not None and not isinstance(expected, Mapping):
        problems.append(f"expected: {expected!r} must map each variant to its share, such as {{'control': 0.5}}.")
    elif expected is not None and (
        not expected
        or not all(is_number(share) for share in expected.values())
        or min(expected.values()) <= 0
        or not isclose(sum(expected.values()), 1, abs_tol=1e-6)
    ):
        problems.append(f"expected: {dict(expected)!r} must be positive shares that add up to 1.")
    raise_all(problems, ArgumentError)
    step = resolve_step(goal, log, argument="goal")
    limit = None if within is None else duration_us(within, argument="within")
    until = 0 if journeys.until is None else moment_us(journeys.until)
    spec = ExperimentSpec(variant, step, limit, until, None if measure is None else measure[1])
    check_added_amounts(journeys, spec.measure, of=[step], argument="measure")
    counts = (
        journeys._count_shards(count, spec)
        .group_by("variant")
        .agg(pl.col("people", "pending", "converted").sum(), pl.col("values").explode(empty_as_null=False))
    )
    assigned = counts.drop_nulls("variant").sort("variant")
    names = assigned["variant"].to_list()
    apart = counts.filter(pl.col("variant").is_null())
    in_several = int((apart["people"] + apart["pending"]).sum())
    if len(names) < 2:
        set_apart = (
            f" Not counted: {format_count(in_several, log.unit)} exposed to several variants." if in_several else ""
        )
        raise ArgumentError(
            f"variant: column {variant!r} has {format_count(len(names), 'variant')} here; expected two or more."
            f"{set_apart}"
        )
    control = control if control is not None else "control" if "control" in names else names[0]
    for argument, given in (("control", [control]), ("expected", list(expected or names))):
        wrong = [name for name in given if name not in names]
        if wrong:
            raise UnknownNameError(unknown_message(argument, wrong, available=names, what="variant"))
    shares = dict(expected) if expected is not None else {name: 1 / len(names) for name in names}
    table, ratio_p = summarise(assigned, control=control, expected=shares, by_value=measure is not None)
    optional = {"within": within, "measure": None if measure is None else f"sum of {measure[1]}"}
    chosen = {name: value for name, value in optional.items() if value is not None}
    settings = journeys._make_settings(variant=variant, goal=step.name, control=control, **chosen)
    return Experiment(table, settings, journeys, ratio_p, in_several, spec)
