"""A step is a named condition on one event: a name, any of several names, or a Polars expression."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown

if TYPE_CHECKING:
    from journeys.steps.sequence import Steps

__all__ = ["Step", "StepLike", "duration_us", "moment_us", "resolve_step", "resolve_steps", "step"]

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_UNITS |= {"w": 7 * _UNITS["d"], "µs": 1}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"(\d+)(us|µs|ms|s|m|h|d|w)")


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A named condition on an event.

    Attributes
    ----------
    name : str
        What the step is called in tables and charts.
    condition : pl.Expr
        True for the rows of the log that satisfy the step; null counts as false.
    events : tuple of str, optional
        The event names, where the step asks for nothing but names.
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

    def __rshift__(self, other: Any) -> Steps:
        from journeys.steps.sequence import Steps

        return Steps.of([self, other])

    def __rrshift__(self, other: Any) -> Steps:
        from journeys.steps.sequence import Steps

        return Steps.of([other, self])


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
        What the step is called; without a condition also the event that it asks for.
    condition : str, sequence of str or pl.Expr, optional
        An event name, any of several, or an expression over the log's columns.
    within : str or timedelta, optional
        In a funnel: the longest time since the step before, inclusive.
    optional : bool
        In a funnel: an attempt may leave the step out.

    Returns
    -------
    Step

    Examples
    --------
    >>> step("Signed Up").events
    ('Signed Up',)
    >>> step("Read or opened", ["Read Article", "Opened Email"]).name
    'Read or opened'
    >>> step("Saw prices", pl.col("page_path") == "/pricing").name
    'Saw prices'
    """
    if condition is None:
        condition = name
    gap = None if within is None else duration_us(within, argument=f"within of step {name!r}")
    if isinstance(condition, pl.Expr):
        return Step(name, condition.fill_null(value=False), None, gap, optional)
    events = (condition,) if isinstance(condition, str) else tuple(condition)
    return Step(name, _any_of(events), events, gap, optional)


def _any_of(events: tuple[str, ...]) -> pl.Expr:
    if len(events) == 1:
        return pl.col("event") == events[0]
    return pl.col("event").is_in(list(events))


def resolve_steps(
    steps: Sequence[StepLike], *, names: Sequence[str], columns: Sequence[str], argument: str = "steps"
) -> tuple[Step, ...]:
    """Turn what an analyst wrote into steps, and say everything that is wrong with it at once.

    Parameters
    ----------
    steps : sequence of str, list of str, pl.Expr or Step
        The steps as written.
    names : sequence of str
        The event names of the log.
    columns : sequence of str
        The columns of the log, which expressions may use.
    argument : str
        The name of the argument, for the error text.

    Returns
    -------
    tuple of Step

    Raises
    ------
    UnknownNameError
        When an event or a column is not in the log; the closest names are given. A log without any event
        has no names to check against.
    ArgumentError
        When there is no step, or one is neither a name, names, an expression nor a step.

    Examples
    --------
    >>> [s.name for s in resolve_steps(["A", ["B", "C"]], names=["A", "B", "C"], columns=["event"])]
    ['A', 'B or C']
    """
    if isinstance(steps, str | pl.Expr | Step):
        raise ArgumentError(f"{argument}: expected a list of steps, got the single {steps!r}; write [{steps!r}].")
    if len(steps) == 0:
        raise ArgumentError(f"{argument}: at least one step is needed, got an empty list.")
    resolved: list[Step] = []
    missing_events: list[str] = []
    missing_columns: list[str] = []
    for number, given in enumerate(steps, start=1):
        made = _make(given, argument=argument, number=number)
        missing_events += [name for name in made.events or () if name not in names and name not in missing_events]
        roots = made.condition.meta.root_names()
        missing_columns += [name for name in roots if name not in columns and name not in missing_columns]
        resolved.append(made)
    problems = []
    # an empty log is asked too, and answers that nobody did anything
    if missing_events and names:
        problems.append(unknown(argument, missing_events, available=names, what="event"))
    if missing_columns:
        problems.append(unknown(argument, missing_columns, available=columns, what="column"))
    raise_all(problems, UnknownNameError)
    return tuple(resolved)


def resolve_step(given: StepLike, *, names: Sequence[str], columns: Sequence[str], argument: str) -> Step:
    """Turn one step as written into a `Step`; raises as `resolve_steps` does.

    Examples
    --------
    >>> resolve_step("A", names=["A"], columns=["event"], argument="end").name
    'A'
    """
    return resolve_steps([given], names=names, columns=columns, argument=argument)[0]


def _make(given: StepLike, *, argument: str, number: int) -> Step:
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


def moment_us(moment: datetime) -> int:
    """Return a moment, which has a time zone, as microseconds since 1970.

    Examples
    --------
    >>> moment_us(datetime(1970, 1, 2, tzinfo=UTC))
    86400000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def duration_us(value: str | timedelta | int, *, argument: str) -> int:
    """Read a duration as microseconds.

    Parameters
    ----------
    value : str or timedelta
        A Polars duration string of fixed length ("30m", "14d", "1h30m"; a day is 24 hours), or a timedelta.
    argument : str
        The name of the argument, for the error text.

    Returns
    -------
    int

    Raises
    ------
    ArgumentError
        When it cannot be read, is not above zero, or has no fixed length (months, years).

    Examples
    --------
    >>> duration_us("1h30m", argument="within")
    5400000000
    >>> duration_us("1mo", argument="within")
    Traceback (most recent call last):
        ...
    journeys.errors.ArgumentError: within: '1mo' is no duration; write a number and a unit (us, ms, s, m, h, d, w) \
such as '30m', '14d' or '1h30m', or pass a timedelta. Months and years have no fixed length.
    """
    if isinstance(value, timedelta):
        total = value // timedelta(microseconds=1)
    elif isinstance(value, str) and _DURATION.sub("", value) == "" and value:
        total = sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(value))
    else:
        raise ArgumentError(
            f"{argument}: {value!r} is no duration; write a number and a unit (us, ms, s, m, h, d, w) such as "
            "'30m', '14d' or '1h30m', or pass a timedelta. Months and years have no fixed length."
        )
    if total <= 0:
        raise ArgumentError(f"{argument}: {value!r} must be longer than zero.")
    return total
