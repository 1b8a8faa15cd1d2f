"""The credit of each touchpoint in one period, or among some people, against that in another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.analyses.against import describe_shared
from journeys.analyses.attribution.count import find_paths
from journeys.analyses.attribution.paired_sides import ComparedSide, find_paired_errors
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import NONE, label_values
from journeys.analyses.periods import relative_change, show_period
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.log import View

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_DRAWN = 12
_ESTIMATED = frozenset({"markov"})
"""Models whose credit is no sum over conversions, so that its chance variation is unknown."""


def list_touched(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """List the people of a shard with each touchpoint in their path.

    Return `touch` (its label), `code`, `_person` (public label), `converted` (whether on any of these paths).
    """
    paths = find_paths(view, spec).with_columns(pl.col("path").cast(pl.List(pl.String)))
    touched = paths.select("person", "converted", touch="path").explode("touch", keep_nulls=False, empty_as_null=False)
    without = paths.filter(pl.col("converted") & (pl.col("path").list.len() == 0))
    touched = pl.concat([touched, without.select("person", "converted", touch=pl.lit(None, dtype=pl.String))])
    touched = touched.group_by("person", "touch").agg(pl.col("converted").any())
    people = view.people.select(pl.col("code"), pl.col("person").alias("_person")).collect()
    labelled = touched.with_columns(label_values(touched["touch"]))
    named = labelled.rename({"person": "code"}).join(people, on="code", how="left")
    return named.select("touch", "code", "_person", "converted")


def count_converters(here: ComparedSide, there: ComparedSide) -> tuple[int, tuple[int, int]]:
    """Count the people who converted on both sides, and on each; labels of different types match no one."""
    ours, theirs = (side.touched.filter("converted").select("_person").unique() for side in (here, there))
    both = ours.join(theirs, on="_person", how="semi").height if ours.schema == theirs.schema else 0
    return both, (ours.height, theirs.height)


def compare_tables(
    here: ComparedSide, there: ComparedSide, spec: AttributionSpec, *, is_refused: bool, is_paired: bool
) -> pl.DataFrame:
    """Join the tables of touchpoints of both sides, and test their shares.

    Nothing is tested where too many are on both sides (`is_refused`); where sides are paired, people are clusters.

    A touchpoint that one side lacks has no credit there. For instance, of 3 conversions against 2:

        spring   credit 2 against 1   share 67% against 50%
        autumn   credit 1 against 0   share 33% against 0%
        ads      credit 0 against 1   share 0% against 50%
    """
    from journeys.stats import adjust, difference, difference_by_error, to_columns

    by, counted = spec.by, pl.col("credit", "touched")
    joined = here.table.select(by, counted).join(
        there.table.select(by, counted.name.suffix("_against")), on=by, how="full", coalesce=True
    )
    joined = joined.with_columns(pl.exclude(by).fill_null(0)).sort(
        pl.col("credit") + pl.col("credit_against"), by, descending=[True, False]
    )
    can_match = here.touched.schema["_person"] == there.touched.schema["_person"]
    both = here.touched.join(there.touched, on=["touch", "_person"], how="semi") if can_match else here.touched.clear()
    in_both = both.group_by("touch").agg(pl.len().cast(pl.Int64).alias("in_both")).rename({"touch": by})
    joined = joined.join(in_both, on=by, how="left", maintain_order="left").with_columns(pl.col("in_both").fill_null(0))
    credit = [joined[name].to_numpy() for name in ("credit", "credit_against")]
    sizes = [np.full(joined.height, float(side.conversions)) for side in (here, there)]
    low = high = p_value = np.full(joined.height, np.nan)
    if is_paired:
        errors = find_paired_errors(here, there, spec, touches=joined[by].to_list())
        with np.errstate(divide="ignore", invalid="ignore"):
            estimate = credit[0] / sizes[0] - credit[1] / sizes[1]
        _, low, high, p_value = difference_by_error(estimate, errors)
    elif spec.model not in _ESTIMATED and joined.height and not is_refused:
        spread = difference(credit[0], sizes[0], credit[1], sizes[1])
        low, high = spread.ci_low, spread.ci_high
        p_value = difference(np.rint(credit[0]), sizes[0], np.rint(credit[1]), sizes[1]).p_value
    shares = {
        f"share{suffix}": pl.col(f"credit{suffix}") / side.conversions
        if side.conversions
        else pl.lit(None, dtype=pl.Float64)
        for suffix, side in (("", here), ("_against", there))
    }
    return joined.with_columns(**shares).select(
        by,
        "credit",
        "credit_against",
        relative_change(pl.col("credit"), pl.col("credit_against")).alias("change"),
        "share",
        "share_against",
        (pl.col("share") - pl.col("share_against")).alias("difference"),
        *to_columns(ci_low=low, ci_high=high, p_value=p_value, q_value=adjust(p_value)),
        "touched",
        "touched_against",
        "in_both",
    )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class AttributionComparison(JourneysResult[J]):
    """By how much the credit of each touchpoint differs between two periods, or two groups of people.

    Attributes
    ----------
    table : pl.DataFrame
        The touchpoint in a column named as `by`, `credit`, `credit_against` (conversions), `change` (of the credit,
        relative; null from 0), `share`, `share_against` (of all conversions), `difference` (share - share_against),
        `ci_low`, `ci_high` (95%: Newcombe; of pairs, with people as clusters), `p_value`, `q_value`
        (Benjamini-Hochberg), `touched`, `touched_against` (people), `in_both` (people touched on both sides); the
        largest credit of both sides first.
    people_on_both_sides : int
        People who converted on both sides.

    Notes
    -----
    Intervals and tests take conversions as independent, as they are where each person's first one counts; with
    every conversion counted they are too narrow. Where more than 5% of the converters of the smaller side converted on
    the other side, too, there are none, unless people are taken as pairs (``overlap="pairs"``): then the conversions of
    one person, on either side, are one cluster. Without pairs, models that share out a conversion have them a little
    too wide, since a shared credit varies less than a whole one; for "markov" there are none.
    """

    people_on_both_sides: int = 0
    _is_refused: bool = field(default=False, repr=False)
    _is_paired: bool = field(default=False, repr=False)

    @property
    def finding(self) -> str:
        """The surest change of a share, as one sentence."""
        from journeys.display import format_count, format_definite_count, format_percent, format_points, quote_label

        total, before = self.settings["conversions"], self.settings["conversions_against"]
        if (fewest := min(total, before, self.settings["people"])) < MIN_PEOPLE:
            return say_too_few(fewest, "converted on the smaller side", unit=self._journeys._log.unit)
        by, unit = self.settings["by"], self._journeys._log.unit
        test = "the test allows for that" if self._is_paired else "few enough to test"
        if self._is_refused:
            test = "more than 5% of the smaller side, so that nothing is tested"
        shared = describe_shared(self.people_on_both_sides, unit=unit, test=test)
        if self._is_refused:
            return f"{shared}."
        if (model := self.settings["model"]) in _ESTIMATED:
            return f"Shares by the model {model!r} cannot be tested, since they are not sums over people."
        note = f" {shared}." if shared else ""
        sure = self.table.filter(pl.col("q_value") < 0.05).sort("q_value", by)
        if not sure.height:
            conversions = format_definite_count(total, "conversion")
            return f"No share of {conversions}, {before} before, has changed beyond chance.{note}"
        row = sure.row(0, named=True)
        name = f"No {by.replace('_', ' ')}" if row[by] == NONE else quote_label(row[by])
        change = format_points(row["difference"], row["ci_low"], row["ci_high"])
        rates = (
            f"{format_percent(row['share'])} of {format_count(total, 'conversion')} against "
            f"{format_percent(row['share_against'])}"
        )
        return f"{name}: {rates} of {before}, {change}.{note}"

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the shares of both sides, and their difference."""
        from journeys.charts.periods import draw_periods

        names = {
            "share": "rate",
            "share_against": "rate_against",
            "credit": "people",
            "credit_against": "people_against",
        }
        drawn = self.table.head(_MOST_DRAWN).rename({self.settings["by"]: "name", **names})
        if not self.settings["conversions"] and not self.settings["conversions_against"]:
            drawn = drawn.clear()
        now, before = (show_period(self.settings[name]) for name in ("converted", "against"))
        intervals = ", not tested" if drawn["ci_low"].is_null().all() else ", with 95% intervals"
        subtitle = (
            f"Share of conversions, model {self.settings['model']!r}: {now}, hollow {before}; difference in points"
            f"{intervals}"
        )
        return draw_periods(drawn, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
