"""Whole journeys, every node of them: the most travelled paths, and the short sequences inside them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.rows import read_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.walk import first_visits, repeats
from journeys.log import View

__all__ = ["GramSpec", "PathSpec", "Whole", "count_grams", "count_paths", "lay_whole", "take_paths"]

_BASE = np.uint64(0x9E3779B97F4A7C15)
PATHS = {"path_key": pl.UInt64(), "way_key": pl.UInt64(), "reached": pl.Boolean(), "people": pl.Int64()}


class Whole(NamedTuple):
    """Journeys node by node.

    Attributes
    ----------
    code : np.ndarray
        The nodes of all journeys, one journey after the other.
    time : np.ndarray
        When they were there.
    low, length : np.ndarray
        Where each journey begins in `code`, and how many nodes it has.
    reached : np.ndarray
        Whether it got to the end.
    person : np.ndarray
        Whose it is.
    labels : list of str
        The names of the nodes at their codes.
    """

    code: np.ndarray
    time: np.ndarray
    low: np.ndarray
    length: np.ndarray
    reached: np.ndarray
    person: np.ndarray
    labels: list[str]


def lay_whole(view: View, spec: FlowSpec) -> Whole:
    """Collapse and join the journeys of one shard, however long they are."""
    rows = read_rows(view, spec)
    attempts = cut_attempts(rows, spec)
    person = rows.person[attempts.low] if attempts.low.size else rows.person[:0]
    rows, attempts = first_visits(rows, attempts, spec)
    inside = _inside(attempts.low, attempts.high, size=rows.code.size)
    repeated = repeats(rows, spec)
    early = late = inside
    if repeated is not None:
        early = inside & ~repeated[:-1]
        early[attempts.low] = True
        if spec.keep == "last":
            late = inside & ~repeated[1:]
            late[attempts.high - 1] = True
    before = np.cumsum(early, dtype=np.int64)
    low = before[attempts.low] - 1 if attempts.low.size else np.empty(0, np.int64)
    length = np.diff(np.append(low, before[-1] if before.size else 0))
    code = rows.code[early]
    time = rows.time[late if spec.keep == "last" and repeated is not None else early]
    return Whole(code, time, low, length, attempts.reached, person, rows.labels)


def _inside(low: np.ndarray, high: np.ndarray, *, size: int) -> np.ndarray:
    """Mark the rows that are of some journey; journeys do not overlap."""
    change = np.zeros(size + 1, dtype=np.int8)
    change[low] += 1
    change[high] -= 1
    marked: np.ndarray = np.cumsum(change[:-1], dtype=np.int8) > 0
    return marked


def path_keys(whole: Whole) -> tuple[np.ndarray, np.ndarray]:
    """Give each journey a number for its path, and one for its way without the goal at its end.

    A name's number comes from the name itself, so that shards and runs agree. Two paths of one number would be told
    apart where paths are shown, since there they are compared node by node.
    """
    numbers = np.array([_number(label) for label in whole.labels], dtype=np.uint64)
    longest = int(whole.length.max()) if whole.length.size else 0
    powers = np.ones(longest + 1, dtype=np.uint64)
    np.multiply.accumulate(np.full(longest, _BASE), out=powers[1:])
    place = np.arange(whole.code.size, dtype=np.int64) - np.repeat(whole.low, whole.length)
    terms = numbers[whole.code]
    terms *= powers[place]
    path = np.add.reduceat(terms, whole.low) if whole.low.size else np.empty(0, np.uint64)
    # the length is part of the key: a name's number may be anything, also zero
    path += powers[whole.length] * np.uint64(0x5851F42D4C957F2D)
    way = path.copy()
    done = whole.reached
    ends = whole.low[done] + whole.length[done] - 1
    way[done] -= terms[ends] + powers[whole.length[done]] * np.uint64(0x5851F42D4C957F2D)
    way[done] += powers[whole.length[done] - 1] * np.uint64(0x5851F42D4C957F2D)
    return path, way


def _number(label: str) -> int:
    return int.from_bytes(blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def count_paths(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count the journeys of each path, known by its number."""
    whole = lay_whole(view, spec)
    path, way = path_keys(whole)
    table = pl.DataFrame({"path_key": path, "way_key": way, "reached": whole.reached})
    counted = table.group_by("path_key", "way_key", "reached").agg(pl.len().cast(pl.Int64).alias("people"))
    return counted.select(list(PATHS)).cast(PATHS)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class PathSpec:
    """Paths of a flow by their numbers."""

    spec: FlowSpec
    keys: pl.Series


