"""Two groups of people, one picture: which ways, and which touch points, differ?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.flow.choose import Chosen, people_of
from journeys.analyses.flow.heads import begins_late
from journeys.analyses.flow.links import count_links
from journeys.analyses.flow.nodes import said
from journeys.analyses.flow.paths import touched
from journeys.analyses.flow.result import Flow, make
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import kept_nodes
from journeys.analyses.flow.words import first_named, where
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError
from journeys.log import View
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
    shared : int
        People whose journeys are in both. Intervals and p-values take the groups for different people.
    """

    other: Flow
    shared: int

    @property
    def _begins_late(self) -> bool:
        return begins_late(self._journeys) or begins_late(self.other._journeys)

    @property
    def finding(self) -> str:
        """The largest difference that holds, as one sentence."""
        from journeys.display import percent, points

        if not (self.journey_count and self.other.journey_count):
            lacking = "the others have" if self.journey_count else "this group has"
            return f"There is nothing to compare: {lacking} no journey that is shown."
        moves = self.table.filter(pl.col("q_value") < 0.05)
        if moves.is_empty():
            return "No link differs between the two groups beyond chance."
        top = moves.sort(pl.col("difference").abs(), "position", "source", "target", descending=[True, *[False] * 3])
        row = first_named(top, "source", "target")
        way = f"{said(row['source'])} → {said(row['target'])}"
        return (
            f"{percent(row['share_of_start'])} go {way} {where(self.spec, row['position'])}, "
            f"{percent(row['against_share_of_start'])} of the others: "
            f"{points(row['difference'], row['difference_low'], row['difference_high'])}."
        )

    @property
    def definition(self) -> str:
        """Who is compared with whom."""
        from journeys.display import agree, plural

        mine = Flow.definition.fget(self)  # type: ignore[attr-defined]
        both = ""
        if self.shared:
            people = f"{plural(self.shared, 'person')} {agree(self.shared, 'is', 'are')} in both"
            both = f" {people}, while intervals and p-values take the groups for different people."
        return f"{mine.removesuffix('.')} against {self.other.journey_count:,}. Positive: more here.{both}"

    def plot(  # type: ignore[override]  # colours say who, not what goes with the goal
        self,
        *,
        kind: Literal["difference", "both", "resonance"] = "difference",
        dark: bool = False,
        narrow: bool = False,
    ) -> go.Figure:
        """Draw the difference, both flows on one scale, or which touch points convert better here and which worse.

        Parameters
        ----------
        kind : {"difference", "both", "resonance"}
            One Sankey whose links are as wide as the difference; the two Sankeys one above the other; or a line for
            each of the 20 touch points that most pass: the difference of its conversion rates with its interval.
        dark, narrow : bool
            For a dark page; for a telephone.

        Raises
        ------
        ArgumentError
            When `kind` is none of these, or it is "resonance" and the flow has no end.
        """
        if kind not in ("difference", "both", "resonance"):
            raise ArgumentError(f"kind: {kind!r} is none of 'difference', 'both', 'resonance'.")
        if kind == "resonance":
            return self._plot_resonance(dark=dark, narrow=narrow)
        from journeys.charts.flow_difference import draw, draw_both

        drawn = self._drawn(dark=dark)
        colour_of, unit = drawn.pop("colour_of"), drawn.pop("unit")
        words: dict[str, Any] = {"title": self.finding, "subtitle": self.definition, "narrow": narrow, **drawn}
        words["nodes"] = self.nodes
        if kind == "difference":
            return draw(self.table, **words)
        ways = [flow.most_travelled() for flow in (self, self.other)]
        paths = [(0, ()) if way is None else (way.begins, way.path) for way in ways]
        words["went"] = [0 if way is None else way.people for way in ways]
        sizes = self.journey_count, self.other.journey_count
        return draw_both(self.table, colour_of=colour_of, paths=paths, sizes=sizes, unit=unit, **words)

    def _plot_resonance(self, *, dark: bool, narrow: bool) -> go.Figure:
        from journeys.charts.difference_intervals import draw
        from journeys.display import points

        table = self.resonance()
        size = pl.min_horizontal("people", "against_people")
        table = (
            table.sort(size, "node", descending=[True, False]).head(20).sort("rate_difference", "node", nulls_last=True)
        )
        worst = table.filter(pl.col("q_value") < 0.05, pl.col("rate_difference") < 0).head(1).to_dicts()
        title = "No touch point converts worse here than for the others, beyond chance."
        if worst:
            row = worst[0]
            gap = points(row["rate_difference"], row["rate_low"], row["rate_high"])
            title = f"{said(row['node'])} resonates least: {gap} to {said(self.goal or '')} against the others."
        drawn = table.select(
            step=pl.int_range(pl.len()),
            name="node",
            people="people",
            people_against="against_people",
            rate="conversion_rate",
            rate_against="against_conversion_rate",
            difference="rate_difference",
            ci_low="rate_low",
            ci_high="rate_high",
            q_value="q_value",
        )
        return draw(drawn, title=title, subtitle=self.definition, dark=dark, narrow=narrow)

    def resonance(self, *, min_people: int = 1) -> pl.DataFrame:
        """Which touch points convert worse, or better, here than for the others?

        Parameters
        ----------
        min_people : int
            Leave out what fewer pass, in either group; 0 leaves what only one group passes.

        Returns
        -------
        pl.DataFrame
            Per node: `node`, `people` (journeys that pass it before the end, in whatever column or beyond the last;
            each once), `conversion_rate` of these, `against_people`, `against_conversion_rate`, `rate_difference`,
            `rate_low`, `rate_high`, `p_value`, `q_value` (corrected for the number of nodes); the worst first. Where
            the end is reached is no touch point, whatever it is called. Where nobody passes, which is shown with
            `min_people=0` only, a rate and what follows from it is null.

        Raises
        ------
        ArgumentError
            When the flow has no end to convert to.

        Notes
        -----
        Interval and test as in `journeys.stats.difference`: they assume that the two groups share nobody and that
        journeys are independent, which several entries of one person are not.
        """
        if self.goal is None:
            raise ArgumentError("resonance: this flow has no end to reach; ask j.flow(end=…, against=…).")
        mine, theirs = (touched(flow._journeys, flow.spec) for flow in (self, self.other))
        table = mine.join(theirs, on="node", how="full", coalesce=True, suffix="_against")
        table = table.rename({"passed_against": "against_passed", "converted_against": "against_converted"})
        table = table.with_columns(pl.exclude("node").fill_null(0))
        enough = pl.min_horizontal("passed", "against_passed") >= min_people
        table = _rated(table.filter(enough).sort("node"))
        return table.select(
            "node",
            pl.col("passed").alias("people"),
            _rate("converted", "passed").alias("conversion_rate"),
            pl.col("against_passed").alias("against_people"),
            _rate("against_converted", "against_passed").alias("against_conversion_rate"),
            "rate_difference",
            "rate_low",
            "rate_high",
            pl.col("rate_p_value").alias("p_value"),
            pl.col("rate_q_value").alias("q_value"),
        ).sort("rate_difference", "node", nulls_last=True)


