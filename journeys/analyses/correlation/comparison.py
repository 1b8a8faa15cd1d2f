"""Two groups of people: does a behaviour go with the goal more closely in one than in the other?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.correlation.summarise import CELLS
from journeys.analyses.protocol import J, JourneysProtocol
from journeys.analyses.result import Result
from journeys.stats import adjust, compare_phis

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["CorrelationComparison", "compare"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class CorrelationComparison(Result[J]):
    """Which behaviours go with the goal in one group and not in another?

    Attributes
    ----------
    table : pl.DataFrame
        One row per behaviour that is in both tables, by difference, the largest first: `behaviour`, `phi`,
        `phi_other`, `difference` (this minus the other) with `ci_low`, `ci_high`, `p_value`, `q_value`, `rate_with`,
        `rate_with_other`.
    only_here, only_there : tuple of str
        Behaviours that the other table, or this one, does not have: too few people, or set apart.
    """

    goal: str
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import ratio

        rows = self.table.filter(pl.col("q_value") <= 0.05)
        rows = rows.sort(pl.col("difference").abs(), "behaviour", descending=[True, False])
        if rows.is_empty():
            return f"No behaviour goes with {self.goal} more closely in one group than in the other."
        row = rows.row(0, named=True)
        way = "more" if row["difference"] > 0 else "less"
        return (
            f"{row['behaviour']} goes with {self.goal} {way} closely here than in the other group "
            f"(phi {ratio(row['phi'])} against {ratio(row['phi_other'])})."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False, rows: int = 20) -> go.Figure:
        """Draw both phis of each behaviour.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        rows : int
            At most so many behaviours, those with the largest differences.
        """
        from journeys.charts.stratified_phi import draw_pairs

        largest = self.table.sort(pl.col("difference").abs(), "behaviour", descending=[True, False], nulls_last=True)
        subtitle = f"phi with reaching {self.goal}: this group filled, the other hollow"
        return draw_pairs(largest.head(rows), title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)


def compare(
    journeys: J,
    table: pl.DataFrame,
    *,
    other: JourneysProtocol,
    other_table: pl.DataFrame,
    goal: str,
    confidence: float,
    settings: Mapping[str, Any],
) -> CorrelationComparison[J]:
    """Put the tables of two groups of people side by side."""
    both = table.join(other_table, on="behaviour", suffix="_other").sort("behaviour")
    here, there = (
        (cells[0], cells[1], cells[2], cells[3])
        for cells in ([both[f"{name}{suffix}"] for name in CELLS] for suffix in ("", "_other"))
    )
    gap = compare_phis(here, there, confidence=confidence)
    columns = {"difference": gap.estimate, "ci_low": gap.ci_low, "ci_high": gap.ci_high, "p_value": gap.p_value}
    columns["q_value"] = adjust(gap.p_value)
    names = ["behaviour", "phi", "phi_other", *columns, "rate_with", "rate_with_other"]
    side_by_side = both.with_columns(
        [pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()]
    ).select(names)
    mine, theirs = set(table["behaviour"]), set(other_table["behaviour"])
    return CorrelationComparison(
        side_by_side.sort("difference", "behaviour", descending=[True, False], nulls_last=True),
        {**settings, "other people": other.size.people} | _note_overlap(journeys, other),
        journeys,
        goal,
        tuple(sorted(mine - theirs)),
        tuple(sorted(theirs - mine)),
    )


def _note_overlap(journeys: JourneysProtocol, other: JourneysProtocol) -> dict[str, str]:
    """Note how many people are in both groups: the test takes them as separate, so that q is then only a guide."""
    from journeys.display import agree, plural

    here, there = (one.people.select("person") for one in (journeys, other))
    if here.schema != there.schema:
        return {}
    both = here.join(there, on="person").height
    if not both:
        return {}
    are = agree(both, "is", "are")
    return {
        "note": f"{plural(both, 'person')} {are} in both groups, which the test takes as separate: read q as a guide"
    }