def take_paths(view: View, asked: PathSpec) -> pl.DataFrame:
    """Read out the paths of some numbers, node by node, with the time that each journey took."""
    whole = lay_whole(view, asked.spec)
    path, way = path_keys(whole)
    chosen = np.flatnonzero(pl.Series(path).is_in(asked.keys.implode()).to_numpy())
    length, low = whole.length[chosen], whole.low[chosen]
    nodes = np.repeat(low - np.append(0, np.cumsum(length)[:-1]), length) + np.arange(length.sum())
    labels = pl.Series(whole.labels, dtype=pl.String)
    names = pl.DataFrame(
        {
            "journey": pl.Series(np.repeat(np.arange(chosen.size), length)),
            "path": labels.gather(pl.Series(whole.code[nodes].astype(np.int64))),
        }
    )
    paths = names.group_by("journey", maintain_order=True).agg("path")["path"]
    table = pl.DataFrame(
        {
            "path": paths.cast(pl.List(pl.String)) if chosen.size else pl.Series([], dtype=pl.List(pl.String)),
            "path_key": path[chosen],
            "way_key": way[chosen],
            "reached": whole.reached[chosen],
            "time": whole.time[low + length - 1] - whole.time[low],
        }
    )
    return table.group_by("path", "path_key", "way_key", "reached").agg(
        pl.len().cast(pl.Int64).alias("people"), pl.col("time").alias("times")
    )


@dataclass(frozen=True, slots=True, eq=False)
class GramSpec:
    """Sequences of `size` nodes inside the journeys of a flow."""

    spec: FlowSpec
    size: int


def count_grams(view: View, asked: GramSpec) -> pl.DataFrame:
    """Count the journeys that each sequence of nodes occurs in, and how often it does."""
    whole = lay_whole(view, asked.spec)
    inner = np.maximum(whole.length - asked.size + 1, 0)
    first = np.repeat(whole.low - np.append(0, np.cumsum(inner)[:-1]), inner) + np.arange(inner.sum())
    names = {f"n{i}": whole.code[first + i].astype(np.int64) for i in range(asked.size)}
    journey = np.repeat(np.arange(whole.low.size), inner)
    table = pl.DataFrame({"journey": journey, "reached": whole.reached[journey], **names})
    labels = pl.Series(whole.labels, dtype=pl.String)
    each = table.group_by("journey", "reached", *names).agg(pl.len().cast(pl.Int64).alias("times"))
    found = each.group_by("reached", *names).agg(pl.len().cast(pl.Int64).alias("people"), pl.col("times").sum())
    return found.select(
        pl.concat_list([pl.Series(name, labels.gather(found[name])) for name in names]).alias("sequence")
        if found.height
        else pl.Series("sequence", [], dtype=pl.List(pl.String)),
        "reached",
        "people",
        "times",
    )


def people_on_path(whole: Whole, path: tuple[str, ...]) -> np.ndarray:
    """Mark the journeys that are exactly a path."""
    found: np.ndarray = whole.length == len(path)
    numbers = {label: code for code, label in enumerate(whole.labels)}
    for place, name in enumerate(path):
        at = np.flatnonzero(found)
        if name not in numbers:
            return np.zeros_like(found)
        found[at] = whole.code[whole.low[at] + place] == numbers[name]
    return found
