"""What is asked of an attribution: the goal, the touchpoints, and the model that shares the credit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import Literal, get_args

import polars as pl

from journeys.analyses.money import check_column, currency_column
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import Problems, UnknownNameError, check_column_names, check_zone, unknown_message
from journeys.log import View
from journeys.steps import Moment, Step, StepLike, duration_us, parse_range, resolve_step

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
    converted: tuple[int | None, int | None]
    time_zone: str


def parse_attribution(
    journeys: JourneysProtocol,
    goal: StepLike,
    *,
    model: Model,
    by: str,
    lookback: str | timedelta,
    conversions: Conversions,
    leave_out: Sequence[str],
    repeats: Repeats,
    value: str | None,
    half_life: str | timedelta,
    weights: Sequence[float] | None,
    converted: tuple[Moment, Moment] | None,
    time_zone: str,
) -> AttributionSpec:
    """Check all options and raise one error that lists every problem."""
    log, problems = journeys._log, Problems()
    problems.run_check(lambda: check_column_names("by", by, is_required=True))
    problems.run_check(lambda: check_column_names("value", value))
    if isinstance(by, str) and by not in log.schema:
        problems.unknown_names.append(unknown_message("by", by, available=log.schema.names(), what="column"))
    if isinstance(value, str):
        about_value = problems.invalid_values if value in log.schema else problems.unknown_names
        about_value += check_column(value, schema=log.schema, argument="value")
    problems.invalid_values += check_model(model, weights=weights)
    problems.check_choice("repeats", repeats, Repeats)
    problems.check_choice("conversions", conversions, Conversions)
    is_list = isinstance(leave_out, Iterable) and not isinstance(leave_out, str)
    if not is_list or not all(isinstance(one, str) for one in leave_out):
        problems.invalid_values.append(
            f"leave_out: {leave_out!r} must be a list of values of {by!r}, such as ['Direct']."
        )
    step = problems.run_check(lambda: resolve_step(goal, log, argument="goal"))
    back = problems.run_check(lambda: duration_us(lookback, argument="lookback"))
    half = problems.run_check(lambda: duration_us(half_life, argument="half_life"))
    zone = problems.run_check(lambda: check_zone(time_zone))
    period: tuple[int | None, int | None] | None = (None, None)
    if converted is not None:
        period = problems.run_check(lambda: parse_range(converted, argument="converted", time_zone=zone or "UTC"))
    problems.raise_found()
    assert step is not None and back is not None and half is not None and period is not None  # noqa: S101, PT018
    if leave_out:
        _check_left_out(journeys, leave_out, by=by)
    return AttributionSpec(
        goal=step,
        by=by,
        lookback=back,
        conversions=SINCE if conversions == "since the one before" else conversions,
        leave_out=tuple(leave_out),
        model=model,
        repeats=repeats,
        value=value,
        currency=None if value is None else currency_column(log.schema),
        half_life=half,
        weights=weights,
        converted=period,
        time_zone=time_zone,
    )


def _check_left_out(journeys: JourneysProtocol, leave_out: Sequence[str], *, by: str) -> None:
    """Raise UnknownNameError for values to leave out that the column does not have."""
    known = journeys._count_shards(_list_touchpoints, by)["touch"].unique().sort().to_list()
    missing = [name for name in leave_out if name not in known]
    if missing and known:
        raise UnknownNameError(unknown_message("leave_out", missing, available=known, what=by))


def _list_touchpoints(view: View, by: str) -> pl.DataFrame:
    """List the distinct values of the touchpoints' column: `touch`."""
    return view.events.select(pl.col(by).cast(pl.String).alias("touch")).drop_nulls().unique().collect().sort("touch")


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
