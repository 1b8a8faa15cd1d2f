"""The rows of the log that a funnel looks at, as arrays: the person, time and steps of each; attempts as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.funnel.spec import CALENDAR_PERIODS, FunnelSpec
from journeys.arrays import Bools, Ints, count_before, mark_changes, number_runs, row_dtype
from journeys.errors import ArgumentError, first_line
from journeys.log import View
from journeys.log.boundaries import has_met_campaign, present_campaign_columns, starts_session
from journeys.steps import Step, columns_used, step

_FEW = 32
"""A binary search for one row costs about as much as a prefix count over this many rows."""


class SortedRows:
    """Some rows out of `size`, ascending, and for any row how many of them stand before it.

    They are known as row numbers or as a mask; the other is made from it when it is first asked for.
    """

    __slots__ = ("_count", "_mask", "_row", "size")

    def __init__(self, row: Ints | None = None, *, size: int, mask: Bools | None = None) -> None:
        self.size = size
        self._row = row
        self._mask = mask
        self._count: Ints | None = None

    @classmethod
    def from_mask(cls, mask: Bools) -> SortedRows:
        """Take the rows that a mask marks."""
        return cls(size=len(mask), mask=mask)

    @property
    def row(self) -> Ints:
        """The rows, ascending."""
        if self._row is None:
            self._row = np.flatnonzero(self.mask)
        return self._row

    @property
    def mask(self) -> Bools:
        """Which of all rows they are."""
        if self._mask is None:
            self._mask = np.zeros(self.size, dtype=np.bool_)
            self._mask[self._row] = True
        return self._mask

    def rank(self, at: Ints) -> Ints:
        """Return, for each row number up to `size`, how many of the rows are before it.

        For instance, of the rows 1 and 4, the rows 0, 2 and 5 have the ranks 0, 1 and 2.
        """
        if self._count is None:
            if len(at) * _FEW < self.size:
                return np.searchsorted(self.row, at)
            self._count = count_before(self.mask)
        return self._count.take(at)


@dataclass(frozen=True, eq=False, slots=True)
class FunnelRows:
    """Rows that satisfy a step or an exclusion, sorted by (unit, log order).

    A unit is what one attempt stays in: a person, a session, a calendar day, or a person with one held value. The
    rows of a unit are one run.

    Attributes
    ----------
    unit : array of int
        Number of the unit of each row.
    person : array of int
        The code of the person of each unit.
    time : array of int64
        Microseconds.
    position : array of int
        Position in the order of the log: compares rows of different units. Of a strict funnel, the number of the row in
        the whole log, which shows which rows are neighbours; of others, its number among the rows read.
    steps, exclusions : list of SortedRows
        The rows that satisfy each step, each exclusion.
    values : dict of str to Series
        The columns of the breakdown that events have, by row.
    known_by_row : dict of str to bool array
        For columns of the breakdown with a person's first campaign: whether it had been met by the row.
    unit_first : array of int, optional
        The first row of each unit, where every unit has rows.
    """

    unit: Ints
    person: Ints
    time: Ints
    position: Ints
    steps: list[SortedRows]
    exclusions: list[SortedRows]
    values: dict[str, pl.Series]
    known_by_row: dict[str, Bools] = field(default_factory=dict)
    unit_first: Ints | None = None

    def mark_satisfied(self, conditions: Iterable[int] | None = None) -> Bools:
        """Mark the rows that satisfy any of some steps; by default, of all."""
        steps = self.steps if conditions is None else [self.steps[number] for number in conditions]
        marked: Bools = np.logical_or.reduce([step.mask for step in steps])
        return marked

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.unit)

    @property
    def first(self) -> Ints:
        """The first row of each unit; of a unit without rows, its `stop`."""
        if self.unit_first is not None:
            return self.unit_first
        return np.searchsorted(self.unit, np.arange(len(self.person)))

    @property
    def stop(self) -> Ints:
        """The row after the last of each unit."""
        if self.unit_first is not None:
            return np.append(self.unit_first[1:], self.size)
        return np.searchsorted(self.unit, np.arange(len(self.person)), side="right")

    def take(self, index: Ints, *, keep_values: bool = False) -> FunnelRows:
        """Keep some rows, in the order given; `person` still lists all units.

        The values of the breakdown are only needed where attempts are looked up in the rows that are kept.
        """
        return replace(
            self,
            unit=self.unit[index],
            time=self.time[index],
            position=self.position[index],
            steps=[SortedRows.from_mask(step.mask[index]) for step in self.steps],
            exclusions=[SortedRows.from_mask(excluded.mask[index]) for excluded in self.exclusions],
            values={name: column.gather(index) for name, column in self.values.items()} if keep_values else {},
            known_by_row={name: mask[index] for name, mask in self.known_by_row.items()} if keep_values else {},
            unit_first=None,
        )

    def regroup(self, unit: Ints) -> FunnelRows:
        """Split units further, by numbers that rise with the row."""
        starts = mark_changes(unit)
        first = np.flatnonzero(starts)
        return replace(self, unit=number_runs(starts), person=self.person[self.unit[first]], unit_first=first)


@dataclass(frozen=True, eq=False, slots=True)
class Attempts:
    """Counted attempts, one line each.

    Attributes
    ----------
    unit : array of int
        The unit that made it.
    row : array of int, one column per table row
        The row of `FunnelRows` that served the step; -1 where the step was not taken.
    """

    unit: Ints
    row: Ints

    @classmethod
    def concat(cls, parts: Sequence[Attempts], *, step_count: int) -> Attempts:
        """Concatenate attempts, sorted by unit; of one unit, in the order given."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls(np.zeros(0, dtype=np.int64), np.zeros((0, step_count), dtype=np.int64))
        both = cls(np.concatenate([part.unit for part in parts]), np.concatenate([part.row for part in parts]))
        return both.take(np.argsort(both.unit, kind="stable"))

    def take(self, index: Ints) -> Attempts:
        """Keep some of them."""
        return Attempts(self.unit[index], self.row[index])

    @property
    def last_step(self) -> Ints:
        """The last table row that each attempt reached."""
        width = self.row.shape[1]
        last: Ints = width - 1 - np.argmax(self.row[:, ::-1] >= 0, axis=1)
        return last

    @property
    def first_step(self) -> Ints:
        """The table row at which each attempt entered."""
        first: Ints = np.argmax(self.row >= 0, axis=1)
        return first

    @property
    def start(self) -> Ints:
        """The row of `FunnelRows` with which each attempt starts."""
        start: Ints = self.row[np.arange(len(self.unit)), self.first_step]
        return start

    @property
    def end(self) -> Ints:
        """The row of `FunnelRows` with which each attempt ends."""
        end: Ints = self.row[np.arange(len(self.unit)), self.last_step]
        return end


