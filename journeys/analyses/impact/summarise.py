"""Counts of moments → how those who use it differ from matched people who had not used it."""

from __future__ import annotations

from math import erfc, fsum, sqrt

import polars as pl

from journeys.analyses.impact.spec import STRATUM, ImpactSpec
from journeys.stats.tables import Z_95

_LEAST_OTHERS = 2  # people per stratum: with one, the variance is unknown

_SUMMARY = {
    "people": pl.Int64,
    "unmatched": pl.Int64,
    "pending": pl.Int64,
    "others": pl.Int64,
    "used_later": pl.Float64,
    "effect": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "change": pl.Float64,
}


def match_strata(people: pl.DataFrame) -> pl.DataFrame:
    """Return the strata in which both sides have people, with what is needed to weight them.

    Each first use counts once; the moments of the others in its stratum count together as much as the first uses there:

        stratum 1   2 first uses   8 moments of 5 others   → each moment weighs 2/8
        stratum 2   1 first use    no others               → unmatched
    """
    sides = people.group_by(STRATUM).agg(
        pl.col("moments").filter("used").sum().alias("uses"),
        pl.col("moments").filter(~pl.col("used")).sum().alias("moments"),
        pl.col("difference").filter(~pl.col("used")).sum().alias("difference"),
        pl.col("person").filter(~pl.col("used")).n_unique().cast(pl.Int64).alias("others"),
    )
    matched = sides.filter((pl.col("uses") > 0) & (pl.col("others") >= _LEAST_OTHERS))
    return matched.with_columns(mean=pl.col("difference") / pl.col("moments")).sort(STRATUM)


def summarise(
    uses: pl.DataFrame, people: pl.DataFrame, periods: pl.DataFrame, spec: ImpactSpec
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the table by relative period, and the effect over all periods after the first use.

    The effect is the mean change of those who use it, less the mean change of the others, weighted to the same strata.
    """
    matched = match_strata(people)
    total = int(matched["uses"].sum())
    weighted = people.join(matched.select(*STRATUM, "uses", "mean", total_moments="moments"), on=STRATUM)
    table = _compare_periods(periods, matched, spec, total=total)
    counts = {
        "people": total,
        "unmatched": int(uses["people"].sum()) - total,
        "pending": int(uses["pending"].sum()),
        "others": weighted.filter(~pl.col("used"))["person"].n_unique(),
    }
    if not total:
        return table, pl.DataFrame([counts], schema=_SUMMARY)
    others = weighted.filter(~pl.col("used"))
    share = pl.col("uses") / pl.col("total_moments") / total
    used_later = fsum(others.select(share * pl.col("later")).to_series().sort().to_list())
    own = weighted.filter("used").select((pl.col("difference") - pl.col("mean") * pl.col("moments")).alias("gain"))
    effect = fsum(own["gain"].sort().to_list()) / total
    # what each person adds to the effect: the sum of squares is its variance, with people as clusters
    gain = (pl.col("difference") - (pl.col("mean") + effect) * pl.col("moments")) / total
    # the jackknife: the mean of the stratum without the person, which people with many moments there move more
    spread = 1 / (1 - pl.col("moments") / pl.col("total_moments"))
    loss = share * (pl.col("difference") - pl.col("mean") * pl.col("moments")) * spread
    parts = weighted.select("person", part=pl.when("used").then(gain).otherwise(-loss)).sort("person", "part")
    by_person = parts.group_by("person", maintain_order=True).agg(pl.col("part"))
    error = sqrt(fsum(fsum(one) ** 2 for one in by_person["part"].to_list()))
    after = fsum(table.filter(pl.col("relative_period") >= 0)["mean"].to_list())
    numbers = {
        "used_later": used_later,
        "effect": effect,
        "ci_low": effect - Z_95 * error,
        "ci_high": effect + Z_95 * error,
        "p_value": erfc(abs(effect) / error / sqrt(2)) if error else None,
        "change": effect / (after - effect) if after > effect else None,
    }
    return table, pl.DataFrame([{**counts, **numbers}], schema=_SUMMARY)


def _compare_periods(periods: pl.DataFrame, matched: pl.DataFrame, spec: ImpactSpec, *, total: int) -> pl.DataFrame:
    """Return the means of both sides in each relative period, and the difference in differences."""
    weights = matched.select(*STRATUM, "uses", "moments")
    added = periods.group_by(*STRATUM, "used", "relative_period").agg(pl.col("events", "squares", "active").sum())
    joined = added.join(weights, on=STRATUM, how="inner").sort("relative_period", *STRATUM)
    listed = pl.DataFrame({"relative_period": pl.Series(range(-spec.periods, spec.periods), dtype=pl.Int64)})
    if not total:
        names = ("mean", "ci_low", "ci_high", "active_share", "others_mean", "difference_in_differences")
        empty = {name: pl.lit(None, dtype=pl.Float64) for name in names}
        return listed.with_columns(people=pl.lit(0, dtype=pl.Int64)).with_columns(**empty)
    used = joined.filter("used").group_by("relative_period").agg(pl.col("events", "squares", "active").sum())
    # the sum over strata in their order, so that shards change no bit
    shares = joined.filter(~pl.col("used")).with_columns(
        part=pl.col("events") * pl.col("uses") / pl.col("moments") / total
    )
    parts = shares.group_by("relative_period", maintain_order=True).agg(pl.col("part"))
    others = parts.with_columns(
        pl.Series("others_mean", [fsum(one) for one in parts["part"].to_list()], dtype=pl.Float64)
    )
    mean = pl.col("events") / total
    variance = (pl.col("squares") - pl.col("events") * mean) / max(total - 1, 1)
    half = Z_95 * (variance.clip(lower_bound=0) / total).sqrt()
    table = (
        listed.join(used, on="relative_period", how="left")
        .join(others.drop("part"), on="relative_period", how="left")
        .with_columns(pl.col("events", "squares", "active").fill_null(0), pl.col("others_mean").fill_null(0.0))
        .sort("relative_period")
        .select(
            "relative_period",
            pl.lit(total, dtype=pl.Int64).alias("people"),
            mean.alias("mean"),
            (mean - half).alias("ci_low"),
            (mean + half).alias("ci_high"),
            (pl.col("active") / total).alias("active_share"),
            "others_mean",
        )
    )
    gap = (table["mean"] - table["others_mean"]).to_list()
    before = fsum(gap[: spec.periods]) / spec.periods
    return table.with_columns(pl.Series("difference_in_differences", [one - before for one in gap], dtype=pl.Float64))
