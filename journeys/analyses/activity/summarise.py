"""Counted activity → the table of accounts, with their state, fit and score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from journeys.analyses.activity.spec import MEASURES, ActivitySpec

_FEWEST_BEFORE = 10
_WANING = 0.5
_NO_TRAITS = ("person", "first_seen", "last_seen", "event_count", "members")


def summarise(
    counts: pl.DataFrame,
    spec: ActivitySpec,
    *,
    until: datetime,
    fit: pl.Expr | None,
    score: Mapping[str, float] | None,
) -> pl.DataFrame:
    """Make one row per account: best score first, else most active members."""
    start = until - timedelta(microseconds=spec.window)
    is_young = pl.col("first_seen") > start - timedelta(microseconds=spec.window)
    trend = pl.when(~is_young & (pl.col("events_before") > 0)).then(pl.col("events") / pl.col("events_before"))
    own = counts["own"].struct.unnest()
    fit_of = pl.lit(None, dtype=pl.Boolean) if fit is None else fit
    own = own.with_columns(counts["members"])  # as of `until`, for `fit`, too
    named = own if "account" in own.columns else own.with_columns(pl.col("person").alias("account"))
    table = counts.drop("own").with_columns(
        named.with_columns(fit_of.alias("fit"))["fit"],
        (pl.col("active_members") / pl.col("members")).alias("active_share"),
        (pl.lit(until) - pl.col("last_active")).alias("silent_for"),
        trend.alias("trend"),
    )
    is_waning = (pl.col("trend") < _WANING) & (pl.col("events_before") >= _FEWEST_BEFORE)
    state = (
        pl.when(pl.col("first_seen") > start)
        .then(pl.lit("new"))
        .when(pl.col("events") == 0)
        .then(pl.lit("silent"))
        .when(is_waning)
        .then(pl.lit("waning"))
        .otherwise(pl.lit("active"))
        .alias("state")
    )
    parts = _score_parts(table, score or {})
    table = table.with_columns(state, *parts)
    if score:
        table = table.with_columns(_weighted_mean(score).alias("score"))
    scores = [*(["score"] if score else []), *(part.name for part in parts)]
    measures = [name for name in MEASURES if (name, spec.contact) != ("last_contact", None)]
    columns = ["account", *measures, "state", *scores]
    taken = {*MEASURES, *columns}
    traits = [
        own[name].alias(f"trait_{name}" if name in taken else name) for name in own.columns if name not in _NO_TRAITS
    ]
    order = [*(["score"] if score else []), "active_members", "events", "members"]
    return table.select(*columns, *traits).sort(
        *order, "account", descending=[*[True] * len(order), False], nulls_last=True
    )


def _score_parts(table: pl.DataFrame, score: Mapping[str, float]) -> list[pl.Series]:
    """Return the percentile of each scored column: the share of accounts below, and half of those that are equal.

    A fit that is NaN is unknown, as null is.
    """
    parts = []
    for name in score:
        value = pl.col(name).cast(pl.Float64).fill_nan(None)
        percentile = (value.rank("average") - 0.5) / value.count()
        parts.append(table.select(percentile.alias(f"score_{name}")).to_series())
    return parts


def _weighted_mean(score: Mapping[str, float]) -> pl.Expr:
    """Average the percentiles; one that is null has no weight."""
    known = [pl.when(pl.col(f"score_{name}").is_not_null()).then(weight) for name, weight in score.items()]
    weighted = [pl.col(f"score_{name}") * weight for name, weight in score.items()]
    total = pl.sum_horizontal(known)
    return pl.when(total > 0).then(pl.sum_horizontal(weighted) / total)
