"""A touchpoint of the table → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.attribution.count import find_paths
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import value_of_label
from journeys.analyses.protocol import J
from journeys.errors import UnknownNameError, unknown_message
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class TouchSelection:
    """Which people: with this touchpoint in their path (None: without any), who converted or did not."""

    spec: AttributionSpec
    touch: str | None
    converted: bool | None = None


def select_touched(view: View, selection: TouchSelection) -> pl.Series:
    """Return the codes of the people one of whose paths holds a touchpoint."""
    path = pl.col("path")
    kept = path.list.len() == 0
    if selection.touch is not None:
        kept = path.cast(pl.List(pl.String)).list.contains(selection.touch)
    if selection.converted is not None:
        kept &= pl.col("converted") == selection.converted
    return find_paths(view, selection.spec).filter(kept)["person"].unique()


def select_touch(journeys: J, spec: AttributionSpec, touch: str, *, converted: bool | None, labels: pl.Series) -> J:
    """Select the people of a touchpoint as a table shows it; raises UnknownNameError for one that it does not show."""
    available = labels.unique(maintain_order=True).to_list()
    if touch not in available:
        raise UnknownNameError(unknown_message("touch", touch, available=available, what=spec.by))
    return journeys._select_people(select_touched, TouchSelection(spec, value_of_label(touch), converted))
