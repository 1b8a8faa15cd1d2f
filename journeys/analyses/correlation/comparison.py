"""Two groups of people: does a behaviour go with the goal more closely in one than in the other?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.against import describe_shared, shares_too_many
from journeys.analyses.correlation.equal_time import MOST_PEOPLE_CELLS, EqualTimeSpec, lay_out_times, list_behaviours
from journeys.analyses.correlation.spec import CorrelationSpec
from journeys.analyses.correlation.summarise import CELLS
from journeys.analyses.protocol import J, JourneysProtocol
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.stats import adjust, compare_phis, to_columns
from journeys.stats.tables import Floats

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class CorrelationComparison(JourneysResult[J]):
    """Which behaviours go with the goal in one group and not in another?

    Attributes
    ----------
    table : pl.DataFrame
        One row per behaviour that is in both tables, by difference, the largest first: `behaviour`, `phi`,
        `phi_other`, `difference` (this minus the other) with `ci_low`, `ci_high`, `p_value`, `q_value`, `rate_with`,
        `rate_with_other`. People in both groups are allowed for; where their part in the difference cannot be known
        (two logs, or too many to compute it) and they are more than 5% of the smaller group, interval, `p_value` and
        `q_value` are null.
    only_here, only_there : tuple of str
        Behaviours that only this table, or only the other, has: too few people did them in the other group, or they are
        set apart there.
    """

    goal: str
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]
    _few: tuple[str, ...] = field(repr=False)  # behaviours that too few did, or did not do, for a finding

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import format_ratio, quote_name

        goal = quote_name(self.goal)
        rows = self.table.filter((pl.col("q_value") <= 0.05) & ~pl.col("behaviour").is_in(self._few))
        rows = rows.sort(pl.col("difference").abs(), "behaviour", descending=[True, False])
        note = f" {self.settings['note']}." if "note" in self.settings else ""
        if rows.is_empty():
            return f"No behaviour goes with {goal} more closely in one group than in the other.{note}"
        row = rows.row(0, named=True)
        way = "more" if row["difference"] > 0 else "less"
        return (
            f"{quote_name(row['behaviour'])} goes with {goal} {way} closely here than in the other group "
            f"(phi {format_ratio(row['phi'])} against {format_ratio(row['phi_other'])}).{note}"
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
        from journeys.display import quote_name

        largest = self.table.sort(pl.col("difference").abs(), "behaviour", descending=[True, False], nulls_last=True)
        subtitle = f"phi with reaching {quote_name(self.goal)}: this group filled, the other hollow"
        return draw_pairs(largest.head(rows), title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)


def compare_groups(
    journeys: J,
    table: pl.DataFrame,
    *,
    other: JourneysProtocol,
    other_table: pl.DataFrame,
    specs: tuple[CorrelationSpec, CorrelationSpec],
    settings: Mapping[str, Any],
) -> CorrelationComparison[J]:
    """Put the tables of two groups of people side by side."""
    spec, goal = specs[0], specs[0].goal.name
    both = table.join(other_table, on="behaviour", suffix="_other").sort("behaviour")
    here, there = ([both[f"{name}{suffix}"] for name in CELLS] for suffix in ("", "_other"))
    shared, covariance = _compute_covariance(journeys, other, both, specs)
    gap = compare_phis(here, there, confidence=spec.confidence, covariance=covariance)
    columns = {"difference": gap.estimate, "ci_low": gap.ci_low, "ci_high": gap.ci_high, "p_value": gap.p_value}
    sizes = (journeys.size.people, other.size.people)
    is_refused = covariance is None and shares_too_many(shared, sizes)
    if is_refused:
        columns |= dict.fromkeys(("ci_low", "ci_high", "p_value"), np.full(both.height, np.nan))
    columns["q_value"] = adjust(columns["p_value"])
    known = "read q as a guide, which takes them as separate" if covariance is None else "the test allows for that"
    test = "more than 5% of the smaller group, so that nothing is tested" if is_refused else known
    note = describe_shared(shared, unit=journeys._log.unit, test=test)
    names = ["behaviour", "phi", "phi_other", *columns, "rate_with", "rate_with_other"]
    side_by_side = both.with_columns(to_columns(**columns))
    margins = [pl.col(a) + pl.col(b) for a, b in (CELLS[:2], CELLS[2:])]  # people who did it, and who did not
    margins += [pl.col(f"{a}_other") + pl.col(f"{b}_other") for a, b in (CELLS[:2], CELLS[2:])]
    few = side_by_side.filter(pl.min_horizontal(margins) < MIN_PEOPLE)["behaviour"].to_list()
    mine, theirs = set(table["behaviour"]), set(other_table["behaviour"])
    return CorrelationComparison(
        side_by_side.select(names).sort("difference", "behaviour", descending=[True, False], nulls_last=True),
        {**settings, "other people": sizes[1]} | ({"note": note} if note else {}),
        journeys,
        goal,
        tuple(sorted(mine - theirs)),
        tuple(sorted(theirs - mine)),
        tuple(few),
    )


def _compute_covariance(
    journeys: JourneysProtocol,
    other: JourneysProtocol,
    table: pl.DataFrame,
    specs: tuple[CorrelationSpec, CorrelationSpec],
) -> tuple[int, Floats | None]:
    """Count the people in both groups, and compute the covariance of both phis that comes from them.

    With x and y, each standardised, for whether a person did the behaviour and converted, the person's influence on phi
    is (xy - phi (x² + y²) / 2) / n; the covariance is the sum, over the people in both groups, of their influence here
    times their influence there.

    Return the people in both groups, and one covariance per behaviour; none where it cannot be known, because the
    groups come from different logs or are too large.
    """
    here, there = (one.people.select("person") for one in (journeys, other))
    is_one_log = journeys._log.has_same_people(other._log)
    is_stitched = journeys._identifiers is not None or other._identifiers is not None
    if here.schema != there.schema or (is_stitched and not is_one_log):
        return 0, None  # the numbers that two stitchings give to people say nothing about each other
    shared = here.join(there, on="person").height
    if not shared:
        return 0, np.zeros(table.height)
    if not is_one_log or shared * table.height > MOST_PEOPLE_CELLS:
        return shared, None
    sides = []
    for one, spec, suffix in ((journeys, specs[0], ""), (other, specs[1], "_other")):
        behaviours = tuple(table.select(f"family{suffix}", f"value{suffix}").iter_rows())
        listed = one._count_shards(list_behaviours, EqualTimeSpec(spec, behaviours))
        codes, did_at = lay_out_times(listed, behaviours=table.height)
        if not len(codes):
            return shared, None
        converted = listed.filter(pl.col("behaviour") == -1).sort("code")["converted"].to_numpy()[:, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = (
                (fact - fact.mean(axis=0)) / fact.std(axis=0) for fact in (1.0 * (did_at < np.inf), 1.0 * converted)
            )
        phi = (x * y).mean(axis=0)
        sides.append((codes, (x * y - phi / 2 * (x**2 + y**2)) / len(codes)))
    _, mine, theirs = np.intersect1d(sides[0][0], sides[1][0], return_indices=True)
    covariance: Floats = np.nan_to_num((sides[0][1][mine] * sides[1][1][theirs]).sum(axis=0))
    return shared, covariance
