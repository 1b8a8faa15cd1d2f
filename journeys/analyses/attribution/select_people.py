"""A touchpoint of the table → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.attribution.count import paths_per_person
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class TouchSelection:
    """Which people: with this touchpoint in their path (None: without any), who converted or did not."""

    spec: AttributionSpec
    touch: str | None
    converted: bool | None = None


def select_touched(view: View, selection: TouchSelection) -> pl.Series:
    """Return the codes of the people whose path holds a touchpoint."""
    path = pl.col("path")
    kept = path.list.len() == 0 if selection.touch is None else path.list.contains(selection.touch)
    if selection.converted is not None:
        kept &= pl.col("converted") == selection.converted
    return paths_per_person(view, selection.spec).filter(kept)["person"]
