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
from journeys.arrays import Bools, Ints, PersonBounds, bound_people, count_before, next_marked, search_within
from journeys.log import View
from journeys.steps import columns_used

_WEEK = 7 * 86_400_000_000
_MONDAY = 3 * 86_400_000_000  # 1 January 1970 was a Thursday
_EXACT = 4  # counts below are matched exactly, larger ones by powers of two
_NEVER = np.iinfo(np.int64).max


class ShardRows(NamedTuple):
    """The events of a shard: one entry per row, but for the boundaries of its people.

    Attributes
    ----------
    time : np.ndarray
        Microseconds.
    person : np.ndarray
        The number of the row's person in `bounds`.
    bounds : PersonBounds
        The rows of each person.
    is_use : np.ndarray
        Whether the row is a use.
    counted : np.ndarray
        How many counted events stand before the row.
    """

    time: Ints
    person: Ints
    bounds: PersonBounds
    is_use: Bools
    counted: Ints


class Moments(NamedTuple):
    """The moments that are compared: the row and the person of each, and what happened around it.

    Attributes
    ----------
    row, person : np.ndarray
        The row of each moment, and the number of its person in `ShardRows.bounds`.
    is_use : np.ndarray
        Whether it is a first use.
    is_pending : np.ndarray
        Whether it is too late to be followed in full.
    is_used_later : np.ndarray
        Whether the person starts to use it within the time that follows.
    """

    row: Ints
    person: Ints
    is_use: Bools
    is_pending: Bools
    is_used_later: Bools


