"""What people did: a condition on people by the events they have, how often, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, cast

from journeys.errors import ArgumentError, raise_all
from journeys.steps.moments import parse_period
from journeys.steps.steps import Step, StepLike, duration_us, moment_us


class Condition:
    """A condition on people, or several that ``|``, ``&``, ``-`` and ``~`` combine."""

    __slots__ = ()

    def __or__(self, other: Condition) -> Condition:
        return _combine(self, other, operation="|")

    def __and__(self, other: Condition) -> Condition:
        return _combine(self, other, operation="&")

    def __sub__(self, other: Condition) -> Condition:
        return _combine(self, other, operation="-")

    # reached where the left operand is not a condition: `Journeys` has operators of its own, all else is refused
    __ror__, __rand__, __rsub__ = __or__, __and__, __sub__

    def __invert__(self) -> Condition:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Did(Condition):
    """One condition on what people did, as `did` writes it.

    Attributes
    ----------
    step : step
        The event.
    then : tuple of steps
        The events that have to follow it, in log order.
    after : step, optional
        Count only events after a person's first event of this kind.
    low, high : int
        How often the event has to occur, both inclusive; `high` is None for any number.
    within, within_first : int, optional
        Microseconds before the end of the observation, and after a person's first event (with `after`, the first of
        that kind), both inclusive.
    since, before : int, optional
        A fixed period (microseconds since 1970), from `since` on and before `before`.
    is_negated : bool
        Whether the condition selects the people for whom the rest does not hold.
    as_of : "row", optional
        Whether the condition is tested at each event, on what the person had done by then.
    """

    step: StepLike
    then: tuple[StepLike, ...]
    low: int
    high: int | None
    within: int | None
    within_first: int | None
    since: int | None
    before: int | None
    is_negated: bool
    as_of: Literal["row"] | None = None
    after: StepLike | None = None

    def __invert__(self) -> Did:
        return replace(self, is_negated=not self.is_negated)


@dataclass(frozen=True, slots=True, eq=False)
class CombinedCondition(Condition):
    """Two conditions of which one ("|") or both ("&") have to hold.

    Negation moves inwards: ``~(a | b)`` is kept as ``~a & ~b``, so that only a `Did` is ever negated.
    """

    operation: Literal["|", "&"]
    first: Condition
    second: Condition

    def __invert__(self) -> CombinedCondition:
        return CombinedCondition("&" if self.operation == "|" else "|", ~self.first, ~self.second)


def list_conditions(condition: Condition) -> list[Did]:
    """List the single conditions of a combined one."""
    if isinstance(condition, CombinedCondition):
        return [*list_conditions(condition.first), *list_conditions(condition.second)]
    return [condition] if isinstance(condition, Did) else []


def _combine(first: Condition, second: object, *, operation: Literal["|", "&", "-"]) -> Condition:
    """Combine two conditions; where the second is a `Journeys`, leave it to that class's own operator."""
    if not isinstance(second, Condition):
        if hasattr(type(second), "only"):
            return cast("Condition", NotImplemented)
        raise ArgumentError(
            f"{operation}: {second!r} is not a condition on what people did; combine conditions with each other, such "
            "as jn.did('A') | jn.did('B'), or the people of both: j.only(...) | j.only(...)."
        )
    combined = (
        CombinedCondition("&", first, ~second) if operation == "-" else CombinedCondition(operation, first, second)
    )
    if len({one.as_of for one in list_conditions(combined)}) > 1:
        raise ArgumentError(
            f"{operation}: conditions as of 'row' are about events, the others about people; give all of them "
            "as_of='row', or none."
        )
    return combined


