"""The flows of two groups of people beside each other: which links and nodes differ?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from journeys.analyses.flow.clustered_errors import (
    count_by_person,
    count_passing_people,
    estimate_rate_errors,
    estimate_share_errors,
    replace_tests,
)
from journeys.analyses.flow.path_results import PathChart
from journeys.analyses.flow.resonance import Resonance, add_rate_differences, compare_touchpoints
from journeys.analyses.flow.result import Flow
from journeys.analyses.flow.select_people import FlowSelection, select_passing
from journeys.analyses.flow.spec import FlowSpec, FoldedFlow
from journeys.analyses.flow.summarise import name_counts
from journeys.analyses.flow.text import UNITS, describe_position, first_named, starts_late
from journeys.analyses.protocol import J, JourneysProtocol
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError, describe_wrong_number, raise_all
from journeys.log import View
from journeys.stats import adjust, difference

if TYPE_CHECKING:
    import plotly.graph_objects as go


Kind = Literal["difference", "both", "resonance"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ComparedFlow(Flow[J]):
    """A flow beside that of other people, on one scale and with the same nodes.

    Attributes
    ----------
    table : pl.DataFrame
        The links of a flow, and beside them `against_people`, `against_share_of_start`, `difference` (of the shares
        of all who start; positive: more here than there), `difference_low`, `difference_high`, `p_value`, `q_value`.
    nodes : pl.DataFrame
        The nodes with the same columns and, with an end, `rate_difference` (of the conversion rates of those who
        pass), `rate_low`, `rate_high`, `rate_p_value`, `rate_q_value`: below zero where a touchpoint does not
        resonate here.
    other : Flow
        The flow of the others.
    shared : int
        People with journeys in both groups. Where there are any, or people have several journeys, intervals and
        p-values of links and nodes take people as clusters.
    """

    other: Flow[J]
    shared: int

    @property
    def _starts_late(self) -> bool:
        return starts_late(self._journeys) or starts_late(self.other._journeys)

    @property
    def finding(self) -> str:
        """The largest difference that holds, as one sentence."""
        from journeys.display import format_percent, format_points, quote_labels

        if not (self.journey_count and self.other.journey_count):
            lacking = "the others have" if self.journey_count else "this group has"
            return NoFinding(f"There is nothing to compare: {lacking} no journey that is shown.")
        if (fewest := min(self.journey_count, self.other.journey_count)) < MIN_PEOPLE:
            unit = self._journeys._log.unit if self._spec.count == "people" else UNITS[self._spec.count]
            return say_too_few(fewest, "in the smaller group", unit=unit)
        moves = self._links.filter(pl.col("q_value") < 0.05)
        if moves.is_empty():
            return "No link differs between the two groups by more than chance."
        moves = moves.filter(pl.max_horizontal("people", "against_people") >= MIN_PEOPLE)
        if moves.is_empty():
            return f"No link with at least {MIN_PEOPLE} in a group differs between the two groups by more than chance."
        top = moves.sort(pl.col("difference").abs(), "position", "source", "target", descending=[True, *[False] * 3])
        row = first_named(top, "source", "target")
        link = quote_labels([row["source"], row["target"]])
        return (
            f"{format_percent(row['share_of_start'])} go {link} {describe_position(self._spec, row['position'])}, "
            f"{format_percent(row['against_share_of_start'])} of the others: "
            f"{format_points(row['difference'], row['difference_low'], row['difference_high'])}."
        )

    @property
    def _own_definition(self) -> str:
        """Who is shown of this group."""
        own: str = Flow.definition.fget(self)  # type: ignore[attr-defined]
        return own

    @property
    def definition(self) -> str:
        """Who is compared with whom."""
        from journeys.display import choose_form, format_count

        shared = ""
        if self.shared:
            people = f"{format_count(self.shared, 'person')} {choose_form(self.shared, 'is', 'are')} in both"
            shared = f" {people}; intervals and p-values allow for it."
        own = self._own_definition.removesuffix(".")
        return f"{own} against {self.other.journey_count:,}. Positive: more here.{shared}"

    def plot(  # type: ignore[override]  # colours stand for the groups, not for the goal
        self, *, kind: Kind = "difference", dark: bool = False, narrow: bool = False
    ) -> go.Figure:
        """Draw the difference, both flows on one scale, or which touchpoints convert better here and which worse.

        Parameters
        ----------
        kind : {"difference", "both", "resonance"}
            One Sankey whose links are as wide as the difference; the two Sankeys one above the other; or one row for
            each of the 20 touchpoints that most pass: the difference of its conversion rates with its interval.
        dark, narrow : bool
            For a dark page; for a phone.

        Raises
        ------
        ArgumentError
            When `kind` is none of these, or it is "resonance" and the flow has no end.
        """
        from journeys.charts.flow_difference import draw_both, draw_flow_difference

        if kind not in ("difference", "both", "resonance"):
            raise ArgumentError(f"kind: {kind!r} is none of 'difference', 'both', 'resonance'.")
        if kind == "resonance":
            return self.resonance().plot(dark=dark, narrow=narrow)
        chart = self._chart_settings(dark=dark)
        colour_of, unit = chart.pop("colour_of"), chart.pop("unit")
        chart |= {"nodes": self._nodes, "title": self.finding, "subtitle": self.definition, "narrow": narrow}
        if kind == "difference":
            return draw_flow_difference(self._links, **chart)
        tops = [flow.most_travelled() for flow in (self, self.other)]
        return draw_both(
            self._links,
            colour_of=colour_of,
            paths=[(0, ()) if top is None else (top.begins, top.path) for top in tops],
            path_people=[0 if top is None else top.people for top in tops],
            sizes=(self.journey_count, self.other.journey_count),
            unit=unit,
            **chart,
        )

    def plot_steps(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw how the step matrix differs from that of the others, as a heatmap of percentage points."""
        from journeys.charts.transitions import draw_steps

        return draw_steps(
            self.step_matrix(), against=self.other.step_matrix(), title=self.finding, subtitle=self.definition,
            dark=dark, narrow=narrow,
        )  # fmt: skip

    def _path_chart(self) -> PathChart:
        """Say whose paths are listed: those of this group."""
        return replace(Flow._path_chart(self), definition=f"{self._own_definition} This group only, not the others.")

    def resonance(self, *, min_people: int = 1) -> Resonance[J]:
        """Compare the conversion rates of those who pass each touchpoint.

        Parameters
        ----------
        min_people : int
            Leave out what fewer pass, in either group; 0 keeps what only one group passes.

        Returns
        -------
        Resonance
            `.table` has `node`, `people` (journeys that pass it before the end, in any column or beyond the last;
            each once), `conversion_rate` of these, `against_people`, `against_conversion_rate`, `rate_difference`,
            `rate_low`, `rate_high`, `p_value`, `q_value` (corrected for the number of nodes); the worst first. The node
            where the end is reached is no touchpoint. Where nobody passes, which is shown with `min_people=0` only, a
            rate and what follows from it is null.

        Raises
        ------
        ArgumentError
            When the flow has no end to convert to.

        Notes
        -----
        Interval and test as in `journeys.stats.difference`; where people are in both groups, or have several journeys,
        they take people as clusters (the sandwich estimator), as those of `table` do.
        """
        if self.goal is None:
            raise ArgumentError("resonance: this flow has no end to reach; ask j.flow(end=…, against=…).")
        raise_all(describe_wrong_number("min_people", min_people, least=0))
        clustered = self.shared > 0 or self._spec.count != "people"
        groups = self._journeys, self.other._journeys
        table, few = compare_touchpoints(*groups, self._spec, min_people=min_people, clustered=clustered)
        settings = {**self.settings, "min_people": min_people}
        table = name_counts(table, self._spec.count)
        return Resonance(table, settings, self._journeys, self.goal, self._spec.count, self.definition, few)


