"""The permutation test of a correlation: every conversion drawn anew among those at risk then, again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.correlation.equal_time import MOST_PEOPLE_CELLS, EqualTimeSpec, lay_out_times, list_behaviours
from journeys.analyses.correlation.spec import Before, CorrelationSpec, Matched, parse_strata
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import ArgumentError
from journeys.stats import permute_at_risk, to_columns

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Permutation(JourneysResult[J]):
    """Could the relations of a correlation's table be chance?

    Attributes
    ----------
    table : pl.DataFrame
        `behaviour`, `phi`, `p_value` (of the correlation's table), `p_permuted`, and `p_family`: the chance that any
        behaviour of the table shows such a relation; in the order of the correlation's table.
    goal : str
        The converting event.
    """

    goal: str

    @property
    def finding(self) -> str:
        """How many behaviours are beyond chance, as one sentence."""
        from journeys.display import choose_form, format_count, format_number, quote_name

        if (people := self.settings["people"]) < MIN_PEOPLE:
            return say_too_few(people, "can be compared", unit=self._journeys._log.unit)
        tested = self.table["p_family"].drop_nulls()
        beyond = int((tested <= 0.05).sum())
        which = "No behaviour goes"
        if beyond:
            goes = choose_form(beyond, "goes", "go")
            which = f"{format_number(beyond)} of {format_count(len(tested), 'behaviour')} {goes}"
        return f"{which} with {quote_name(self.goal)} more closely than chance allows."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw phi against the p-value among all behaviours.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        """
        from journeys.charts.volcano import draw_volcano

        return draw_volcano(
            self.table.rename({"p_family": "q_value"}),
            goal=self.goal,
            title=self.finding,
            subtitle=f"{self.settings['n_permutations']:,} permutations; p-values among all behaviours",
            dark=dark,
            narrow=narrow,
        )


def permute_goal(
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
    if people * max(table.height, 1) > MOST_PEOPLE_CELLS:
        raise ArgumentError(
            f"permute: {people:,} people × {table.height:,} behaviours are too many to permute; with so many people "
            "use the p-values of the table."
        )
    spec = spec if within is None else replace(spec, strata=parse_strata(journeys._log, within))
    spec = replace(spec, exposure=Before()) if isinstance(spec.exposure, Matched) else spec
    question = EqualTimeSpec(spec, tuple(table.select("family", "value").rows()))
    listed = journeys._count_shards(list_behaviours, question)
    codes, did_at = lay_out_times(listed, behaviours=table.height)
    at_risk = listed.filter(pl.col("behaviour") == -1).sort("code", "since")
    alone, among = permute_at_risk(
        did_at[np.searchsorted(codes, at_risk["code"].to_numpy())],
        time=at_risk["time"],
        converted=at_risk["converted"],
        strata=at_risk["stratum"].rank("dense").fill_null(0),
        since=at_risk["since"],
        n_permutations=n_permutations,
        seed=seed,
    )
    permuted = table.select("behaviour", "phi", "p_value").with_columns(to_columns(p_permuted=alone, p_family=among))
    settings = {**settings, "n_permutations": n_permutations, "within": within}
    return Permutation(permuted, settings, journeys, spec.goal.name)