def did(
    step: StepLike,
    *,
    times: int | tuple[int | None, int | None] = 1,
    within: str | timedelta | None = None,
    since: date | datetime | str | None = None,
    before: date | datetime | str | None = None,
    after: StepLike | None = None,
    within_first: str | timedelta | None = None,
    never: bool = False,
    then: StepLike | Sequence[StepLike] | None = None,
    as_of: Literal["row"] | None = None,
) -> Did:
    """Select people by what they did, how often, and when: ``j.only(jn.did("Read Article", times=3, within="30d"))``.

    The condition is evaluated once, on the selected events of the journeys asked; the answer does not change later.

    Parameters
    ----------
    step : str, list of str, pl.Expr or Step
        The event.
    times : int or (low, high)
        How often at least; or a range, both ends inclusive, None for no limit. 0 means never.
    within : str or timedelta, optional
        Only events of the last 30 × 24 hours ("30d") before the end of the observation (`until`), inclusive.
    since, before : date, datetime or ISO text, optional
        Only events from `since` on and before `before`; a time without a zone is UTC.
    after : step, optional
        Only events after the person's first event of this kind, in log order; without one, no event counts.
    within_first : str or timedelta, optional
        Only events at most this long after the person's first event; with `after`, after the first of that kind.
    never : bool
        Select the people for whom the rest does not hold.
    then : step or list of steps, optional
        The events that have to follow, each later in log order than the one before, in the same period.
    as_of : "row", optional
        Test the condition at each event on what came before it (`within`: the time before it), so that people may
        move from one segment to another. `Journeys.label` takes such conditions, to label events.

    Returns
    -------
    Did
        Conditions combine like sets: ``a | b`` (either holds), ``a & b`` (both), ``a - b`` (a but not b), ``~a`` (not
        a).

    Raises
    ------
    ArgumentError
        When an option is invalid, or `then` comes with `times`; all problems are reported together.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "event": ["Read", "Read", "Read"],
    ...     "timestamp": ["2026-03-01", "2026-03-02", "2026-03-02"]})
    >>> j = jn.Journeys.from_table(log)
    >>> j.only(jn.did("Read", times=2)).people["person"].to_list()
    ['a']
    >>> j.only(jn.did("Read", times=2, never=True)).people["person"].to_list()
    ['b']

    >>> j.only(jn.did("Read") - jn.did("Read", times=2)).people["person"].to_list()
    ['b']

    A person is a regular from the second time on:

    >>> regulars = j.label({"regular": jn.did("Read", times=2, as_of="row")}, name="habit")
    >>> regulars.events.select("person", "habit").collect().rows()
    [('a', None), ('a', 'regular'), ('b', None)]
    """
    problems: list[str] = []
    low, high = _parse_times(times, problems)
    spans: dict[str, int | None] = {}
    for argument, span in (("within", within), ("within_first", within_first)):
        try:
            spans[argument] = None if span is None else duration_us(span, argument=argument)
        except ArgumentError as error:
            problems.append(str(error))
    moments: tuple[datetime | None, datetime | None] = (None, None)
    try:
        moments = parse_period(since, before, arguments=("since", "before"))
    except ArgumentError as error:
        problems.append(str(error))
    following = _list_steps(then)
    if then is not None and not following:
        problems.append("then: at least one step is needed, got an empty list.")
    if following and (low, high) != (1, None):
        problems.append(f"times: {times!r} cannot be combined with then=; leave one of them out.")
    if as_of not in (None, "row"):
        problems.append(f"as_of: {as_of!r} must be 'row', or None for the end of the observation.")
    raise_all(problems)
    first, last = (None if one is None else moment_us(one) for one in moments)
    return Did(step, following, low, high, spans["within"], spans["within_first"], first, last, never, as_of, after)


def _list_steps(then: StepLike | Sequence[StepLike] | None) -> tuple[StepLike, ...]:
    """Return the steps of `then` as a tuple; a single step needs no list."""
    if then is None:
        return ()
    if isinstance(then, str | Step) or not isinstance(then, Sequence):
        return (then,)
    return tuple(then)


def _parse_times(times: int | tuple[int | None, int | None], problems: list[str]) -> tuple[int, int | None]:
    """Return the smallest and the largest number of occurrences; `times=0` means never."""

    def is_count(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0

    if isinstance(times, int) and is_count(times):
        return (times, None) if times else (0, 0)
    if isinstance(times, tuple) and len(times) == 2 and all(one is None or is_count(one) for one in times):
        low, high = times
        if high is None or (low or 0) <= high:
            return low or 0, high
    problems.append(f"times: {times!r} must be a number of at least 0, or (low, high) with low up to high.")
    return 1, None
