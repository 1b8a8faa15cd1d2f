"""What a funnel question holds: the resolved steps and every choice made, nothing of the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any, Literal, NamedTuple

from journeys.steps import Step

Order = Literal["loose", "strict", "any"]
Ties = Literal["arrival", "either", "rising"]
Reentry = Literal["best", "first", "each"]
OnExclusion = Literal["drops", "removed"]
Entry = Literal["first", "any"]
Count = Literal["people", "sessions", "entries"]
WindowPeriod = Literal["day", "week", "month", "session"]
ByAt = Literal["first", "last", "all"] | int
Semantics = Literal["mixpanel", "amplitude", "posthog", "ga4", "clickhouse"]

PRESETS: dict[Semantics, dict[str, Any]] = {
    "mixpanel": {"within": "7d", "ties": "2s", "reentry": "first", "on_exclusion": "drops"},
    "amplitude": {"within": "1d", "ties": "1s", "reentry": "best", "on_exclusion": "removed"},
    "posthog": {"within": "14d", "ties": "step_order", "reentry": "best", "on_exclusion": "removed"},
    "ga4": {"ties": "arrival", "reentry": "best", "on_exclusion": "drops"},
    "clickhouse": {"ties": "either", "reentry": "best", "reuse": True},
}
"""What each tool means by a funnel, from its documentation or source; an option that is given wins over it."""


class Exclusion(NamedTuple):
    """An event that must not happen after table row `low` and before table row `high` (both from 0)."""

    step: Step
    low: int
    high: int


class Slot(NamedTuple):
    """One place in an ordered attempt: the number of its condition, and the table row in which it counts."""

    condition: int
    row: int


@dataclass(frozen=True, eq=False)
class FunnelSpec:
    """The options of a funnel, checked.

    Attributes
    ----------
    steps : tuple of Step
        The conditions; as many as the table has rows.
    names : tuple of str
        What the table rows are called.
    runs : tuple of tuple of int
        The steps in order; those that may come in any order among themselves are in one tuple.
    optional : tuple of bool
        Steps that an attempt may leave out.
    step_windows : tuple of int or None
        Longest time (µs) since the step before, for each step.
    within : int or None
        Longest time (µs) from the first step to the last.
    grace : int
        With ``ties="either"``: how far apart (µs) two events may be and still count as simultaneous.
    reuse : bool
        Whether one event may serve two equal steps.
    has_chosen_reentry : bool
        Whether `reentry` was given, by the analyst or by a preset.
    by : tuple of str
        What the columns of the breakdown are called in tables.
    by_columns : tuple of str
        The columns of events or people that they are taken from.
    top : int or None
        How many groups are shown; None shows all.
    is_reversed : bool
        The log and the steps are read backwards: a step's window is that to the step before it here.
    needs_positions : bool
        Whether rows have to know their position in the whole log.
    """

    steps: tuple[Step, ...]
    names: tuple[str, ...]
    runs: tuple[tuple[int, ...], ...]
    optional: tuple[bool, ...]
    step_windows: tuple[int | None, ...]
    within: int | None = None
    order: Order = "loose"
    ties: Ties = "arrival"
    grace: int = 0
    reuse: bool = False
    reentry: Reentry = "best"
    has_chosen_reentry: bool = False
    exclude: tuple[Exclusion, ...] = ()
    on_exclusion: OnExclusion = "drops"
    hold: tuple[str, ...] = ()
    calendar: WindowPeriod | None = None
    time_zone: str = "UTC"
    entry: Entry = "first"
    entered: tuple[int | None, int | None] = (None, None)
    count: Count = "people"
    gap: int = 1_800_000_000
    campaign_cuts: bool = False
    by: tuple[str, ...] = ()
    by_columns: tuple[str, ...] = ()
    by_at: ByAt = "first"
    top: int | None = 25
    is_reversed: bool = False
    needs_positions: bool = False

    @property
    def width(self) -> int:
        """How many rows the table has."""
        return len(self.steps)

    def step_sequences(self) -> list[tuple[Slot, ...]]:
        """List every order of conditions that makes a whole attempt; one, unless steps are optional or in any order.

        For instance, A, optional B, C give (A, B, C) and (A, C), whose slots keep the table rows 0 and 2.
        """
        found: list[tuple[Slot, ...]] = [()]
        row = 0
        for run in self.runs:
            rows = range(row, row + len(run))
            found = [(*head, *map(Slot, order, rows)) for head in found for order in permutations(run)]
            row += len(run)
        if any(self.optional):
            found = [shorter for sequence in found for shorter in self._leave_out_optional(sequence)]
        if self.entry == "any":
            found = [sequence[start:] for sequence in found for start in range(len(sequence))]
        return found

    def _leave_out_optional(self, sequence: tuple[Slot, ...]) -> list[tuple[Slot, ...]]:
        """Leave out optional slots in every way: as few as possible first, and of equally many, later ones first."""
        skippable = [slot for slot in sequence if self.optional[slot.row]]
        kept = [some for size in range(len(skippable), -1, -1) for some in combinations(skippable, size)]
        return [tuple(slot for slot in sequence if not self.optional[slot.row] or slot in some) for some in kept]

    def previous_required(self, row: int) -> int:
        """Return the table row that a row's rate is measured against: the last before it that is not optional."""
        before = max(row - 1, 0)
        while before > 0 and self.optional[before]:
            before -= 1
        return before

    def exclusions_between(self, row: int, next_row: int) -> list[int]:
        """List the exclusions in force between one table row and another."""
        return [number for number, one in enumerate(self.exclude) if row < one.high and next_row > one.low]

    def start_clock_at_entry(self) -> FunnelSpec:
        """Return the funnel whose times are measured: from the first entry, unless `reentry` was chosen.

        The best attempt starts as late as it can: whoever tries often and converts once would always be quick.
        """
        if self.has_chosen_reentry or self.count == "entries":
            return self
        return replace(self, reentry="first")

    @property
    def takes_any_next(self) -> bool:
        """Whether the earliest next step is always as good as a later one."""
        return not self.exclude and not any(self.step_windows)
