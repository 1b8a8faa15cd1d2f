"""Whole paths and sequences of steps: counted, summarised, selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import polars as pl

from journeys.analyses.flow.collapsed_journeys import CollapsedJourneys, collapse_journeys
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summarise import is_shown
from journeys.analyses.protocol import JourneysProtocol
from journeys.arrays import Bools, Ints, list_rows, parallel_map
from journeys.errors import ArgumentError, describe_wrong_number, is_number, is_whole_number, raise_all, unknown_message
from journeys.log import View
from journeys.stats import wilson

_MAX_SIZE = 8


@dataclass(frozen=True, slots=True, eq=False)
class NgramSpec:
    """Sequences of `size` nodes inside the journeys of a flow."""

    spec: FlowSpec
    size: int


def count_ngrams(view: View, asked: NgramSpec) -> pl.DataFrame:
    """Count the journeys that each sequence of nodes occurs in, and how often it occurs."""
    journeys = collapse_journeys(view, asked.spec, with_times=False, with_duration=False)
    inner = np.maximum(journeys.row_counts - asked.size + 1, 0)
    first = list_rows(journeys.low, journeys.low + inner)
    names = {f"n{i}": journeys.code[first + i].astype(np.int64) for i in range(asked.size)}
    journey = np.repeat(np.arange(journeys.low.size), inner)
    table = pl.DataFrame({"journey": journey, "reached": journeys.reached[journey], **names})
    labels = pl.Series(journeys.labels, dtype=pl.String)
    each = table.group_by("journey", "reached", *names).agg(pl.len().cast(pl.Int64).alias("times"))
    found = each.group_by("reached", *names).agg(pl.len().cast(pl.Int64).alias("people"), pl.col("times").sum())
    sequence = pl.Series("sequence", [], dtype=pl.List(pl.String))
    columns = [pl.Series(name, labels.gather(found[name])) for name in names]
    return found.select(
        pl.concat_list(columns).alias("sequence") if found.height else sequence, "reached", "people", "times"
    )


def rank_sequences(
    journeys: JourneysProtocol, spec: FlowSpec, *, size: int, n: int | None, min_people: int
) -> pl.DataFrame:
    """Rank the sequences of `size` nodes by the journeys that they occur in."""
    problems = [] if is_whole_number(size, most=_MAX_SIZE) else [f"size: {size!r} must be from 1 to {_MAX_SIZE} nodes."]
    problems += check_limit(n) + describe_wrong_number("min_people", min_people, least=0)
    raise_all(problems, ArgumentError)
    added = (
        journeys._count_shards(count_ngrams, NgramSpec(spec, size))
        .group_by("sequence")
        .agg(
            pl.col("people").filter(is_shown(spec)).sum(),
            pl.col("times").filter(is_shown(spec)).sum(),
            pl.col("people").sum().alias("passed"),
            pl.col("people").filter("reached").sum().alias("converted"),
        )
        .filter(pl.col("people") >= max(1, min_people))
    )
    low, high = wilson(added["converted"], added["passed"])
    has_end, missing = spec.end is not None, pl.lit(None, dtype=pl.Float64)
    table = added.with_columns(
        conversion_rate=pl.col("converted") / pl.col("passed") if has_end else missing,
        ci_low=pl.Series(low, nan_to_null=True) if has_end else missing,
        ci_high=pl.Series(high, nan_to_null=True) if has_end else missing,
        joined=pl.col("sequence").list.join("\x1f"),
    ).sort("people", "times", "joined", descending=[True, True, False])
    table = table if n is None else table.head(n)
    return table.select("sequence", "people", "times", "conversion_rate", "ci_low", "ci_high")


def count_passing(journeys: JourneysProtocol, spec: FlowSpec) -> pl.DataFrame:
    """Count, for each node, the journeys that pass it anywhere (`passed`), and how many of them `converted`."""
    counts = journeys._count_shards(count_ngrams, NgramSpec(spec, 1))
    return counts.group_by(pl.col("sequence").list.first().alias("node")).agg(
        pl.col("people").sum().alias("passed"), pl.col("people").filter("reached").sum().alias("converted")
    )


def count_passing_by_person(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count, as `count_passing`, the journeys of each person: `code`, `node`, `passed`, `converted`."""
    journeys = collapse_journeys(view, spec, with_times=False, with_duration=False)
    journey = np.repeat(np.arange(journeys.low.size), journeys.row_counts)
    row = list_rows(journeys.low, journeys.low + journeys.row_counts)
    passed = pl.DataFrame({"journey": journey, "node": journeys.code[row].astype(np.int64)}).unique()
    counted = (
        passed.with_columns(
            code=journeys.person[passed["journey"]].astype(np.int64), reached=journeys.reached[passed["journey"]]
        )
        .group_by("code", "node")
        .agg(pl.len().cast(pl.Int64).alias("passed"), pl.col("reached").sum().cast(pl.Int64).alias("converted"))
    )
    return counted.with_columns(node=pl.Series(journeys.labels, dtype=pl.String).gather(counted["node"]))


