"""Counts of all shards → the tables of a flow: links and nodes with shares, times and conversion rates."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from journeys.analyses.flow.spec import OTHER, CountUnit, FlowSpec
from journeys.arrays import Ints
from journeys.stats import phi, wilson

COUNT_SCHEMA: dict[str, pl.DataType] = {
    "position": pl.Int64(),
    "source": pl.String(),
    "target": pl.String(),
    "kind": pl.String(),
    "reached": pl.Boolean(),
    "people": pl.Int64(),
    "times": pl.List(pl.Int64()),
    "median": pl.Float64(),
    "mean": pl.Float64(),
}


class FlowSummary(NamedTuple):
    """The tables of a flow.

    Attributes
    ----------
    links, nodes : pl.DataFrame
        As in `Flow.table` and `Flow.nodes`.
    kept : pl.DataFrame
        `position`, `node`: the nodes that keep their name in a column.
    everyone, shown, reached : int
        All journeys, those that are shown, and those of all that reach the end.
    """

    links: pl.DataFrame
    nodes: pl.DataFrame
    kept: pl.DataFrame
    everyone: int
    shown: int
    reached: int


def name_counts(table: pl.DataFrame, unit: CountUnit) -> pl.DataFrame:
    """Name the columns of counts after what is counted: people, sessions or entries.

    Examples
    --------
    >>> name_counts(pl.DataFrame({"node": ["A"], "people": [3]}), "sessions").columns
    ['node', 'sessions']
    """
    return table.rename({"people": unit, "against_people": f"against_{unit}"}, strict=False)


def rename_to_people(table: pl.DataFrame, unit: CountUnit) -> pl.DataFrame:
    """Undo `name_counts`: inside the analysis, and in charts, counts are called people whatever they are."""
    return table.rename({unit: "people", f"against_{unit}": "against_people"}, strict=False)


def is_shown(spec: FlowSpec) -> pl.Expr:
    """Return whether a row of the counts belongs to journeys that are shown."""
    if spec.who == "all":
        return pl.lit(value=True)
    return pl.col("reached") if spec.who == "converted" else ~pl.col("reached")


def choose_kept_nodes(counts: pl.DataFrame, spec: FlowSpec) -> pl.DataFrame:
    """Choose the nodes that keep their name: the `top` of each column by people, and where the end is reached."""
    sizes = (
        counts.group_by("position", "source")
        .agg(
            pl.col("people").filter(is_shown(spec)).sum().alias("people"),
            (pl.col("kind") == "reach").any().alias("is_end"),
        )
        .filter((pl.col("people") > 0) & (pl.col("source") != OTHER))
        .sort("position", "people", "source", descending=[False, True, False])
    )
    if spec.top is not None:
        rank = pl.int_range(pl.len()).over("position")
        sizes = sizes.filter((rank < spec.top) | pl.col("is_end"))
    return sizes.select("position", pl.col("source").alias("node"))


def summarise(
    counts: pl.DataFrame, spec: FlowSpec, *, kept: pl.DataFrame | None = None, keep_empty: bool = False
) -> FlowSummary:
    """Fold small nodes, add up, and relate every link and node to the end.

    Journeys that are not shown (`who`) are counted too: conversion rates and phi compare with them. Links and nodes
    that no journey shown passes are left out of the tables unless `keep_empty`: another group may pass them.
    """
    edge = spec.steps - 1 if spec.align == "end" else 0
    totals = counts.filter(pl.col("position") == edge).select(
        pl.col("people").sum().alias("all"),
        pl.col("people").filter(pl.col("reached")).sum().alias("reached"),
        pl.col("people").filter(is_shown(spec)).sum().alias("shown"),
    )
    everyone, reached, shown = (int(value or 0) for value in totals.row(0))
    kept = choose_kept_nodes(counts, spec) if kept is None else kept
    links = _add_up(_fold_small(counts, kept), spec)
    nodes = _add_up_nodes(links)
    if spec.end is not None:
        links, nodes = (_relate_to_goal(table, everyone=everyone, reached=reached) for table in (links, nodes))

    def add_share(table: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
        rows = table if keep_empty else table.filter(pl.col("people") > 0)
        rows = rows.with_columns(
            share=_divide_people(pl.col("column_people")), share_of_start=pl.col("people") / (float(shown) or None)
        )
        return rows.sort("position", "people", *keys, descending=[False, True, *[False] * len(keys)])

    related = [] if spec.end is None else ["passed", "converted", "conversion_rate", "ci_low", "ci_high", "phi"]
    links = add_share(links, ["source", "target"]).filter(pl.col("kind") != "reach")
    links = links.select(
        "position", "source", "target", "people", "share", "median_time", "mean_time", "share_of_source",
        "share_of_start", *related,
    )  # fmt: skip
    nodes = add_share(nodes, ["node"]).select(
        "position", "node", "people", "share", "share_of_start", "onward", "dropped", "continued", "reached_here",
        *related,
    )  # fmt: skip
    return FlowSummary(links, nodes, kept, everyone, shown, reached)


def _fold_small(counts: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Rename the nodes that do not keep their name to "(other)"."""
    sources = kept.with_columns(pl.lit(value=True).alias("keeps"))
    targets = sources.with_columns(pl.col("position") - 1)
    named = counts.join(sources, left_on=["position", "source"], right_on=["position", "node"], how="left")
    named = named.join(
        targets, left_on=["position", "target"], right_on=["position", "node"], how="left", suffix="_target"
    )
    target_stays = (pl.col("kind") != "move") | pl.col("keeps_target").fill_null(value=False)
    return named.with_columns(
        source=pl.when(pl.col("keeps").fill_null(value=False)).then("source").otherwise(pl.lit(OTHER)),
        target=pl.when(target_stays).then("target").otherwise(pl.lit(OTHER)),
    )


