"""The options of stickiness."""

from __future__ import annotations

from dataclasses import dataclass

from journeys.analyses.breakdown import name_group
from journeys.analyses.calendar import Calendar
from journeys.steps import Step


@dataclass(frozen=True, eq=False, slots=True)
class StickinessSpec:
    """The options of stickiness, checked.

    Attributes
    ----------
    event : Step
        The event that makes a person active.
    every, of : Calendar
        The short periods that are counted, and the long ones that hold them.
    by : str, optional
        The column whose value at a person's first event in a long period forms groups.
    top : int, optional
        How many groups are shown.
    """

    event: Step
    every: Calendar
    of: Calendar
    by: str | None = None
    top: int | None = None

    @property
    def group(self) -> str:
        """What the column of the breakdown is called in the table."""
        return name_group(self.by)
