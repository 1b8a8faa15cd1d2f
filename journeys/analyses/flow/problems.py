"""What is wrong with a question about flows, put together so that all of it is said at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from journeys.errors import ArgumentError, JourneysError, UnknownNameError, raise_all

__all__ = ["Problems"]

T = TypeVar("T")


class Problems:
    """Names that are not there, and words that cannot be meant."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.words: list[str] = []

    def attempt(self, make: Callable[[], T]) -> T | None:
        """Return what is made; where that is refused, keep the reasons and return None."""
        try:
            return make()
        except JourneysError as error:
            kept = self.names if isinstance(error, UnknownNameError) else self.words
            kept += str(error).removeprefix("- ").split("\n- ")
            return None

    def raise_found(self) -> None:
        """Raise one error with all of them: `UnknownNameError` where nothing is wrong but names."""
        raise_all([*self.words, *self.names], ArgumentError if self.words else UnknownNameError)
