"""From counted paths to tables: the most travelled, the best and the worst, and how many make up most of the travel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import polars as pl

from journeys.analyses.flow.nodes import REACHED
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import belongs
from journeys.analyses.flow.whole import KEYS, GramSpec, PathSpec, count_grams, count_paths, take_paths
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError, raise_all, unknown
from journeys.stats import wilson

__all__ = ["Rank", "check_path", "coverage", "not_travelled", "passing", "sequences", "top_paths", "touched"]

Rank = Literal["people", "best", "worst"]


def _added(journeys: JourneysProtocol, spec: FlowSpec) -> pl.DataFrame:
    """Add the shards up: people of each path, and how many of those who went the same way reached the end.

    `overall` is the share of all journeys, shown or not, that reach it.
    """
    counts = journeys._count_shards(count_paths, spec)
    paths = counts
    if len(journeys._log.shards) > 1:
        paths = counts.group_by(*KEYS).agg(
            pl.col("people").sum(), pl.col("times").explode(empty_as_null=False), pl.col("example").min()
        )
    if spec.end is None:
        return paths.with_columns(passed="people", converted=pl.lit(0, dtype=pl.Int64), overall=pl.lit(0.0))
    ways = paths.group_by("way_0", "way_1").agg(
        pl.col("people").sum().alias("passed"), pl.col("people").filter("reached").sum().alias("converted")
    )
    overall = ways.select(pl.col("converted").sum() / pl.col("passed").sum()).item()
    joined = paths.join(ways, on=["way_0", "way_1"], how="left").filter(belongs(spec))
    return joined.with_columns(overall=pl.lit(overall, dtype=pl.Float64))


def top_paths(journeys: JourneysProtocol, spec: FlowSpec, *, n: int, rank: Rank, min_people: int) -> pl.DataFrame:
    """Rank all paths by their numbers, then read the best `n` out node by node."""
    problems = _not_a_number("n", n)
    if rank not in ("people", "best", "worst"):
        problems.append(f"rank: {rank!r} is none of 'people', 'best', 'worst'.")
    elif rank != "people" and spec.end is None:
        problems.append(f"rank: {rank!r} needs an end to reach; ask the flow with end=.")
    raise_all(problems, ArgumentError)
    added = _added(journeys, spec)
    total = int(added["people"].sum())
    if rank != "people":
        added = _ranked(added, best=rank == "best", min_people=min_people)
        low, high = wilson(added["converted"], added["passed"])
        bound = pl.Series("bound", low if rank == "best" else -high, dtype=pl.Float64)
        added = added.with_columns(bound).sort("bound", "people", *KEYS, descending=[True, True, *[False] * len(KEYS)])
        top = added.head(n)
    else:
        top = added.top_k(n, by=["people", *KEYS], reverse=[False, *[True] * len(KEYS)])
    named = journeys._count_shards(take_paths, PathSpec(spec, top["example"].cast(pl.UInt32).unique()))
    table = top.join(named.unique(subset=KEYS), on=KEYS, how="left")
    table = table.with_columns(median_time=pl.col("times").list.median())
    low, high = wilson(table["converted"], table["passed"])
    related = spec.end is not None
    table = table.with_columns(
        share=pl.col("people") / total if total else pl.lit(None, dtype=pl.Float64),
        conversion_rate=pl.col("converted") / pl.col("passed") if related else pl.lit(None, dtype=pl.Float64),
        ci_low=pl.Series(low, nan_to_null=True) if related else pl.lit(None, dtype=pl.Float64),
        ci_high=pl.Series(high, nan_to_null=True) if related else pl.lit(None, dtype=pl.Float64),
        median_time=pl.col("median_time").round().cast(pl.Int64).cast(pl.Duration("us")),
        nodes=pl.col("path").list.len().cast(pl.Int64),
        named=pl.col("path").list.join("\x1f"),
    )
    order = {"people": ["people"], "best": ["ci_low", "people"], "worst": ["ci_high", "people"]}[rank]
    falling = [not (rank == "worst" and name == "ci_high") for name in order]
    table = table.sort(*order, "named", "reached", descending=[*falling, False, False], nulls_last=True).head(n)
    columns = ["path", "people", "conversion_rate", "median_time", "share", "nodes", "ci_low", "ci_high"]
    return table.select(*columns, *(["reached", "passed", "converted"] if related else []))


def _ranked(added: pl.DataFrame, *, best: bool, min_people: int) -> pl.DataFrame:
    """Keep the ways that convert better, or worse, than all together, each once.

    A way that some went to the end and others not is two paths: of the best the one that gets there stands for it, of
    the worst the one that does not.
    """
    rate = pl.col("converted") / pl.col("passed")
    overall = pl.col("overall")
    fit = added.filter(pl.col("passed") >= min_people, (rate > overall) if best else (rate < overall))
    return fit.sort("reached", *KEYS, descending=[best, *[False] * len(KEYS)]).unique(
        ["way_0", "way_1"], keep="first", maintain_order=True
    )


def coverage(journeys: JourneysProtocol, spec: FlowSpec, *, share: float) -> tuple[int, int]:
    """Say how many paths it takes to cover a share of all journeys, and how many there are."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ArgumentError(f"share: {share!r} must be above 0 and at most 1.")
    people = (
        _added(journeys, spec).group_by("path_0", "path_1").agg(pl.col("people").sum())["people"].sort(descending=True)
    )
    if not people.len():
        return 0, 0
    enough = people.cum_sum() >= share * int(people.sum()) - 1e-9
    return int(enough.arg_max() or 0) + 1, people.len()


