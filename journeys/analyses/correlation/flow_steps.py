"""Each step of a flow against its goal: does passing there go with reaching it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.correlation.summarise import CELLS, cell_columns, measure
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.stats import adjust

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["StepAssociations", "associate_steps"]

Part = Literal["nodes", "links"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StepAssociations(Result[J]):
    """Which steps of a flow go with reaching its goal?

    Attributes
    ----------
    table : pl.DataFrame
        One row per node, or link, by phi, the largest first: `position` (0-based column), `behaviour` (what it is
        called), `source` (the node) and, of links, `target`; then the columns of `Correlation.table` from `both` to
        `strength`, `rate_with`, `rate_without`. `q_value` is over this table.
    people_compared, reached : int
        All journeys of the flow, whether they are shown or not, and those of them that reach the goal.
    """

    goal: str
    people_compared: int
    reached: int
    hidden: int = field(default=0)

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import percent, ratio

        rows = self.table.filter(pl.col("q_value") <= 0.05).sort(
            pl.col("phi").abs(), "behaviour", descending=[True, False], maintain_order=True
        )
        if rows.is_empty():
            return f"No step of the flow goes with {self.goal} in a way that holds up."
        row = rows.row(0, named=True)
        way = "" if row["phi"] > 0 else "not "
        rates = f"{percent(row['rate_with'])} of those who pass there, {percent(row['rate_without'])} of the others"
        return (
            f"{row['behaviour']} goes with {way}reaching {self.goal}: {rates} "
            f"(phi {ratio(row['phi'])}; {row['strength']})."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False, rows: int = 20) -> go.Figure:
        """Draw the steps by phi with their intervals.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        rows : int
            At most so many steps.
        """
        from journeys.charts.correlation import draw
        from journeys.display import plural

        subtitle = f"{plural(self.people_compared, 'journey')}, {self.reached:,} reached {self.goal}; "
        subtitle += "passing in that column"
        return draw(
            self.table, goal=self.goal, title=self.finding, subtitle=subtitle, rows=rows, dark=dark, narrow=narrow
        )


def associate_steps(
    journeys: J,
    table: pl.DataFrame,
    *,
    everyone: int,
    reached: int,
    goal: str,
    part: Part,
    min_people: int,
    confidence: float = 0.95,
    settings: Mapping[str, Any],
) -> StepAssociations[J]:
    """Measure how passing a node, or a link, goes with reaching the goal.

    Parameters
    ----------
    journeys
        The journeys.
    table
        `position`, `source` (and `target` of links), `passed`, `converted`; the goal itself left out.
    everyone, reached
        All journeys of the flow, and those of them that reach the goal.
    goal
        The end of the flow.
    part
        What the rows are.
    min_people
        Steps that fewer people pass are hidden.
    confidence
        Of the intervals.
    settings
        What was asked.
    """
    step = pl.format("Step {}: {}", pl.col("position") + 1, pl.col("source"))
    name = step if part == "nodes" else pl.format("{} → {}", step, pl.col("target"))
    keys = ["position", "source"] + (["target"] if part == "links" else [])
    rows = table.select(*keys, people="passed", converted="converted", behaviour=name)
    shown = rows.filter(pl.col("people") >= min_people)
    measured = measure(cell_columns(shown, everyone, reached), confidence=confidence)
    measured = measured.with_columns(pl.Series("q_value", adjust(measured["p_value"]), dtype=pl.Float64).fill_nan(None))
    columns = [*CELLS, "phi", "ci_low", "ci_high", "p_value", "q_value"]
    columns += ["odds_ratio", "lift", "strength", "rate_with", "rate_without"]
    # of names with an arrow in them two links may be called the same
    ordered = measured.select("position", "behaviour", *keys[1:], *columns).sort(
        "phi", "behaviour", *keys, descending=[True, False, *[False] * len(keys)], nulls_last=True
    )
    return StepAssociations(ordered, dict(settings), journeys, goal, everyone, reached, rows.height - shown.height)