def check_limit(n: int | None) -> list[str]:
    """Return a problem unless `n` is None or a whole number of at least 1."""
    return [] if n is None or is_whole_number(n) else [f"n: {n!r} must be at least 1, or None for all."]


Rank = Literal["people", "best", "worst"]

_PART = 1 << 18
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 1 << 64)
_PATH_KEYS, _ROUTE_KEYS = ("path_0", "path_1"), ("route_0", "route_1")
_KEYS = (*_PATH_KEYS, *_ROUTE_KEYS, "reached")


def rank_paths(
    journeys: JourneysProtocol, spec: FlowSpec, *, n: int | None, rank: Rank, min_people: int
) -> tuple[pl.DataFrame, tuple[int, int]]:
    """Count and rank all paths by their hashes, then read the best `n` of them node by node.

    Return the table, and what `cover` says of 80% of the journeys.
    """
    problems = check_limit(n) + describe_wrong_number("min_people", min_people, least=0)
    if rank not in get_args(Rank):
        problems.append(f"rank: {rank!r} is none of {', '.join(map(repr, get_args(Rank)))}.")
    elif rank != "people" and spec.end is None:
        problems.append(f"rank: {rank!r} needs an end to reach; ask the flow with end=.")
    raise_all(problems, ArgumentError)
    added = _add_up(journeys, spec)
    total = int(added["people"].sum())
    covering = _count_covering(added, share=0.8)
    limit = added.height if n is None else n
    if rank == "people":
        top = added.top_k(limit, by=["people", *_KEYS], reverse=[False, *[True] * len(_KEYS)])
    else:
        added = _one_row_per_route(added, best=rank == "best", min_people=min_people)
        low, high = wilson(added["converted"], added["passed"])
        bound = pl.Series("bound", low if rank == "best" else -high, dtype=pl.Float64)
        order = ["bound", "people", *_KEYS]
        top = added.with_columns(bound).sort(order, descending=[True, True, *[False] * len(_KEYS)]).head(limit)
    people = top["example"].cast(pl.UInt32).unique()
    named = journeys._count_shards(read_paths, _PathReading(spec, people)).unique(subset=_KEYS)
    table = _measure_paths(top.join(named, on=_KEYS, how="left"), has_end=spec.end is not None, total=total)
    order = {"people": ["people"], "best": ["ci_low", "people"], "worst": ["ci_high", "people"]}[rank]
    falling = [not (rank == "worst" and name == "ci_high") for name in order]
    table = table.sort(*order, "joined", "reached", descending=[*falling, False, False], nulls_last=True)
    columns = ["path", "people", "conversion_rate", "median_time", "share", "nodes", "ci_low", "ci_high"]
    return table.select(*columns, *(["reached", "passed", "converted"] if spec.end is not None else [])), covering


def _measure_paths(table: pl.DataFrame, *, has_end: bool, total: int) -> pl.DataFrame:
    """Add the shares, rates and times of paths."""
    low, high = wilson(table["converted"], table["passed"])
    missing = pl.lit(None, dtype=pl.Float64)
    return table.with_columns(
        share=pl.col("people") / total if total else missing,
        conversion_rate=pl.col("converted") / pl.col("passed") if has_end else missing,
        ci_low=pl.Series(low, nan_to_null=True) if has_end else missing,
        ci_high=pl.Series(high, nan_to_null=True) if has_end else missing,
        median_time=pl.col("times").list.median().round().cast(pl.Int64).cast(pl.Duration("us")),
        nodes=pl.col("path").list.len().cast(pl.Int64),
        joined=pl.col("path").list.join("\x1f"),
    )


