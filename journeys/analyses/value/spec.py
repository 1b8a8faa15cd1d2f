"""What is asked of value over age: which amounts, since when, in which periods."""

from __future__ import annotations

from dataclasses import dataclass

from journeys.steps import Step

MOST_AGES = 400


@dataclass(frozen=True, eq=False, slots=True)
class ValueSpec:
    """The options of value over age, checked.

    Attributes
    ----------
    column, currency : str
        The columns of the amount, and of its currency, if there is any.
    of : Step
        The events whose amounts count.
    start : Step, optional
        The event from which age is counted; a person's first event by default.
    period_us : int
        The length of a period of age, in microseconds.
    ages : int
        At most so many periods.
    by : str, optional
        The column that is broken down by, at the start.
    fixed : bool
        Whether only people old enough for the last age are in any.
    until : int
        The end of the observation, in microseconds.
    """

    column: str
    currency: str | None
    of: Step
    start: Step | None
    period_us: int
    ages: int
    by: str | None
    fixed: bool
    until: int
