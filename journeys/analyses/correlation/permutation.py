"""Small samples: permute conversions among people, again and again, and see what chance does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.correlation.behaviour_rows import mark_doers
from journeys.analyses.correlation.count import assign_strata
from journeys.analyses.correlation.parse import parse_strata
from journeys.analyses.correlation.shard_arrays import read_arrays
from journeys.analyses.correlation.spec import CorrelationSpec
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.errors import ArgumentError
from journeys.log import View
from journeys.stats import permutation_p

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Permutation", "permute"]

_MOST_CELLS = 50_000_000


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Permutation(Result[J]):
    """Could the relations of a correlation's table be chance?

    Attributes
    ----------
    table : pl.DataFrame
        `behaviour`, `phi`, `p_value` (of the correlation's table), `p_permuted`, and `p_family`: the chance that any
        behaviour of the table shows such a relation; in the order of the correlation's table.
    """

    goal: str

    @property
    def finding(self) -> str:
        """How many behaviours are beyond chance, as one sentence."""
        from journeys.display import agree, number, plural

        tested = self.table["p_family"].drop_nulls()
        beyond = int((tested <= 0.05).sum())
        goes = agree(beyond, "goes", "go")
        of = f"{number(beyond)} of {plural(len(tested), 'behaviour')}" if beyond else "No behaviour"
        return f"{of} {goes if beyond else 'goes'} with {self.goal} more closely than chance allows."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw phi against the p-value among all behaviours.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        """
        from journeys.charts.volcano import draw

        return draw(
            self.table.rename({"p_family": "q_value"}),
            goal=self.goal,
            title=self.finding,
            subtitle=f"{self.settings['n_permutations']:,} permutations; p-values among all behaviours",
            dark=dark,
            narrow=narrow,
        )


def permute(
    journeys: J,
    table: pl.DataFrame,
    spec: CorrelationSpec,
    *,
    people: int,
    n_permutations: int,
    seed: int,
    within: str | None,
    settings: Mapping[str, Any],
) -> Permutation[J]:
    """Compute permutation p-values for the behaviours of a table."""
    table = table.select("behaviour", "phi", "p_value", "family", "value")
    if people * max(table.height, 1) > _MOST_CELLS:
        raise ArgumentError(
            f"permute: {people:,} people × {table.height:,} behaviours are too many to permute; with so many people "
            "use the p-values of the table."
        )
    spec = spec if within is None else replace(spec, strata=parse_strata(journeys._log, within))
    each = journeys._count_shards(list_people, (spec, tuple(table.select("family", "value").rows()))).sort("code")
    did = np.zeros((each.height, table.height))
    rows = np.repeat(np.arange(each.height), each["did"].list.len().to_numpy())
    did[rows, each["did"].explode(empty_as_null=False).to_numpy()] = 1
    found = permutation_p(
        did,
        converted=each["converted"].to_numpy(),
        strata=each["stratum"].fill_null("").to_numpy(),
        n_permutations=n_permutations,
        seed=seed,
    )
    permuted = table.select("behaviour", "phi", "p_value").with_columns(
        pl.Series("p_permuted", found.p_value, dtype=pl.Float64).fill_nan(None),
        pl.Series("p_family", found.p_family, dtype=pl.Float64).fill_nan(None),
    )
    settings = {**settings, "n_permutations": n_permutations, "within": within}
    return Permutation(permuted, settings, journeys, spec.goal.name)


def list_people(view: View, asked: tuple[CorrelationSpec, tuple[tuple[int, str], ...]]) -> pl.DataFrame:
    """List who did what: one row per person, with the numbers of the behaviours done."""
    spec, behaviours = asked
    arrays = read_arrays(view, spec)
    window = arrays.open_window(spec)
    group, names = assign_strata(arrays, window, spec)
    masks = [mark_doers(spec.families[family], value, arrays, window) for family, value in behaviours]
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
