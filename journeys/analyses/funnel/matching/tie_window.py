"""How far "before" and "after" reach when equal (or nearly equal) times are not told apart."""

from __future__ import annotations

import numpy as np

from journeys.analyses.funnel.rows import Rows
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log.arrays import Ints, mark_changes, search_within


class TieWindow:
    """The rows that may come before, and after, each row.

    A tie is a run of rows of one unit with equal times. For instance, with the times 1, 2, 2 and ties in either order,
    rows 1 and 2 may both come before or after each other: `before` is 3 for both, `after` is 1.
    """

    def __init__(self, rows: Rows, spec: FunnelSpec) -> None:
        self.rows = rows
        self.grace = spec.grace
        self.is_arrival = spec.ties == "arrival"
        self.is_either = spec.ties == "either"
        if self.is_arrival:
            return
        starts = mark_changes(rows.unit) | mark_changes(rows.time)
        number = np.cumsum(starts) - 1
        borders = np.append(np.flatnonzero(starts), rows.size)
        self.tie_start, self.tie_stop = borders[number], borders[number + 1]
        self.low, self.high = self.tie_start, self.tie_stop
        if self.is_either and self.grace:
            # all rows of the unit whose times are within the grace
            first, stop = rows.first[rows.unit], rows.stop[rows.unit]
            self.low = search_within(rows.time, rows.time - self.grace, low=first, high=stop, side="left")
            self.high = search_within(rows.time, rows.time + self.grace, low=first, high=stop)

    def before(self, row: Ints) -> Ints:
        """Return the row number below which rows may come before `row`."""
        if self.is_arrival:
            return row
        reach: Ints = self.high[row] if self.is_either else self.tie_start[row]
        return reach

    def after(self, row: Ints) -> Ints:
        """Return the row number from which rows may come after `row`."""
        if self.is_arrival:
            return row + 1
        reach: Ints = self.low[row] if self.is_either else self.tie_stop[row]
        return reach

    def between(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Return the first row that surely lies between `low` and `high`, and the row after the last."""
        if self.is_either:
            return self.high[low], self.low[high]
        return low + 1, high