def _rate(some: str, of: str) -> pl.Expr:
    return pl.when(pl.col(of) > 0).then(pl.col(some) / pl.col(of))


def ask_against(
    journeys: JourneysProtocol, others: JourneysProtocol, spec: FlowSpec, *, settings: dict[str, Any]
) -> ComparedFlow:
    """Count both groups, keep the same nodes in both, and put one beside the other."""
    counts = [journeys._count_shards(count_links, spec), others._count_shards(count_links, spec)]
    kept = kept_nodes(pl.concat(counts), spec)
    # what only one group shows is passed by some of the other, too: a rate of none there would be a wrong one
    mine, theirs = (
        make(group, spec, counted, settings=settings, kept=kept, seldom=True)
        for group, counted in zip((journeys, others), counts, strict=True)
    )
    links = _beside(
        mine.table, theirs.table, keys=["position", "source", "target"], n=(mine.journey_count, theirs.journey_count)
    )
    nodes = _beside(mine.nodes, theirs.nodes, keys=["position", "node"], n=(mine.journey_count, theirs.journey_count))
    if spec.end is not None:
        nodes = _rates(nodes, theirs.nodes)
    there = pl.col("people") > 0
    return ComparedFlow(
        table=links,
        settings=settings,
        _journeys=journeys,
        nodes=nodes,
        spec=spec,
        kept=mine.kept,
        everyone=mine.everyone,
        journey_count=mine.journey_count,
        reached=mine.reached,
        shared=_shared(journeys, others, spec),
        other=replace(theirs, table=theirs.table.filter(there), nodes=theirs.nodes.filter(there)),
    )


def _shared(journeys: JourneysProtocol, others: JourneysProtocol, spec: FlowSpec) -> int:
    """Count the people with a journey in both groups; of two logs nobody can say who is who."""
    if journeys._log is not others._log:
        return 0
    shared = 0
    # who is in both selections at all is quickly known, and mostly nobody is
    for count in (_selected, _with_journey):
        here, there = (group._count_shards(count, Chosen(spec, "all")).unique() for group in (journeys, others))
        shared = here.join(there, on="code", how="semi").height
        if not shared:
            break
    return shared


def _selected(view: View, _: Chosen) -> pl.DataFrame:
    return view.people.select("code").collect()


def _with_journey(view: View, chosen: Chosen) -> pl.DataFrame:
    return people_of(view, chosen).to_frame("code")


def _beside(mine: pl.DataFrame, theirs: pl.DataFrame, *, keys: list[str], n: tuple[int, int]) -> pl.DataFrame:
    other = theirs.select(*keys, pl.col("people", "share_of_start").name.prefix("against_"))
    table = mine.join(other, on=keys, how="full", coalesce=True)
    counts = [name for name, kind in table.schema.items() if kind == pl.Int64 and name != "position"]
    shares = [name for name in ("share", "share_of_start", "against_share_of_start") if name in table.columns]
    table = table.with_columns(pl.col(counts).fill_null(0), pl.col(shares).fill_null(0.0))
    table = table.filter((pl.col("people") > 0) | (pl.col("against_people") > 0))
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
    return _rated(table.with_columns(pl.col("against_passed", "against_converted").fill_null(0)))


def _rated(table: pl.DataFrame) -> pl.DataFrame:
    """Add by how much the conversion rates of those who pass differ, with interval and test."""
    found = difference(table["converted"], table["passed"], table["against_converted"], table["against_passed"])
    return table.with_columns(
        rate_difference=pl.Series(found.estimate, nan_to_null=True),
        rate_low=pl.Series(found.ci_low, nan_to_null=True),
        rate_high=pl.Series(found.ci_high, nan_to_null=True),
        rate_p_value=pl.Series(found.p_value, nan_to_null=True),
        rate_q_value=pl.Series(adjust(found.p_value), nan_to_null=True),
    )
