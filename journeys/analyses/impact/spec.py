"""What an impact was asked: the first use of what, its effect on what, over which time, against whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.name_patterns import list_passive_events
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError, JourneysError, describe_wrong_number, raise_all
from journeys.steps import Step, StepLike, resolve_step

Against = Literal["matched", "anyone"]

_MOST_PERIODS = 100

STRATUM = ("first_week", "week", "before", "recent")
"""What matched people have in common: the week of their first event, the week of the moment that is compared, and how
active they were before it."""


@dataclass(frozen=True, eq=False, slots=True)
class ImpactSpec:
    """The options of an impact, checked.

    Attributes
    ----------
    of : Step
        What is used.
    on : Step
        What is counted before and after.
    period_us : int
        The length of a period, in microseconds.
    periods : int
        How many periods before and after are compared.
    until : int
        The moment up to which people were observed, in microseconds.
    against : {"matched", "anyone"}
        Whether the others are like those who use it, or only of the same week.
    first_uses : pl.DataFrame, optional
        For a selection: `person` and `time` (µs) of each first use in the whole log.
    strata : pl.DataFrame, optional
        The strata with people who use it; others need not be counted.
    """

    of: Step
    on: Step
    period_us: int
    periods: int
    until: int
    against: Against
    first_uses: pl.DataFrame | None = None
    strata: pl.DataFrame | None = None

    @property
    def span(self) -> int:
        """How long people are observed before and after, in microseconds."""
        return self.period_us * self.periods


def make_spec(
    journeys: JourneysProtocol, of: StepLike, *, on: StepLike, every: str, periods: int, against: Against
) -> ImpactSpec:
    """Check all options and raise one error that names every invalid one."""
    log, problems, length = journeys._log, [], 0
    try:
        length = make_calendar(every).length_us
    except JourneysError as error:
        problems.append(str(error))
    problems += describe_wrong_number("periods", periods, most=_MOST_PERIODS)
    if against not in get_args(Against):
        problems.append(f"against: {against!r} must be one of {', '.join(map(repr, get_args(Against)))}.")
    raise_all(problems, ArgumentError)
    used, counted = resolve_step(of, log, argument="of"), resolve_step(on, log, argument="on")
    passive = sorted(set(used.events or ()) & set(list_passive_events(log)))
    if passive:
        raise ArgumentError(
            f"of: {passive[0]!r} is what the system did, at no moment of the person's choosing; ask messages() or an "
            "experiment what it changes."
        )
    shared = sorted(set(used.events or ()) & set(counted.events or ()))
    if shared:
        raise ArgumentError(f"on: {shared[0]!r} is what is used; count something else before and after its first use.")
    return ImpactSpec(used, counted, length, periods, journeys._until_us, against)
