"""Which touchpoints convert better, or worse, in one group than in another?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.flow.clustered_errors import count_by_person, estimate_rate_errors, replace_tests
from journeys.analyses.flow.paths import count_passing, count_passing_by_person
from journeys.analyses.flow.spec import REACHED, CountUnit, FlowSpec
from journeys.analyses.flow.summarise import rename_to_people
from journeys.analyses.protocol import J, JourneysProtocol
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.stats import adjust, difference

if TYPE_CHECKING:
    import plotly.graph_objects as go


_DRAWN = 20


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Resonance(JourneysResult[J]):
    """Which touchpoints convert worse, or better, here than for the others?

    Attributes
    ----------
    table : pl.DataFrame
        Per node: `node`, `people` (or `sessions`, `entries`: journeys that pass it before the end, in any column or
        beyond the last; each once), `conversion_rate` of these, `against_people`, `against_conversion_rate`,
        `rate_difference`, `rate_low`, `rate_high`, `p_value`, `q_value` (corrected for the number of nodes); the worst
        first.
    """

    goal: str
    _unit: CountUnit = field(repr=False)
    _definition: str = field(repr=False)
    _few: list[str] = field(repr=False)  # nodes that too few people of a group pass for a finding

    @property
    def finding(self) -> str:
        """The touchpoint that converts worst in comparison, as one sentence."""
        from journeys.display import format_points, quote_label, quote_name

        is_worse = (pl.col("q_value") < 0.05) & (pl.col("rate_difference") < 0) & ~pl.col("node").is_in(self._few)
        worst = self.table.filter(is_worse).head(1).to_dicts()
        if not worst:
            return "No touchpoint converts worse here than for the others by more than chance."
        gap = format_points(worst[0]["rate_difference"], worst[0]["rate_low"], worst[0]["rate_high"])
        node, goal = quote_label(worst[0]["node"]), quote_name(self.goal)
        return f"{node} resonates least: {gap} to {goal} against the others."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the differences at the 20 touchpoints that most pass."""
        from journeys.charts.difference_intervals import draw_difference_intervals

        size = pl.min_horizontal("people", "against_people")
        largest = rename_to_people(self.table, self._unit).sort(size, "node", descending=[True, False]).head(_DRAWN)
        drawn = largest.sort("rate_difference", "node", nulls_last=True).select(
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
        return draw_difference_intervals(drawn, title=self.finding, subtitle=self._definition, dark=dark, narrow=narrow)


def compare_touchpoints(
    journeys: JourneysProtocol, others: JourneysProtocol, spec: FlowSpec, *, min_people: int, clustered: bool
) -> tuple[pl.DataFrame, list[str]]:
    """Compare, node by node, the conversion rates of the journeys that pass it before the end in two groups.

    `clustered` takes people as clusters, who may have several journeys, or be in both groups. Return the table, and the
    nodes that too few people of a group pass for a finding.
    """
    spec = replace(spec, separate_end=True)
    mine, theirs = (count_passing(group, spec).filter(pl.col("node") != REACHED) for group in (journeys, others))
    table = mine.join(theirs, on="node", how="full", coalesce=True, suffix="_against")
    table = table.rename({"passed_against": "against_passed", "converted_against": "against_converted"})
    table = table.with_columns(pl.exclude("node").fill_null(0))
    is_enough = pl.min_horizontal("passed", "against_passed") >= min_people
    table = add_rate_differences(table.filter(is_enough).sort("node"))
    few = table.filter(pl.min_horizontal("passed", "against_passed") < MIN_PEOPLE)["node"].to_list()
    if clustered:
        here, there = count_by_person((journeys, others), count_passing_by_person, spec)
        table = replace_tests(
            table, estimate_rate_errors(here, there, ["node"]), ["node"], estimate="rate_difference", prefix="rate"
        )
        sizes = (side.group_by("node").agg(people=pl.col("code").n_unique()) for side in (here, there))
        few += pl.concat(sizes).filter(pl.col("people") < MIN_PEOPLE)["node"].to_list()
    table = table.select(
        "node",
        pl.col("passed").alias("people"),
        _rate_of("converted", "passed").alias("conversion_rate"),
        pl.col("against_passed").alias("against_people"),
        _rate_of("against_converted", "against_passed").alias("against_conversion_rate"),
        "rate_difference",
        "rate_low",
        "rate_high",
        pl.col("rate_p_value").alias("p_value"),
        pl.col("rate_q_value").alias("q_value"),
    ).sort("rate_difference", "node", nulls_last=True)
    return table, few


def add_rate_differences(table: pl.DataFrame) -> pl.DataFrame:
    """Add the difference of the conversion rates of those who pass, with its interval and test."""
    found = difference(table["converted"], table["passed"], table["against_converted"], table["against_passed"])
    return table.with_columns(
        rate_difference=pl.Series(found.estimate, nan_to_null=True),
        rate_low=pl.Series(found.ci_low, nan_to_null=True),
        rate_high=pl.Series(found.ci_high, nan_to_null=True),
        rate_p_value=pl.Series(found.p_value, nan_to_null=True),
        rate_q_value=pl.Series(adjust(found.p_value), nan_to_null=True),
    )


def _rate_of(some: str, of: str) -> pl.Expr:
    return pl.when(pl.col(of) > 0).then(pl.col(some) / pl.col(of))
