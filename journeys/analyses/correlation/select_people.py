"""Some cells of a behaviour's 2×2 table → their people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.correlation.count import mark_doers
from journeys.analyses.correlation.exposure import read_arrays
from journeys.analyses.correlation.spec import CorrelationSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class BehaviourCell:
    """Which people: who did a behaviour or did not, and who converted or did not; None for both."""

    spec: CorrelationSpec
    family: int
    behaviour: str
    did: bool | None
    converted: bool | None


def select_cell(view: View, selection: BehaviourCell) -> pl.Series:
    """Return the codes of the people in some cells of a behaviour's 2×2 table."""
    arrays = read_arrays(view, selection.spec)
    window = arrays.open_window(selection.spec)
    chosen = np.ones(len(window.code), np.bool_)
    if selection.did is not None:
        family = selection.spec.families[selection.family]
        chosen &= mark_doers(family, selection.behaviour, arrays, window) == selection.did
    if selection.converted is not None:
        chosen &= window.converted == selection.converted
    return pl.Series("code", window.code[chosen], dtype=pl.UInt32)
