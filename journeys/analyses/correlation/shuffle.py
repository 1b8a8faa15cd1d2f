"""Few people: deal the conversions out anew, again and again, and see what chance does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.analyses.correlation.ask import Ask
from journeys.analyses.correlation.columns import read_columns
from journeys.analyses.correlation.count import did_mask, strata_of
from journeys.analyses.correlation.question import resolve_strata
from journeys.errors import ArgumentError
from journeys.log import View
from journeys.stats import permutation_p

if TYPE_CHECKING:
    from journeys.analyses.correlation.result import Correlation

__all__ = ["count_each", "permute"]

_MOST = 50_000_000


def count_each(view: View, asked: tuple[Ask, tuple[tuple[int, str], ...]]) -> pl.DataFrame:
    """Write down who did what: one row a person, with the numbers of the behaviours done."""
    ask, behaviours = asked
    columns = read_columns(view, ask)
    window = columns.window(ask)
    group, names = strata_of(columns, window, ask)
    masks = [did_mask(ask, columns, window, family=family, behaviour=value) for family, value in behaviours]
    table = np.array(masks, np.bool_).reshape(len(behaviours), len(window.code)).T
    return pl.DataFrame(
        {
            "code": window.code,
            "converted": window.converted,
            "stratum": pl.Series(names, dtype=pl.String).gather(group),
            "did": [np.flatnonzero(row) for row in table],
        },
        schema={"code": pl.UInt32, "converted": pl.Boolean, "stratum": pl.String, "did": pl.List(pl.Int64)},
    )


def permute(result: Correlation, *, deals: int, seed: int, within: str | None) -> pl.DataFrame:
    """Compute permutation p-values for the behaviours of a table."""
    table = result.table.select("behaviour", "phi", "p_value", "family", "value")
    size = result.cells.people * max(table.height, 1)
    if size > _MOST:
        raise ArgumentError(
            f"permute: {result.cells.people:,} people × {table.height:,} behaviours are too many to deal out anew, and "
            "enough for the p-values of the table; it is meant for small samples."
        )
    ask = result.ask if within is None else replace(result.ask, strata=resolve_strata(result._journeys._log, within))
    asked = (ask, tuple(table.select("family", "value").rows()))
    people = result._journeys._count_shards(count_each, asked).sort("code")
    did = np.zeros((people.height, table.height))
    rows = np.repeat(np.arange(people.height), people["did"].list.len().to_numpy())
    did[rows, people["did"].explode(empty_as_null=False).to_numpy()] = 1
    strata = people["stratum"].fill_null("").to_numpy()
    found = permutation_p(did, converted=people["converted"].to_numpy(), strata=strata, deals=deals, seed=seed)
    return table.select("behaviour", "phi", "p_value").with_columns(
        pl.Series("p_permuted", found.p_value, dtype=pl.Float64).fill_nan(None),
        pl.Series("p_family", found.p_family, dtype=pl.Float64).fill_nan(None),
    )
