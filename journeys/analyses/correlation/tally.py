"""Count people by behaviour and group, once each, however often they did it.

Two ways that give the same counts. Few behaviours: a bit for each, or-ed together over the rows of a person. Many: the
pairs of behaviour and person are sorted by behaviour (a radix sort, so the time grows with events alone) and each
pair counts once.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from journeys.analyses.correlation.window import Array, Ints, Window
from journeys.parallel import parallel_map

__all__ = ["FEW", "any_within", "tally_codes", "tally_people"]

FEW = 128
_ROWS = 1 << 18


def tally_codes(codes: Array, window: Window, group: Ints, *, behaviours: int, groups: int) -> Ints:
    """Count the people of each group who have a row of each code within their window.

    Parameters
    ----------
    codes
        One code a row of the shard, below `behaviours`; `behaviours` itself for a row that is none of them.
    window
        The rows that count for each person.
    group
        The group of each person of the window.
    behaviours, groups
        How many there are.

    Returns
    -------
    array of shape (behaviours, groups)
    """
    if behaviours == 0 or not len(window.code):
        return np.zeros((behaviours, groups), np.int64)
    if behaviours <= FEW:
        codes, window = _compact(codes, window)
        words = range(0, behaviours, 64)
        parts = [_tally_bits(codes, window, group, first=word, size=behaviours, groups=groups) for word in words]
        return np.concatenate(parts)
    return _tally_sorted(codes, window, group, behaviours=behaviours, groups=groups)


def tally_people(did: Array, group: Ints, *, groups: int) -> Ints:
    """Count the people of each group for whom something is true: an array of one row."""
    return np.bincount(group[did], minlength=groups)[np.newaxis, :]


def any_within(hit: Array, window: Window) -> Array:
    """Ask for each person whether some row within the window is marked."""
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(hit, dtype=np.int64)])
    return before[window.stop] > before[window.start]


def _slices(window: Window) -> list[slice]:
    """Cut the people into runs of about a quarter of a million rows, which stay in the processor's cache."""
    count = len(window.code)
    edges = np.searchsorted(window.start, np.arange(window.start[0], window.stop[-1] + 1, _ROWS))
    edges = np.unique(np.concatenate([edges, [0, count]]))
    return [slice(int(low), int(high)) for low, high in pairwise(edges)]


def _compact(codes: Array, window: Window) -> tuple[Array, Window]:
    """Where most rows count for nobody, take out those that do, so that the others cost nothing."""
    lengths = window.stop - window.start
    inside = int(lengths.sum())
    if inside * 4 > int(window.stop[-1] - window.start[0]):
        return codes, window
    stop = np.cumsum(lengths)
    start = stop - lengths
    rows = np.arange(inside) + np.repeat(window.start - start, lengths)
    return codes[rows], replace(window, start=start, stop=stop)


def _tally_bits(codes: Array, window: Window, group: Ints, *, first: int, size: int, groups: int) -> Ints:
    """Count up to 64 behaviours from `first` on, each a bit of one word a person."""
    here = min(size - first, 64)
    kind = np.uint32 if here <= 32 else np.uint64
    bit = np.zeros(size + 1, kind)
    bit[first : first + here] = np.left_shift(1, np.arange(here, dtype=np.uint64), dtype=np.uint64)

    def histogram(part: slice) -> Ints:
        """Count, for each byte of the word, its 256 patterns by group: that says how often each bit is set."""
        start, stop = window.start[part], window.stop[part]
        low, high = int(start[0]), int(stop.max())
        word = np.zeros(high - low + 1, kind)  # one more, so that the last run has an end
        np.take(bit, codes[low:high], out=word[:-1], mode="clip")
        runs = np.empty(2 * len(start), np.int64)
        runs[0::2], runs[1::2] = start - low, stop - low
        done = np.ascontiguousarray(np.bitwise_or.reduceat(word, runs)[0::2])
        done[start == stop] = 0  # an empty run would otherwise show the row where it stands
        bytes_ = done.view(np.uint8).reshape(len(done), -1)
        base = group[part] * 256
        found = [np.bincount(base + bytes_[:, number], minlength=groups * 256) for number in range((here + 7) // 8)]
        return np.array(found)

    counted = sum(parallel_map(histogram, _slices(window)))
    patterns = np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1, bitorder="little").astype(np.int64)
    counts = np.asarray(counted).reshape(-1, groups, 256) @ patterns
    return counts.transpose(0, 2, 1).reshape(-1, groups)[:here]


def _tally_sorted(codes: Array, window: Window, group: Ints, *, behaviours: int, groups: int) -> Ints:
    """Count any number of behaviours by sorting the rows by behaviour; people stay in order within each."""
    lengths = np.zeros(2 * len(window.code) + 1, np.int64)
    lengths[0::2] = np.append(window.start, len(codes)) - np.append(0, window.stop)
    lengths[1::2] = window.stop - window.start
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    code = codes[inside]
    person = np.repeat(np.arange(len(window.code), dtype=np.int32), lengths[1::2])
    fresh = code < behaviours
    fresh[1:] &= (code[1:] != code[:-1]) | (person[1:] != person[:-1])
    code, person = code[fresh], person[fresh]
    order = np.argsort(code.astype(np.uint16), kind="stable")  # the lower half of the code
    if behaviours > 1 << 16:
        order = order[np.argsort((code[order] >> 16).astype(np.uint16), kind="stable")]
    code, person = code[order], person[order]
    distinct = np.ones(len(code), np.bool_)
    distinct[1:] = (code[1:] != code[:-1]) | (person[1:] != person[:-1])
    key = code[distinct].astype(np.int64) * groups + group[person[distinct]]
    return np.bincount(key, minlength=behaviours * groups).reshape(behaviours, groups)
