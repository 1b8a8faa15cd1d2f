"""Whose behaviour counts, from when to when: the part of a correlation where most of them go wrong.

Everything here works on the arrays of one shard. Rows are sorted by person and time, so the rows that count for a
person are always one run of rows, `start` to `stop`. For instance, a person with four rows, and a goal on the third::

    row                0      1      2     3
    event              Visit  Help   Goal  Help
    exposure="before"  start ------> stop         (converted; the second Help came after the goal)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from journeys.analyses.correlation.spec import CorrelationSpec, First, Matched
from journeys.log.arrays import Bools, Ints, PersonBounds, next_marked, search_within

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_LONGEST = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class ExposureWindow:
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
    observed
        Microseconds from the start of the clock to the end of what counts; empty where no time was read.
    at_risk
        Microseconds from the start of the clock to the conversion, or to the end of observation; empty likewise.
    since
        Microsecond at which the clock of each person started; empty where no time was read.
    """

    code: Ints
    start: Ints
    stop: Ints
    end: Ints
    converted: Bools
    apart: dict[str, int]
    observed: Ints
    at_risk: Ints
    since: Ints

    def keep(self, which: Bools, *, reason: str | None = None) -> ExposureWindow:
        """Keep some of the people; the others are counted under a reason, if one is given."""
        apart = dict(self.apart)
        gone = int(len(which) - which.sum())
        if reason is not None and gone:
            apart[reason] = apart.get(reason, 0) + gone
        return ExposureWindow(
            self.code[which],
            self.start[which],
            self.stop[which],
            self.end[which],
            self.converted[which],
            apart,
            *(times[which] if len(times) else times for times in (self.observed, self.at_risk, self.since)),
        )

    def stop_after(self, time: Ints, limit: Ints, *, inclusive: bool = True) -> Ints:
        """Find, for each person, the row after the last that counts and is not past a moment."""
        return search_within(time, limit, low=self.start, high=self.stop, side="right" if inclusive else "left")


def unit_hash(codes: Ints, *, salt: int) -> Floats:
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


def open_window(
    bounds: PersonBounds, spec: CorrelationSpec, *, goals: Ints, anchors: Ints | None, time: Ints | None
) -> ExposureWindow:
    """Decide for each person of a shard which rows count, and whether the person converted.

    The clock starts at the first row, or at the first anchor (then only later rows count). Behaviour counts strictly
    before the first conversion. What is cut beyond that depends on the exposure: see `Journeys.correlation`.

    Parameters
    ----------
    bounds
        The rows of each person.
    spec
        The question.
    goals, anchors
        Rows at which the goal happens, and rows at which a clock may start.
    time
        Microseconds of each row; not needed for `Before` without a window.
    """
    code, first, last = bounds
    n = bounds.rows
    start, clock_row = first, first
    known = np.ones(len(first), np.bool_)
    if anchors is not None:
        anchor = next_marked(anchors, first, none=n)
        known = anchor < last
        clock_row, start = np.where(known, anchor, first), np.where(known, anchor + 1, last)
    conversion = next_marked(goals, start, none=n)
    converted = conversion < last
    stop = np.where(converted, conversion, last)
    empty = np.empty(0, np.int64)
    window = ExposureWindow(code, start, stop, last, converted, {}, empty, empty, empty)
    if time is None:
        return window if anchors is None else window.keep(known)
    since = time[clock_row]
    elapsed = np.where(converted, time[np.minimum(conversion, max(n - 1, 0))] - since, _LONGEST)
    reach = spec.end_us - since  # how long each person could be observed
    if spec.within_us is not None:
        converted = elapsed <= spec.within_us
        reach = np.minimum(reach, spec.within_us)
        stop = window.stop_after(time, since + spec.within_us)
    observed = np.where(converted, elapsed, reach)
    window = replace(window, stop=stop, converted=converted, observed=observed, at_risk=observed, since=since)
    if not known.all():
        elapsed, window = elapsed[known], window.keep(known)
    if isinstance(spec.exposure, First):
        return _cut_to_first(window, time, elapsed, spec, spec.exposure)
    if isinstance(spec.exposure, Matched) and spec.exposure.times:
        return _cut_to_matched(window, time, spec.exposure)
    return window


def _cut_to_first(
    window: ExposureWindow, time: Ints, elapsed: Ints, spec: CorrelationSpec, exposure: First
) -> ExposureWindow:
    """Count behaviour of the first days alone, conversion after them: everybody has the same time to do something."""
    length = exposure.length_us
    stop = window.stop_after(time, window.since + length)
    window = replace(window, stop=stop, observed=np.full(len(stop), length))
    early = elapsed <= length
    window = window.keep(~early, reason=f"converted within {exposure.label}")
    if spec.follow_up_us is not None:
        last = length + spec.follow_up_us
        window = replace(window, converted=elapsed[~early] <= last, at_risk=np.minimum(window.at_risk, last))
        seen = window.since + length + spec.follow_up_us <= spec.end_us
        window = window.keep(seen, reason="could not be observed to the end of the follow-up")
    return window


class MatchedPeople(NamedTuple):
    """For how long people are observed when matched, and who is left out, by reason."""

    length: Ints
    left_out: dict[str, Bools]

    @property
    def kept(self) -> Bools:
        """Who is compared."""
        gone = list(self.left_out.values())
        kept: Bools = ~(gone[0] | gone[1] | gone[2])
        return kept


def match_people(window: ExposureWindow, exposure: Matched) -> MatchedPeople:
    """Observe everybody who did not convert for as long as some converter took.

    Whoever could be observed longest is paired with the converter who took longest. With converters who took 1 and 9
    days, somebody observed for 12 days gets 9 of them, and somebody observed for 3 gets 1.
    """
    times, keep = np.asarray(exposure.times, np.int64), np.asarray(exposure.keep)
    bins = len(keep)
    # this uses as many of the others as can be used at all; late arrivals get short times, as converters who came
    # late had to be quick
    reach = np.asarray(exposure.reach, np.int64)
    low, high = np.searchsorted(reach, window.observed, "left"), np.searchsorted(reach, window.observed, "right")
    quantile = (low + unit_hash(window.code, salt=1) * np.maximum(high - low, 1)) / len(reach)
    drawn = np.minimum((quantile * len(times)).astype(np.int64), len(times) - 1)
    own = np.minimum(np.searchsorted(times, window.observed), len(times) - 1)
    rank = np.where(window.converted, own, drawn)
    part = rank * bins // len(times)
    length = np.where(window.converted, window.observed, times[rank])
    reachable = window.converted | (length <= window.observed)
    chosen = np.where(window.converted, keep[part] > 0, unit_hash(window.code, salt=2) < keep[part])
    left_out = {
        "converted so late that too few others were observed as long": window.converted & ~chosen,
        "were not observed as long as the converter they were paired with": ~window.converted & ~reachable,
        "were left out so that both groups were observed equally long": ~window.converted & reachable & ~chosen,
    }
    return MatchedPeople(length, left_out)


def _cut_to_matched(window: ExposureWindow, time: Ints, exposure: Matched) -> ExposureWindow:
    """Cut everybody who did not convert to the time that some converter took."""
    found = match_people(window, exposure)
    limit = np.where(window.converted, _LONGEST, window.since + found.length)
    window = replace(window, stop=window.stop_after(time, limit, inclusive=False), observed=found.length)
    counted = {reason: int(which.sum()) for reason, which in found.left_out.items() if which.any()}
    return replace(window.keep(found.kept), apart=window.apart | counted)
