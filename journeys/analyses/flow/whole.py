"""Whole journeys, every node of them: the most travelled paths, and the short sequences inside them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.rows import read_rows, row_type
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.walk import first_visits, repeats
from journeys.log import View

__all__ = ["GramSpec", "PathSpec", "Whole", "count_grams", "count_paths", "lay_whole", "take_paths"]

_BASIS = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASIS, -1, 1 << 64)
KEYS = ("path_0", "path_1", "way_0", "way_1", "reached")


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
    before = np.cumsum(early, dtype=row_type(early.size))
    low = before[attempts.low] - 1 if attempts.low.size else np.empty(0, before.dtype)
    length = np.diff(np.append(low, before[-1] if before.size else 0).astype(np.int64))
    code, time = rows.code[early], rows.time[late if spec.keep == "last" and repeated is not None else early]
    return Whole(code, time, low.astype(np.int64), length, attempts.reached, person, rows.labels)


def _inside(low: np.ndarray, high: np.ndarray, *, size: int) -> np.ndarray:
    """Mark the rows that are of some journey; journeys do not overlap."""
    if low.size and low[0] == 0 and high[-1] == size and np.array_equal(low[1:], high[:-1]):
        return np.ones(size, dtype=bool)
    change = np.zeros(size + 1, dtype=np.int8)
    change[low] += 1
    change[high] -= 1
    marked: np.ndarray = np.cumsum(change[:-1], dtype=np.int8) > 0
    return marked


def path_keys(whole: Whole) -> dict[str, np.ndarray]:
    """Give each journey two numbers for its path, and two for its way without the goal at its end.

    The number of a path is Σ name × basis^place, 64 bits wide, with a random number for each name; two of them
    together make it all but impossible that two paths among billions have the same. A name's numbers come from the name
    itself, so that shards and runs agree.
    """
    size = whole.code.size
    # powers go on through the whole log and are divided out where a journey begins: an odd basis has an inverse
    powers = _powers(_BASIS, size)
    back = _powers(_INVERSE, size)[whole.low] if whole.low.size else np.empty(0, np.uint64)
    done = whole.reached
    ends = (whole.low + whole.length - 1)[done]
    keys = {}
    for number, salt in enumerate((b"one", b"two")):
        terms = np.array([_number(label, salt) for label in whole.labels], dtype=np.uint64)[whole.code]
        terms *= powers
        path = np.add.reduceat(terms, whole.low) if size else np.empty(0, np.uint64)
        path *= back
        way = path.copy()
        way[done] -= terms[ends] * back[done]
        keys[f"path_{number}"], keys[f"way_{number}"] = path, way
    return keys


def _powers(basis: int, size: int) -> np.ndarray:
    out = np.full(max(size, 1), basis, dtype=np.uint64)
    out[0] = 1
    powers: np.ndarray = np.multiply.accumulate(out)[:size]
    return powers


def _number(label: str, salt: bytes) -> int:
    digest = blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
    return int.from_bytes(digest, "little")


def count_paths(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count the journeys of each path, known by its numbers, with the time that each took and one who went it."""
    whole = lay_whole(view, spec)
    ends = whole.low + whole.length - 1
    table = pl.DataFrame(
        {
            **path_keys(whole),
            "reached": whole.reached,
            "time": whole.time[ends] - whole.time[whole.low],
            "place": np.arange(whole.low.size, dtype=np.uint32),
        }
    )
    counted = table.group_by(*KEYS).agg(
        pl.len().cast(pl.Int64).alias("people"), pl.col("time").alias("times"), pl.col("place").min()
    )
    found = whole.person[counted["place"].to_numpy()].astype(np.int64)
    return counted.drop("place").with_columns(example=pl.Series(found, dtype=pl.Int64))


@dataclass(frozen=True, slots=True, eq=False)
class PathSpec:
    """Some people of a flow, whose paths are to be read."""

    spec: FlowSpec
    people: pl.Series


def take_paths(view: View, asked: PathSpec) -> pl.DataFrame:
    """Read the paths of some people node by node."""
    few = view._replace(events=view.events.filter(pl.col("person").is_in(asked.people.implode())))
    whole = lay_whole(few, asked.spec)
    labels = pl.Series(whole.labels, dtype=pl.String)
    places = zip(whole.low.tolist(), whole.length.tolist(), strict=True)
    paths = [labels.gather(whole.code[low : low + length].astype(np.int64)) for low, length in places]
    return pl.DataFrame(
        {
            **path_keys(whole),
            "reached": whole.reached,
            "path": pl.Series(paths, dtype=pl.List(pl.String)),
        }
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
