"""What is asked: the goal, the columns whose last value before it counts, and what people should go on to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from journeys.analyses.flow.nodes import CleaningRules, clean_value
from journeys.analyses.name_patterns import matches_pattern
from journeys.log import View
from journeys.steps import Step

Occurrence = Literal["first", "last", "each"]


@dataclass(frozen=True, eq=False, slots=True)
class LastBeforeSpec:
    """The options, checked.

    Attributes
    ----------
    goal : Step
        The event before which a value is looked for.
    columns : tuple of str
        The columns of events whose last value counts, each for itself.
    names : tuple of str
        What these columns are called in the table.
    cleaning : tuple of rules
        For each column, the rules by which its values are cleaned; none where they are taken as they are.
    event : Step, optional
        The events whose columns are read; all by default.
    skip : tuple of str
        Values and patterns that are passed over.
    within : int, optional
        How long before the goal a value may lie, in microseconds, inclusive.
    occurrence : {"first", "last", "each"}
        Which of a person's goals counts.
    then : Step, optional
        What people should go on to after the goal.
    then_within : int, optional
        How soon after the goal, in microseconds, inclusive.
    until : int
        The end of the observation (microseconds): later goals than `then_within` before it are pending.
    """

    goal: Step
    columns: tuple[str, ...]
    names: tuple[str, ...]
    cleaning: tuple[CleaningRules, ...]
    event: Step | None = None
    skip: tuple[str, ...] = ()
    within: int | None = None
    occurrence: Occurrence = "first"
    then: Step | None = None
    then_within: int | None = None
    until: int = 0

    @property
    def steps(self) -> list[Step]:
        """All steps that the question uses."""
        return [one for one in (self.goal, self.event, self.then) if one is not None]

    @property
    def unit(self) -> str:
        """What the table counts: people, or each of their conversions."""
        return "conversions" if self.occurrence == "each" else "people"

    def name_value(self, value: str | None, *, column: int) -> str | None:
        """Clean a value; None where it is passed over."""
        if value is None:
            return None
        name = clean_value(value, rules=self.cleaning[column])
        return None if any(matches_pattern(pattern, one) for pattern in self.skip for one in (name, value)) else name


def list_unmatched(shards: Sequence[View], spec: LastBeforeSpec) -> tuple[list[str], list[str]]:
    """List the patterns of `skip` that match no value of the log, and the values that there are, most frequent first.

    For instance, of the patterns "/signup" and "/sing*" only the second matches none of "/", "/signup".
    """
    counts = [
        view.events.select(pl.col(column).cast(pl.String).alias("value")).drop_nulls().group_by("value").len().collect()
        for view in shards
        for column in spec.columns
    ]
    sizes = pl.concat(counts).group_by("value").agg(pl.col("len").sum()).sort("len", "value", descending=[True, False])
    found = {value: {value, *(clean_value(value, rules=rules) for rules in spec.cleaning)} for value in sizes["value"]}
    lost = [
        pattern
        for pattern in spec.skip
        if not any(matches_pattern(pattern, name) for names in found.values() for name in names)
    ]
    return lost, list(found)