def compare_flows(mine: Flow[J], theirs: Flow[J]) -> ComparedFlow[J]:
    """Put the flows of two groups, which keep the same nodes, beside each other."""
    spec, journeys, others = mine._spec, mine._journeys, theirs._journeys
    sizes = mine.journey_count, theirs.journey_count
    links = _join_groups(mine._links, theirs._links, keys=["position", "source", "target"], sizes=sizes)
    nodes = _join_groups(mine._nodes, theirs._nodes, keys=["position", "node"], sizes=sizes)
    if spec.end is not None:
        other = theirs.nodes.select("position", "node", pl.col("passed", "converted").name.prefix("against_"))
        nodes = nodes.join(other, on=["position", "node"], how="left", maintain_order="left")
        nodes = add_rate_differences(nodes.with_columns(pl.col("against_passed", "against_converted").fill_null(0)))
    shared = _count_shared(journeys, others, spec)
    if (shared or spec.count != "people") and min(sizes):
        links, nodes = _test_by_person(links, nodes, (journeys, others), mine._folded)
    is_shown = pl.col(spec.count) > 0
    return ComparedFlow(
        table=name_counts(links, spec.count),
        settings=mine.settings,
        _journeys=journeys,
        nodes=name_counts(nodes, spec.count),
        everyone=mine.everyone,
        journey_count=mine.journey_count,
        reached=mine.reached,
        _spec=spec,
        _kept=mine._kept,
        other=replace(theirs, table=theirs.table.filter(is_shown), nodes=theirs.nodes.filter(is_shown)),
        shared=shared,
    )


