"""Counted messages → the table of groups, with rates, intervals and value."""

from __future__ import annotations

from math import fsum

import polars as pl

from journeys.analyses.labels import label_values
from journeys.analyses.messages.spec import STAGES, MessagesSpec
from journeys.stats import wilson

RATES = {
    "delivered_rate": ("delivered", "people"),
    "read_rate": ("read", "delivered"),
    "click_rate": ("clicked", "delivered"),
    "click_to_read": ("clicked_readers", "read"),
    "unsubscribed_rate": ("unsubscribed", "delivered"),
    "rate": ("converted", "eligible"),
}
"""Each rate with its numerator and its denominator."""


def summarise(counts: pl.DataFrame, spec: MessagesSpec) -> pl.DataFrame:
    """Add up the shards; one row per group, most people first."""
    numbers = [
        *("messages", "people", *STAGES, "clicked_readers"),
        *("already", "pending", "eligible", "converted", "conversions"),
    ]
    added = counts.group_by("group").agg(pl.col(numbers).sum(), pl.col("values").explode(empty_as_null=False))
    for rate, (numerator, denominator) in RATES.items():
        low, high = wilson(added[numerator].to_numpy(), added[denominator].to_numpy())
        share = pl.when(pl.col(denominator) > 0).then(pl.col(numerator) / pl.col(denominator))
        ends = {f"{rate}_low": low, f"{rate}_high": high}
        added = added.with_columns(
            share.alias(rate), *(pl.Series(name, end, dtype=pl.Float64).fill_nan(None) for name, end in ends.items())
        )
    unmeasured = [f"{rate}{end}" for rate in _list_unmeasured(spec) for end in ("", "_low", "_high")]
    added = added.with_columns(pl.lit(None, dtype=pl.Float64).alias(name) for name in unmeasured)
    columns = ["messages", "people", *(stage for stage in STAGES if stage in ("delivered", *spec.stages))]
    asked = [rate for rate in RATES if spec.goal is not None or rate != "rate"]
    rates = [name for rate in asked if rate != "rate" for name in (rate, f"{rate}_low", f"{rate}_high")]
    columns += rates
    if spec.goal is not None:
        columns += ["already", "pending", "eligible", "converted", "conversions", "rate", "rate_low", "rate_high"]
    if spec.value is not None:
        values = [fsum(sorted(own)) for own in added["values"].to_list()]
        added = added.with_columns(value=pl.Series(values, dtype=pl.Float64))
        per_delivery = pl.when(pl.col("eligible") > 0).then(pl.col("value") / pl.col("eligible"))
        added = added.with_columns(value_per_delivery=per_delivery)
        columns += ["value", "value_per_delivery"]
    name = spec.by or "group"
    table = added.with_columns(label_values(added["group"])).rename({"group": name}) if spec.by else added
    return table.select([name, *columns] if spec.by else columns).sort(
        "people", *([name] if spec.by else []), descending=[True, False] if spec.by else True
    )


def _list_unmeasured(spec: MessagesSpec) -> list[str]:
    """List the rates that are unknown, not 0: the log has no event of their stage, or none that earns credit."""
    known = {"delivered", *spec.stages}
    needs = {"read_rate": ["read"], "click_rate": ["clicked"], "unsubscribed_rate": ["unsubscribed"]}
    unmeasured = [rate for rate, stages in {**needs, "rate": spec.touch}.items() if not known & {*stages}]
    return unmeasured + ([] if {"read", "clicked"} <= known else ["click_to_read"])
