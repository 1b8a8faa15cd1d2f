"""The calendar period of many times at once, and the first row of each person and period.

Most times are looked up by the quarter of an hour in which they lie (by the day, in UTC). For instance, by days in
"Africa/Cairo", where midnight is at 22:00Z or 21:00Z:

    2024-04-27 20:45Z to 21:00Z  → 2024-04-27, all of it
    2024-04-27 21:00Z to 21:15Z  → 2024-04-28, all of it

Quarters in which the offset of the clock changes, or another day begins, are computed time by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.breakdown import group_of_events
from journeys.analyses.calendar import Calendar
from journeys.arrays import Bools, Ints, mark_changes, parallel_map, split_rows
from journeys.log import View
from journeys.steps import Step, columns_used

_QUARTER, _DAY = 900_000_000, 86_400_000_000


class _LookupTable(NamedTuple):
    """The period of every bin from `low` on, and the bins that hold times of several periods."""

    bin_us: int
    low: int
    period: Ints
    is_mixed: Bools | None


class PeriodLookup:
    """Finds the periods of some times; threads may share it.

    Parameters
    ----------
    calendar : Calendar
        The periods.
    time : pl.Series
        All times (Int64, µs since 1970) that will be asked about.
    """

    def __init__(self, calendar: Calendar, time: pl.Series) -> None:
        self._calendar = calendar
        self._table: _LookupTable | None = None

        def find_range(part: slice) -> tuple[int, int]:
            times = _slice_times(time, part)
            return int(times.min()), int(times.max())

        length = _DAY if calendar.time_zone == "UTC" else _QUARTER
        ranges = parallel_map(find_range, split_rows(len(time))) or [(0, 0)]
        low, high = min(low for low, _ in ranges) // length, max(high for _, high in ranges) // length
        # a table is worth its while where it is shorter than what is looked up
        if high - low < len(time):
            self._table = _make_table(calendar, low, high, length)

    def find_numbers(self, time: Ints) -> Ints:
        """Return the number (int32) of the period that holds each time."""
        table = self._table
        if table is None:
            return _compute_periods(time, self._calendar)
        at = time // table.bin_us
        at -= table.low
        periods: Ints = table.period.take(at)
        if table.is_mixed is not None:
            rows = np.flatnonzero(table.is_mixed.take(at))
            periods[rows] = _compute_periods(time[rows], self._calendar)
        return periods


def find_periods(time: pl.Series, calendar: Calendar) -> Ints:
    """Return the number (int32) of the period that holds each time (Int64, µs since 1970).

    Examples
    --------
    >>> from journeys.analyses.calendar import make_calendar
    >>> find_periods(pl.Series([0, 86_400_000_000]), make_calendar("1d", time_zone="Africa/Cairo")).tolist()
    [0, 1]
    """
    lookup = PeriodLookup(calendar, time)
    found = np.empty(len(time), dtype=np.int32)

    def find_part(part: slice) -> None:
        found[part] = lookup.find_numbers(_slice_times(time, part))

    parallel_map(find_part, split_rows(len(time)))
    return found


def _slice_times(time: pl.Series, part: slice) -> Ints:
    return time.slice(part.start, part.stop - part.start).to_numpy()


def _make_table(calendar: Calendar, low: int, high: int, length: int) -> _LookupTable:
    """Number the periods of the bins from `low` to `high`, each of `length` µs."""
    begin = np.arange(low, high + 1, dtype=np.int64) * length
    end = begin + (length - 1)
    first = _compute_periods(begin, calendar)
    is_mixed = (first != _compute_periods(end, calendar)) | (
        _local_times(begin, calendar) - begin != _local_times(end, calendar) - end
    )
    return _LookupTable(length, low, first, is_mixed if is_mixed.any() else None)


def _compute_periods(time: Ints, calendar: Calendar) -> Ints:
    return _as_times(time).to_frame().select(calendar.index(pl.col("time")).cast(pl.Int32)).to_series().to_numpy()


def _local_times(time: Ints, calendar: Calendar) -> Ints:
    """Return what local clocks show, as microseconds."""
    local = _as_times(time).dt.convert_time_zone(calendar.time_zone).dt.replace_time_zone(None)
    return local.to_physical().to_numpy()


def _as_times(time: Ints) -> pl.Series:
    return pl.Series("time", time, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def order_periods(unit: Ints, *periods: Ints) -> Ints | None:
    """Return the order of rows by unit and periods, if it is another than that of the log, sorted by unit and time.

    It is where a clock that is set back over midnight repeats the end of a day.

    Examples
    --------
    >>> order_periods(np.array([7, 7, 9]), np.array([1, 2, 1])) is None
    True
    >>> order_periods(np.array([7, 7, 9]), np.array([2, 1, 1])).tolist()
    [1, 0, 2]
    """
    for period in periods:
        goes_back = period[1:] < period[:-1]
        if (goes_back & (unit[1:] == unit[:-1])).any():
            return np.lexsort((*periods[::-1], unit))
    return None


def mark_periods(unit: Ints, *periods: Ints) -> Bools:
    """Mark the first row of each unit and period; rows are in the order of unit and time.

    Examples
    --------
    >>> mark_periods(np.array([7, 7, 9]), np.array([1, 1, 1])).tolist()
    [True, False, True]
    """
    order = order_periods(unit, *periods)
    columns = [unit, *periods] if order is None else [column[order] for column in (unit, *periods)]
    marked = mark_changes(columns[0])
    for column in columns[1:]:
        marked |= mark_changes(column)
    if order is None:
        return marked
    first = np.zeros_like(marked)
    first[order[marked]] = True
    return first


def read_active_periods(view: View, event: Step, calendars: Sequence[Calendar], *, by: str | None) -> pl.DataFrame:
    """Return the first event of some kind of each person in each period, in the order of the log.

    Return `person` (UInt32), `period` (Int64, of the first calendar), `group` (String, of the event; null is no value).
    With another calendar, the first event in each of its periods.
    """
    view, group = group_of_events(view.with_people_columns(columns_used([event])), by)
    columns = {"time": pl.col("timestamp").to_physical().cast(pl.Int64)}
    rows = view.events
    if by is not None:
        # groups by a first campaign depend on the rows before: they are read before rows are left out
        rows, columns["group"] = rows.with_columns(group.alias("__group")), pl.col("__group")
    found = rows.filter(event.condition).select("person", **columns).collect()
    person = found["person"].to_numpy()
    periods = [find_periods(found["time"], calendar) for calendar in calendars]
    first = np.flatnonzero(mark_periods(person, *periods))
    active = pl.DataFrame({"person": person[first], "period": periods[0][first].astype(np.int64)})
    return active.with_columns(
        found["group"][first] if by is not None else pl.lit(None, dtype=pl.String).alias("group")
    )
