"""One shard → when people started, how old they are, and what they paid at which age."""

from __future__ import annotations

import polars as pl

from journeys.analyses.money import amount_of, currency_of
from journeys.analyses.value.spec import ValueSpec
from journeys.log import View
from journeys.steps import columns_used

_DAY = 86_400_000_000


def count(view: View, spec: ValueSpec) -> pl.DataFrame:
    """Count people by group and age; payers have a row of their own, so that they can be drawn with replacement.

    Return `group`, `periods` (complete periods of age), `people`, `before` (of them, who had paid before the start),
    and for a payer `person` (code), `ages` (List[Int64], the period of each payment), `amounts` (List[Float64]) and
    `currencies`.
    """
    people = find_people(view, spec)
    payers = people.filter(pl.col("ages").list.len() > 0)
    others = people.filter(pl.col("ages").list.len() == 0).group_by("group", "periods")
    counted = others.agg(pl.len().cast(pl.Int64).alias("people"), pl.col("before").sum().cast(pl.Int64))
    own = payers.with_columns(people=pl.lit(1, dtype=pl.Int64), before=pl.col("before").cast(pl.Int64))
    columns = ["group", "periods", "people", "before", "person", "ages", "amounts", "currencies"]
    return pl.concat([counted, own], how="diagonal").select(columns).sort("group", "periods", "person")


def find_people(view: View, spec: ValueSpec) -> pl.DataFrame:
    """Find everybody who started, with complete periods of age and payments.

    For instance, with periods of 7 days and an end on day 20:

        day 1   start                 → 2 complete periods
        day 1   pays 10               → age 0
        day 9   pays 20               → age 1
        day 17  pays 30               → age 2, which is not over

    Return `person`, `group`, `periods`, `before`, `ages`, `amounts`, `currencies` (lists), sorted by person.
    """
    rows = _read_rows(view, spec)
    starts = rows.filter("start").unique("person", keep="first", maintain_order=True)
    periods = ((pl.lit(spec.until) - pl.col("time")) // spec.period_us).clip(-1, spec.ages)
    people = starts.filter(pl.col("time") <= spec.until).select(
        "person", "group", periods.cast(pl.Int64).alias("periods"), since="time", first="row"
    )
    if spec.fixed:
        people = people.filter(pl.col("periods") >= spec.ages)
    paid = rows.filter("paid").join(people.select("person", "since", "first"), on="person", how="inner")
    paid = paid.sort("row").with_columns(
        age=(pl.col("time") - pl.col("since")) // spec.period_us, before=pl.col("row") < pl.col("first")
    )
    in_time = ~pl.col("before") & (pl.col("time") <= spec.until)
    summed = paid.group_by("person", maintain_order=True).agg(
        pl.col("before").any(),
        pl.col("age").filter(in_time).cast(pl.Int64).alias("ages"),
        pl.col("amount").filter(in_time).fill_null(0.0).alias("amounts"),
        pl.col("currency").filter(in_time).drop_nulls().unique().sort().alias("currencies"),
    )
    none = {"ages": pl.List(pl.Int64), "amounts": pl.List(pl.Float64), "currencies": pl.List(pl.String)}
    return (
        people.drop("since", "first")
        .join(summed, on="person", how="left", maintain_order="left")
        .with_columns(
            pl.col("before").fill_null(value=False),
            *(pl.col(name).fill_null(pl.lit([], dtype=dtype)) for name, dtype in none.items()),
        )
        .sort("person")
    )


def list_payers(view: View, spec: ValueSpec) -> pl.DataFrame:
    """Return one row per payer with the figures that models of lifetime value are fitted to, in days (UTC)."""
    rows = _read_rows(view, spec)
    starts = rows.filter("start").unique("person", keep="first", maintain_order=True).select("person", first="row")
    paid = rows.filter(pl.col("paid") & (pl.col("time") <= spec.until)).join(starts, on="person", how="inner")
    daily = (
        paid.filter(pl.col("row") >= pl.col("first"))
        .with_columns(day=pl.col("time") // _DAY)
        .group_by("person", "day")
        .agg(pl.col("amount").sum())
        .sort("person", "day")
    )
    repeats = pl.col("amount").slice(1)
    table = daily.group_by("person", maintain_order=True).agg(
        (pl.len().cast(pl.Int64) - 1).alias("repeat_days"),
        (pl.col("day").max() - pl.col("day").min()).alias("recency"),
        (spec.until // _DAY - pl.col("day").min()).alias("age"),
        pl.when(pl.len() > 1).then(repeats.mean()).otherwise(0.0).alias("mean_repeat"),
        pl.col("amount").sum().alias("total"),
    )
    labels = view.people.select(pl.col("code"), pl.col("person").alias("label")).collect()
    named = table.join(labels, left_on="person", right_on="code", how="left").sort("person")
    return named.select(pl.col("label").alias("person"), pl.exclude("person", "label"))


def _read_rows(view: View, spec: ValueSpec) -> pl.DataFrame:
    """Return the rows that start or pay, numbered by `row`."""
    steps = [spec.of, *([] if spec.start is None else [spec.start])]
    columns = columns_used(steps) + ([spec.by] if spec.by else [])
    is_first = pl.col("person").ne_missing(pl.col("person").shift(1))
    start = is_first if spec.start is None else spec.start.condition
    read = view.with_people_columns(columns).events.select(
        "person",
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        start.alias("start"),
        spec.of.condition.alias("paid"),
        (pl.col(spec.by).cast(pl.String) if spec.by else pl.lit(None, dtype=pl.String)).alias("group"),
        amount_of(spec.column).alias("amount"),
        currency_of(spec.currency).alias("currency"),
    )
    return read.filter(pl.col("start") | pl.col("paid")).collect()
