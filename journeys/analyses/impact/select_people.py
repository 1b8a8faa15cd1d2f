"""A part of the answer to an impact → its people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from journeys.analyses.impact.count import find_moments, find_strata, mark_strata
from journeys.analyses.impact.spec import ImpactSpec
from journeys.log import View

Part = Literal["people", "unmatched", "pending", "others"]


@dataclass(frozen=True, eq=False, slots=True)
class PartSelection:
    """Which people: those compared, the others they are compared with, or those left out of the comparison."""

    spec: ImpactSpec
    part: Part
    matched: pl.DataFrame


def select_part(view: View, selection: PartSelection) -> pl.Series:
    """Return the codes of the people of a part."""
    rows, moments = find_moments(view, selection.spec)
    is_matched = mark_strata(find_strata(rows, moments, selection.spec), selection.matched)
    is_use, is_pending = moments.is_use, moments.is_pending
    chosen = {
        "people": is_use & ~is_pending & is_matched,
        "unmatched": is_use & ~is_pending & ~is_matched,
        "pending": is_use & is_pending,
        "others": ~is_use & ~is_pending & is_matched,
    }[selection.part]
    return pl.Series("person", np.unique(rows.bounds.code[moments.person[chosen]]), dtype=pl.UInt32)
