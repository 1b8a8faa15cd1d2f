"""Count distinct people by behaviour and group, however often each did something.

Two ways give the same counts. Few behaviours: one bit for each, or-ed together over the rows of a person. Many: the
pairs of behaviour and person are sorted by behaviour (a radix sort, so the time grows with events alone) and each
pair counts once. With behaviours 0 and 1::

    person  7  7  9             7: bits 01 | 10 = 11     counts: behaviour 0: person 7
    code    0  1  1             9: bits 10                       behaviour 1: persons 7 and 9
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from journeys.analyses.correlation.exposure_window import ExposureWindow
from journeys.log.arrays import Ints, list_rows, mark_changes
from journeys.parallel import parallel_map

FEW = 128
_ROWS = 1 << 18


def count_codes(codes: Ints, window: ExposureWindow, group: Ints, *, behaviours: int, groups: int) -> Ints:
    """Count the people of each group who have a row of each code within their window.

    Parameters
    ----------
    codes
        One code per row of the shard, below `behaviours`; `behaviours` itself for a row that is none of them.
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
        parts = [_count_by_bits(codes, window, group, first=word, size=behaviours, groups=groups) for word in words]
        return np.concatenate(parts)
    first = _first_by_sorting(codes, window, behaviours=behaviours)
    cells = np.bincount(first.behaviour * groups + group[first.person], minlength=behaviours * groups)
    return cells.reshape(behaviours, groups)


def _slices(window: ExposureWindow) -> list[slice]:
    """Split the people into runs of about a quarter of a million rows, which stay in the processor's cache."""
    count = len(window.code)
    edges = np.searchsorted(window.start, np.arange(window.start[0], window.stop[-1] + 1, _ROWS))
    edges = np.unique(np.concatenate([edges, [0, count]]))
    return [slice(int(low), int(high)) for low, high in pairwise(edges)]


def _compact(codes: Ints, window: ExposureWindow) -> tuple[Ints, ExposureWindow]:
    """Extract the rows that count where most do not, so that the others cost nothing."""
    lengths = window.stop - window.start
    inside = int(lengths.sum())
    if inside * 4 > int(window.stop[-1] - window.start[0]):
        return codes, window
    stop = np.cumsum(lengths)
    return codes[list_rows(window.start, window.stop)], replace(window, start=stop - lengths, stop=stop)


def _count_by_bits(codes: Ints, window: ExposureWindow, group: Ints, *, first: int, size: int, groups: int) -> Ints:
    """Count up to 64 behaviours from `first` on, each a bit of one word per person."""
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


class FirstRows(NamedTuple):
    """Who did what, and when first: one entry per person and behaviour.

    Attributes
    ----------
    behaviour : np.ndarray
        The code of the behaviour.
    person : np.ndarray
        The place of the person in the window.
    row : np.ndarray
        The row of the shard by which the person had done it; -1 for what was so from the start.
    """

    behaviour: Ints
    person: Ints
    row: Ints


def find_first_rows(codes: Ints, window: ExposureWindow, *, behaviours: int) -> FirstRows:
    """Find the first row of each code within the window of each person; see `count_codes` for the parameters."""
    if behaviours == 0 or not len(window.code):
        empty = np.empty(0, np.int64)
        return FirstRows(empty, empty, empty)
    if behaviours > FEW:
        return _first_by_sorting(codes, window, behaviours=behaviours)
    parts = parallel_map(partial(_first_by_table, codes, window, behaviours=behaviours), _slices(window))
    return FirstRows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _first_by_table(codes: Ints, window: ExposureWindow, part: slice, *, behaviours: int) -> FirstRows:
    """Find the first rows of some people with a table of people x behaviours, small enough for the cache."""
    start, stop = window.start[part], window.stop[part]
    row = list_rows(start, stop)
    person = np.repeat(np.arange(len(start)), stop - start)
    code = codes[row].astype(np.int64)
    if len(code) and code.max() >= behaviours:
        known = code < behaviours
        row, person, code = row[known], person[known], code[known]
    cell = person * behaviours + code
    place = np.arange(len(cell), dtype=np.int32)
    first = np.empty(len(start) * behaviours, np.int32)
    first[cell[::-1]] = place[::-1]  # of the rows of a cell the one written last, which is the first, stays
    kept = first[cell] == place
    return FirstRows(code[kept], person[kept] + part.start, row[kept])


def _first_by_sorting(codes: Ints, window: ExposureWindow, *, behaviours: int) -> FirstRows:
    """Find the first rows of any number of behaviours: sorted by behaviour, people and rows stay in order within each.

    For instance, rows of persons 0, 0, 1 with codes 5, 3, 5 are sorted to (3, 0), (5, 0), (5, 1).
    """
    row = list_rows(window.start, window.stop)
    code = codes[row]
    person = np.repeat(np.arange(len(window.code), dtype=np.int32), window.stop - window.start)
    fresh = (code < behaviours) & (mark_changes(code) | mark_changes(person))
    code, person, row = code[fresh], person[fresh], row[fresh]
    order = np.argsort(code.astype(np.uint16), kind="stable")  # the lower half of the code
    if behaviours > 1 << 16:
        order = order[np.argsort((code[order] >> 16).astype(np.uint16), kind="stable")]
    code, person = code[order], person[order]
    first = mark_changes(code) | mark_changes(person)
    return FirstRows(code[first].astype(np.int64), person[first], row[order[first]])
