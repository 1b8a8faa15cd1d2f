"""By how much the rates of two groups differ, or those of each group and all others, and whether that may be chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.errors import ArgumentError

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["FunnelComparison", "Measure", "Method", "compare_funnels", "compare_groups"]

Measure = Literal["rate_from_start", "rate_from_previous"]
Method = Literal["bh", "holm", "bonferroni", "by"]


def compare_funnels(here: pl.DataFrame, there: pl.DataFrame, *, measure: Measure, correct: Method) -> pl.DataFrame:
    """Compare two funnels of the same steps."""
    if here["name"].to_list() != there["name"].to_list():
        raise ArgumentError(
            f"against: the steps differ, {here['name'].to_list()} here and {there['name'].to_list()} there."
        )
    base, other = _base(here, measure), _base(there, measure)
    table = pl.DataFrame(
        {
            "step": here["step"],
            "name": here["name"],
            "people": here["people"],
            "people_against": there["people"],
            "rate": _rate(here["people"], base),
            "rate_against": _rate(there["people"], other),
        }
    )
    return _add_tests(table, here["people"], base, there["people"], other, correct=correct, tested=here["step"] > 1)


def compare_groups(table: pl.DataFrame, *, by: tuple[str, ...], measure: Measure, correct: Method) -> pl.DataFrame:
    """Compare each group with all other groups together."""
    table = table.with_columns(_base=_base(table, measure, by=by))
    total = pl.col("people", "_base").sum().over("step") - pl.col("people", "_base")
    table = table.with_columns(total.name.suffix("_rest"))
    rates = table.select(
        *by,
        "step",
        "name",
        "people",
        pl.col("people_rest").alias("people_against"),
        pl.Series("rate", _rate(table["people"], table["_base"])),
        pl.Series("rate_against", _rate(table["people_rest"], table["_base_rest"])),
    )
    columns = [table[name] for name in ("people", "_base", "people_rest", "_base_rest")]
    return _add_tests(rates, *columns, correct=correct, tested=table["step"] > 1)


def _base(table: pl.DataFrame, measure: Measure, *, by: tuple[str, ...] = ()) -> pl.Series:
    """Return the denominator of a rate."""
    if measure not in ("rate_from_start", "rate_from_previous"):
        raise ArgumentError(f"measure: {measure!r} is neither 'rate_from_start' nor 'rate_from_previous'.")
    people = pl.col("people")
    base = people.first() if measure == "rate_from_start" else people.shift(1).fill_null(people.first())
    if by:
        base = base.over(by)
    return table.select(base.cast(pl.Int64).alias("base") + pl.lit(0) * people)["base"]


def _rate(people: pl.Series, base: pl.Series) -> pl.Series:
    return pl.DataFrame({"p": people, "b": base}).select(pl.when(pl.col("b") > 0).then(pl.col("p") / pl.col("b")))["p"]


def _add_tests(
    table: pl.DataFrame,
    people: pl.Series,
    base: pl.Series,
    other_people: pl.Series,
    other_base: pl.Series,
    *,
    correct: Method,
    tested: pl.Series,
) -> pl.DataFrame:
    """Add difference, interval, p-value and q-value to the rows that are tested."""
    from journeys.stats import adjust, difference

    found = difference(people.to_numpy(), base.to_numpy(), other_people.to_numpy(), other_base.to_numpy())
    mask = tested.to_numpy()
    p_value = np.where(mask, found.p_value, np.nan)
    return table.with_columns(
        difference=pl.Series(np.where(mask, found.estimate, np.nan)).fill_nan(None),
        ci_low=pl.Series(np.where(mask, found.ci_low, np.nan)).fill_nan(None),
        ci_high=pl.Series(np.where(mask, found.ci_high, np.nan)).fill_nan(None),
        p_value=pl.Series(p_value).fill_nan(None),
        q_value=pl.Series(adjust(p_value, method=correct)).fill_nan(None),
    )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class FunnelComparison(Result[J]):
    """By how much the rates of two groups of people differ.

    Attributes
    ----------
    table : pl.DataFrame
        `step`, `name`, `people`, `people_against` (Int64), `rate`, `rate_against`, `difference` (rate − rate_against:
        +0.042 is 4.2 points in favour of this side), `ci_low`, `ci_high` (Newcombe 95%), `p_value`, `q_value`
        (corrected over all rows that are tested). With a breakdown, its columns come first and "against" is all
        other groups together.
    """

    @property
    def finding(self) -> str:
        """The surest difference, as one sentence."""
        from journeys.display import percent, points

        known = self.table.filter(pl.col("q_value").is_not_null())
        if not known.height:
            return "There is nothing to compare: a side is empty."
        sure = known.filter(pl.col("q_value") < 0.05)
        if not sure.height:
            return "No difference that chance could not explain."
        row = sure.sort("q_value", "step", maintain_order=True).row(0, named=True)
        group = " · ".join(str(row[name]) for name in self.table.columns[: self.table.columns.index("step")])
        where = f"{group}, {row['name']}" if group else str(row["name"])
        rates = f"{percent(row['rate'])} against {percent(row['rate_against'])}"
        return f"{where}: {rates}, {points(row['difference'], row['ci_low'], row['ci_high'])}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the differences with their intervals."""
        from journeys.charts.difference_intervals import draw

        measure = str(self.settings["measure"]).replace("_", " ").capitalize()
        return draw(
            self.table,
            title=self.finding,
            subtitle=f"{measure}: this side minus the other, in points, with 95% interval",
            dark=dark,
            narrow=narrow,
        )
