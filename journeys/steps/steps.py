"""Steps: named conditions on events, and the order in which a funnel asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import polars as pl

from journeys.errors import ArgumentError
from journeys.steps.durations import duration_us


class _Joinable:
    """Something that `>>` joins with steps on either side."""

    __slots__ = ()

    def __rshift__(self, other: Any) -> Steps:
        return Steps.of([self, other])

    def __rrshift__(self, other: Any) -> Steps:
        return Steps.of([other, self])


@dataclass(frozen=True, slots=True, eq=False)
class Step(_Joinable):
    """A named condition on an event.

    Attributes
    ----------
    name : str
        What the step is called in tables and charts.
    condition : pl.Expr
        True for the rows of the log that satisfy the step; null counts as false.
    events : tuple of str, optional
        The event names, where the condition is on names alone.
    within : int, optional
        In a funnel: longest time (µs) since the step before.
    optional : bool
        In a funnel: whether an attempt may leave the step out.
    """

    name: str
    condition: pl.Expr
    events: tuple[str, ...] | None = None
    within: int | None = None
    optional: bool = False


StepLike = str | Sequence[str] | pl.Expr | Step


def step(
    name: str,
    condition: str | Sequence[str] | pl.Expr | None = None,
    *,
    within: str | timedelta | None = None,
    optional: bool = False,
) -> Step:
    """Name a condition on an event, to be used as a step.

    Parameters
    ----------
    name : str
        What the step is called; without a condition, also the event name.
    condition : str, sequence of str or pl.Expr, optional
        An event name, any of several, or an expression over the columns of events and people.
    within : str or timedelta, optional
        In a funnel: the longest time since the step before, inclusive.
    optional : bool
        In a funnel: an attempt may leave the step out.

    Returns
    -------
    Step

    Raises
    ------
    ArgumentError
        When the condition is none of these, or `within` is not a valid duration.

    Examples
    --------
    >>> step("Signed Up").events
    ('Signed Up',)
    >>> step("Read or opened", ["Read Article", "Opened Email"]).name
    'Read or opened'
    >>> step("Saw prices", pl.col("page_path") == "/pricing").name
    'Saw prices'
    """
    if not isinstance(name, str):
        raise ArgumentError(f"name: {name!r} is not text; write jn.step(name, condition).")
    limit = None if within is None else duration_us(within, argument=f"within of step {name!r}")
    if isinstance(condition, pl.Expr):
        return Step(name, condition.fill_null(value=False), None, limit, optional)
    given = name if condition is None else condition
    events = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else ()
    if not events or not all(isinstance(event, str) for event in events):
        raise ArgumentError(
            f"condition: {condition!r} of step {name!r} is not an event name, a list of names or a Polars expression."
        )
    event = pl.col("event")
    return Step(name, event == events[0] if len(events) == 1 else event.is_in(list(events)), events, limit, optional)


@dataclass(frozen=True, slots=True, eq=False)
class AnyOrder(_Joinable):
    """Steps that all have to happen, in any order."""

    steps: tuple[StepLike, ...]


def any_order(*steps: StepLike) -> AnyOrder:
    """Ask for several steps in any order, as one part of an ordered funnel.

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


@dataclass(frozen=True, slots=True, eq=False)
class Never(_Joinable):
    """An event that must not happen, anywhere in an attempt or between two of its steps."""

    what: StepLike
    after: int | str | None = None
    before: int | str | None = None


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
class Steps(_Joinable):
    """Steps in order.

    Attributes
    ----------
    flat : tuple
        Every step, as it was written.
    runs : tuple of tuple of int
        The numbers of the steps; those that may come in any order among themselves are in one tuple.
    never : tuple of Never
        What must not happen in between.
    pending : tuple of Never
        What must not happen before a step that is still to be added.
    """

    flat: tuple[StepLike, ...]
    runs: tuple[tuple[int, ...], ...]
    never: tuple[Never, ...] = ()
    pending: tuple[Never, ...] = ()

    @classmethod
    def of(cls, given: Any) -> Steps:
        """Put together a list of steps, or steps that were joined by ``>>``.

        Examples
        --------
        >>> Steps.of(["A", any_order("B", "C"), never("X"), "D"]).runs
        ((0,), (1, 2), (3,))
        """
        if isinstance(given, Steps):
            return given
        if isinstance(given, str | Step | AnyOrder | pl.Expr) or not isinstance(given, Sequence):
            raise ArgumentError(
                f"steps: expected a list of steps or a pattern such as 'A -> B', got the single {given!r}; "
                "write it in a list."
            )
        flat: list[StepLike] = []
        runs: list[tuple[int, ...]] = []
        found: list[Never] = []
        pending: list[Never] = []
        for one in given:
            if isinstance(one, Never):
                pending.append(one)
                continue
            part = one if isinstance(one, Steps) else _single_run(one)
            offset = len(flat)
            flat += part.flat
            runs += [tuple(number + offset for number in run) for run in part.runs]
            found += _place_never(pending, runs, added=len(part.runs))
            found += [_shift_never(never, offset) for never in part.never]
            pending = [*part.pending]
        return cls(tuple(flat), tuple(runs), tuple(found), tuple(pending))

    def require_complete(self) -> Steps:
        """Return the steps; raise if something must not happen before a step that was never added."""
        if self.pending:
            raise ArgumentError(
                f"steps: {self.pending[0].what!r} must not happen, but no step comes after it; put it between two "
                "steps, or give it as exclude=."
            )
        return self


def _single_run(given: StepLike | AnyOrder) -> Steps:
    """Make one step, or steps in any order, a `Steps` of one run."""
    flat = given.steps if isinstance(given, AnyOrder) else (given,)
    return Steps(flat, (tuple(range(len(flat))),))


def _place_never(pending: Sequence[Never], runs: Sequence[tuple[int, ...]], *, added: int) -> list[Never]:
    """Place what must not happen between the last `added` runs and the run before them."""
    if pending and len(runs) <= added:
        raise ArgumentError(
            f"steps: {pending[0].what!r} must not happen, but no step comes before it; put it between two steps, "
            "or give it as exclude=."
        )
    return [
        one
        if one.after is not None or one.before is not None
        else replace(one, after=runs[-added - 1][-1] + 1, before=runs[-added][0] + 1)
        for one in pending
    ]


def _shift_never(never: Never, offset: int) -> Never:
    """Add an offset to the step numbers of what must not happen."""
    after, before = (at + offset if isinstance(at, int) else at for at in (never.after, never.before))
    return replace(never, after=after, before=before)
