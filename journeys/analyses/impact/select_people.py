"""A part of the answer to an impact → its people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from journeys.analyses.impact.count import find_moments, find_strata
from journeys.analyses.impact.spec import STRATUM, ImpactSpec
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
    known = selection.matched.select(*STRATUM, known=pl.lit(value=True))
    table = find_strata(rows, moments, selection.spec).join(known, on=STRATUM, how="left", maintain_order="left")
    is_matched = table["known"].fill_null(value=False).to_numpy()
    used, is_pending = moments.used, moments.is_pending
    chosen = {
        "people": used & ~is_pending & is_matched,
        "unmatched": used & ~is_pending & ~is_matched,
        "pending": used & is_pending,
        "others": ~used & ~is_pending & is_matched,
    }[selection.part]
    return pl.Series("person", np.unique(rows.bounds.code[moments.person[chosen]]), dtype=pl.UInt32)
