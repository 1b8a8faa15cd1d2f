"""A state in a period → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.labels import filter_group
from journeys.analyses.lifecycle.count import find_states
from journeys.analyses.lifecycle.spec import LifecycleSpec, State
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class StateSelection:
    """Which people: in a state in a period, in a group (None: all)."""

    spec: LifecycleSpec
    period: int
    state: State
    group: str | None
    kept: tuple[str | None, ...] | None


def select_state(view: View, selection: StateSelection) -> pl.Series:
    """Return the codes of the people in a state."""
    rows = find_states(view, selection.spec)
    rows = rows.filter((pl.col("period") == selection.period) & (pl.col("state") == selection.state))
    return filter_group(rows, selection.group, kept=selection.kept)["person"].unique().sort()
