"""Millions of rows in the order of a log: by person, time and arrival."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.parallel import parallel_map, split_rows

__all__ = ["sort_rows"]

Codes = npt.NDArray[np.uint32]
Keys = npt.NDArray[np.uint64]

_PLACE = "__place__"
_PIECE = 1 << 18
_SAMPLE = 4_096


def sort_rows(coded: pl.DataFrame) -> pl.DataFrame:
    """Sort by person (a code), timestamp and place in the frame.

    Person and place make one number, which is sorted many times faster than two columns. That keeps the order of
    arrival, and logs mostly arrive in order of time, so that the full sort is rarely needed.
    """
    rows = coded.rechunk()
    person, time = rows["person"].to_numpy(), rows["timestamp"].to_physical().to_numpy()
    if _is_sorted(person, time):
        return rows
    if person.size < 1 << 32:
        people, order = _by_person(person)
        rest = [name for name in rows.columns if name != "person"]
        taken = dict(zip(rest, parallel_map(lambda name: rows[name].gather(order), rest), strict=True))
        if _is_sorted(people.to_numpy(), taken["timestamp"].to_physical().to_numpy()):
            return pl.DataFrame([people, *taken.values()]).select(rows.columns)
    return rows.with_row_index(_PLACE).sort("person", "timestamp", _PLACE).drop(_PLACE)


def _by_person(person: Codes) -> tuple[pl.Series, pl.Series]:
    """Return the people in order, and the place of each row that goes there: of equal ones, as they came."""
    # each thread sorts the rows of its share of the people
    parts = split_rows(person.size, of=_PIECE)
    sample = np.sort(person[:: person.size // _SAMPLE + 1])
    shares = pl.thread_pool_size() if person.size > _PIECE else 1
    inner = sample[np.linspace(0, sample.size, shares + 1).astype(np.int64)[1:-1]].tolist()
    bounds = list(zip([0, *inner], [*inner, 1 << 32], strict=True))
    counts = parallel_map(
        lambda bound: sum(int(np.count_nonzero(_within(person[one], bound))) for one in parts), bounds
    )
    keys = np.empty(person.size, dtype=np.uint64)
    ends = np.cumsum([0, *counts])
    parallel_map(lambda at: _sort_part(person, bounds[at], keys[ends[at] : ends[at + 1]]), range(len(bounds)))
    order = np.empty(person.size, dtype=np.uint32)
    for piece in parts:
        who = keys[piece] >> np.uint64(32)
        order[piece] = keys[piece].astype(np.uint32)
        keys.view(np.uint32)[piece] = who  # what is overwritten has been read: a person takes half the room of a key
    keys.resize((person.size + 1) // 2, refcheck=False)  # gives back the rest
    return pl.Series("person", keys.view(np.uint32)[: person.size]), pl.Series(order)


def _sort_part(person: Codes, bound: tuple[int, int], keys: Keys) -> None:
    """Fill `keys` with person and place of those within a bound, in order."""
    end = 0
    for piece in split_rows(person.size, of=_PIECE):
        row = np.flatnonzero(_within(person[piece], bound))
        row += piece.start
        key = person.take(row).astype(np.uint64)
        key <<= np.uint64(32)
        key |= row.view(np.uint64)
        keys[end : end + row.size] = key
        end += row.size
    keys.sort()


def _within(person: Codes, bound: tuple[int, int]) -> npt.NDArray[np.bool_]:
    low, high = bound
    return (person >= low) & (person < high)


def _is_sorted(person: Codes, time: npt.NDArray[np.int64]) -> bool:
    """Ask whether rows are in order, and stop at the first part that is not."""
    for start in range(0, person.size, _PIECE):
        who, when = person[start : start + _PIECE + 1], time[start : start + _PIECE + 1]
        earlier = np.flatnonzero(when[1:] < when[:-1])
        if (who[1:] < who[:-1]).any() or (who[earlier + 1] == who[earlier]).any():
            return False
    return True