def _add_up(folded: pl.DataFrame, spec: FlowSpec) -> pl.DataFrame:
    """Add up each link: those shown, all who pass, those of them who convert, and the times of those shown."""
    by = ["position", "source", "target", "kind"]
    people = folded.group_by(by).agg(
        pl.col("people").filter(is_shown(spec)).sum().alias("people"),
        pl.col("people").sum().alias("passed"),
        pl.col("people").filter(pl.col("reached")).sum().alias("converted"),
    )
    links = people.join(_summarise_times(folded.filter(is_shown(spec)), by=by), on=by, how="left")
    return links.with_columns(
        column_people=pl.col("people").sum().over("position"),
        share_of_source=_divide_people(pl.col("people").sum().over("position", "source")),
    )


def _divide_people(whole: pl.Expr) -> pl.Expr:
    """Divide people by the people they are a part of; null where there are none."""
    return pl.when(whole > 0).then(pl.col("people") / whole)


def _summarise_times(folded: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    """Compute each link's times: from all of them, or as its one shard has summarised them."""
    moves = folded.filter(pl.col("kind") == "move")
    known = moves.filter(pl.col("median").is_not_null())
    ready = known.group_by(by).agg(median_time=pl.col("median").first(), mean_time=pl.col("mean").first())
    listed = moves.filter(pl.col("median").is_null()).select(*by, "times").explode("times", empty_as_null=False)
    computed = listed.group_by(by).agg(median_time=pl.col("times").median(), mean_time=pl.col("times").mean())
    both = pl.concat([ready, computed]) if computed.height else ready
    return both.with_columns(
        pl.col("median_time", "mean_time").cast(pl.Float64).round().cast(pl.Int64).cast(pl.Duration("us"))
    )


def measure_times(rows: Ints, key: Ints, time: Ints, *, is_complete: bool) -> pl.DataFrame:
    """Summarise the times of each key, and lay the summaries beside rows, which are known by their keys.

    Return `times` (List(Int64)), `median` and `mean` (Float64): empty lists, or null.

    Parameters
    ----------
    rows : np.ndarray
        The key of each row; rows that are not moves, but people leaving or going on, have no times.
    key, time : np.ndarray
        Key and time of each move.
    is_complete : bool
        Whether these are all moves of each key, so that their median and mean suffice; else the times are kept.
    """
    moves = pl.DataFrame({"key": key, "time": time}, schema={"key": pl.Int64, "time": pl.Int64}).group_by("key")
    times = pl.col("time")
    if is_complete:
        each = moves.agg(times=pl.lit([], dtype=pl.List(pl.Int64)), median=times.median(), mean=times.mean())
    else:
        missing = pl.lit(None, dtype=pl.Float64)
        each = moves.agg(times=times.sort(), median=missing, mean=missing)
    found = pl.DataFrame({"key": rows}, schema={"key": pl.Int64}).join(
        each, on="key", how="left", maintain_order="left"
    )
    return found.select(pl.col("times").fill_null([]), "median", "mean")


def _add_up_nodes(links: pl.DataFrame) -> pl.DataFrame:
    """Add up the links that leave each node, by what they lead to."""

    def sum_leaving(kind: str) -> pl.Expr:
        return pl.col("people").filter(pl.col("kind") == kind).sum()

    return links.group_by("position", pl.col("source").alias("node")).agg(
        pl.col("people").sum(),
        pl.col("passed").sum(),
        pl.col("converted").sum(),
        pl.col("column_people").first(),
        sum_leaving("move").alias("onward"),
        sum_leaving("drop").alias("dropped"),
        sum_leaving("continue").alias("continued"),
        sum_leaving("reach").alias("reached_here"),
    )


def _relate_to_goal(table: pl.DataFrame, *, everyone: int, reached: int) -> pl.DataFrame:
    """Add the conversion rate of all who pass, its interval, and phi of passing with converting."""
    both, passed = table["converted"].to_numpy(), table["passed"].to_numpy()
    low, high = wilson(both, passed)
    related = phi(both, passed - both, reached - both, everyone - reached - passed + both)
    return table.with_columns(
        conversion_rate=pl.col("converted") / pl.col("passed"),
        ci_low=pl.Series(low, nan_to_null=True),
        ci_high=pl.Series(high, nan_to_null=True),
        phi=pl.Series(related, nan_to_null=True),
    )
