"""From the arguments of an analyst to a `CorrelationSpec`."""

from __future__ import annotations

from collections.abc import Sequence as Sequential
from datetime import datetime, timedelta
from typing import Any

from journeys.analyses.correlation.behaviours import Behaviour
from journeys.analyses.correlation.spec import (
    ACTIVITY,
    AtLeast,
    Before,
    CorrelationSpec,
    EveryEvent,
    Exposure,
    Family,
    First,
    Happened,
    Matched,
    Sequence,
    Trait,
    Values,
    list_steps,
)
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.log import Log
from journeys.stats.tables import critical_value
from journeys.steps import Step, StepLike, duration_us, moment_us, resolve_step

BehaviourLike = StepLike | Behaviour
_UNITS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}


def parse_spec(
    log: Log,
    *,
    until: datetime | None,
    goal: StepLike,
    behaviours: BehaviourLike | Sequential[BehaviourLike],
    exposure: str,
    since: StepLike | None,
    within: str | timedelta | None,
    follow_up: str | timedelta | None,
    exclude: Sequential[str],
    min_people: int,
    confidence: float,
) -> CorrelationSpec:
    """Check the arguments of a correlation and resolve them against a log."""
    critical_value(confidence)
    if isinstance(min_people, bool) or not isinstance(min_people, int) or min_people < 0:
        raise ArgumentError(f"min_people: expected a whole number of people, 0 or more; got {min_people!r}.")
    spec = CorrelationSpec(
        goal=_parse_step(log, goal, argument="goal"),
        families=_parse_families(log, behaviours),
        names=log.names,
        end_us=0 if until is None else moment_us(until),
        since=None if since is None else _parse_step(log, since, argument="since"),
        exposure=parse_exposure(exposure),
        within_us=None if within is None else duration_us(within, argument="within"),
        follow_up_us=None if follow_up is None else duration_us(follow_up, argument="follow_up"),
        min_people=min_people,
        exclude=frozenset([exclude] if isinstance(exclude, str) else exclude),
        confidence=confidence,
    )
    if spec.follow_up_us is not None and not isinstance(spec.exposure, First):
        raise ArgumentError(f"follow_up: {follow_up!r} requires exposure='first …', such as 'first 7d'.")
    return spec


def _parse_step(log: Log, given: StepLike, *, argument: str) -> Step:
    return resolve_step(given, names=log.names, columns=log.step_columns, argument=argument)


def parse_exposure(exposure: str) -> Exposure:
    """Parse whose behaviour counts for how long.

    Examples
    --------
    >>> parse_exposure("first 7d")
    First(length_us=604800000000, label='the first 7d')
    >>> parse_exposure("after")
    Traceback (most recent call last):
        ...
    journeys.errors.ArgumentError: exposure: 'after' must be 'before', 'matched', or 'first …' with a duration, such \
as 'first 7d'.
    """
    if exposure == "before":
        return Before()
    if exposure == "matched":
        return Matched()
    if isinstance(exposure, str) and exposure.startswith("first "):
        length = exposure.removeprefix("first ").strip()
        return First(duration_us(length, argument="exposure"), f"the first {length}")
    raise ArgumentError(
        f"exposure: {exposure!r} must be 'before', 'matched', or 'first …' with a duration, such as 'first 7d'."
    )


def parse_strata(log: Log, strata: str) -> str:
    """Check the column, or the calendar unit, that makes the strata."""
    unit = _UNITS.get(strata.removeprefix("every "))
    if strata.startswith("every ") and unit is not None:
        return f"every {unit}"
    columns = [name for name in log.people_schema.names() if name not in {"code", "person"}]
    if strata == ACTIVITY or strata in columns:
        return strata
    raise UnknownNameError(unknown("by", strata, available=[ACTIVITY, *columns], what="column of people"))


def _parse_families(log: Log, behaviours: Any) -> tuple[Family, ...]:
    """Parse one or several behaviours of any kind; all names that do not exist are reported together."""
    several = isinstance(behaviours, Sequential) and not isinstance(behaviours, str)
    given = list(behaviours) if several else [behaviours]
    if not given:
        raise ArgumentError("behaviours: at least one is needed, got an empty list; leave it out for every event.")
    problems: list[str] = []
    families: list[Family] = []
    for one in given:
        try:
            families.append(_parse_family(log, one))
        except UnknownNameError as error:
            problems.append(str(error))
    raise_all(problems, UnknownNameError)
    return _drop_duplicates(families)


def _drop_duplicates(families: Sequential[Family]) -> tuple[Family, ...]:
    """Drop behaviours that were given twice: counted twice, they would be tested twice."""
    every = any(isinstance(family, EveryEvent) for family in families)
    kept: dict[tuple[object, ...], list[Family]] = {}
    for family in families:
        if every and isinstance(family, Happened) and family.step.events == (family.step.name,):
            continue
        steps = list_steps(family)
        same = kept.setdefault((type(family), *_plain_fields(family), *(step.name for step in steps)), [])
        if not any(
            all(a.condition.meta.eq(b.condition) for a, b in zip(steps, list_steps(one), strict=True)) for one in same
        ):
            same.append(family)
    return tuple(family for group in kept.values() for family in group)


def _plain_fields(family: Family) -> tuple[object, ...]:
    if isinstance(family, Values | Trait):
        return (family.column,)
    return (family.times, family.within) if isinstance(family, AtLeast) else ()


def _parse_family(log: Log, given: BehaviourLike) -> Family:
    """Parse one behaviour: a name, a step, or what `values`, `at_least` and `sequence` make."""
    argument = "behaviours"
    if isinstance(given, str):
        return _parse_name(log, given)
    if not isinstance(given, Behaviour):
        return Happened(_parse_step(log, given, argument=argument))
    if given.kind == "values":
        columns = [name for name in log.schema.names() if name not in {"person", "timestamp"}]
        if given.column not in columns:
            raise UnknownNameError(unknown(argument, given.column or "", available=columns, what="column of events"))
        of = None if given.step is None else _parse_step(log, given.step, argument=argument)
        return Values(given.column, of)
    if given.kind == "sequence":
        first, then = (_parse_step(log, step or "", argument=argument) for step in (given.step, given.then))
        return Sequence(first, then)
    within = tuple(
        None if length is None else (duration_us(length, argument="within"), str(length)) for length in given.within
    )
    return AtLeast(_parse_step(log, given.step or "", argument=argument), given.times, within)


def _parse_name(log: Log, name: str) -> Family:
    """Parse a bare name: every event, one event, a column of events or a column of people."""
    if name == "events":
        return EveryEvent()
    if name in log.names:
        return Happened(_parse_step(log, name, argument="behaviours"))
    columns = [column for column in log.schema.names() if column not in {"person", "timestamp", "event"}]
    if name in columns:
        return Values(name)
    traits = [column for column in log.people_schema.names() if column not in {"code", "person"}]
    if name in traits:
        return Trait(name)
    available = ["events", *columns, *traits, *log.names]
    raise UnknownNameError(unknown("behaviours", name, available=available, what="event or column"))
