"""Each step of a flow against its goal: does passing there go with reaching it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from journeys.analyses.correlation.caveats import LEVEL
from journeys.analyses.correlation.summarise import CELLS, add_cells, add_measures
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.errors import describe_wrong_number, raise_all
from journeys.stats import adjust, phi, strength, to_columns
from journeys.stats.tables import independence_p

if TYPE_CHECKING:
    import plotly.graph_objects as go


Part = Literal["nodes", "links"]
_ENDS = ("(drop-off)", "(continues)")  # where a journey ends; an event of such a name is quoted


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StepAssociations(JourneysResult[J]):
    """Which steps of a flow go with reaching its goal?

    Attributes
    ----------
    table : pl.DataFrame
        One row per node, or link, by phi, the largest first: `position` (0-based column), `behaviour` (what it is
        called), `source` (the node) and, of links, `target`; then the columns of `Correlation.table` from `both` to
        `strength`, `rate_with`, `rate_without`, which compare with everybody else. `p_value` and `q_value` (over this
        table) compare with those who got to the same column and passed elsewhere, as do `phi_in_column` and
        `rate_others_in_column`: who converts early passes few columns, and who leaves passes none. A link to a
        drop-off is no evidence and has none of these.
    people_compared, reached : int
        All journeys of the flow, whether they are shown or not, and those of them that reach the goal.
    hidden : int
        Nodes, or links, of fewer than `min_people`, which the table leaves out.
    """

    goal: str
    people_compared: int
    reached: int
    hidden: int = field(default=0)

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import adapt_words, format_percent, format_ratio, quote_name

        rows = self.table.filter(
            (pl.col("q_value") <= LEVEL)
            & (pl.col("phi_in_column").abs() >= 0.2)
            & (pl.col("both") + pl.col("behaviour_only") >= MIN_PEOPLE)
        ).sort(pl.col("phi_in_column").abs(), "behaviour", descending=[True, False], maintain_order=True)
        if rows.is_empty():
            return f"No step of the flow goes with {quote_name(self.goal)} in a way that holds up."
        row = rows.row(0, named=True)
        direction = "" if row["phi_in_column"] > 0 else "not "
        others = format_percent(row["rate_others_in_column"])
        return (
            f"{quote_name(row['behaviour'])} goes with {direction}reaching {quote_name(self.goal)}: "
            f"{format_percent(row['rate_with'])} {adapt_words('of those who pass there')}, "
            f"{others} of the others at that point "
            f"(phi {format_ratio(row['phi_in_column'])}; {strength([row['phi_in_column']])[0]})."
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
        from journeys.charts.correlation import draw_correlation
        from journeys.display import format_count, quote_name

        subtitle = f"{self.reached:,} of {format_count(self.people_compared, 'journey')} reached "
        subtitle += f"{quote_name(self.goal)}; compared by whether they passed the step, in its column"
        return draw_correlation(
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
    settings
        What was asked.
    """
    raise_all(describe_wrong_number("min_people", min_people, least=0))
    step = pl.format("Step {}: {}", pl.col("position") + 1, pl.col("source"))
    name = step if part == "nodes" else pl.format("{} → {}", step, pl.col("target"))
    keys = ["position", "source"] + (["target"] if part == "links" else [])
    is_step = ~pl.col("target").is_in(_ENDS) if part == "links" else pl.lit(value=True)
    rows = table.select(*keys, people="passed", converted="converted", behaviour=name, is_step=is_step)
    rows = rows.with_columns(
        pl.when("is_step").then(pl.col(count)).sum().over("position").alias(f"column_{count}")
        for count in ("people", "converted")
    )
    shown = rows.filter(pl.col("people") >= min_people)
    cells = add_cells(shown, people=everyone, converted=reached)
    measured = add_measures(cells, confidence=0.95).with_columns(_compare_in_column(shown))
    columns = [*CELLS, "phi", "ci_low", "ci_high", "p_value", "q_value"]
    columns += ["odds_ratio", "lift", "strength", "rate_with", "rate_without", "phi_in_column", "rate_others_in_column"]
    # of names with an arrow in them two links may be called the same
    ordered = measured.select("position", "behaviour", *keys[1:], *columns).sort(
        "phi", "behaviour", *keys, descending=[True, False, *[False] * len(keys)], nulls_last=True
    )
    return StepAssociations(ordered, dict(settings), journeys, goal, everyone, reached, rows.height - shown.height)


def _compare_in_column(rows: pl.DataFrame) -> list[pl.Series]:
    """Compare each step with the others of its column; drop-offs are not compared."""
    names = ["people", "converted", "column_people", "column_converted"]
    people, converted, all_people, all_converted = rows.select(names).cast(pl.Float64).to_numpy().T
    others, others_converted = all_people - people, all_converted - converted
    cells = [converted, people - converted, others_converted, others - others_converted]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {"p_value": independence_p(*cells), "phi_in_column": phi(*cells)}
        found["rate_others_in_column"] = others_converted / others
    is_step = rows["is_step"].to_numpy()
    found = {name: np.where(is_step, values, np.nan) for name, values in found.items()}
    found["q_value"] = adjust(found["p_value"])
    return to_columns(**found)