def find_first_uses(view: View, spec: ImpactSpec) -> pl.DataFrame:
    """Find each person's first use: `person` and `time` (µs)."""
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
    """Add up each person's moments by stratum.

    Return `person` (code), the stratum, `used`, `moments`, `later` (of them, how many are followed by a first use),
    `difference` (the sum of events after minus events before; Int64).
    """
    rows, moments = find_moments(view, spec)
    table, moments = _keep_compared(find_strata(rows, moments, spec), moments, spec)
    counts = _count_windows(rows, moments, spec, edges=(-spec.periods, 0, spec.periods))
    measured = table.with_columns(
        pl.Series("person", rows.bounds.code[moments.person], dtype=pl.UInt32),
        pl.Series("later", moments.is_used_later, dtype=pl.Boolean),
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
    """Add up what happened in each relative period, by stratum.

    Return the stratum, `used`, `relative_period`, `events`, `squares` (of the events of each moment) and `active`
    (moments with any event; Int64).
    """
    rows, moments = find_moments(view, spec)
    table, moments = _keep_compared(find_strata(rows, moments, spec), moments, spec)
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


def find_moments(view: View, spec: ImpactSpec, *, only_uses: bool = False) -> tuple[ShardRows, Moments]:
    """Find the first uses, and the events of people who had not used it."""
    rows = _read_rows(view, spec)
    first_row, first_time = _find_first_use(rows, spec)
    is_first = first_row < rows.bounds.stop
    is_first[is_first] = rows.time[first_row[is_first]] == first_time[is_first]
    uses, others = first_row[is_first], np.empty(0, np.int64)
    if not only_uses:
        had_not_used = (np.arange(len(rows.time)) < first_row[rows.person]) & (rows.time <= first_time[rows.person])
        others = np.flatnonzero(had_not_used & (rows.time + spec.span <= spec.until))
    row = np.concatenate([uses, others]).astype(np.int64)
    time, person, is_use = rows.time[row], rows.person[row], np.arange(len(row)) < len(uses)
    # compared as a difference, which does not overflow where a person never uses it
    is_used_later = ~is_use & (first_time[person] - spec.span <= time)
    return rows, Moments(row, person, is_use, time + spec.span > spec.until, is_used_later)


def _read_rows(view: View, spec: ImpactSpec) -> ShardRows:
    """Read the events of a shard, and which of them are uses or counted."""
    read = view.with_people_columns(columns_used([spec.of, spec.on])).events.select(
        "person",
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        spec.of.condition.alias("of"),
        spec.on.condition.alias("on"),
    )
    rows = read.collect()
    bounds = bound_people(rows["person"].to_numpy())
    person = np.repeat(np.arange(bounds.code.size), bounds.stop - bounds.first)
    return ShardRows(
        rows["time"].to_numpy(), person, bounds, rows["of"].to_numpy(), count_before(rows["on"].to_numpy())
    )


def _find_first_use(rows: ShardRows, spec: ImpactSpec) -> tuple[Ints, Ints]:
    """Find the first use of each person: its row in the shard, and its time in the whole log.

    Without a use the row is that after the person's last, and the time never comes. In a selection, the time may be
    earlier than the row's: a person whose first use was cut away had used it before.
    """
    use = np.flatnonzero(rows.is_use)
    row = np.minimum(next_marked(use, rows.bounds.first, none=len(rows.time)), rows.bounds.stop)
    time = np.full(rows.bounds.code.size, _NEVER)
    if spec.first_uses is None:
        is_used = row < rows.bounds.stop
        time[is_used] = rows.time[row[is_used]]
    else:
        people = pl.DataFrame({"person": pl.Series(rows.bounds.code, dtype=pl.UInt32)})
        known = spec.first_uses.join(people, on="person", how="semi")
        time[np.searchsorted(rows.bounds.code, known["person"].to_numpy())] = known["time"].to_numpy()
    return row, time


def find_strata(rows: ShardRows, moments: Moments, spec: ImpactSpec) -> pl.DataFrame:
    """Find the stratum of each moment, and whether it is a first use; against anyone, only the week counts."""
    time = rows.time[moments.row]
    first_week = before = recent = np.zeros(len(time), dtype=np.int64)
    if spec.against == "matched":
        first = rows.bounds.first[moments.person]
        first_week = (rows.time[first] + _MONDAY) // _WEEK
        counted, _ = _count_windows(rows, moments, spec, edges=(-spec.periods, 0, 0))
        before = _bucket_counts(counted)
        since = search_within(rows.time, time - spec.period_us, low=first, high=moments.row, side="left")
        events = moments.row - since
        recent = np.where(events == 0, 0, 1 + _integer_logarithm(events) // 2)  # none, 1 to 3, 4 to 15, ...
    columns = dict(zip(STRATUM, (first_week, (time + _MONDAY) // _WEEK, before, recent), strict=True))
    return pl.DataFrame({name: pl.Series(values, dtype=pl.Int64) for name, values in columns.items()}).with_columns(
        pl.Series("used", moments.is_use, dtype=pl.Boolean)
    )


def _bucket_counts(counts: Ints) -> Ints:
    """Return counts as they are below 4, then by powers of two: 4 to 7, 8 to 15, and so on.

    For instance, 0, 3, 4, 7 and 8 are 0, 3, 4, 4 and 5.
    """
    return np.where(counts < _EXACT, counts, _EXACT - 2 + _integer_logarithm(counts))


def _integer_logarithm(counts: Ints) -> Ints:
    return np.floor(np.log2(np.maximum(counts, 1))).astype(np.int64)


def _keep_compared(table: pl.DataFrame, moments: Moments, spec: ImpactSpec) -> tuple[pl.DataFrame, Moments]:
    """Keep the moments that are followed in full and lie in a stratum with a first use."""
    kept = ~moments.is_pending
    if spec.strata is not None:
        kept &= mark_strata(table, spec.strata)
    return table.filter(pl.Series(kept)), Moments(*(values[kept] for values in moments))


def mark_strata(table: pl.DataFrame, strata: pl.DataFrame) -> Bools:
    """Mark the moments that lie in one of some strata."""
    known = strata.select(*STRATUM, is_in=pl.lit(value=True))
    marked = table.join(known, on=STRATUM, how="left", maintain_order="left")["is_in"]
    return marked.fill_null(value=False).to_numpy()


def _count_windows(rows: ShardRows, moments: Moments, spec: ImpactSpec, *, edges: tuple[int, ...]) -> list[Ints]:
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