class FunnelLog(NamedTuple):
    """What a funnel reads of one shard, as a frame (see `read_log`); parts of it become arrays.

    `conditions` are those of the steps, then of the exclusions; `categories` the names of the codes in `_event`; `by`
    the columns of the breakdown that events have, and `first_touches` those with a person's first campaign.
    """

    frame: pl.DataFrame
    spec: FunnelSpec
    conditions: Sequence[Step]
    categories: list[str]
    by: Sequence[str]
    first_touches: Sequence[str]

    def to_arrays(self, low: int = 0, high: int | None = None) -> FunnelRows:
        """Turn the rows from `low` to before `high`, which start and end with a person, into arrays."""
        part = self.frame.slice(low, None if high is None else high - low)
        satisfied = _find_satisfied(part, conditions=self.conditions, categories=self.categories)
        person = part["person"].to_numpy()
        size = part.height
        # signed, since positions are subtracted from each other
        if "_position" in part:
            position = part["_position"].to_numpy()
            position = position.astype(row_dtype(int(position[-1]) + 1 if size else 0), copy=False)
        else:
            position = np.arange(low, low + size, dtype=row_dtype(low + size))
        starts = mark_changes(person)
        for name in ("_session", "_period"):
            if name in part:
                starts |= mark_changes(part[name].to_numpy())
        first = np.flatnonzero(starts)
        rows = FunnelRows(
            unit=number_runs(starts),
            person=person[first],
            time=part["timestamp"].to_numpy(),
            position=position,
            steps=satisfied[: self.spec.step_count],
            exclusions=satisfied[self.spec.step_count :],
            values={name: part[f"_by{number}"] for number, name in enumerate(self.by)},
            known_by_row=dict.fromkeys(self.first_touches, part["_met"].to_numpy()) if self.first_touches else {},
            unit_first=first,
        )
        return _split_by_held_values(rows, part, spec=self.spec) if self.spec.hold else rows


