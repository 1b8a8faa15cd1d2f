"""Steps one after another: runs in any order, what must not happen in between, and the operator ``>>``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from journeys.errors import ArgumentError
from journeys.steps.core import Step, StepLike

__all__ = ["AnyOrder", "Never", "Steps", "any_order", "never"]


@dataclass(frozen=True, slots=True, eq=False)
class AnyOrder:
    """Steps that have to be taken all, in whatever order."""

    steps: tuple[StepLike, ...]

    def __rshift__(self, other: Any) -> Steps:
        return Steps.of([self, other])

    def __rrshift__(self, other: Any) -> Steps:
        return Steps.of([other]) >> self


@dataclass(frozen=True, slots=True, eq=False)
class Never:
    """An event that must not happen, anywhere in an attempt or between two of its steps."""

    what: StepLike
    after: int | str | None = None
    before: int | str | None = None

    def __rshift__(self, other: Any) -> Steps:
        return Steps.of([self, other])

    def __rrshift__(self, other: Any) -> Steps:
        return Steps.of([other]) >> self


def any_order(*steps: StepLike) -> AnyOrder:
    """Ask for several steps in whatever order, as one part of an ordered funnel.

    Parameters
    ----------
    *steps : str, list of str, pl.Expr or Step
        At least two.

    Raises
    ------
    ArgumentError
        When there are fewer than two.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a"] * 4, "timestamp": [f"2026-03-0{day}" for day in range(1, 5)],
    ...     "event": ["Visit", "Invite", "Upload", "Upgrade"]})
    >>> steps = ["Visit", jn.any_order("Upload", "Invite"), "Upgrade"]
    >>> jn.Journeys.from_table(log).funnel(steps).table["people"].to_list()
    [1, 1, 1, 1]
    """
    if len(steps) < 2:
        raise ArgumentError(f"any_order: needs at least two steps, got {len(steps)}.")
    return AnyOrder(steps)


def never(what: StepLike, *, after: int | str | None = None, before: int | str | None = None) -> Never:
    """Say what must not happen in an attempt: anywhere in it, or between two of its steps.

    Parameters
    ----------
    what : str, list of str, pl.Expr or Step
        The event.
    after, before : int or str, optional
        The steps, by number from 1 or by name, between which it must not happen; the first and the last by default.

    Examples
    --------
    >>> never("Cancelled", after="Signed Up", before="Upgraded Plan").before
    'Upgraded Plan'
    """
    return Never(what, after, before)


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps in order.

    Attributes
    ----------
    flat : tuple
        Every step, as it was written.
    runs : tuple of tuple of int
        The numbers of the steps; those that may come in any order among themselves stand in one tuple.
    never : tuple of Never
        What must not happen in between.
    waiting : tuple of Never
        What must not happen before a step that is still to come.
    """

    flat: tuple[StepLike, ...]
    runs: tuple[tuple[int, ...], ...]
    never: tuple[Never, ...] = ()
    waiting: tuple[Never, ...] = ()

    @classmethod
    def of(cls, given: Any) -> Steps:
        """Read a pattern, a list of steps, or steps that were joined by ``>>``.

        Examples
        --------
        >>> Steps.of(["A", any_order("B", "C"), never("X"), "D"]).runs
        ((0,), (1, 2), (3,))
        """
        from journeys.steps.pattern import parse

        if isinstance(given, Steps):
            return given
        if isinstance(given, str):
            return parse(given)
        if isinstance(given, Step | AnyOrder | pl.Expr) or not isinstance(given, Sequence):
            raise ArgumentError(
                f"steps: expected a list of steps or a pattern such as 'A -> B', got the single {given!r}; "
                "write it in a list."
            )
        flat: list[StepLike] = []
        runs: list[tuple[int, ...]] = []
        waiting: list[Never] = []
        found: list[Never] = []
        for one in given:
            if isinstance(one, Steps):
                offset = len(flat)
                flat += one.flat
                runs += [tuple(number + offset for number in run) for run in one.runs]
                found += [*_placed(waiting, runs, first=len(one.runs)), *(_moved(never, offset) for never in one.never)]
                waiting = [*one.waiting]
                continue
            if isinstance(one, Never):
                waiting.append(one)
                continue
            several = one.steps if isinstance(one, AnyOrder) else (one,)
            runs.append(tuple(range(len(flat), len(flat) + len(several))))
            flat += several
            found += _placed(waiting, runs)
            waiting = []
        return cls(tuple(flat), tuple(runs), tuple(found), tuple(waiting))

    def whole(self) -> Steps:
        """Return the steps, if nothing is left that waits for a step to come after it."""
        if self.waiting:
            raise ArgumentError(
                f"steps: {self.waiting[0].what!r} must not happen, but no step comes after it; put it between two "
                "steps, or give it as exclude=."
            )
        return self

    def __rshift__(self, other: Any) -> Steps:
        return Steps.of([self, other])

    def __rrshift__(self, other: Any) -> Steps:
        return Steps.of([other, self])


def _placed(waiting: Sequence[Never], runs: Sequence[tuple[int, ...]], *, first: int = 1) -> list[Never]:
    """Let what must not happen lie before the last `first` runs and after the one before them."""
    if waiting and len(runs) <= first:
        raise ArgumentError(
            f"steps: {waiting[0].what!r} must not happen, but no step comes before it; put it between two steps, "
            "or give it as exclude=."
        )
    return [
        one
        if one.after is not None or one.before is not None
        else Never(one.what, runs[-first - 1][-1] + 1, runs[-first][0] + 1)
        for one in waiting
    ]


def _moved(never: Never, offset: int) -> Never:
    after, before = never.after, never.before
    return Never(
        never.what,
        after + offset if isinstance(after, int) else after,
        before + offset if isinstance(before, int) else before,
    )
