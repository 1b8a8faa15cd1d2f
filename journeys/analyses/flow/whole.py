"""Whole journeys, every node of them: the most travelled paths, and the short sequences inside them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.parts import Part, parts_of
from journeys.analyses.flow.plain import is_plain
from journeys.analyses.flow.rows import read_rows, row_type
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.walk import ends_apart, first_visits, repeats
from journeys.log import View
from journeys.parallel import parallel_map

__all__ = ["GramSpec", "PathSpec", "Whole", "count_grams", "count_paths", "lay_whole", "take_paths"]

_PART = 1 << 18
_BASIS = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASIS, -1, 1 << 64)
KEYS = ("path_0", "path_1", "way_0", "way_1", "reached")


class Whole(NamedTuple):
    """Journeys node by node.

    Attributes
    ----------
    code : np.ndarray
        The nodes of all journeys, one journey after the other.
    time : np.ndarray or None
        When they were there; None where only the ends were asked for.
    began, ended : np.ndarray
        When each journey was at its first node, and at its last.
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
    time: np.ndarray | None
    began: np.ndarray
    ended: np.ndarray
    low: np.ndarray
    length: np.ndarray
    reached: np.ndarray
    person: np.ndarray
    labels: list[str]


def lay_whole(view: View, spec: FlowSpec, *, moves: bool = True, ends: bool = True) -> Whole:
    """Collapse and join the journeys of one shard, however long they are.

    `moves` asks when they were at each node, `ends` when at the first and the last; what is not asked for may be None
    and 0.
    """
    if is_plain(spec) and not moves:
        return _lay_parts(view, spec, timed=ends)
    rows, attempts = cut_attempts(read_rows(view, spec), spec)
    person = rows.person[attempts.low] if attempts.low.size else rows.person[:0]
    rows, attempts = first_visits(rows, attempts, spec)
    inside = _inside(attempts.low, attempts.high, size=rows.code.size)
    repeated = repeats(rows, attempts, spec)
    rows = ends_apart(rows, attempts, spec)
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
    low = low.astype(np.int64)
    return Whole(code, time, time[low], time[low + length - 1], low, length, attempts.reached, person, rows.labels)


def _lay_parts(view: View, spec: FlowSpec, *, timed: bool) -> Whole:
    """Lay whole people, part by part."""
    parts = parts_of(view, spec, timed=timed)
    labels = parts.coded.dictionary.labels
    kind = np.dtype(np.uint8 if len(labels) < 1 << 8 else np.uint16 if len(labels) < 1 << 16 else np.uint32)

    def lay(part: Part) -> tuple[np.ndarray, ...]:
        code = parts.coded.whole(part.rows, kind=kind)
        first = np.append(0, part.high[:-1])
        never = np.broadcast_to(np.int64(0), code.shape)
        time = never if part.time is None else part.time.to_numpy()
        if not spec.collapse:
            return code, time[first], time[part.high - 1], part.high - first
        kept = np.empty(code.size, dtype=bool)
        np.not_equal(code[1:], code[:-1], out=kept[1:])
        kept[first] = True
        there = np.flatnonzero(kept)
        upto = np.searchsorted(there, part.high)
        return code[there], time[first], time[there[upto - 1]], np.diff(upto, prepend=0)

    empty = (np.empty(0, dtype=kind), *(np.empty(0, dtype=np.int64) for _ in range(3)))
    code, began, ended, length = map(np.concatenate, zip(*(parallel_map(lay, parts.jobs) or [empty]), strict=True))
    low = np.cumsum(length) - length
    return Whole(code, None, began, ended, low, length, np.zeros(low.size, dtype=bool), parts.person, labels)


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
    journeys = whole.low.size
    keys = {name: np.empty(journeys, dtype=np.uint64) for name in KEYS[:4]}
    if not journeys:
        return keys
    # part by part, so that what is worked on stays near the processor
    cuts = np.unique(np.searchsorted(whole.low, np.arange(_PART, whole.code.size, _PART))).tolist()
    edges = [*dict.fromkeys([0, *cuts]), *([journeys] if journeys not in cuts else [])]
    ends = whole.low + whole.length
    longest = max(int(ends[high - 1] - whole.low[low]) for low, high in pairwise(edges))
    # powers go on through a part and are divided out where a journey begins: an odd basis has an inverse
    powers, back = _powers(_BASIS, longest), _powers(_INVERSE, longest)
    numbers = {
        salt: np.array([_number(label, salt) for label in whole.labels], dtype=np.uint64) for salt in (b"one", b"two")
    }

    def work_out(part: tuple[int, int]) -> None:
        journey = slice(*part)
        first = int(whole.low[part[0]])
        low, done = whole.low[journey] - first, whole.reached[journey]
        code = whole.code[first : int(ends[part[1] - 1])]
        last = (low + whole.length[journey] - 1)[done]
        for number, names in enumerate(numbers.values()):
            terms = names.take(code)
            terms *= powers[: code.size]
            path = np.add.reduceat(terms, low)
            path *= back[low]
            way = path.copy()
            way[done] -= terms[last] * back[low[done]]
            keys[f"path_{number}"][journey], keys[f"way_{number}"][journey] = path, way

    parallel_map(work_out, pairwise(edges))
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
    whole = lay_whole(view, spec, moves=False)
    table = pl.DataFrame(
        {
            **path_keys(whole),
            "reached": whole.reached,
            "time": whole.ended - whole.began,
            "place": np.arange(whole.low.size, dtype=np.uint32),
        }
    )
    # who went the same path went the same way, too
    counted = table.group_by("path_0", "path_1", "reached").agg(
        pl.len().cast(pl.Int64).alias("people"),
        pl.col("time").alias("times"),
        pl.col("place").min(),
        pl.col("way_0", "way_1").first(),
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
    chosen = view.events.filter(pl.col("person").is_in(asked.people.implode()))
    few = View(chosen, view.people)
    whole = lay_whole(few, asked.spec, moves=False, ends=False)
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
    whole = lay_whole(view, asked.spec, moves=False, ends=False)
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
