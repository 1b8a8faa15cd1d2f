"""Two groups of people: does a behaviour go with converting more closely in one than in the other?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.result import Result
from journeys.errors import ArgumentError
from journeys.stats import adjust, compare_phis
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.analyses.correlation.result import Correlation
    from journeys.api import Journeys

__all__ = ["Comparison", "compare"]

CELLS = ("both", "behaviour_only", "conversion_only", "neither")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Comparison(Result[Any]):
    """Which behaviours go with converting in one group and not in another?

    Attributes
    ----------
    table : pl.DataFrame
        One row a behaviour that is in both tables, by difference, the largest first: `behaviour`, `phi`, `phi_other`,
        `difference` (this minus the other) with `ci_low`, `ci_high`, `p_value`, `q_value`, `rate_with`,
        `rate_with_other`.
    only_here, only_there : tuple of str
        Behaviours that the other table, or this one, does not have: too few people, or set apart.
    """

    goal: str
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]
    other: Correlation = field(repr=False)

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
            For a dark page; for a telephone.
        rows : int
            At most so many behaviours, those with the largest differences.
        """
        from journeys.charts.strata import draw_pairs

        largest = self.table.sort(pl.col("difference").abs(), "behaviour", descending=[True, False], nulls_last=True)
        subtitle = f"phi with reaching {self.goal}: this group filled, the other hollow"
        return draw_pairs(largest.head(rows), title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)


def compare(result: Correlation, other: Correlation | Journeys) -> Comparison:
    """Put two correlations side by side; journeys are asked what the first was asked."""
    from journeys.analyses.correlation.answer import correlate
    from journeys.analyses.correlation.result import Correlation

    if not isinstance(other, Correlation):
        if not hasattr(other, "_log"):
            raise ArgumentError(f"other: expected a correlation, or the journeys of other people; got {other!r}.")
        moved = replace(result.ask, names=other._log.names, end_us=0 if other.until is None else moment_us(other.until))
        other = correlate(other, moved, rules=result.rules, options=result.settings)
    both = result.table.join(other.table, on="behaviour", suffix="_other").sort("behaviour")
    here = tuple(both[name] for name in CELLS)
    there = tuple(both[f"{name}_other"] for name in CELLS)
    gap = compare_phis(
        (here[0], here[1], here[2], here[3]),
        (there[0], there[1], there[2], there[3]),
        confidence=result.rules.confidence,
    )
    columns = {"difference": gap.estimate, "ci_low": gap.ci_low, "ci_high": gap.ci_high, "p_value": gap.p_value}
    columns["q_value"] = adjust(gap.p_value)
    names = ["behaviour", "phi", "phi_other", *columns, "rate_with", "rate_with_other"]
    table = both.with_columns(
        [pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in columns.items()]
    ).select(names)
    mine, theirs = set(result.table["behaviour"]), set(other.table["behaviour"])
    return Comparison(
        table.sort("difference", "behaviour", descending=[True, False], nulls_last=True),
        {**result.settings, "other people": other.cells.people} | _overlap(result, other),
        result._journeys,
        result.goal,
        tuple(sorted(mine - theirs)),
        tuple(sorted(theirs - mine)),
        other,
    )


def _overlap(result: Correlation, other: Correlation) -> dict[str, str]:
    """Say how many people are in both groups: the test takes them as separate, so that q is then only a guide."""
    from journeys.display import agree, plural

    here, there = (one._journeys.people.select("person") for one in (result, other))
    if here.schema != there.schema:
        return {}
    both = here.join(there, on="person").height
    if not both:
        return {}
    are = agree(both, "is", "are")
    return {
        "note": f"{plural(both, 'person')} {are} in both groups, which the test takes as separate: read q as a guide"
    }