def sequences(journeys: JourneysProtocol, spec: FlowSpec, *, size: int, n: int, min_people: int) -> pl.DataFrame:
    """Rank the sequences of `size` nodes by the journeys that they occur in."""
    problems = _not_a_number("n", n)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= 8:
        problems.insert(0, f"size: {size!r} must be from 1 to 8 nodes.")
    raise_all(problems, ArgumentError)
    counts = journeys._count_shards(count_grams, GramSpec(spec, size))
    added = counts.group_by("sequence").agg(
        pl.col("people").filter(belongs(spec)).sum(),
        pl.col("times").filter(belongs(spec)).sum(),
        pl.col("people").sum().alias("passed"),
        pl.col("people").filter("reached").sum().alias("converted"),
    )
    added = added.filter(pl.col("people") >= max(1, min_people))
    low, high = wilson(added["converted"], added["passed"])
    related = spec.end is not None
    empty = pl.lit(None, dtype=pl.Float64)
    table = added.with_columns(
        conversion_rate=pl.col("converted") / pl.col("passed") if related else empty,
        ci_low=pl.Series(low, nan_to_null=True) if related else empty,
        ci_high=pl.Series(high, nan_to_null=True) if related else empty,
        named=pl.col("sequence").list.join("\x1f"),
    )
    table = table.sort("people", "times", "named", descending=[True, True, False]).head(n)
    return table.select("sequence", "people", "times", "conversion_rate", "ci_low", "ci_high")


def passing(journeys: JourneysProtocol, spec: FlowSpec) -> pl.DataFrame:
    """Count, for each node, the journeys that pass it anywhere on their way, and how many of these reach the end."""
    counts = journeys._count_shards(count_grams, GramSpec(spec, 1))
    return counts.group_by(pl.col("sequence").list.first().alias("node")).agg(
        pl.col("people").sum().alias("passed"), pl.col("people").filter("reached").sum().alias("converted")
    )


def touched(journeys: JourneysProtocol, spec: FlowSpec) -> pl.DataFrame:
    """Count, for each node, the journeys that pass it on their way to the end, or to none; the end is not on it."""
    return passing(journeys, spec.but(apart=True)).filter(pl.col("node") != REACHED)


def check_path(path: Sequence[str] | pl.Series) -> tuple[str, ...]:
    """Take a path as it stands in the table."""
    names = path.to_list() if isinstance(path, pl.Series) else path
    listed = isinstance(names, Sequence) and not isinstance(names, str) and len(names) > 0
    if not listed or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"path: {path!r} must be a list of node names, as in the table of .paths().")
    return tuple(names)


def not_travelled(path: Sequence[str], names: Sequence[str]) -> str:
    """Say why nobody went a path: a node of it is nowhere, or it is no whole way of anybody."""
    lost = [name for name in dict.fromkeys(path) if name not in names]
    if lost:
        return unknown("path", lost, available=names, what="node")
    return f"path: nobody went {list(path)!r} from the first node to the last; .paths() has the whole ways."


def _not_a_number(argument: str, given: int) -> list[str]:
    wrong = isinstance(given, bool) or not isinstance(given, int) or given < 1
    return [f"{argument}: {given!r} must be at least 1."] if wrong else []