def count_covering(journeys: JourneysProtocol, spec: FlowSpec, *, share: float) -> tuple[int, int]:
    """Return how many paths cover a share of all journeys, and how many paths there are."""
    if not is_number(share) or not 0 < share <= 1:
        raise ArgumentError(f"share: {share!r} must be above 0 and at most 1.")
    return _count_covering(_add_up(journeys, spec), share=share)


def _count_covering(added: pl.DataFrame, *, share: float) -> tuple[int, int]:
    people = added.group_by(_PATH_KEYS).agg(pl.col("people").sum())["people"].sort(descending=True)
    if not people.len():
        return 0, 0
    is_enough = people.cum_sum() >= share * int(people.sum()) - 1e-9
    return int(is_enough.arg_max() or 0) + 1, people.len()


def _add_up(journeys: JourneysProtocol, spec: FlowSpec) -> pl.DataFrame:
    """Add up the shards: people of each path, and how many who took the same route, to whatever end, reached it.

    `overall` is the share of all journeys, shown or not, that reach the end.
    """
    paths = journeys._count_shards(count_paths, spec)
    if len(journeys._log.shards) > 1:
        paths = paths.group_by(_KEYS).agg(
            pl.col("people").sum(), pl.col("times").explode(empty_as_null=False), pl.col("example").min()
        )
    if spec.end is None:
        return paths.with_columns(passed="people", converted=pl.lit(0, dtype=pl.Int64), overall=pl.lit(0.0))
    routes = paths.group_by(_ROUTE_KEYS).agg(
        pl.col("people").sum().alias("passed"), pl.col("people").filter("reached").sum().alias("converted")
    )
    overall = routes.select(pl.col("converted").sum() / pl.col("passed").sum()).item()
    joined = paths.join(routes, on=_ROUTE_KEYS, how="left").filter(is_shown(spec))
    return joined.with_columns(overall=pl.lit(overall, dtype=pl.Float64))


def _one_row_per_route(added: pl.DataFrame, *, best: bool, min_people: int) -> pl.DataFrame:
    """Keep the routes that convert better, or worse, than all together.

    A route that some took to the end and others not is two paths: the best are shown by the one that reaches the end,
    the worst by the one that does not.
    """
    rate = pl.col("converted") / pl.col("passed")
    fit = added.filter(
        pl.col("passed") >= min_people, (rate > pl.col("overall")) if best else (rate < pl.col("overall"))
    )
    ranked = fit.sort("reached", *_KEYS, descending=[best, *[False] * len(_KEYS)])
    return ranked.unique(_ROUTE_KEYS, keep="first", maintain_order=True)


