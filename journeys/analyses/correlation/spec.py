"""What a correlation was asked: the typed options, the behaviours, and how arguments become them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from journeys.analyses.breakdown import check_by
from journeys.errors import (
    ArgumentError,
    UnknownNameError,
    check_column_names,
    is_whole_number,
    raise_all,
    unknown_message,
)
from journeys.log import Log
from journeys.stats.tables import critical_value
from journeys.steps import Step, StepLike, duration_us, resolve_step


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """A behaviour to be compared with converting; made by `values`, `at_least` and `sequence`."""

    kind: Literal["values", "at_least", "sequence"]
    step: StepLike | None = None
    then: StepLike | None = None
    column: str | None = None
    times: tuple[int, ...] = (1,)
    within: tuple[str | timedelta | None, ...] = (None,)


def values(column: str, *, of: StepLike | None = None) -> Behaviour:
    """Which values of a property go with converting? Each value is a behaviour of its own.

    Parameters
    ----------
    column : str
        A column of the events, such as "page_path" or "campaign".
    of : str, list of str, pl.Expr or Step, optional
        Only on the events of this step.

    Examples
    --------
    >>> values("page_path", of="Loaded a Page").column
    'page_path'
    """
    return Behaviour("values", step=of, column=column)


def at_least(
    step: StepLike,
    *,
    times: int | Sequence[int] | Literal["best"] = 1,
    within: str | timedelta | Sequence[str | timedelta] | None = None,
) -> Behaviour:
    """How often, and how soon, must something be done to go with converting?

    Parameters
    ----------
    step : str, list of str, pl.Expr or Step
        What is done.
    times : int, sequence of int or "best"
        How often at least. Of several ("best": 1 to 10) the one with the smallest p-value is shown, and that p-value is
        multiplied by the number of thresholds tried: a search must not look like a test.
    within : duration or sequence of durations, optional
        Within this time after the first touch (or after `since`); several are searched like `times`.

    Raises
    ------
    ArgumentError
        When a threshold is not a whole number of at least 1, or there is none.

    Notes
    -----
    Bonferroni's correction for the search is cautious here, since neighbouring thresholds agree with each other.

    Examples
    --------
    >>> at_least("Invited Teammate", times="best", within=["3d", "7d"]).times
    (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    """
    if times == "best":
        thresholds: tuple[int, ...] = tuple(range(1, 11))
    else:
        given = list(times) if isinstance(times, Sequence) and not isinstance(times, str) else [times]
        wrong = [one for one in given if not is_whole_number(one)]
        if wrong or not given:
            got = ", ".join(repr(one) for one in wrong) if wrong else "an empty list"
            raise ArgumentError(f'times: expected whole numbers from 1 on, or "best"; got {got}.')
        thresholds = tuple(dict.fromkeys(int(one) for one in given))
    lengths = [within] if within is None or isinstance(within, str | timedelta) else list(within)
    if not lengths:
        raise ArgumentError("within: at least one duration is needed, got an empty list.")
    return Behaviour("at_least", step=step, times=thresholds, within=tuple(dict.fromkeys(lengths)))


def sequence(first: StepLike, *, then: StepLike) -> Behaviour:
    """Does doing one thing and later another go with converting?

    Parameters
    ----------
    first, then : str, list of str, pl.Expr or Step
        The two steps; others may lie between them.

    Examples
    --------
    >>> sequence("Viewed Pricing", then="Invited Teammate").then
    'Invited Teammate'
    """
    return Behaviour("sequence", step=first, then=then)


ACTIVITY = "activity"
"""The strata that are levels of activity: how much people did in the time that counts."""


@dataclass(frozen=True, slots=True)
class Before:
    """Everything before the first conversion; for those who do not convert, everything."""


@dataclass(frozen=True, slots=True)
class First:
    """Behaviour within a fixed time from the start of the clock, conversion after it."""

    length_us: int
    label: str


@dataclass(frozen=True, slots=True)
class Matched:
    """Everybody who does not convert is observed for as long as some converter was; fitted by `fit_matched`.

    Attributes
    ----------
    times : tuple of int
        The converters' times to conversion, ascending, in microseconds.
    reach : tuple of int
        How long the others could be observed, ascending.
    keep : tuple of float
        The share of the others to keep, per equal part of `times`, so that both groups are observed equally long.
    """

    times: tuple[int, ...] = ()
    reach: tuple[int, ...] = ()
    keep: tuple[float, ...] = ()


Exposure = Before | First | Matched


@dataclass(frozen=True, slots=True, eq=False)
class EveryEvent:
    """Each event name is a behaviour."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Each value of a property is a behaviour, on any event or on those of one step."""

    column: str
    of: Step | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trait:
    """Each value of a column of people is a behaviour: something they are, not something they do."""

    column: str


@dataclass(frozen=True, slots=True, eq=False)
class Happened:
    """One step, at least once."""

    step: Step


@dataclass(frozen=True, slots=True, eq=False)
class AtLeast:
    """One step, at least so many times within some time; of several thresholds the best is kept."""

    step: Step
    times: tuple[int, ...]
    within: tuple[tuple[int, str] | None, ...] = (None,)


@dataclass(frozen=True, slots=True, eq=False)
class StepSequence:
    """One step and, later, another."""

    first: Step
    then: Step


Family = EveryEvent | Values | Trait | Happened | AtLeast | StepSequence


def list_steps(family: Family) -> list[Step]:
    """List the steps that a family of behaviours mentions."""
    if isinstance(family, Happened | AtLeast):
        return [family.step]
    if isinstance(family, StepSequence):
        return [family.first, family.then]
    return [family.of] if isinstance(family, Values) and family.of is not None else []


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationSpec:
    """The options of a correlation, checked.

    Attributes
    ----------
    goal : Step
        The goal.
    families : tuple of Family
        What counts as behaviour.
    names : tuple of str
        All event names of the log, in the order of their codes.
    until : int
        The last moment at which people were observed.
    since : Step, optional
        Where each person's clock starts; at the first touch without it.
    exposure : Before, First or Matched
        Whose behaviour counts for how long.
    within, follow_up : int, optional
        How long a conversion may take; how long after the first days it is looked for.
    min_people : int
        Behaviours of fewer people are set apart.
    exclude : frozenset of str
        Behaviours to leave out.
    confidence : float
        Of the intervals.
    strata : str, optional
        A column of people, "activity", or "every " and a calendar unit of the clock's start: count within these.
    """

    goal: Step
    families: tuple[Family, ...]
    names: tuple[str, ...]
    until: int
    since: Step | None = None
    exposure: Exposure = Before()
    within: int | None = None
    follow_up: int | None = None
    min_people: int = 30
    exclude: frozenset[str] = frozenset()
    confidence: float = 0.95
    strata: str | None = None

    @property
    def needs_time(self) -> bool:
        """Whether the timestamps have to be read at all."""
        return (
            not isinstance(self.exposure, Before)
            or self.within is not None
            or (self.strata or "").startswith("every ")
            or any(isinstance(family, AtLeast) and family.within != (None,) for family in self.families)
        )


BehaviourLike = StepLike | Behaviour
_UNITS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}