def mark_entry_times(time: Ints, spec: FunnelSpec) -> Bools:
    """Mark the times at which an attempt may start."""
    low, high = spec.entered
    inside = np.ones(len(time), dtype=np.bool_)
    if low is not None:
        inside &= time >= low
    if high is not None:
        inside &= time < high
    return inside


def find_first_per_unit(rows: FunnelRows, row: Ints) -> Ints:
    """Return the places in `row` (ascending rows) at which another unit starts."""
    return np.flatnonzero(mark_changes(rows.unit[row])) if row.size else row


def mark_entry_conditions(rows: FunnelRows, *, spec: FunnelSpec) -> Bools:
    """Mark the rows that satisfy a step with which attempts may start, whatever their time."""
    if spec.order == "any" or spec.entry == "any":
        return rows.mark_satisfied()
    return rows.mark_satisfied({sequence[0].condition for sequence in spec.list_step_sequences()})


def mark_first_entries(rows: FunnelRows, *, spec: FunnelSpec) -> Bools:
    """Mark the first row of each unit that may start an attempt; where people are counted, of each person."""
    row = np.flatnonzero(mark_entry_conditions(rows, spec=spec))
    row = row[mark_entry_times(rows.time[row], spec)]
    row = row[find_first_per_unit(rows, row)]
    if spec.count == "people":
        owner = number_owners(rows, row, spec=spec)
        order = np.lexsort((rows.position[row], owner))
        row = row[order[np.flatnonzero(mark_changes(owner[order]))]]
    out = np.zeros(rows.size, dtype=np.bool_)
    out[row] = True
    return out


def number_owners(rows: FunnelRows, row: Ints, *, spec: FunnelSpec) -> Ints:
    """Number the owner of each of some rows; of the attempts of one owner, one counts.

    The owner is the person; with a breakdown by values held constant, the person with one combination of values.
    """
    person = rows.person[rows.unit[row]]
    if spec.by_at != "all" or not spec.by:
        return person
    pairs = pl.DataFrame([pl.Series("person", person), *(column.gather(row) for column in rows.values.values())])
    number: Ints = pairs.select(pl.struct(pl.all()).rank("dense").alias("number"))["number"].to_numpy()
    return number


def read_log(view: View, spec: FunnelSpec) -> FunnelLog:
    """Read what a funnel needs of one shard: only the rows that matter, only the columns asked for.

    The columns are `person` and `timestamp` (µs), and as far as they are needed: `_event` (its code); `_is0` and so on,
    whether the row satisfies a condition; `_hold0` and `_by0` and so on, values held constant or of the breakdown;
    `_position`, `_session` and `_period`, the numbers of the row in the log, the session and the calendar window;
    `_met`, whether the person had met a campaign.
    """
    schema = view.schema
    conditions = list_conditions(spec)
    by = [name for name in spec.by_columns if name in schema]
    frame = view.with_people_columns(columns_used(conditions)).events
    columns: dict[str, pl.Expr] = {}
    campaign = present_campaign_columns(schema) if spec.by_columns or spec.campaign_cuts else []
    first_touches = [name for name in spec.by_columns if name not in schema and name.removeprefix("first_") in campaign]
    if first_touches:
        met = find_unused_name("_met", schema)
        frame = frame.with_columns(has_met_campaign(campaign).alias(met))
        columns["_met"] = pl.col(met)
    if spec.order == "strict":
        position = find_unused_name("_position", schema)
        frame = frame.with_row_index(position)
        columns["_position"] = pl.col(position)
    if spec.count == "sessions" or spec.calendar == "session":
        session = find_unused_name("_session", schema)
        starts = starts_session(spec.gap, campaign_columns=campaign if spec.campaign_cuts else ())
        frame = frame.with_columns(starts.cast(pl.UInt32).cum_sum().alias(session))
        columns["_session"] = pl.col(session)
    if spec.calendar in CALENDAR_PERIODS:
        calendar = make_calendar(CALENDAR_PERIODS[spec.calendar], time_zone=spec.time_zone)
        columns["_period"] = calendar.index(pl.col("timestamp"))
    for number, one in enumerate(conditions):
        if one.events is None:
            columns[f"_is{number}"] = one.condition
    columns |= {f"_hold{number}": pl.col(name) for number, name in enumerate(spec.hold)}
    columns |= {f"_by{number}": pl.col(name) for number, name in enumerate(by)}
    if any(one.events is not None for one in conditions):
        columns["_event"] = pl.col("event").to_physical()
    needed = frame.filter(mark_needed_rows(spec)).select("person", pl.col("timestamp").to_physical(), **columns)
    try:
        rows = needed.collect()
    except pl.exceptions.PolarsError as error:
        names = ", ".join(repr(one.name) for one in conditions if one.events is None)
        raise ArgumentError(
            f"steps: the condition of {names} cannot be evaluated on this log: {first_line(error)}."
        ) from error
    event = schema["event"]
    categories = event.categories.to_list() if isinstance(event, pl.Enum) else []
    return FunnelLog(rows, spec, conditions, categories, by, first_touches)


