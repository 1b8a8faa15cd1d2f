"""A variant of an experiment → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.experiment.count import find_outcomes
from journeys.analyses.experiment.spec import ExperimentSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class VariantSelection:
    """Which people: of a variant, who converted or did not (None: both)."""

    spec: ExperimentSpec
    variant: str
    converted: bool | None


def select_variant(view: View, selection: VariantSelection) -> pl.Series:
    """Return the codes of the people of a variant."""
    outcomes = find_outcomes(view, selection.spec)
    chosen = pl.col("variant") == selection.variant
    if selection.converted is not None:
        chosen &= ~pl.col("pending") & (pl.col("converted") == selection.converted)
    return outcomes.filter(chosen)["person"]