def _join_groups(mine: pl.DataFrame, theirs: pl.DataFrame, *, keys: list[str], sizes: tuple[int, int]) -> pl.DataFrame:
    """Join the rows of two groups, and test the difference of their shares of all who start."""
    other = theirs.select(*keys, pl.col("people", "share_of_start").name.prefix("against_"))
    table = mine.join(other, on=keys, how="full", coalesce=True)
    counts = [name for name, dtype in table.schema.items() if dtype == pl.Int64 and name != "position"]
    shares = [name for name in ("share", "share_of_start", "against_share_of_start") if name in table.columns]
    table = table.with_columns(pl.col(counts).fill_null(0), pl.col(shares).fill_null(0.0))
    table = table.filter((pl.col("people") > 0) | (pl.col("against_people") > 0))
    found = difference(table["people"], [sizes[0]] * table.height, table["against_people"], [sizes[1]] * table.height)
    table = table.with_columns(
        difference=pl.Series(found.estimate, nan_to_null=True),
        difference_low=pl.Series(found.ci_low, nan_to_null=True),
        difference_high=pl.Series(found.ci_high, nan_to_null=True),
        p_value=pl.Series(found.p_value, nan_to_null=True),
        q_value=pl.Series(adjust(found.p_value), nan_to_null=True),
    )
    return table.sort("position", "people", *keys[1:], descending=[False, True, *[False] * (len(keys) - 1)])


def _test_by_person(
    links: pl.DataFrame,
    nodes: pl.DataFrame,
    groups: tuple[JourneysProtocol, JourneysProtocol],
    asked: FoldedFlow,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Replace the tests of links and nodes by those with people as clusters."""
    here, there = count_by_person(groups, count_passing_people, asked)
    edge = asked.spec.steps - 1 if asked.spec.align == "end" else 0
    link_keys, node_keys = ["position", "source", "target"], ["position", "node"]
    errors = estimate_share_errors(here, there, link_keys, edge=edge)
    links = replace_tests(links, errors, link_keys, estimate="difference", prefix="difference")
    here, there = (side.rename({"source": "node"}) for side in (here, there))
    errors = estimate_share_errors(here, there, node_keys, edge=edge)
    nodes = replace_tests(nodes, errors, node_keys, estimate="difference", prefix="difference")
    if asked.spec.end is not None:
        errors = estimate_rate_errors(here, there, node_keys)
        nodes = replace_tests(nodes, errors, node_keys, estimate="rate_difference", prefix="rate")
    return links, nodes


def _count_shared(journeys: JourneysProtocol, others: JourneysProtocol, spec: FlowSpec) -> int:
    """Count the people with a journey in both groups; 0 for two logs, whose people cannot be matched."""
    if not journeys._log.has_same_people(others._log):
        return 0
    shared = 0
    # comparing the selections is fast, and mostly they share nobody
    for list_people in (_list_selected, _list_with_journey):
        here, there = (
            group._count_shards(list_people, FlowSelection(spec, "all")).unique() for group in (journeys, others)
        )
        shared = here.join(there, on="code", how="semi").height
        if not shared:
            break
    return shared


def _list_selected(view: View, _: FlowSelection) -> pl.DataFrame:
    return view.people.select("code").collect()


def _list_with_journey(view: View, selection: FlowSelection) -> pl.DataFrame:
    return select_passing(view, selection).to_frame("code")
