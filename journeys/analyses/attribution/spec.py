"""What is asked of an attribution: the goal, the touchpoints, and the model that shares the credit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from journeys.analyses.money import check_column
from journeys.errors import Problems, check_column_names, unknown_message
from journeys.log import Log
from journeys.steps import Step

Model = Literal[
    "first", "last", "last_non_direct", "linear", "u", "j", "inverse_j", "time_decay", "participation", "custom",
    "markov", "shapley",
]  # fmt: skip
Repeats = Literal["collapse", "keep"]
Conversions = Literal["first", "every", "every since the one before", "since the one before"]
SINCE: Conversions = "every since the one before"
LEAST_SHARE = 0.01  # of the conversions, below which a touchpoint makes no headline


@dataclass(frozen=True, eq=False, slots=True)
class AttributionSpec:
    """The options of an attribution, checked.

    Attributes
    ----------
    goal : Step
        The event that earns the credit.
    by : str
        The column whose values are the touchpoints; rows where it is null are none.
    lookback : int
        How long before the conversion a touchpoint may lie, in microseconds, inclusive.
    conversions : {"first", "every", "every since the one before"}
        Which conversions of a person count; in the last case only with the touchpoints since the one before.
    leave_out : tuple of str
        Values of `by` that are no touchpoints.
    model : str
        How the credit is shared.
    repeats : {"collapse", "keep"}
        Whether equal touchpoints next to each other count once (at the time of the last of them).
    value : str, optional
        The numeric column with the value of a conversion.
    currency : str, optional
        The column with the currency of that value, if the log has one.
    half_life : int
        For "time_decay", in microseconds.
    weights : sequence of float, optional
        For "custom": the share of the first touchpoint, of those in between together, and of the last.
    converted : tuple of int or None
        The moments (µs) from which on, and before which, conversions count.
    time_zone : str
        The zone of `converted`.
    """

    goal: Step
    by: str
    lookback: int
    conversions: Conversions
    leave_out: tuple[str, ...]
    model: Model
    repeats: Repeats
    value: str | None
    currency: str | None
    half_life: int
    weights: Sequence[float] | None
    converted: tuple[int | None, int | None] = (None, None)
    time_zone: str = "UTC"


def check_options(
    log: Log,
    *,
    by: str,
    value: str | None,
    model: str,
    repeats: str,
    conversions: str,
    leave_out: Sequence[str],
    weights: Sequence[float] | None,
) -> None:
    """Raise one error that lists every invalid option."""
    schema = log.schema
    check_column_names("by", by, is_required=True)
    check_column_names("value", value)
    found = Problems()
    if by not in schema:
        found.unknown_names.append(unknown_message("by", by, available=schema.names(), what="column"))
    if value is not None:
        about_value = found.invalid_values if value in schema else found.unknown_names
        about_value += check_column(value, schema=schema, argument="value")
    problems = found.invalid_values
    problems += check_model(model, weights=weights)
    for argument, given, kind in (("repeats", repeats, Repeats), ("conversions", conversions, Conversions)):
        if given not in get_args(kind):
            valid = " or ".join(map(repr, get_args(kind)))
            problems.append(f"{argument}: {given!r} must be {valid}.")
    is_list = isinstance(leave_out, Iterable) and not isinstance(leave_out, str)
    if not is_list or not all(isinstance(one, str) for one in leave_out):
        problems.append(f"leave_out: {leave_out!r} must be a list of values of {by!r}, such as ['Direct'].")
    found.raise_found()


def check_model(model: str, *, weights: Sequence[float] | None, argument: str = "model") -> list[str]:
    """List what is wrong with a model and its weights."""
    problems = []
    models = get_args(Model)
    if model not in models:
        problems.append(unknown_message(argument, str(model), available=models, what="model"))
    if model == "custom" and not _are_weights(weights):
        problems.append(f"weights: {weights!r} must be three non-negative numbers: first, in between, last.")
    if model != "custom" and weights is not None and argument == "model":
        problems.append(f"weights: {weights!r} requires model='custom'.")
    return problems


def _are_weights(weights: Sequence[float] | None) -> bool:
    """Return whether they are three finite numbers of 0 or more, not all of them 0."""
    try:
        numbers = [] if weights is None or isinstance(weights, str) else [float(one) for one in weights]
    except (TypeError, ValueError, OverflowError):
        return False
    return len(numbers) == 3 and min(numbers) >= 0 and sum(numbers) > 0 and isfinite(sum(numbers))
