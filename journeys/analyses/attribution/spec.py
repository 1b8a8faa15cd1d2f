"""What is asked of an attribution: the goal, the touchpoints, and the model that shares the credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from journeys.errors import ArgumentError, UnknownNameError, closest, raise_all, unknown
from journeys.log import Log
from journeys.steps import Step

Model = Literal[
    "first", "last", "last_non_direct", "linear", "u", "j", "inverse_j", "time_decay", "participation", "custom",
    "markov", "shapley",
]  # fmt: skip
Repeats = Literal["collapse", "keep"]


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
    model : str
        How the credit is shared.
    repeats : {"collapse", "keep"}
        Whether equal touchpoints next to each other count once (at the time of the last of them).
    value : str, optional
        The numeric column with the value of a conversion.
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
    model: Model
    repeats: Repeats
    value: str | None
    half_life: int
    weights: Sequence[float] | None
    converted: tuple[int | None, int | None] = (None, None)
    time_zone: str = "UTC"


def check_options(
    log: Log, *, by: str, value: str | None, model: str, repeats: str, weights: Sequence[float] | None
) -> None:
    """Raise one error that lists every invalid option."""
    schema = log.schema
    problems = [
        unknown(argument, name, available=schema.names(), what="column")
        for argument, name in (("by", by), ("value", value))
        if name is not None and name not in schema
    ]
    raise_all(problems, UnknownNameError)
    if value is not None and not schema[value].is_numeric():
        problems.append(f"value: column {value!r} is {schema[value]}, expected numbers.")
    models = get_args(Model)
    if model not in models:
        near = closest(model, models)
        hint = f"did you mean {near[0]!r}? " if near else ""
        problems.append(f"model: {model!r} is not a model; {hint}available are {', '.join(map(repr, models))}.")
    if repeats not in get_args(Repeats):
        problems.append(f"repeats: {repeats!r} must be 'collapse' or 'keep'.")
    if model == "custom" and (weights is None or len(weights) != 3 or min(weights) < 0 or sum(weights) <= 0):
        problems.append(f"weights: {weights!r} must be three non-negative numbers: first, in between, last.")
    if model != "custom" and weights is not None:
        problems.append(f"weights: {weights!r} requires model='custom'.")
    raise_all(problems, ArgumentError)
