"""The options of a lifecycle, and the states that people may be in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from journeys.analyses.breakdown import name_group
from journeys.analyses.calendar import Calendar
from journeys.steps import Step

State = Literal["new", "returning", "resurrecting", "dormant"]
STATES: tuple[State, ...] = ("new", "returning", "resurrecting", "dormant")


@dataclass(frozen=True, eq=False, slots=True)
class LifecycleSpec:
    """The options of a lifecycle, checked.

    Attributes
    ----------
    event : Step
        The event that makes a person active.
    calendar : Calendar
        The periods.
    begin, last : int
        The numbers of the first period and of the last: nobody is dormant after it.
    by : str, optional
        The column whose value at a person's first event forms groups.
    top : int, optional
        How many groups are shown.
    first_events : pl.DataFrame, optional
        For a selection: `person`, `first` (number of the period of the first event in the whole log), `before` (whether
        active in the period before the first one).
    """

    event: Step
    calendar: Calendar
    begin: int
    last: int
    by: str | None = None
    top: int | None = None
    first_events: pl.DataFrame | None = None

    @property
    def group(self) -> str:
        """What the column of the breakdown is called in the table."""
        return name_group(self.by)
