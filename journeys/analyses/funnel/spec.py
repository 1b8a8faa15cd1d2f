"""What a funnel question holds: the steps resolved, every choice made, nothing of the log."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import NamedTuple

from journeys.steps import Step

__all__ = ["Exclusion", "FunnelSpec", "Slot"]


class Exclusion(NamedTuple):
    """An event that must not happen after table row `low` and before table row `high` (both from 0)."""

    step: Step
    low: int
    high: int


class Slot(NamedTuple):
    """One place in an ordered attempt: which condition it asks for, and the table row it counts in."""

    condition: int
    row: int


@dataclass(frozen=True, eq=False)
class FunnelSpec:
    """A funnel as it was asked for.

    Attributes
    ----------
    steps : tuple of Step
        The conditions; as many as the table has rows.
    names : tuple of str
        What the table rows are called.
    runs : tuple of tuple of int
        The steps in order; those that may come in any order among themselves stand in one tuple.
    optional : tuple of bool
        Steps that an attempt may leave out.
    gaps : tuple of int or None
        Longest time (µs) since the step before, for each step.
    within : int or None
        Longest time (µs) from the first step to the last.
    grace : int
        With ``ties="either"``: how far apart (µs) two events may be and still count as simultaneous.
    backwards : bool
        The log and the steps are read from their ends: a step's window is that to the step *before* it here.
    placed : bool
        Whether rows have to know their number in the whole log.
    by : tuple of str
        What the breakdown's columns are called in tables.
    by_columns : tuple of str
        The columns of the log, or of its people, that they are taken from.
    """

    steps: tuple[Step, ...]
    names: tuple[str, ...]
    runs: tuple[tuple[int, ...], ...]
    optional: tuple[bool, ...]
    gaps: tuple[int | None, ...]
    within: int | None = None
    order: str = "loose"
    ties: str = "arrival"
    grace: int = 0
    reuse: bool = False
    reentry: str = "best"
    exclude: tuple[Exclusion, ...] = ()
    excluded: str = "drops"
    hold: tuple[str, ...] = ()
    calendar: str | None = None
    time_zone: str = "UTC"
    entry: str = "first"
    entered: tuple[int | None, int | None] = (None, None)
    count: str = "people"
    gap: int = 1_800_000_000
    campaign_cuts: bool = False
    by: tuple[str, ...] = ()
    by_columns: tuple[str, ...] = ()
    by_at: str | int = "first"
    top: int = 25
    backwards: bool = False
    placed: bool = False

    @property
    def width(self) -> int:
        """How many rows the table has."""
        return len(self.steps)

    def shapes(self) -> list[tuple[Slot, ...]]:
        """Every order of conditions that makes a whole attempt; one, unless steps are optional or in any order."""
        found: list[tuple[Slot, ...]] = [()]
        row = 0
        for run in self.runs:
            rows = range(row, row + len(run))
            orders = list(permutations(run))
            found = [(*head, *map(Slot, order, rows)) for head in found for order in orders]
            row += len(run)
        if any(self.optional):
            found = [shortened for shape in found for shortened in self._shortened(shape)]
        if self.entry == "any":
            found = [shape[start:] for shape in found for start in range(len(shape))]
        return found

    def _shortened(self, shape: tuple[Slot, ...]) -> list[tuple[Slot, ...]]:
        """Leave out optional slots in every way: as few as possible first, and of as many, the later ones."""
        skippable = [slot for slot in shape if self.optional[slot.row]]
        kept = [some for size in range(len(skippable), -1, -1) for some in combinations(skippable, size)]
        return [tuple(slot for slot in shape if not self.optional[slot.row] or slot in some) for some in kept]

    def stops_between(self, row: int, next_row: int) -> list[int]:
        """Which exclusions are in force on the way from one table row to another."""
        return [number for number, one in enumerate(self.exclude) if row < one.high and next_row > one.low]

    @property
    def plain(self) -> bool:
        """Whether the earliest next step is always as good as a later one."""
        return not self.exclude and not any(self.gaps)
