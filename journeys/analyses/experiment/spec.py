"""What an experiment was asked: the variant, the goal, and what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import isclose

from journeys.analyses.breakdown import check_by
from journeys.analyses.money import Measure, describe_wrong_measure
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError, UnknownNameError, is_number, raise_all, unknown_message
from journeys.steps import Step, StepLike, duration_us, resolve_step


@dataclass(frozen=True, eq=False, slots=True)
class ExperimentSpec:
    """The options of an experiment, checked.

    Attributes
    ----------
    variant : str
        The column of the variant; an event where it is filled is an exposure.
    goal : Step
        The event of converting.
    within : int, optional
        How long after the first exposure a conversion counts, in microseconds.
    until : int
        The end of the observation, in microseconds: with `within`, later exposures are pending.
    measure : str, optional
        The numeric column that is summed over the goal's events after the exposure.
    """

    variant: str
    goal: Step
    within: int | None
    until: int
    measure: str | None


def make_spec(
    journeys: JourneysProtocol,
    variant: str,
    *,
    goal: StepLike,
    expected: Mapping[str, float] | None,
    within: str | timedelta | None,
    measure: Measure | None,
) -> ExperimentSpec:
    """Check all options but the names of the variants, which are known once they are counted."""
    log = journeys._log
    if variant not in log.step_columns:
        raise UnknownNameError(unknown_message("variant", variant, available=log.step_columns, what="column"))
    check_by(log, variant, argument="variant")
    problems = describe_wrong_measure(measure, schema=log.schema) + _describe_wrong_shares(expected)
    raise_all(problems, ArgumentError)
    return ExperimentSpec(
        variant=variant,
        goal=resolve_step(goal, log, argument="goal"),
        within=None if within is None else duration_us(within, argument="within"),
        until=journeys._until_us,
        measure=None if measure is None else measure[1],
    )


def _describe_wrong_shares(expected: Mapping[str, float] | None) -> list[str]:
    """Return what is wrong with the planned shares of the variants."""
    if expected is None:
        return []
    if not isinstance(expected, Mapping):
        return [f"expected: {expected!r} must map each variant to its share, such as {{'control': 0.5}}."]
    shares = list(expected.values())
    if all(is_number(share) and share > 0 for share in shares) and isclose(sum(shares), 1, abs_tol=1e-6):
        return []
    return [f"expected: {dict(expected)!r} must be positive shares that add up to 1."]
