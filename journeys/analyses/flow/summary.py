"""Adding up: the counts of all shards become the links and nodes that are shown, with their relation to the goal."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from journeys.analyses.flow.nodes import OTHER
from journeys.analyses.flow.spec import FlowSpec
from journeys.stats import phi, wilson

__all__ = ["Summary", "belongs", "kept_nodes", "summarise_links"]


class Summary(NamedTuple):
    """The tables of a flow, and which nodes keep their name in which column."""

    links: pl.DataFrame
    nodes: pl.DataFrame
    kept: pl.DataFrame
    everyone: int
    journeys: int
    reached: int


def belongs(spec: FlowSpec) -> pl.Expr:
    """Ask whether a row of the counts is of the journeys that are shown."""
    if spec.who == "all":
        return pl.lit(value=True)
    return pl.col("reached") if spec.who == "converted" else ~pl.col("reached")


def kept_nodes(counts: pl.DataFrame, spec: FlowSpec) -> pl.DataFrame:
    """Choose the nodes that keep their name: the `top` of each column by people, and where the end is reached."""
    sizes = (
        counts.group_by("position", "source")
        .agg(
            pl.col("people").filter(belongs(spec)).sum().alias("people"),
            (pl.col("kind") == "reach").any().alias("goal"),
        )
        .filter((pl.col("people") > 0) & (pl.col("source") != OTHER))
        .sort("position", "people", "source", descending=[False, True, False])
    )
    if spec.top is not None:
        rank = pl.int_range(pl.len()).over("position")
        sizes = sizes.filter((rank < spec.top) | pl.col("goal"))
    return sizes.select("position", pl.col("source").alias("node"))


def summarise_links(
    counts: pl.DataFrame, spec: FlowSpec, *, kept: pl.DataFrame | None = None, seldom: bool = False
) -> Summary:
    """Fold small nodes, add up, and relate every link and node to the goal.

    Journeys that are not shown (`who`) are counted too: they are what conversion rates and phi compare with. Links and
    nodes that none of the shown ones passes are left out of the tables, but for `seldom`: another group may show them.
    """
    edge = spec.steps - 1 if spec.align == "end" else 0
    totals = counts.filter(pl.col("position") == edge).select(
        pl.col("people").sum().alias("all"),
        pl.col("people").filter(pl.col("reached")).sum().alias("reached"),
        pl.col("people").filter(belongs(spec)).sum().alias("shown"),
    )
    everyone, reached, shown = (int(value or 0) for value in totals.row(0))
    kept = kept_nodes(counts, spec) if kept is None else kept
    folded = _fold(counts, kept)
    relate = spec.end is not None
    links = _add_up(folded, spec, by=["position", "source", "target", "kind"])
    nodes = _nodes(links)
    if relate:
        links, nodes = (_relate(table, everyone=everyone, reached=reached) for table in (links, nodes))
    tables = []
    for table, keys in ((links, ["source", "target"]), (nodes, ["node"])):
        # only here: a node is passed by links that nobody shown takes, too
        shared = table if seldom else table.filter(pl.col("people") > 0)
        shared = shared.with_columns(
            share=_part_of(pl.col("column_people")), share_of_start=pl.col("people") / (float(shown) or None)
        ).drop("column_people")
        tables.append(shared.sort("position", "people", *keys, descending=[False, True, *[False] * len(keys)]))
    links, nodes = tables
    order = ["position", "source", "target", "people", "share", "median_time", "mean_time"]
    order += ["share_of_source", "share_of_start"]
    extra = ["passed", "converted", "conversion_rate", "ci_low", "ci_high", "phi"] if relate else []
    first = ["position", "node", "people", "share", "share_of_start", "onward", "dropped", "continued", "reached_here"]
    moves = links.filter(pl.col("kind") != "reach")
    return Summary(moves.select(*order, *extra), nodes.select(*first, *extra), kept, everyone, shown, reached)


def _fold(counts: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    sources = kept.with_columns(pl.lit(value=True).alias("keeps"))
    targets = sources.with_columns(pl.col("position") - 1)
    named = counts.join(sources, left_on=["position", "source"], right_on=["position", "node"], how="left")
    named = named.join(
        targets, left_on=["position", "target"], right_on=["position", "node"], how="left", suffix="_target"
    )
    stays = (pl.col("kind") != "move") | pl.col("keeps_target").fill_null(value=False)
    return named.with_columns(
        source=pl.when(pl.col("keeps").fill_null(value=False)).then("source").otherwise(pl.lit(OTHER)),
        target=pl.when(stays).then("target").otherwise(pl.lit(OTHER)),
    )


def _add_up(folded: pl.DataFrame, spec: FlowSpec, *, by: list[str]) -> pl.DataFrame:
    shown = belongs(spec)
    people = folded.group_by(by).agg(
        pl.col("people").filter(shown).sum().alias("people"),
        pl.col("people").sum().alias("passed"),
        pl.col("people").filter(pl.col("reached")).sum().alias("converted"),
    )
    links = people.join(_times(folded.filter(shown), by=by), on=by, how="left")
    return links.with_columns(
        column_people=pl.col("people").sum().over("position"),
        share_of_source=_part_of(pl.col("people").sum().over("position", "source")),
    )


def _part_of(whole: pl.Expr) -> pl.Expr:
    """Divide people by those whom they are a part of; null where there is nobody."""
    return pl.when(whole > 0).then(pl.col("people") / whole)


def _times(folded: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    """Work out each link's times, from all of them or from what its one shard has worked out."""
    moves = folded.filter(pl.col("kind") == "move")
    known = moves.filter(pl.col("median").is_not_null())
    ready = known.group_by(by).agg(median_time=pl.col("median").first(), mean_time=pl.col("mean").first())
    pieces = moves.filter(pl.col("median").is_null()).select(*by, "times").explode("times", empty_as_null=False)
    pieced = pieces.group_by(by).agg(median_time=pl.col("times").median(), mean_time=pl.col("times").mean())
    both = pl.concat([ready, pieced]) if pieced.height else ready
    return both.with_columns(
        pl.col("median_time", "mean_time").cast(pl.Float64).round().cast(pl.Int64).cast(pl.Duration("us"))
    )


def _nodes(links: pl.DataFrame) -> pl.DataFrame:
    def out(kind: str) -> pl.Expr:
        return pl.col("people").filter(pl.col("kind") == kind).sum()

    return links.group_by("position", pl.col("source").alias("node")).agg(
        pl.col("people").sum(),
        pl.col("passed").sum(),
        pl.col("converted").sum(),
        pl.col("column_people").first(),
        out("move").alias("onward"),
        out("drop").alias("dropped"),
        out("continue").alias("continued"),
        out("reach").alias("reached_here"),
    )


def _relate(table: pl.DataFrame, *, everyone: int, reached: int) -> pl.DataFrame:
    """Add the conversion rate of all who pass, its interval, and phi of passing with converting."""
    both = table["converted"].to_numpy()
    passing = table["passed"].to_numpy()
    low, high = wilson(both, passing)
    related = phi(both, passing - both, reached - both, everyone - reached - passing + both)
    return table.with_columns(
        conversion_rate=pl.col("converted") / pl.col("passed"),
        ci_low=pl.Series(low, nan_to_null=True),
        ci_high=pl.Series(high, nan_to_null=True),
        phi=pl.Series(related, nan_to_null=True),
    )
