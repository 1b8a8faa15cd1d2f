"""Steps: named conditions on events, the order that a funnel asks for, and the windows between them in microseconds.

A question takes steps as an analyst writes them, and `resolve_steps` checks them against a log:

    ["Signed Up", ["Read Article", "Watched Video"]]
        → Step "Signed Up"                      event == "Signed Up"
        → Step "Read Article or Watched Video"  event is one of the two
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, overload

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message

_UNITS = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_UNITS |= {"w": 7 * _UNITS["d"]}
_LONGEST = 1 << 61  # microseconds, some 73,000 years: a time and a duration add up within 64 bits
_DURATION = re.compile(r"(\d+)(us|µs|ms|s|m|h|d|w)")
_ADVICE = (
    "write a number and a unit (us, ms, s, m, h, d, w) such as '30m', '14d' or '1h30m', or pass a timedelta. "
    "Months and years have no fixed length"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration_us(value: str | timedelta, *, argument: str, instead: str | None = None) -> int:
    """Parse a duration as microseconds.

    Parameters
    ----------
    value : str or timedelta
        A Polars duration string of fixed length ("30m", "14d", "1h30m"; a day is 24 hours), or a timedelta.
    argument : str
        The name of the argument, for the error text.
    instead : str, optional
        What the error text recommends where values other than durations are valid, too.

    Returns
    -------
    int

    Raises
    ------
    ArgumentError
        When it is not a duration, is not above zero, is longer than 70,000 years, or has no fixed length (months).

    Examples
    --------
    >>> duration_us("1h30m", argument="within")
    5400000000
    >>> duration_us("1mo", argument="within")
    Traceback (most recent call last):
        ...
    journeys.errors.ArgumentError: within: '1mo' is not a valid duration; write a number and a unit (us, ms, s, m, h, \
d, w) such as '30m', '14d' or '1h30m', or pass a timedelta. Months and years have no fixed length.
    """
    if isinstance(value, timedelta):
        total = value // timedelta(microseconds=1)
    elif isinstance(value, str) and value and _DURATION.sub("", value) == "":
        total = sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
    else:
        raise ArgumentError(f"{argument}: {value!r} is not a valid duration; {instead or _ADVICE}.")
    if total <= 0:
        raise ArgumentError(f"{argument}: {value!r} must be longer than zero.")
    if total > _LONGEST:
        raise ArgumentError(f"{argument}: {value!r} is too long; give at most 70,000 years.")
    return total


def moment_us(moment: datetime) -> int:
    """Convert a moment with a time zone to microseconds since 1970.

    Examples
    --------
    >>> moment_us(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


class _Joinable:
    """What `>>` joins to steps before or after it."""

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
    is_named : bool
        False where the library chose the name, such as "the end": texts then show it without quotes.
    """

    name: str
    condition: pl.Expr
    events: tuple[str, ...] | None = None
    within: int | None = None
    optional: bool = False
    is_named: bool = True

    def __post_init__(self) -> None:
        if self.events is None:
            object.__setattr__(self, "condition", self.condition.fill_null(value=False))


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
        return Step(name, condition, None, limit, optional)
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
    """Rule out an event in an attempt: anywhere in it, or between two of its steps.

    Parameters
    ----------
    what : str, list of str, pl.Expr or Step
        The event.
    after, before : int or str, optional
        The steps, by number from 1 or by name, between which it must not happen; by default the first and the last.

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
        Every step as it was written, without the order.
    runs : tuple of tuple of int
        Positions in `flat`, from 0; steps that may come in any order share a tuple.
    never : tuple of Never
        Events that must not happen between two of the steps.
    pending : tuple of Never
        Events that must not happen between the last step and one that has not been added yet.
    """

    flat: tuple[StepLike, ...]
    runs: tuple[tuple[int, ...], ...]
    never: tuple[Never, ...] = ()
    pending: tuple[Never, ...] = ()

    @classmethod
    def of(cls, given: Any) -> Steps:
        """Combine a list of steps, or steps joined by ``>>``.

        For instance, ``["A", any_order("B", "C"), never("X"), "D"]`` becomes:

            flat   A, B, C, D
            runs   (0,), (1, 2), (3,)
            never  X after step 3 and before step 4

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
        placed: list[Never] = []
        pending: list[Never] = []
        for one in given:
            if isinstance(one, Never):
                pending.append(one)
                continue
            part = one if isinstance(one, Steps) else _single_run(one)
            offset = len(flat)
            flat += part.flat
            runs += [tuple(number + offset for number in run) for run in part.runs]
            placed += _place_never(pending, runs, added=len(part.runs))
            placed += [_shift_never(never, offset) for never in part.never]
            pending = list(part.pending)
        return cls(tuple(flat), tuple(runs), tuple(placed), tuple(pending))

    def require_complete(self) -> Steps:
        """Return the steps; raise ArgumentError if `never` comes last, with no step after it."""
        if self.pending:
            raise ArgumentError(
                f"steps: {self.pending[0].what!r} must not happen, but no step comes after it; put it between two "
                "steps, or give it as exclude=."
            )
        return self


def _single_run(given: StepLike | AnyOrder) -> Steps:
    """Wrap a step, or steps in any order, as `Steps` with a single run."""
    flat = given.steps if isinstance(given, AnyOrder) else (given,)
    return Steps(flat, (tuple(range(len(flat))),))


def _place_never(pending: Sequence[Never], runs: Sequence[tuple[int, ...]], *, added: int) -> list[Never]:
    """Give each pending event its place: between the run before the last `added` ones and the first of these."""
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
    """Shift the step numbers of an event that must not happen; names stay."""
    after, before = (at + offset if isinstance(at, int) else at for at in (never.after, never.before))
    return replace(never, after=after, before=before)


class Vocabulary(Protocol):
    """What steps are checked against: a log's event names, and the columns of its events and people."""

    @property
    def names(self) -> Sequence[str]:
        """The event names."""

    @property
    def step_columns(self) -> Sequence[str]:
        """The columns that conditions may use."""


def resolve_steps(steps: Sequence[StepLike], log: Vocabulary, *, argument: str = "steps") -> tuple[Step, ...]:
    """Turn steps as an analyst writes them into `Step`s; all unknown names are reported together.

    Parameters
    ----------
    steps : sequence of str, list of str, pl.Expr or Step
        The steps as written.
    log : Vocabulary
        The log that has the event names and columns.
    argument : str
        The name of the argument, for the error text.

    Returns
    -------
    tuple of Step

    Raises
    ------
    UnknownNameError
        When an event or a column is not in the log; the closest names are given. In a log without events any name
        is accepted.
    ArgumentError
        When there is no step, or one is not a name, a list of names, an expression or a `Step`.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> log = SimpleNamespace(names=["A", "B", "C"], step_columns=["event"])
    >>> [one.name for one in resolve_steps(["A", ["B", "C"]], log)]
    ['A', 'B or C']
    """
    if isinstance(steps, str | pl.Expr | Step):
        raise ArgumentError(f"{argument}: expected a list of steps, got the single {steps!r}; write [{steps!r}].")
    if len(steps) == 0:
        raise ArgumentError(f"{argument}: at least one step is needed, got an empty list.")
    resolved = tuple(_as_step(given, argument=argument, number=number) for number, given in enumerate(steps, start=1))
    events = dict.fromkeys(name for one in resolved for name in one.events or ())
    problems = []
    # an empty log has no names to check against: each step has 0 people
    if log.names and (missing := [name for name in events if name not in log.names]):
        problems.append(unknown_message(argument, missing, available=log.names, what="event"))
    columns = log.step_columns
    if missing := [name for name in columns_used(resolved) if name not in columns]:
        problems.append(unknown_message(argument, missing, available=columns, what="column"))
    raise_all(problems, UnknownNameError)
    return resolved


@overload
def resolve_step(given: StepLike, log: Vocabulary, *, argument: str) -> Step: ...
@overload
def resolve_step(given: None, log: Vocabulary, *, argument: str) -> None: ...
def resolve_step(given: StepLike | None, log: Vocabulary, *, argument: str) -> Step | None:
    """Turn one step as written, or none, into a `Step`; raises as `resolve_steps` does.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> resolve_step("A", SimpleNamespace(names=["A"], step_columns=["event"]), argument="end").name
    'A'
    """
    return None if given is None else resolve_steps([given], log, argument=argument)[0]


def columns_used(steps: Iterable[Step]) -> list[str]:
    """List the columns that the conditions of some steps use, each once.

    Examples
    --------
    >>> columns_used([step("A"), step("B", pl.col("amount") > pl.col("limit"))])
    ['event', 'amount', 'limit']
    """
    return list(dict.fromkeys(name for one in steps for name in one.condition.meta.root_names()))


def _as_step(given: StepLike, *, argument: str, number: int) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, pl.Expr):
        return step(str(given), given)
    if isinstance(given, str):
        return step(given)
    if isinstance(given, Sequence) and given and all(isinstance(name, str) for name in given):
        return step(" or ".join(given), given)
    raise ArgumentError(
        f"{argument}: step {number} is {given!r}; a step is an event name, a list of names, a Polars expression "
        "or jn.step(name, condition)."
    )
