"""What is wrong with the arguments of one question, reported together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

from journeys.errors import ArgumentError, JourneysError, UnknownNameError, raise_all

T = TypeVar("T")


class Problems:
    """The invalid arguments of one question, collected so that they are reported together."""

    def __init__(self) -> None:
        self.unknown_names: list[str] = []
        self.invalid_values: list[str] = []

    def run_check(self, check: Callable[[], T]) -> T | None:
        """Return the result of `check`; where it raises, keep the reasons and return None."""
        try:
            return check()
        except JourneysError as error:
            kept = self.unknown_names if isinstance(error, UnknownNameError) else self.invalid_values
            kept += str(error).removeprefix("- ").split("\n- ")
            return None

    def check_choice(self, argument: str, value: object, choices: Any) -> None:
        """Record a value that is none of the choices of a Literal."""
        allowed = get_args(choices)
        if value not in allowed:
            self.invalid_values.append(f"{argument}: {value!r} is none of {', '.join(map(repr, allowed))}.")

    def raise_found(self) -> None:
        """Raise one error that lists all; an `UnknownNameError` when only names are wrong."""
        raise_all(
            [*self.invalid_values, *self.unknown_names], ArgumentError if self.invalid_values else UnknownNameError
        )
