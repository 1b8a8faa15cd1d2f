"""Conditions as a definition file writes them: a closed grammar, from which expressions are built and no code runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import reduce
from typing import Any

import polars as pl

from journeys.errors import unknown_message
from journeys.steps import Step, step

COMPARISONS = ("is", "in", "matches", "above", "below")
COMBINATIONS = ("any", "all", "not")
_KEYS = ("column", *COMPARISONS, *COMBINATIONS)


class ConditionParser:
    """Turns what a definition file says into steps and expressions, and collects what is wrong with it.

    A condition is an event name or the name of a step, a list of conditions of which any holds, or a table:

        { column = "plan", is = "pro" }                     also in = [...], matches = "regular expression"
        { column = "amount", above = 10, below = 100 }      numbers, dates and times; both limits exclusive
        { any = [...] }, { all = [...] }, { not = ... }

    A missing value satisfies no comparison, so that `not` of a comparison holds for it.

    Parameters
    ----------
    steps : mapping
        The named steps, as written.
    file : str
        The name of the file, for messages.
    """

    def __init__(self, steps: Mapping[str, Any], *, file: str) -> None:
        self.steps = steps
        self.file = file
        self.problems: list[str] = []
        self.events: dict[str, str] = {}
        """The event names that are used, each with the section that uses it first."""

    def parse_step(self, name: str) -> Step | None:
        """Turn a named step into a `Step`; None if it is not valid."""
        given, place = self.steps[name], f"steps.{name}"
        listed = [given] if isinstance(given, str) else given
        # event names alone are checked against the log, and counted without evaluating an expression
        if isinstance(listed, list) and listed and all(self._is_event(one, inside=name) for one in listed):
            self.events |= {one: place for one in listed if one not in self.events}
            return step(name, listed)
        condition = self.parse(given, place=place, inside=(name,))
        return None if condition is None else step(name, condition)

    def parse(self, given: Any, *, place: str, inside: tuple[str, ...] = ()) -> pl.Expr | None:
        """Turn a condition into an expression over the columns of events and people; None if it is not valid.

        Parameters
        ----------
        given
            The condition as written.
        place : str
            The section, for messages.
        inside : tuple of str
            The named steps that this condition is a part of, outermost first.
        """
        if isinstance(given, str):
            return self._parse_name(given, place=place, inside=inside)
        if isinstance(given, list):
            return self._combine_conditions(given, place=place, inside=inside, any_of=True)
        if not isinstance(given, Mapping):
            return self._refuse_condition(
                place, f"{given!r} is not a condition; write an event name, a list or a table."
            )
        wrong = [key for key in given if key not in _KEYS]
        if wrong:
            return self._refuse_condition(
                place, unknown_message(f"[{place}]", wrong, available=_KEYS, what="key"), is_whole=True
            )
        forms = [key for key in given if key in ("column", *COMBINATIONS)]
        if len(forms) != 1:
            return self._refuse_condition(place, "a condition has exactly one of 'column', 'any', 'all' and 'not'.")
        match forms[0]:
            case "not":
                inner = self.parse(given["not"], place=place, inside=inside)
                return None if inner is None else ~inner
            case "column":
                return self._compare_column(given, place=place)
            case form:
                return self._combine_conditions(given[form], place=place, inside=inside, any_of=form == "any")

    def _is_event(self, given: Any, *, inside: str) -> bool:
        return isinstance(given, str) and (given == inside or given not in self.steps)

    def _parse_name(self, name: str, *, place: str, inside: tuple[str, ...]) -> pl.Expr | None:
        if name in self.steps and name not in inside:
            return self.parse(self.steps[name], place=place, inside=(*inside, name))
        if name in inside[:-1]:
            return self._refuse_condition(
                place, f"{name!r} is defined by itself, through {' and '.join(map(repr, inside))}."
            )
        self.events.setdefault(name, place)
        return pl.col("event") == name

    def _combine_conditions(self, given: Any, *, place: str, inside: tuple[str, ...], any_of: bool) -> pl.Expr | None:
        if not isinstance(given, list) or not given:
            return self._refuse_condition(place, f"'any' and 'all' need a list of conditions, got {given!r}.")
        parts = [self.parse(one, place=place, inside=inside) for one in given]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return reduce(lambda a, b: a | b if any_of else a & b, known)

    def _compare_column(self, given: Mapping[str, Any], *, place: str) -> pl.Expr | None:
        column, asked = given["column"], [key for key in COMPARISONS if key in given]
        if not isinstance(column, str) or not asked:
            shown = ", ".join(map(repr, COMPARISONS))
            return self._refuse_condition(place, f"a comparison needs the name of a 'column' and one of {shown}.")
        if column == "event":
            listed = given["in"] if isinstance(given.get("in"), list) else [given.get("is")]
            for name in (name for name in listed if isinstance(name, str)):
                self.events.setdefault(name, place)
        parts = [self._compare_one(column, key, given[key], place=place) for key in asked]
        known = [part for part in parts if part is not None]
        return reduce(lambda a, b: a & b, known) if len(known) == len(parts) else None

    def _compare_one(self, column: str, key: str, value: Any, *, place: str) -> pl.Expr | None:
        """Write one comparison with a column as an expression that is false where the value is missing."""
        found: pl.Expr | None = None
        match key, value:
            case "is", str() | bool() | int() | float() | date():
                found = _equals_value(column, value)
            case "in", [_, *_] if all(isinstance(one, str | bool | int | float | date) for one in value):
                found = reduce(lambda a, b: a | b, (_equals_value(column, one) for one in value))
            case "matches", str():
                try:
                    pl.Series([""]).str.contains(value)
                except pl.exceptions.ComputeError:
                    return self._refuse_condition(place, f"matches: {value!r} is not a regular expression.")
                found = pl.col(column).cast(pl.String).str.contains(value)
            case "above" | "below", int() | float() | date() if not isinstance(value, bool):
                left = _column_like(column, value)
                found = left > value if key == "above" else left < value
        if found is None:
            return self._refuse_condition(place, f"{key}: {value!r} is not valid; {_VALID[key]}.")
        return found.fill_null(value=False)

    def _refuse_condition(self, place: str, problem: str, *, is_whole: bool = False) -> pl.Expr | None:
        self.problems.append(f"{self.file}, {problem if is_whole else f'[{place}]: {problem}'}")
        return None


_VALID = {
    "is": "it needs a text, a number, true or false, a date or a time",
    "in": "it needs a list of texts, numbers, dates or times, at least one",
    "matches": "it needs a regular expression",
    "above": "it needs a number, a date or a time",
    "below": "it needs a number, a date or a time",
}


def _column_like(column: str, value: Any) -> pl.Expr:
    """Read a column as the type of the value that it is compared with: files often hold numbers as text."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return pl.col(column).cast(pl.Datetime("us"))
    return pl.col(column) if isinstance(value, date) else pl.col(column).cast(pl.Float64, strict=False)


def _equals_value(column: str, value: Any) -> pl.Expr:
    if isinstance(value, bool):
        return pl.col(column).cast(pl.String).str.to_lowercase() == str(value).lower()
    if isinstance(value, str):
        return (pl.col(column) if column == "event" else pl.col(column).cast(pl.String)) == value
    found: pl.Expr = _column_like(column, value) == value
    return found
