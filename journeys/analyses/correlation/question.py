"""From what an analyst writes to an `Ask`: every word checked, everything wrong with it said at once."""

from __future__ import annotations

from collections.abc import Sequence as Sequential
from datetime import datetime, timedelta
from typing import Any

from journeys.analyses.correlation.ask import (
    Ask,
    AtLeast,
    Before,
    EveryEvent,
    Exposure,
    Family,
    First,
    Happened,
    Matched,
    Sequence,
    Trait,
    Values,
    steps_in,
)
from journeys.analyses.correlation.behaviours import Behaviour
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.log import Log
from journeys.steps import Step, StepLike, duration_us, moment_us, resolve_step

__all__ = ["BehaviourLike", "resolve_ask", "resolve_exposure", "resolve_strata"]

BehaviourLike = StepLike | Behaviour
_UNITS = ("day", "week", "month", "quarter", "year")


def resolve_ask(
    log: Log,
    *,
    until: datetime | None,
    conversion: StepLike,
    behaviours: BehaviourLike | Sequential[BehaviourLike],
    exposure: str,
    since: StepLike | None,
    within: str | timedelta | None,
    follow_up: str | timedelta | None,
    strata: str | None = None,
) -> Ask:
    """Check a question and put it into the form that travels to the shards."""
    ask = Ask(
        conversion=_step(log, conversion, argument="conversion"),
        families=_families(log, behaviours),
        names=log.names,
        end_us=0 if until is None else moment_us(until),
        since=None if since is None else _step(log, since, argument="since"),
        exposure=resolve_exposure(exposure),
        within_us=None if within is None else duration_us(within, argument="within"),
        follow_up_us=None if follow_up is None else duration_us(follow_up, argument="follow_up"),
        strata=None if strata is None else resolve_strata(log, strata),
    )
    if ask.follow_up_us is not None and not isinstance(ask.exposure, First):
        raise ArgumentError(
            f"follow_up: {follow_up!r} only has a meaning after exposure='first …', such as 'first 7d'."
        )
    return ask


def _step(log: Log, given: StepLike, *, argument: str) -> Step:
    return resolve_step(given, names=log.names, columns=log.step_columns, argument=argument)


def resolve_exposure(exposure: str) -> Exposure:
    """Read the words for whose behaviour counts for how long.

    Examples
    --------
    >>> resolve_exposure("first 7d")
    First(length_us=604800000000, words='the first 7d')
    >>> resolve_exposure("after")
    Traceback (most recent call last):
        ...
    journeys.errors.ArgumentError: exposure: 'after' is none of 'before', 'matched' and 'first …' with a duration, \
such as 'first 7d'.
    """
    if exposure == "before":
        return Before()
    if exposure == "matched":
        return Matched()
    if isinstance(exposure, str) and exposure.startswith("first "):
        length = exposure.removeprefix("first ").strip()
        return First(duration_us(length, argument="exposure"), f"the first {length}")
    raise ArgumentError(
        f"exposure: {exposure!r} is none of 'before', 'matched' and 'first …' with a duration, such as 'first 7d'."
    )


def resolve_strata(log: Log, strata: str) -> str:
    """Check by what to count apart."""
    if strata in {f"every {unit}" for unit in _UNITS}:
        number = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
        return f"every {number[strata.removeprefix('every ')]}"
    columns = [name for name in log.people_schema.names() if name not in {"code", "person"}]
    if strata == "activity" or strata in columns:
        return strata
    raise UnknownNameError(unknown("by", strata, available=["activity", *columns], what="column of people"))


def _families(log: Log, behaviours: Any) -> tuple[Family, ...]:
    """Read what counts as behaviour: one or several, each of any kind."""
    several = isinstance(behaviours, Sequential) and not isinstance(behaviours, str)
    given = list(behaviours) if several else [behaviours]
    if not given:
        raise ArgumentError("behaviours: at least one is needed, got an empty list; leave it out for every event.")
    problems: list[str] = []
    families: list[Family] = []
    for one in given:
        try:
            families.append(_family(log, one))
        except UnknownNameError as error:
            problems.append(str(error))
    raise_all(problems, UnknownNameError)
    return _distinct(families)


def _distinct(families: Sequential[Family]) -> tuple[Family, ...]:
    """Leave out what is asked twice: counted twice, it would be tested twice."""
    every = any(isinstance(family, EveryEvent) for family in families)
    kept: dict[tuple[object, ...], list[Family]] = {}
    for family in families:
        if every and isinstance(family, Happened) and family.step.events == (family.step.name,):
            continue
        steps = steps_in(family)
        same = kept.setdefault((type(family), *_plain_fields(family), *(step.name for step in steps)), [])
        if not any(
            all(a.condition.meta.eq(b.condition) for a, b in zip(steps, steps_in(one), strict=True)) for one in same
        ):
            same.append(family)
    return tuple(family for group in kept.values() for family in group)


def _plain_fields(family: Family) -> tuple[object, ...]:
    if isinstance(family, Values | Trait):
        return (family.column,)
    return (family.times, family.within) if isinstance(family, AtLeast) else ()


def _family(log: Log, given: BehaviourLike) -> Family:
    argument = "behaviours"
    if isinstance(given, str):
        return _named(log, given)
    if not isinstance(given, Behaviour):
        return Happened(_step(log, given, argument=argument))
    if given.kind == "values":
        columns = [name for name in log.schema.names() if name not in {"person", "timestamp"}]
        if given.column not in columns:
            raise UnknownNameError(unknown(argument, given.column or "", available=columns, what="column of events"))
        of = None if given.step is None else _step(log, given.step, argument=argument)
        return Values(given.column, of)
    if given.kind == "sequence":
        first, then = (_step(log, step or "", argument=argument) for step in (given.step, given.then))
        return Sequence(first, then)
    within = tuple(
        None if length is None else (duration_us(length, argument="within"), str(length)) for length in given.within
    )
    return AtLeast(_step(log, given.step or "", argument=argument), given.times, within)


def _named(log: Log, name: str) -> Family:
    """Read a bare name: every event, one event, a column of events or a column of people."""
    if name == "events":
        return EveryEvent()
    if name in log.names:
        return Happened(_step(log, name, argument="behaviours"))
    columns = [column for column in log.schema.names() if column not in {"person", "timestamp", "event"}]
    if name in columns:
        return Values(name)
    traits = [column for column in log.people_schema.names() if column not in {"code", "person"}]
    if name in traits:
        return Trait(name)
    available = ["events", *columns, *traits, *log.names]
    raise UnknownNameError(unknown("behaviours", name, available=available, what="event or column"))
