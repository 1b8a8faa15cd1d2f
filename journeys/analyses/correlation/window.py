"""Whose behaviour counts, from when to when: the part of a correlation where most of them go wrong.

Everything here works on one shard's columns as numpy arrays. Rows are sorted by person and time, so the rows that
count for a person are always one run of rows, `start` to `stop`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from journeys.analyses.correlation.ask import Ask, First, Matched

__all__ = ["Borders", "Rows", "Window", "open_window", "rows_up_to", "unit_hash"]

Ints: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"
Bools: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Array: TypeAlias = "np.ndarray[Any, Any]"


class Borders(NamedTuple):
    """The people of a shard, ascending: code, first row, and the row after the last."""

    code: Array
    first: Ints
    last: Ints

    @property
    def rows(self) -> int:
        """How many rows the shard has."""
        return int(self.last[-1]) if len(self.last) else 0


@dataclass(frozen=True, eq=False)
class Rows:
    """What the rows of a shard say: who, when, and where what is asked about happens."""

    borders: Borders
    converts: Array  # row numbers where the conversion happens
    anchors: Array | None = None  # row numbers where the clock may start
    time: Array | None = None  # microseconds


@dataclass(frozen=True, eq=False)
class Window:
    """The people who are compared, and which of their rows count.

    Attributes
    ----------
    code
        Person codes, ascending.
    start, stop
        The first row that counts, and the row after the last that does.
    end
        The row after the person's last one.
    converted
        Who converted.
    apart
        People who are set apart, by reason.
    watched
        Microseconds from the start of the clock to the end of what counts; empty where no time was read.
    since
        Microsecond at which the clock of each person started; empty where no time was read.
    """

    code: Array
    start: Ints
    stop: Ints
    end: Ints
    converted: Bools
    apart: dict[str, int]
    watched: Ints
    since: Ints

    def keep(self, which: Bools, *, reason: str | None = None) -> Window:
        """Keep some of the people; the others are counted under a reason, if one is given."""
        apart = dict(self.apart)
        gone = int(len(which) - which.sum())
        if reason is not None and gone:
            apart[reason] = apart.get(reason, 0) + gone
        return Window(
            self.code[which],
            self.start[which],
            self.stop[which],
            self.end[which],
            self.converted[which],
            apart,
            self.watched[which] if len(self.watched) else self.watched,
            self.since[which] if len(self.since) else self.since,
        )


def unit_hash(codes: Array, *, salt: int) -> Array:
    """Give each person a number in [0, 1) that looks random and is the same on every machine (splitmix64).

    Examples
    --------
    >>> unit_hash(np.array([0, 1]), salt=1).round(3).tolist()
    [0.176, 0.459]
    """
    with np.errstate(over="ignore"):
        mixed = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(salt) * np.uint64(0xD1B54A32D192ED03)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def open_window(rows: Rows, ask: Ask) -> Window:
    """Decide for each person of a shard which rows count, and whether the person converted.

    The clock starts at the first row, or at the first anchor (then only later rows count). Behaviour counts strictly
    before the first conversion. What is cut beyond that is told by `ask`: see `Journeys.correlation`.
    """
    code, first, last = rows.borders
    n = rows.borders.rows
    start, clock_row = first, first
    known = np.ones(len(first), np.bool_)
    if rows.anchors is not None:
        where = np.searchsorted(rows.anchors, first)
        hit = np.append(rows.anchors, n)[where]
        known = hit < last
        clock_row, start = np.where(known, hit, first), np.where(known, hit + 1, last)
    conversion = np.append(rows.converts, n)[np.searchsorted(rows.converts, start)]
    converted = conversion < last
    stop = np.where(converted, conversion, last)
    nothing = np.empty(0, np.int64)
    window = Window(code, start, stop, last, converted, {}, nothing, nothing)
    if rows.time is None:
        return window if rows.anchors is None else window.keep(known)
    since = rows.time[clock_row]
    window = replace(window, since=since)
    elapsed = np.where(converted, rows.time[np.minimum(conversion, max(n - 1, 0))] - since, np.iinfo(np.int64).max)
    whole = ask.end_us - since  # how long each person could be watched at all
    if ask.within_us is not None:
        converted = elapsed <= ask.within_us
        whole = np.minimum(whole, ask.within_us)
        stop = np.minimum(stop, rows_up_to(rows.time, window, since + ask.within_us))
    watched = np.where(converted, elapsed, whole)
    window = replace(window, stop=np.maximum(stop, start), converted=converted, watched=watched)
    if not known.all():
        elapsed, window = elapsed[known], window.keep(known)
    if isinstance(ask.exposure, First):
        window = _first(window, rows.time, elapsed, ask, ask.exposure)
    elif isinstance(ask.exposure, Matched):
        window = _matched(window, rows.time, ask.exposure)
    return window


def rows_up_to(time: Array, window: Window, limit: Ints, *, inclusive: bool = True) -> Ints:
    """Find, in the rows from `start` to `stop` of each person, the row after the last that is not past the limit."""
    low, high = window.start.copy(), window.stop.copy()
    # A binary search in everyone's rows at once: as many rounds as the longest journey has binary digits.
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) // 2
        at = time[np.minimum(middle, len(time) - 1)]
        fits = (at <= limit if inclusive else at < limit) & (middle < high)
        low, high = np.where(fits, middle + 1, low), np.where(fits, high, middle)
    return low


def _first(window: Window, time: Array, elapsed: Ints, ask: Ask, exposure: First) -> Window:
    """Behaviour of the first days alone, conversion after them: everybody has the same time to do something."""
    length = exposure.length_us
    stop = rows_up_to(time, window, window.since + length)
    window = replace(window, stop=stop, watched=np.full(len(stop), length))
    early = elapsed <= length
    window = window.keep(~early, reason=f"converted within {exposure.words}")
    elapsed = elapsed[~early]
    if ask.follow_up_us is not None:
        window = replace(window, converted=elapsed <= length + ask.follow_up_us)
        seen = window.since + length + ask.follow_up_us <= ask.end_us
        window = window.keep(seen, reason="could not be watched to the end of the follow-up")
    return window


def _matched(window: Window, time: Array, exposure: Matched) -> Window:
    """Cut everybody who did not convert to the length of some converter's way."""
    if not exposure.times:
        return window
    times, keep = np.asarray(exposure.times, np.int64), np.asarray(exposure.keep)
    bins = len(keep)
    # Who could be watched longest gets the longest way: that uses as many of the others as can be used at all, and
    # those who came late get short ways, as converters who came late had to be quick.
    reach = np.asarray(exposure.reach, np.int64)
    low, high = np.searchsorted(reach, window.watched, "left"), np.searchsorted(reach, window.watched, "right")
    place = (low + unit_hash(window.code, salt=1) * np.maximum(high - low, 1)) / len(reach)
    drawn = np.minimum((place * len(times)).astype(np.int64), len(times) - 1)
    own = np.minimum(np.searchsorted(times, window.watched), len(times) - 1)
    rank = np.where(window.converted, own, drawn)
    part = rank * bins // len(times)
    length = np.where(window.converted, window.watched, times[rank])
    reachable = window.converted | (length <= window.watched)
    chosen = np.where(window.converted, keep[part] > 0, unit_hash(window.code, salt=2) < keep[part])
    limit = np.where(window.converted, np.iinfo(np.int64).max, window.since + length)
    stop = rows_up_to(time, window, limit, inclusive=False)
    window = replace(window, stop=stop, watched=length)
    lonely = window.converted & ~chosen
    short = ~window.converted & ~reachable
    spare = ~window.converted & reachable & ~chosen
    apart = {
        "converted so late that too few others were watched as long": lonely,
        "were not watched as long as the converter they were paired with": short,
        "were left out so that both groups were watched equally long": spare,
    }
    counted = {reason: int(which.sum()) for reason, which in apart.items() if which.any()}
    return replace(window.keep(~(lonely | short | spare)), apart=window.apart | counted)
