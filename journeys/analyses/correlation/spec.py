"""What is asked of a correlation, resolved and checked: frozen values that travel to the shards."""

from __future__ import annotations

from dataclasses import dataclass

from journeys.steps import Step

ACTIVITY = "activity"
"""The strata by how much people did, beside the columns of people."""


@dataclass(frozen=True, slots=True)
class Before:
    """Everything before the first conversion; of those who do not convert, everything."""


@dataclass(frozen=True, slots=True)
class First:
    """Behaviour within a fixed time from the start of the clock, conversion after it."""

    length_us: int
    label: str


@dataclass(frozen=True, slots=True)
class Matched:
    """Everybody who does not convert is observed for as long as some converter was.

    Attributes
    ----------
    times : tuple of int
        The converters' times to conversion, ascending, in microseconds.
    reach : tuple of int
        How long the others could be observed, ascending.
    keep : tuple of float
        The share of the others to keep, for equal parts of `times`, so that both groups are observed equally long.
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
class Sequence:
    """One step and, later, another."""

    first: Step
    then: Step


Family = EveryEvent | Values | Trait | Happened | AtLeast | Sequence


def list_steps(family: Family) -> list[Step]:
    """List the steps that a family of behaviours mentions."""
    if isinstance(family, Happened | AtLeast):
        return [family.step]
    if isinstance(family, Sequence):
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
    end_us : int
        The last moment at which people were observed.
    since : Step, optional
        Where each person's clock starts; at the first touch without it.
    exposure : Before, First or Matched
        Whose behaviour counts for how long.
    within_us, follow_up_us : int, optional
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
    end_us: int
    since: Step | None = None
    exposure: Exposure = Before()
    within_us: int | None = None
    follow_up_us: int | None = None
    min_people: int = 30
    exclude: frozenset[str] = frozenset()
    confidence: float = 0.95
    strata: str | None = None

    @property
    def needs_time(self) -> bool:
        """Whether the timestamps have to be read at all."""
        return (
            not isinstance(self.exposure, Before)
            or self.within_us is not None
            or (self.strata or "").startswith("every ")
            or any(isinstance(family, AtLeast) and family.within != (None,) for family in self.families)
        )