def make_spec(
    log: Log,
    *,
    until: int,
    goal: StepLike,
    behaviours: BehaviourLike | Sequence[BehaviourLike],
    exposure: str,
    since: StepLike | None,
    within: str | timedelta | None,
    follow_up: str | timedelta | None,
    exclude: Sequence[str],
    min_people: int,
    confidence: float,
) -> CorrelationSpec:
    """Check the arguments of a correlation and resolve them against a log."""
    critical_value(confidence)
    if not is_whole_number(min_people, least=0):
        raise ArgumentError(f"min_people: expected a whole number of people, 0 or more; got {min_people!r}.")
    spec = CorrelationSpec(
        goal=resolve_step(goal, log, argument="goal"),
        families=_parse_families(log, behaviours),
        names=log.names,
        until=until,
        since=resolve_step(since, log, argument="since"),
        exposure=parse_exposure(exposure),
        within=None if within is None else duration_us(within, argument="within"),
        follow_up=None if follow_up is None else duration_us(follow_up, argument="follow_up"),
        min_people=min_people,
        exclude=frozenset([exclude] if isinstance(exclude, str) else exclude),
        confidence=confidence,
    )
    if spec.follow_up is not None and not isinstance(spec.exposure, First):
        raise ArgumentError(f"follow_up: {follow_up!r} requires exposure='first …', such as 'first 7d'.")
    return spec


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
    check_column_names("by", strata, is_required=True)
    unit = _UNITS.get(strata.removeprefix("every "))
    if strata.startswith("every ") and unit is not None:
        return f"every {unit}"
    columns = [name for name in log.people_schema.names() if name not in {"code", "person"}]
    if strata == ACTIVITY or strata in columns:
        check_by(log, strata, others=[ACTIVITY])
        return strata
    raise UnknownNameError(unknown_message("by", strata, available=[ACTIVITY, *columns], what="column of people"))


def _parse_families(log: Log, behaviours: Any) -> tuple[Family, ...]:
    """Parse one or several behaviours of any kind; all names that do not exist are reported together."""
    several = isinstance(behaviours, Sequence) and not isinstance(behaviours, str)
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


def _drop_duplicates(families: Sequence[Family]) -> tuple[Family, ...]:
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
        return Happened(resolve_step(given, log, argument=argument))
    if given.kind == "values":
        columns = [name for name in log.schema.names() if name not in {"person", "timestamp"}]
        if given.column not in columns:
            raise UnknownNameError(
                unknown_message(argument, given.column or "", available=columns, what="column of events")
            )
        of = resolve_step(given.step, log, argument=argument)
        return Values(given.column, of)
    if given.kind == "sequence":
        first, then = (resolve_step(step or "", log, argument=argument) for step in (given.step, given.then))
        return StepSequence(first, then)
    within = tuple(
        None if length is None else (duration_us(length, argument="within"), str(length)) for length in given.within
    )
    return AtLeast(resolve_step(given.step or "", log, argument=argument), given.times, within)


def _parse_name(log: Log, name: str) -> Family:
    """Parse a bare name: every event, one event, a column of events or a column of people."""
    if name == "events":
        return EveryEvent()
    if name in log.names:
        return Happened(resolve_step(name, log, argument="behaviours"))
    columns = [column for column in log.schema.names() if column not in {"person", "timestamp", "event"}]
    if name in columns:
        return Values(name)
    traits = [column for column in log.people_schema.names() if column not in {"code", "person"}]
    if name in traits:
        return Trait(name)
    available = ["events", *columns, *traits, *log.names]
    raise UnknownNameError(unknown_message("behaviours", name, available=available, what="event or column"))
