"""What is asked of an impact: the first use of what, its effect on what, over which time, against whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from journeys.steps import Step

Against = Literal["matched", "anyone"]

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
