"""One shard → what people did before and after their first use, and around the moments of those who had not used it.

The moments that are compared are events: for those who use it, their first use; for the others, every event of people
who had not used it up to then, also of people who use it later. Somebody who is active a lot has many such events, just
as they have many occasions to start using it, so that where the first use is one event picked by chance, both kinds of
moments have the same history and the same future. For instance, with `u` the first use:

    ann  e1 e2 u  e3   → uses it at u; e1 and e2 are moments of a person who had not used it, e3 is none
    bob  e1 e2         → e1 and e2 are moments of a person who had not used it

A moment itself counts neither before nor after.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.impact.spec import STRATUM, ImpactSpec
from journeys.arrays import Bools, Ints, PersonBounds, bound_people, count_before, search_within
from journeys.log import View
from journeys.steps import columns_used

_WEEK = 7 * 86_400_000_000
_MONDAY = 3 * 86_400_000_000  # 1 January 1970 was a Thursday
_EXACT = 4  # counts below are matched exactly, larger ones by powers of two
_NEVER = np.iinfo(np.int64).max


class _UseRows(NamedTuple):
    """The events of a shard, the boundaries of its people, and how many counted events stand before each row."""

    time: Ints
    bounds: PersonBounds
    counted: Ints


class Moments(NamedTuple):
    """The moments that are compared: the row of each, whose it is (a number in `codes`), and what happened around it.

    Attributes
    ----------
    row, person : np.ndarray
        The row of each moment, and the number of its person in the shard.
    used : np.ndarray
        Whether it is a first use.
    is_pending : np.ndarray
        Whether it is too late to be followed in full.
    later : np.ndarray
        Whether the person starts to use it within the time that follows.
    """

    row: Ints
    person: Ints
    used: Bools
    is_pending: Bools
    later: Bools


def find_first_uses(view: View, spec: ImpactSpec) -> pl.DataFrame:
    """Return `person` and `time` (µs) of each person's first use."""
    rows = view.with_people_columns(columns_used([spec.of])).events
    time = pl.col("timestamp").to_physical().cast(pl.Int64).min().alias("time")
    used = rows.filter(spec.of.condition).group_by("person").agg(time)
    return used.collect().sort("person")


def count_uses(view: View, spec: ImpactSpec) -> pl.DataFrame:
    """Count first uses by stratum: `people`, and `pending` for those that are too late to be followed in full."""
    rows, moments = find_moments(view, spec, only_uses=True)
    strata = find_strata(rows, moments, spec).with_columns(pending=pl.Series(moments.is_pending, dtype=pl.Boolean))
    counts = strata.group_by(STRATUM).agg(
        (~pl.col("pending")).sum().cast(pl.Int64).alias("people"), pl.col("pending").sum().cast(pl.Int64)
    )
    return counts.sort(STRATUM)


def count_people(view: View, spec: ImpactSpec) -> pl.DataFrame:
    """Sum up each person's moments by stratum.

    Return `person` (code), the stratum, `used`, `moments`, `later` (of them, how many are followed by a first use),
    `difference` (the sum of events after minus events before; Int64).
    """
    rows, moments = find_moments(view, spec)
    table, moments = _in_strata(find_strata(rows, moments, spec), moments, spec)
    counts = _count_windows(rows, moments, spec, edges=(-spec.periods, 0, spec.periods))
    measured = table.with_columns(
        pl.Series("person", rows.bounds.code[moments.person], dtype=pl.UInt32),
        pl.Series("later", moments.later, dtype=pl.Boolean),
        pl.Series("difference", counts[1] - counts[0], dtype=pl.Int64),
    )
    return (
        measured.group_by("person", *STRATUM, "used")
        .agg(
            pl.len().cast(pl.Int64).alias("moments"),
            pl.col("later").sum().cast(pl.Int64),
            pl.col("difference").sum(),
        )
        .sort("person", *STRATUM, "used")
    )


def count_periods(view: View, spec: ImpactSpec) -> pl.DataFrame:
    """Sum up what happened in each relative period, by stratum.

    Return the stratum, `used`, `relative_period`, `events`, `squares` (of the events of each moment) and `active`
    (moments with any event; Int64).
    """
    rows, moments = find_moments(view, spec)
    table, moments = _in_strata(find_strata(rows, moments, spec), moments, spec)
    edges = tuple(range(-spec.periods, spec.periods + 1))
    frames = []
    for period, events in zip(edges, _count_windows(rows, moments, spec, edges=edges), strict=False):
        counted = pl.col("events")
        measured = table.with_columns(pl.Series("events", events, dtype=pl.Int64)).group_by(*STRATUM, "used")
        frames.append(
            measured.agg(
                pl.lit(period, dtype=pl.Int64).alias("relative_period"),
                counted.sum(),
                (counted * counted).sum().alias("squares"),
                (counted > 0).sum().cast(pl.Int64).alias("active"),
            )
        )
    return pl.concat(frames).sort(*STRATUM, "used", "relative_period")