def list_conditions(spec: FunnelSpec) -> list[Step]:
    """List the steps and the exclusions."""
    return [*spec.steps, *(one.step for one in spec.exclude)]


def mark_needed_rows(spec: FunnelSpec) -> pl.Expr:
    """Mark the rows that a funnel looks at."""
    matters = reduce(or_, [one.condition for one in _merge_names(list_conditions(spec))])
    if spec.order == "strict" and spec.ties == "either":
        matters = pl.lit(value=True)  # any event may stand between two steps
    if spec.hold:
        matters &= pl.all_horizontal(pl.col(name).is_not_null() for name in spec.hold)
    return matters


def find_unused_name(name: str, schema: pl.Schema) -> str:
    """Return a name that no column of the log has."""
    while name in schema:
        name += "_"
    return name


def _merge_names(conditions: Sequence[Step]) -> list[Step]:
    """Merge the steps that only ask for names into one membership test: cheaper than many comparisons."""
    names = sorted({name for one in conditions if one.events is not None for name in one.events})
    rest = [one for one in conditions if one.events is None]
    return [step("named", names), *rest] if names else rest


def _find_satisfied(part: pl.DataFrame, *, conditions: Sequence[Step], categories: list[str]) -> list[SortedRows]:
    """Find the rows that satisfy each condition; equal lists of event names share them."""
    found: list[SortedRows] = []
    codes = part["_event"].to_numpy() if "_event" in part else None
    code_of = {name: code for code, name in enumerate(categories)}
    rows_of: dict[tuple[str, ...], SortedRows] = {}
    for number, one in enumerate(conditions):
        if one.events is None:
            found.append(SortedRows.from_mask(part[f"_is{number}"].to_numpy()))
            continue
        if one.events not in rows_of and codes is not None:
            wanted = [code_of[name] for name in one.events if name in code_of]
            mask = codes == wanted[0] if len(wanted) == 1 else np.isin(codes, wanted)
            rows_of[one.events] = SortedRows.from_mask(mask)
        found.append(rows_of[one.events])
    return found


def _split_by_held_values(rows: FunnelRows, part: pl.DataFrame, *, spec: FunnelSpec) -> FunnelRows:
    """Split units by the values held constant: rows are sorted again, and keep their position in the log.

    For instance, a person's products p, q, p become the unit (person, p) with two rows and (person, q) with one.
    """
    held = pl.struct(f"_hold{number}" for number in range(len(spec.hold)))
    value = part.select(held.rank("dense").cast(pl.Int64).alias("value"))["value"].to_numpy()
    order = np.lexsort((value, rows.unit))
    unit_and_value = rows.unit[order].astype(np.int64) * (int(value.max(initial=0)) + 1) + value[order]
    return rows.take(order, keep_values=True).regroup(unit_and_value)
