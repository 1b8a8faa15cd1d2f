"""The people behind the numbers of a funnel."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.funnel.ask import step_row
from journeys.analyses.funnel.count import OTHER, Chosen, select
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.result import Result
from journeys.errors import UnknownNameError, unknown
from journeys.steps import duration_us, moment_us

if TYPE_CHECKING:
    from journeys.api import Journeys

__all__ = ["FunnelPeople"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class FunnelPeople(Result[Any]):
    """Whoever stands behind a number of a funnel's table can be selected."""

    spec: FunnelSpec = field(repr=False)
    counts: pl.DataFrame = field(repr=False)

    def people(self, step: int | str = 1, **group: str) -> Journeys:
        """Return the journeys of those who reached a step; the same as `converted`."""
        return self.converted(step, **group)

    def converted(self, step: int | str | None = None, **group: str) -> Journeys:
        """Select those who reached a step, with all their events.

        Parameters
        ----------
        step : int or str, optional
            The step, by number from 1 or by name; the last by default.
        **group : str
            One group of a breakdown, as the table shows it: ``first_campaign="spring"``.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
        ...     "event": ["Visit", "Sign up", "Visit"]})
        >>> f = jn.Journeys.from_table(log).funnel(["Visit", "Sign up"])
        >>> f.converted().people["person"].to_list(), f.dropped(after="Visit").people["person"].to_list()
        (['a'], ['b'])
        """
        row = self.spec.width - 1 if step is None else self.row_of(step, argument="step")
        return self._chosen(row, group=group)

    def dropped(self, after: int | str = 1, **group: str) -> Journeys:
        """Select those who reached a step and no later one, with all their events."""
        return self._chosen(self.row_of(after, argument="after"), dropped=True, group=group)

    def stalled(self, after: int | str = 1, *, at_least: str | timedelta = "7d", **group: str) -> Journeys:
        """Select those who reached a step, went no further, and have had some time to do so.

        Parameters
        ----------
        after : int or str
            The step, by number from 1 or by name.
        at_least : str or timedelta
            How long before the end of the log they took it; who took it later may only not have had the time.
        """
        row = self.row_of(after, argument="after")
        last = self._journeys.until
        patience = duration_us(at_least, argument="at_least")
        before = None if last is None else moment_us(last) - patience
        return self._chosen(row, dropped=True, group=group, before=before)

    def row_of(self, step: int | str, *, argument: str) -> int:
        """Find a step's table row, from 0."""
        return step_row(step, names=self.spec.names, argument=argument)

    def _chosen(
        self, row: int, *, dropped: bool = False, group: dict[str, str] | None = None, before: int | None = None
    ) -> Journeys:
        group = group or {}
        wrong = [name for name in group if name not in self.spec.by]
        if wrong:
            raise UnknownNameError(unknown("group", wrong, available=list(self.spec.by), what="breakdown column"))
        for name, value in group.items():
            shown = self.table[name].unique(maintain_order=True).to_list()
            if value not in shown:
                raise UnknownNameError(unknown(name, str(value), available=shown, what="group"))
        listed: tuple[tuple[str, ...], ...] = ()
        if self.spec.by:
            listed = tuple(self.table.select(self.spec.by).unique(maintain_order=True).rows())
            listed = tuple(one for one in listed if any(value != OTHER for value in one))
        chosen = Chosen(self.spec, row, dropped, tuple(group.items()), listed, before)
        return self._journeys._select_people(select, chosen)  # type: ignore[no-any-return]
