"""What is asked of the activity of accounts: which events count, in which window, and what makes an account fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, is_number, raise_all, unknown_message
from journeys.log import Log
from journeys.steps import Step

MEASURES = (
    "members", "active_members", "active_share", "active_days", "events", "breadth", "last_active", "silent_for",
    "trend", "first_seen", "last_contact", "fit",
)  # fmt: skip
MOST_DAYS = 36_500
_SCORED = ("members", "active_members", "active_share", "active_days", "events", "breadth", "trend", "fit")


@dataclass(frozen=True, eq=False, slots=True)
class ActivitySpec:
    """The options of account activity, checked.

    Attributes
    ----------
    active : Step, optional
        The events that count as activity; all events by default.
    window : int
        The length of the window before `until`, in microseconds.
    until : int
        The end of the window, in microseconds, inclusive.
    contact : Step, optional
        The events of somebody talking to the account.
    """

    active: Step | None
    window: int
    until: int
    contact: Step | None


def check_expressions(log: Log, *, fit: pl.Expr | None, score: Mapping[str, float] | None) -> None:
    """Raise one error for columns that `fit` or `score` name and that do not exist, or weights that are no weights."""
    if fit is not None and not isinstance(fit, pl.Expr):
        raise ArgumentError(f"fit: {fit!r} is not a Polars expression; write e.g. pl.col('group_employees') >= 200.")
    if score is not None and not isinstance(score, Mapping):
        raise ArgumentError(f"score: {score!r} must be a mapping of columns to weights, such as {{'active_share': 2}}.")
    schema = {"account": pl.String(), **log.people_schema}
    columns = [name for name in schema if name != "code"]
    problems = []
    if fit is not None and (missing := [name for name in fit.meta.root_names() if name not in columns]):
        problems.append(unknown_message("fit", missing, available=columns, what="column"))
    available = [name for name in _SCORED if name != "fit" or fit is not None]
    if missing := [name for name in score or {} if name not in available]:
        problems.append(unknown_message("score", missing, available=available, what="column"))
    raise_all(problems, UnknownNameError)
    is_weight = {name: is_number(weight) and weight > 0 for name, weight in (score or {}).items()}
    wrong = {name: weight for name, weight in (score or {}).items() if not is_weight[name]}
    problems = [f"score: the weights {wrong!r} must be numbers above 0, and finite."] if wrong else []
    chosen = pl.lit(value=True) if fit is None else fit
    dtype = pl.LazyFrame(schema=schema).select(chosen).collect_schema().dtypes()[0]
    if not (dtype.is_numeric() or dtype == pl.Boolean):
        problems.append(f"fit: the expression gives {dtype}, expected a condition or a number.")
    raise_all(problems)
