"""What is asked: the goal, the columns whose last value before it counts, and what people should go on to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from journeys.analyses.cleaning_rules import CleaningRules, clean_value
from journeys.analyses.name_patterns import matches_pattern
from journeys.log import View
from journeys.steps import Step

Occurrence = Literal["first", "last", "each"]
Window = int | Literal["session"]


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
    skipped : tuple of tuple of str
        For each column, the values that these match.
    within : int or "session", optional
        How long before the goal a value may lie, in microseconds, inclusive; or only in the session of the goal.
    occurrence : {"first", "last", "each"}
        Which of a person's goals counts.
    then : Step, optional
        What people should go on to after the goal.
    then_within : int or "session", optional
        How soon after the goal, in microseconds, inclusive; or in the session of the goal.
    gap : int
        The silence that ends a session, in microseconds.
    until : int
        The end of the observation (microseconds): goals whose `then_within` is not over by then are pending.
    """

    goal: Step
    columns: tuple[str, ...]
    names: tuple[str, ...]
    cleaning: tuple[CleaningRules, ...]
    event: Step | None = None
    skip: tuple[str, ...] = ()
    within: Window | None = None
    occurrence: Occurrence = "first"
    then: Step | None = None
    then_within: Window | None = None
    gap: int = 0
    until: int = 0
    skipped: tuple[tuple[str, ...], ...] = ()

    @property
    def steps(self) -> list[Step]:
        """All steps that the question uses."""
        return [one for one in (self.goal, self.event, self.then) if one is not None]

    @property
    def needs_sessions(self) -> bool:
        """Whether a window is the session of the goal."""
        return "session" in (self.within, self.then_within)

    @property
    def unit(self) -> str:
        """What the table counts: people, or each of their conversions."""
        return "conversions" if self.occurrence == "each" else "people"


def resolve_skip(shards: Sequence[View], spec: LastBeforeSpec) -> tuple[LastBeforeSpec, list[str], list[str]]:
    """Find the values that the patterns of `skip` match, as they are or cleaned.

    For instance, of the patterns "/signup" and "/sing*" only the second matches none of "/", "/signup".

    Return the options with the values to skip, the patterns that match no value, and the values, most frequent first.
    """
    counts = [
        view.events.select(pl.col(column).cast(pl.String).alias("value")).drop_nulls().group_by("value").len().collect()
        for view in shards
        for column in spec.columns
    ]
    sizes = pl.concat(counts).group_by("value").agg(pl.col("len").sum()).sort("len", "value", descending=[True, False])
    values = sizes["value"].to_list()
    unmatched = set(spec.skip)
    skipped = []
    for rules in spec.cleaning:
        names = {value: (value, clean_value(value, rules=rules)) for value in values}
        matched = {
            value: [pattern for pattern in spec.skip if any(matches_pattern(pattern, one) for one in names[value])]
            for value in values
        }
        skipped.append(tuple(value for value in values if matched[value]))
        unmatched -= {pattern for patterns in matched.values() for pattern in patterns}
    lost = [pattern for pattern in spec.skip if pattern in unmatched]
    return replace(spec, skipped=tuple(skipped)), lost, values