def count_paths(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's journeys by path (known by its hashes), with the time of each and one person who took it."""
    journeys = collapse_journeys(view, spec, with_times=False)
    table = pl.DataFrame(
        {
            **_hash_paths(journeys),
            "reached": journeys.reached,
            "time": journeys.ended - journeys.began,
            "place": np.arange(journeys.low.size, dtype=np.uint32),
        }
    )
    counted = table.group_by(*_PATH_KEYS, "reached").agg(
        pl.len().cast(pl.Int64).alias("people"),
        pl.col("time").alias("times"),
        pl.col("place").min(),
        pl.col(_ROUTE_KEYS).first(),
    )
    person = journeys.person[counted["place"].to_numpy()].astype(np.int64)
    return counted.drop("place").with_columns(example=pl.Series(person, dtype=pl.Int64))


@dataclass(frozen=True, slots=True, eq=False)
class _PathReading:
    """Some people of a flow whose paths are read."""

    spec: FlowSpec
    people: pl.Series


def read_paths(view: View, asked: _PathReading) -> pl.DataFrame:
    """Read the paths of some people node by node."""
    chosen = View(view.events.filter(pl.col("person").is_in(asked.people.implode())), view.scan_people)
    journeys = collapse_journeys(chosen, asked.spec, with_times=False, with_duration=False)
    labels = pl.Series(journeys.labels, dtype=pl.String)
    places = zip(journeys.low.tolist(), journeys.row_counts.tolist(), strict=True)
    paths = [labels.gather(journeys.code[low : low + length].astype(np.int64)) for low, length in places]
    return pl.DataFrame(
        {**_hash_paths(journeys), "reached": journeys.reached, "path": pl.Series(paths, dtype=pl.List(pl.String))}
    )


def _hash_paths(journeys: CollapsedJourneys) -> dict[str, Ints]:
    """Return two hashes of each journey's path, and two of its route: the path without the goal at its end.

    The hash of a path is Σ number(name) · base^place modulo 2⁶⁴, with a random number for each name: the path A B has
    n(A) + n(B)·b, whatever comes before it in the log. Two hashes together make it all but impossible that two paths
    among billions share them. A name's numbers depend on the name only, so that shards and runs agree.
    """
    size = journeys.low.size
    keys = {name: np.empty(size, dtype=np.uint64) for name in (*_PATH_KEYS, *_ROUTE_KEYS)}
    if not size:
        return keys
    # part by part, so that the arrays stay in the processor's cache
    cuts = np.unique(np.searchsorted(journeys.low, np.arange(_PART, journeys.code.size, _PART))).tolist()
    edges = [*dict.fromkeys([0, *cuts]), *([size] if size not in cuts else [])]
    stop = journeys.low + journeys.row_counts
    longest = max(int(stop[high - 1] - journeys.low[low]) for low, high in pairwise(edges))
    # powers run on through a part and are divided out where a journey begins: an odd base has an inverse
    powers, inverses = _list_powers(_BASE, longest), _list_powers(_INVERSE, longest)
    numbers = [
        np.array([_hash_name(label, salt) for label in journeys.labels], dtype=np.uint64) for salt in (b"one", b"two")
    ]

    def hash_part(part: tuple[int, int]) -> None:
        inside = slice(*part)
        first = int(journeys.low[part[0]])
        low, reached = journeys.low[inside] - first, journeys.reached[inside]
        code = journeys.code[first : int(stop[part[1] - 1])]
        last = (low + journeys.row_counts[inside] - 1)[reached]
        for number, path_key, route_key in zip(numbers, _PATH_KEYS, _ROUTE_KEYS, strict=True):
            terms = number.take(code)
            terms *= powers[: code.size]
            path = np.add.reduceat(terms, low)
            path *= inverses[low]
            route = path.copy()
            route[reached] -= terms[last] * inverses[low[reached]]
            keys[path_key][inside], keys[route_key][inside] = path, route

    parallel_map(hash_part, pairwise(edges))
    return keys


def _list_powers(base: int, size: int) -> Ints:
    factors = np.full(max(size, 1), base, dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)[:size]


def _hash_name(label: str, salt: bytes) -> int:
    digest = blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
    return int.from_bytes(digest, "little")


def mark_path(journeys: CollapsedJourneys, path: tuple[str, ...]) -> Bools:
    """Mark the journeys that take exactly this path."""
    found: Bools = journeys.row_counts == len(path)
    codes = {label: code for code, label in enumerate(journeys.labels)}
    for place, name in enumerate(path):
        at = np.flatnonzero(found)
        if name not in codes:
            return np.zeros_like(found)
        found[at] = journeys.code[journeys.low[at] + place] == codes[name]
    return found


def validate_path(path: Sequence[str] | pl.Series) -> tuple[str, ...]:
    """Return a path, as it stands in the table, as a tuple of names."""
    names = path.to_list() if isinstance(path, pl.Series) else path
    is_listed = isinstance(names, Sequence) and not isinstance(names, str) and len(names) > 0
    if not is_listed or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"path: {path!r} must be a list of node names, as in the table of .paths().")
    return tuple(names)


def explain_missing_path(path: Sequence[str], names: Sequence[str]) -> str:
    """Return why no journey takes a path: it has an unknown node, or it is no complete path."""
    lost = [name for name in dict.fromkeys(path) if name not in names]
    if lost:
        return unknown_message("path", lost, available=names, what="node")
    return f"path: no journey takes {list(path)!r} from its first node to its last; .paths() lists complete paths."
