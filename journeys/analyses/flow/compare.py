"""Two groups of people, one picture: which ways, and which touch points, differ?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.flow.links import count_links
from journeys.analyses.flow.nodes import said
from journeys.analyses.flow.result import Flow, make
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import kept_nodes
from journeys.analyses.result import Asked
from journeys.errors import ArgumentError
from journeys.stats import adjust, difference

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["ComparedFlow", "ask_against"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ComparedFlow(Flow):
    """A flow beside that of other people, on one scale and with the same nodes.

    Attributes
    ----------
    table : pl.DataFrame
        The links of a flow, and beside them `against_people`, `against_share_of_start`, `difference` (of the shares
        of all who start; positive: more here than there), `difference_low`, `difference_high`, `p_value`, `q_value`.
    nodes : pl.DataFrame
        The nodes with the same columns and, with an end, `rate_difference` (of the conversion rates of those who
        pass), `rate_low`, `rate_high`, `rate_p_value`, `rate_q_value`: below zero where a touch point does not
        resonate here.
    other : Flow
        The flow of the others.
    """

    other: Flow

    @property
    def finding(self) -> str:
        """The largest difference that holds, as one sentence."""
        from journeys.display import percent, points

        moves = self.table.filter(pl.col("q_value") < 0.05)
        if moves.is_empty():
            return "No link differs between the two groups beyond chance."
        top = moves.sort(pl.col("difference").abs(), "position", "source", "target", descending=[True, *[False] * 3])
        row = top.row(0, named=True)
        way = f"{said(row['source'])} → {said(row['target'])}"
        return (
            f"{percent(row['share_of_start'])} go {way} at step {row['position'] + 1}, "
            f"{percent(row['against_share_of_start'])} of the others: "
            f"{points(row['difference'], row['difference_low'], row['difference_high'])}."
        )

    @property
    def definition(self) -> str:
        """Who is compared with whom."""
        mine = Flow.definition.fget(self)  # type: ignore[attr-defined]
        return f"{mine.removesuffix('.')} against {self.other.journeys:,}. Positive: more here."

    def plot(  # type: ignore[override]  # colours say who, not what goes with the goal
        self, *, kind: Literal["difference", "both"] = "difference", dark: bool = False
    ) -> go.Figure:
        """Draw the difference, or both flows on one scale.

        Parameters
        ----------
        kind : {"difference", "both"}
            One Sankey whose links are as wide as the difference, or the two Sankeys one above the other.
        dark : bool
            For a dark page.
        """
        from journeys.charts.flow_difference import draw, draw_both

        words: dict[str, Any] = {"title": self.finding, "subtitle": self.definition, "goal": self.goal, "dark": dark}
        if kind == "difference":
            return draw(self.table, **words)
        return draw_both(self.table, colour_of=self._colours(dark=dark), **words)

    def resonance(self) -> pl.DataFrame:
        """Which touch points convert worse, or better, here than for the others?

        Returns
        -------
        pl.DataFrame
            Per node over all columns: `node`, `people`, `conversion_rate`, `against_people`,
            `against_conversion_rate`, `rate_difference`, `rate_low`, `rate_high`, `q_value`; the worst first.
            Passages are added up over columns, so that a journey that comes by twice counts twice: the
            intervals are too narrow where journeys come by often.

        Raises
        ------
        ArgumentError
            When the flow has no end to convert to.
        """
        if self.goal is None:
            raise ArgumentError("resonance: this flow has no end to reach; ask j.flow(end=…, against=…).")
        rates = [_over_columns(flow.nodes, prefix) for flow, prefix in ((self, ""), (self.other, "against_"))]
        table = rates[0].join(rates[1], on="node", how="inner")
        found = difference(table["converted"], table["passed"], table["against_converted"], table["against_passed"])
        table = table.with_columns(
            rate_difference=pl.Series(found.estimate, nan_to_null=True),
            rate_low=pl.Series(found.ci_low, nan_to_null=True),
            rate_high=pl.Series(found.ci_high, nan_to_null=True),
            q_value=pl.Series(adjust(found.p_value), nan_to_null=True),
        )
        columns = ["node", "people", "conversion_rate", "against_people", "against_conversion_rate"]
        return table.select(*columns, "rate_difference", "rate_low", "rate_high", "q_value").sort(
            "rate_difference", "node"
        )


def _over_columns(nodes: pl.DataFrame, prefix: str) -> pl.DataFrame:
    added = nodes.group_by("node").agg(pl.col("people", "passed", "converted").sum())
    added = added.with_columns(conversion_rate=pl.col("converted") / pl.col("passed"))
    return added.select("node", pl.exclude("node").name.prefix(prefix))


def ask_against(asked: Asked, others: Asked, spec: FlowSpec, *, settings: dict[str, Any]) -> ComparedFlow:
    """Count both groups, keep the same nodes in both, and put one beside the other."""
    counts = [asked.run(count_links, spec), others.run(count_links, spec)]
    kept = kept_nodes(pl.concat(counts), spec)
    mine, theirs = (
        make(group, spec, counted, settings=settings, kept=kept)
        for group, counted in zip((asked, others), counts, strict=True)
    )
    relate = spec.end is not None
    links = _beside(mine.table, theirs.table, keys=["position", "source", "target"], n=(mine.journeys, theirs.journeys))
    nodes = _beside(mine.nodes, theirs.nodes, keys=["position", "node"], n=(mine.journeys, theirs.journeys))
    if relate:
        nodes = _rates(nodes, theirs.nodes)
    return ComparedFlow(
        table=links,
        settings=settings,
        asked=asked,
        nodes=nodes,
        spec=spec,
        kept=mine.kept,
        journeys=mine.journeys,
        reached=mine.reached,
        other=theirs,
    )


def _beside(mine: pl.DataFrame, theirs: pl.DataFrame, *, keys: list[str], n: tuple[int, int]) -> pl.DataFrame:
    other = theirs.select(*keys, pl.col("people", "share_of_start").name.prefix("against_"))
    table = mine.join(other, on=keys, how="full", coalesce=True)
    counts = [name for name, kind in table.schema.items() if kind == pl.Int64 and name != "position"]
    shares = [name for name in ("share", "share_of_start", "against_share_of_start") if name in table.columns]
    table = table.with_columns(pl.col(counts).fill_null(0), pl.col(shares).fill_null(0.0))
    found = difference(table["people"], [n[0]] * table.height, table["against_people"], [n[1]] * table.height)
    table = table.with_columns(
        difference=pl.Series(found.estimate, nan_to_null=True),
        difference_low=pl.Series(found.ci_low, nan_to_null=True),
        difference_high=pl.Series(found.ci_high, nan_to_null=True),
        p_value=pl.Series(found.p_value, nan_to_null=True),
        q_value=pl.Series(adjust(found.p_value), nan_to_null=True),
    )
    return table.sort("position", "people", *keys[1:], descending=[False, True, *[False] * (len(keys) - 1)])


def _rates(nodes: pl.DataFrame, theirs: pl.DataFrame) -> pl.DataFrame:
    other = theirs.select("position", "node", pl.col("passed", "converted").name.prefix("against_"))
    table = nodes.join(other, on=["position", "node"], how="left", maintain_order="left")
    table = table.with_columns(pl.col("against_passed", "against_converted").fill_null(0))
    found = difference(table["converted"], table["passed"], table["against_converted"], table["against_passed"])
    return table.with_columns(
        rate_difference=pl.Series(found.estimate, nan_to_null=True),
        rate_low=pl.Series(found.ci_low, nan_to_null=True),
        rate_high=pl.Series(found.ci_high, nan_to_null=True),
        rate_p_value=pl.Series(found.p_value, nan_to_null=True),
        rate_q_value=pl.Series(adjust(found.p_value), nan_to_null=True),
    )
