"""A number of active days → the people with at least as many."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.labels import filter_group
from journeys.analyses.stickiness.count import find_days
from journeys.analyses.stickiness.spec import StickinessSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class DaysSelection:
    """Which people: active on at least so many days of a period, in a group (None: all)."""

    spec: StickinessSpec
    period: int
    at_least: int
    group: str | None
    kept: tuple[str | None, ...] | None


def select_days(view: View, selection: DaysSelection) -> pl.Series:
    """Return the codes of the people active often enough."""
    days = find_days(view, selection.spec)
    chosen = (pl.col("period") == selection.period) & (pl.col("days") >= selection.at_least)
    return filter_group(days.filter(chosen), selection.group, kept=selection.kept)["person"].unique().sort()
