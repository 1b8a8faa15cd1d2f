"""An event → the people whose journey ended there without the goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.dropoff.count import DropoffSpec, collapse_lost
from journeys.log import View


@dataclass(frozen=True, slots=True, eq=False)
class LostSelection:
    """Who is lost at which event."""

    spec: DropoffSpec
    event: str


def select_lost(view: View, selection: LostSelection) -> pl.Series:
    """Return the codes of the people whose journey ended at the event without the goal."""
    journeys, lost, _ = collapse_lost(view, selection.spec)
    if not journeys.code.size:
        return pl.Series("code", [], dtype=pl.UInt32)
    is_there = np.array([label == selection.event for label in journeys.labels])[journeys.code[journeys.last]]
    return pl.Series("code", np.unique(journeys.person[lost & is_there]), dtype=pl.UInt32)