def find_moments(view: View, spec: ImpactSpec, *, only_uses: bool = False) -> tuple[_UseRows, Moments]:
    """Find the first uses, and the events of people who had not used it."""
    events = view.with_people_columns(columns_used([spec.of, spec.on])).events
    read = events.select(
        "person",
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        spec.of.condition.alias("of"),
        spec.on.condition.alias("on"),
    ).collect()
    time, used = read["time"].to_numpy(), read["of"].to_numpy()
    bounds = bound_people(read["person"].to_numpy())
    person = np.repeat(np.arange(bounds.code.size), bounds.stop - bounds.first)
    first_time = np.full(bounds.code.size, _NEVER)
    if spec.first_uses is not None:
        known = spec.first_uses.join(pl.DataFrame({"person": read["person"].unique().sort()}), on="person", how="semi")
        first_time[np.searchsorted(bounds.code, known["person"].to_numpy())] = known["time"].to_numpy()
    # the first row of use of each person, and the row after the last where there is none
    use = np.flatnonzero(used)
    first_row = bounds.stop.copy()
    owner, at = np.unique(person[use], return_index=True)
    first_row[owner] = use[at]
    if spec.first_uses is None:
        first_time[owner] = time[use[at]]
    is_first = first_row < bounds.stop
    is_first[is_first] = time[first_row[is_first]] == first_time[is_first]
    rows = _UseRows(time, bounds, count_before(read["on"].to_numpy()))
    starts = first_row[is_first]
    waiting = np.empty(0, dtype=np.int64)
    if not only_uses:
        number = np.arange(len(time))
        waiting = np.flatnonzero((number < first_row[person]) & (time <= first_time[person]))
        waiting = waiting[time[waiting] + spec.span <= spec.until]
    row = np.concatenate([starts, waiting]).astype(np.int64)
    whose = person[row]
    is_use = np.arange(len(row)) < len(starts)
    is_pending = time[row] + spec.span > spec.until
    # compared as a difference, which does not overflow where a person never uses it
    later = ~is_use & (first_time[whose] - spec.span <= time[row])
    return rows, Moments(row, whose, is_use, is_pending, later)


def find_strata(rows: _UseRows, moments: Moments, spec: ImpactSpec) -> pl.DataFrame:
    """Return the stratum of each moment, and whether it is a first use."""
    time = rows.time[moments.row]
    first = rows.time[rows.bounds.first[moments.person]]
    nothing = np.zeros(len(time), dtype=np.int64)
    first_week, before, recent = nothing, nothing, nothing
    if spec.against == "matched":
        first_week = (first + _MONDAY) // _WEEK
        counted, _ = _count_windows(rows, moments, spec, edges=(-spec.periods, 0, 0))
        before = _bucket_counts(counted)
        low = rows.bounds.first[moments.person]
        since = search_within(rows.time, time - spec.period_us, low=low, high=moments.row, side="left")
        last = moments.row - since
        recent = np.where(last == 0, 0, 1 + _integer_logarithm(last) // 2)  # none, 1 to 3, 4 to 15, ...
    columns = dict(zip(STRATUM, (first_week, (time + _MONDAY) // _WEEK, before, recent), strict=True))
    return pl.DataFrame({name: pl.Series(values, dtype=pl.Int64) for name, values in columns.items()}).with_columns(
        pl.Series("used", moments.used, dtype=pl.Boolean)
    )


def _bucket_counts(counts: Ints) -> Ints:
    """Return counts as they are below 4, then by powers of two: 4 to 7, 8 to 15, and so on.

    For instance, 0, 3, 4, 7 and 8 are 0, 3, 4, 4 and 5.
    """
    return np.where(counts < _EXACT, counts, _EXACT - 2 + _integer_logarithm(counts))


def _integer_logarithm(counts: Ints) -> Ints:
    return np.floor(np.log2(np.maximum(counts, 1))).astype(np.int64)


def _in_strata(table: pl.DataFrame, moments: Moments, spec: ImpactSpec) -> tuple[pl.DataFrame, Moments]:
    """Keep the moments that are followed in full and lie in a stratum where somebody uses it."""
    kept = ~moments.is_pending
    if spec.strata is not None:
        known = spec.strata.select(*STRATUM, known=pl.lit(value=True))
        joined = table.join(known, on=STRATUM, how="left", maintain_order="left")
        kept &= joined["known"].fill_null(value=False).to_numpy()
    return table.filter(pl.Series(kept)), Moments(*(values[kept] for values in moments))


def _count_windows(rows: _UseRows, moments: Moments, spec: ImpactSpec, *, edges: tuple[int, ...]) -> list[Ints]:
    """Count the events between each two edges, in periods relative to the moment; the moment itself is left out.

    A window holds its start and not its end. Rows of the moment's own time are before it or after it by their order.
    """
    time = rows.time[moments.row]
    low, high = rows.bounds.first[moments.person], rows.bounds.stop[moments.person]
    after = moments.row + 1
    counts, before = [], None
    for edge in edges:
        limit = time + edge * spec.period_us
        if edge < 0:
            at = search_within(rows.time, limit, low=low, high=moments.row, side="left")
        else:
            at = after if edge == 0 else search_within(rows.time, limit, low=after, high=high, side="left")
        # up to the moment itself, whose own row belongs to neither side
        end = moments.row if edge == 0 else at
        if before is not None:
            counts.append(rows.counted[end].astype(np.int64) - rows.counted[before])
        before = at
    return counts
