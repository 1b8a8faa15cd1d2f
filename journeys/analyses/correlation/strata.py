"""Does it hold within groups, or do the groups explain it? And does it change over time?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.correlation.ask import Ask
from journeys.analyses.correlation.columns import ACTIVITY
from journeys.analyses.correlation.count import count
from journeys.analyses.correlation.question import resolve_strata
from journeys.analyses.correlation.summary import Cells, add_up
from journeys.analyses.result import Result
from journeys.errors import UnknownNameError, unknown
from journeys.stats import adjust, mantel_haenszel, partial_phi, phi_table

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.analyses.correlation.result import Correlation

__all__ = ["Stratified", "stratify"]

CELLS = ("both", "behaviour_only", "conversion_only", "neither")
LEVEL = 0.05


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Stratified(Result[Any]):
    """Does a behaviour go with converting among people who are alike?

    Attributes
    ----------
    table : pl.DataFrame
        One row a behaviour, by `phi_within`, the largest first: `behaviour`, `phi` (everybody together), `phi_within`
        (within the groups: the partial correlation), `odds_ratio`, `odds_ratio_within` (Mantel & Haenszel) with
        `ci_low`, `ci_high`, `p_value` (Cochran, Mantel & Haenszel), `q_value`, and `verdict`: "holds", "reversed"
        (together it points one way, within the groups the other: Simpson's paradox), "explained by the groups"
        (nothing is left of it within them), "only within the groups", or null where there is nothing either way.
    strata : pl.DataFrame
        One row a behaviour and group, sorted by both: `behaviour`, `stratum`, the four counts, `phi`, `ci_low`,
        `ci_high`, `p_value`, `rate_with`, `rate_without`.
    """

    strata: pl.DataFrame
    column: str
    goal: str
    ask: Ask = field(repr=False)

    @property
    def groups(self) -> str:
        """What the groups are, in words."""
        if self.column.startswith("every "):
            return (
                f"by the {self.column.removeprefix('every ')} of the first touch; later groups were watched less long"
            )
        return "within levels of activity" if self.column == "activity" else f"within {self.column}"

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import agree, number, plural

        said = self.table.filter(pl.col("verdict").is_not_null())
        turned = said.filter(pl.col("verdict") == "reversed")
        if turned.height:
            row = turned.sort((pl.col("phi") * pl.col("phi_within")).abs(), "behaviour", descending=[True, False]).row(
                0, named=True
            )
            ways = ("more", "less") if row["phi"] > 0 else ("less", "more")
            return (
                f"{row['behaviour']} is reversed: taken together, those who did it reach {self.goal} {ways[0]} often; "
                f"{self.groups} {ways[1]} often."
            )
        gone = said.filter(pl.col("verdict") == "explained by the groups").height
        held = said.filter(pl.col("verdict") == "holds").height
        if not gone and not held:
            return f"No behaviour goes with {self.goal}, together or {self.groups}."
        if held + gone == 1:
            holds = "holds" if held else "does not hold"
            return f"The only behaviour that goes with {self.goal} {holds} {self.groups}."
        hold = agree(held, "holds", "hold")
        return f"{number(held)} of {plural(held + gone, 'behaviour')} that go with {self.goal} {hold} {self.groups}."

    def trend(self, behaviour: str) -> str:
        """Say how a behaviour's phi differs between the groups, as one sentence."""
        from journeys.display import day, ratio

        here = self.strata.filter((pl.col("behaviour") == behaviour) & pl.col("phi").is_not_null())
        if here.height < 2:
            return f"{behaviour} and {self.goal}"
        ends = here if self.column.startswith("every ") else here.sort("phi", "stratum")
        (low, first), (high, last) = (ends.select("stratum", "phi").row(place) for place in (0, -1))
        since = self.column.startswith("every ")
        low, high = (f"from {day(date.fromisoformat(end))} on" if since else f"in {end}" for end in (low, high))
        return f"{behaviour} and {self.goal}: phi {ratio(first)} {low}, {ratio(last)} {high}"

    def plot(
        self, *, dark: bool = False, narrow: bool = False, behaviour: str | None = None, rows: int = 20
    ) -> go.Figure:
        """Draw phi with and without the groups; or, for one behaviour, its phi in each group.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a telephone.
        behaviour : str, optional
            As it is called in the table.
        rows : int
            At most so many behaviours.
        """
        from journeys.charts.strata import draw_groups, draw_within

        options: dict[str, Any] = {
            "dark": dark,
            "narrow": narrow,
            "subtitle": f"phi with reaching {self.goal}, {self.groups}",
        }
        if behaviour is None:
            return draw_within(self.table.head(rows), groups=self.groups, title=self.finding, **options)
        here = self.strata.filter(pl.col("behaviour") == behaviour)
        if here.is_empty():
            names = self.table["behaviour"].to_list()
            raise UnknownNameError(unknown("behaviour", behaviour, available=names, what="behaviour in the table"))
        over_time = self.column.startswith("every ")
        return draw_groups(here, title=self.trend(behaviour), over_time=over_time, **options)


def stratify(result: Correlation, column: str) -> Stratified:
    """Ask a correlation again, counting apart by a column of people."""
    ask = replace(result.ask, strata=resolve_strata(result._journeys._log, column))
    cells = add_up(result._journeys._count_shards(count, ask), ask)
    strata = _by_stratum(result, cells)
    table = _pooled(result, strata)
    if column == ACTIVITY:
        first = pl.col("stratum").str.extract(r"^(\d+)").cast(pl.Int64)
        strata = strata.sort("family", "value", first)
    settings = {**result.settings, "by": column}
    return Stratified(table, settings, result._journeys, strata.drop("family", "value"), column, result.goal, ask)


def _by_stratum(result: Correlation, cells: Cells) -> pl.DataFrame:
    """Give each behaviour of the table its four counts in every group, those with nobody included."""
    groups = cells.totals.rename({"people": "everybody", "converted": "converters"})
    counted = cells.table.rename({"behaviour": "value"})
    full = (
        result.table.select("behaviour", "family", "value")
        .join(groups, how="cross")
        .join(counted, on=["family", "value", "stratum"], how="left", nulls_equal=True)
        .with_columns(pl.col("people", "converted").fill_null(0))
        .with_columns(
            both=pl.col("converted"),
            behaviour_only=pl.col("people") - pl.col("converted"),
            conversion_only=pl.col("converters") - pl.col("converted"),
            neither=pl.col("everybody") - pl.col("converters") - pl.col("people") + pl.col("converted"),
        )
        .sort("family", "value", "stratum")
    )
    found = phi_table(*(full[name] for name in CELLS), confidence=result.rules.confidence)
    measured = {name: getattr(found, name) for name in ("phi", "ci_low", "ci_high", "p_value")}
    return full.select("behaviour", "stratum", *CELLS, "family", "value").with_columns(
        *(pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in measured.items()),
        rate_with=_rate("both", "behaviour_only"),
        rate_without=_rate("conversion_only", "neither"),
    )


def _rate(yes: str, no: str) -> pl.Expr:
    return (pl.col(yes) / (pl.col(yes) + pl.col(no))).fill_nan(None)


def _pooled(result: Correlation, strata: pl.DataFrame) -> pl.DataFrame:
    """Pool the groups of each behaviour."""
    names = result.table.select("behaviour", "family", "value", "phi", "p_value", "odds_ratio").sort("family", "value")
    groups = strata["stratum"].n_unique() or 1
    tables = [strata[name].to_numpy().reshape(-1, groups) for name in CELLS]
    pooled = mantel_haenszel(*tables, confidence=result.rules.confidence)
    columns = {
        "phi_within": partial_phi(*tables),
        "odds_ratio_within": pooled.odds_ratio,
        "ci_low": pooled.ci_low,
        "ci_high": pooled.ci_high,
        "p_within": pooled.p_value,
        "q_value": adjust(pooled.p_value),
    }
    table = names.with_columns(
        [pl.Series(name, np.atleast_1d(values), dtype=pl.Float64).fill_nan(None) for name, values in columns.items()]
    )
    crude, within = pl.col("p_value") <= LEVEL, pl.col("p_within") <= LEVEL
    table = table.with_columns(
        verdict=pl.when(crude & within & (pl.col("phi") * pl.col("phi_within") < 0))
        .then(pl.lit("reversed"))
        .when(crude & within)
        .then(pl.lit("holds"))
        .when(crude)
        .then(pl.lit("explained by the groups"))
        .when(within)
        .then(pl.lit("only within the groups"))
    )
    kept = ["behaviour", "phi", "phi_within", "odds_ratio", "odds_ratio_within", "ci_low", "ci_high"]
    return (
        table.drop("p_value")
        .rename({"p_within": "p_value"})
        .sort("phi_within", "behaviour", "family", "value", descending=[True, *[False] * 3], nulls_last=True)
        .select(*kept, "p_value", "q_value", "verdict")
    )
