"""What is asked of the activity of accounts: which events count, in which window, and what makes an account fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from journeys.errors import UnknownNameError, raise_all, unknown_message
from journeys.log import Log
from journeys.steps import Step

MEASURES = (
    "members", "active_members", "active_share", "active_days", "events", "breadth", "last_active", "silent_for",
    "trend", "first_seen", "last_contact", "fit",
)  # fmt: skip
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
    columns = [name for name in log.people_schema.names() if name != "code"]
    problems = []
    if fit is not None and not isinstance(fit, pl.Expr):
        problems.append(f"fit: {fit!r} is not a Polars expression; write e.g. pl.col('group_employees') >= 200.")
    elif fit is not None and (missing := [name for name in fit.meta.root_names() if name not in columns]):
        problems.append(unknown_message("fit", missing, available=columns, what="column"))
    available = [name for name in _SCORED if name != "fit" or fit is not None]
    if missing := [name for name in score or {} if name not in available]:
        problems.append(unknown_message("score", missing, available=available, what="column"))
    raise_all(problems, UnknownNameError)
    wrong = {name: weight for name, weight in (score or {}).items() if not weight > 0}
    raise_all([f"score: the weights {wrong!r} must be above 0."] if wrong else [])
