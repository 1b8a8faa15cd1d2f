"""The rows of the log that a funnel looks at, as arrays: who, when, and which steps each satisfies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.funnel.marks import Bools, Ints, Marks
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.errors import ArgumentError
from journeys.events import present_campaign_columns
from journeys.log import View
from journeys.log.expressions import starts_session
from journeys.steps import columns_used

__all__ = ["DAYS", "Bools", "Ints", "Rows", "Wanted", "read", "read_rows"]

DAYS = {"day": "1d", "week": "1w", "month": "1mo"}


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Rows that satisfy a step or an exclusion, sorted by (unit, log order).

    Attributes
    ----------
    unit : array of int
        Number of the unit that one attempt stays in (a person, a session, a person and a value); a run each.
    person : array of int
        The person's code, for each unit.
    time : array of int64
        Microseconds.
    place : array of int
        Number in the log's order: compares rows of different units, and tells neighbours.
    steps, stops : list of bool arrays
        Which rows satisfy each step, each exclusion.
    values : dict of str to Series
        The breakdown's columns, by row.
    found : dict of int to Marks
        What `where` and `stopped` have found.
    heads : array of int, optional
        The first row of each unit, where none is without rows.
    """

    unit: Ints
    person: Ints
    time: Ints
    place: Ints
    steps: list[Bools]
    stops: list[Bools]
    values: dict[str, pl.Series]
    found: dict[int, Marks] = field(default_factory=dict)
    heads: Ints | None = None

    def where(self, step: int) -> Marks:
        """Return the rows that satisfy a step; looked for once."""
        if step not in self.found:
            self.found[step] = Marks.of(self.steps[step])
        return self.found[step]

    def stopped(self, number: int) -> Marks:
        """Return the rows that satisfy an exclusion; looked for once."""
        key = -1 - number
        if key not in self.found:
            self.found[key] = Marks.of(self.stops[number])
        return self.found[key]

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.unit)

    @property
    def begin(self) -> Ints:
        """The first row of each unit (0 for units that have none)."""
        if self.heads is not None:
            return self.heads
        first = np.zeros(len(self.person), dtype=np.int64)
        at = np.flatnonzero(changes(self.unit))
        first[self.unit[at]] = at
        return first

    @property
    def finish(self) -> Ints:
        """The row after the last one of each unit (0 for units that have none)."""
        if self.heads is not None:
            return np.append(self.heads[1:], self.size)
        end = np.zeros(len(self.person), dtype=np.int64)
        at = np.flatnonzero(changes(self.unit))
        end[self.unit[at]] = np.append(at[1:], self.size)
        return end

    def take(self, index: Ints) -> Rows:
        """Keep some rows, in the order given; `person` still speaks of all units."""
        return replace(
            self,
            unit=self.unit[index],
            time=self.time[index],
            place=self.place[index],
            steps=[mask[index] for mask in self.steps],
            stops=[mask[index] for mask in self.stops],
            values={},
            found={},
            heads=None,
        )

    def regroup(self, unit: Ints) -> Rows:
        """Let other numbers, which rise with the row, be the units."""
        new = changes(unit)
        first = np.flatnonzero(new)
        number = np.cumsum(new, dtype=np.int32) - np.int32(1)
        return replace(self, found={}, unit=number, person=self.person[self.unit[first]], heads=first)


def changes(values: Ints) -> Bools:
    """Mark the first row of each run of equal values."""
    out = np.ones(len(values), dtype=np.bool_)
    if not len(values):
        return out
    np.not_equal(values[1:], values[:-1], out=out[1:])
    return out


class Wanted(NamedTuple):
    """What was read of the log, and how to make arrays of it."""

    frame: pl.DataFrame
    spec: FunnelSpec
    conditions: Sequence[Any]
    categories: list[str]
    by: Sequence[str]

    def rows(self, low: int = 0, high: int | None = None) -> Rows:
        """Make arrays of the rows from `low` to below `high`, which begin and end with a person."""
        part = self.frame.slice(low, None if high is None else high - low)
        return _arrays(part, spec=self.spec, conditions=self.conditions, categories=self.categories, by=self.by)


def read_rows(view: View, spec: FunnelSpec) -> Rows:
    """Read what a funnel needs of one shard, as arrays."""
    return read(view, spec).rows()


def read(view: View, spec: FunnelSpec) -> Wanted:
    """Read what a funnel needs of one shard: only the rows that matter, only the columns asked for."""
    schema = view.events.collect_schema()
    conditions = [*spec.steps, *(one.step for one in spec.exclude)]
    by = [name for name in spec.by_columns if name in schema]
    frame = view.with_people_columns(columns_used(conditions)).events
    extra: dict[str, pl.Expr] = {}
    if spec.order == "strict" or spec.placed:
        place = _free("_place", schema)
        frame = frame.with_row_index(place)
        extra["_place"] = pl.col(place)
    if spec.count == "sessions" or spec.calendar == "session":
        session = _free("_session", schema)
        frame = frame.with_columns(_sessions(spec, schema).alias(session))
        extra["_session"] = pl.col(session)
    if spec.calendar in DAYS:
        local = pl.col("timestamp").dt.convert_time_zone(spec.time_zone)
        extra["_day"] = local.dt.truncate(DAYS[spec.calendar]).to_physical()
    for number, one in enumerate(conditions):
        if one.events is None:
            extra[f"_is{number}"] = one.condition.fill_null(value=False)
    extra |= {f"_hold{number}": pl.col(name) for number, name in enumerate(spec.hold)}
    extra |= {f"_by{number}": pl.col(name) for number, name in enumerate(by)}
    by_name = any(one.events is not None for one in conditions)
    if by_name:
        extra["_event"] = pl.col("event").to_physical()
    matters = reduce(or_, [one.condition.fill_null(value=False) for one in _merged(conditions)])
    if spec.order == "strict" and spec.ties == "either":
        matters = pl.lit(value=True)  # what stands between two steps may be any event
    if spec.hold:
        matters &= pl.all_horizontal(pl.col(name).is_not_null() for name in spec.hold)
    wanted = frame.filter(matters).select("person", pl.col("timestamp").to_physical(), **extra)
    try:
        found = wanted.collect()
    except pl.exceptions.PolarsError as error:
        names = ", ".join(repr(one.name) for one in conditions if one.events is None)
        raise ArgumentError(f"steps: the condition of {names} cannot be worked out on this log: {error}") from error
    return Wanted(found, spec, conditions, _categories(schema), by)


def _free(name: str, schema: pl.Schema) -> str:
    """Return a name that no column of the log has."""
    while name in schema:
        name += "_"
    return name


def _merged(conditions: Sequence[Any]) -> list[Any]:
    """Put the steps that only ask for names into one membership test: cheaper than many comparisons."""
    from journeys.steps import step

    names = sorted({name for one in conditions if one.events is not None for name in one.events})
    rest = [one for one in conditions if one.events is None]
    return [step("named", names), *rest] if names else rest


def _sessions(spec: FunnelSpec, schema: pl.Schema) -> pl.Expr:
    """Number the sessions; a touch of another campaign starts one when asked."""
    campaign = present_campaign_columns(schema) if spec.campaign_cuts else []
    return starts_session(spec.gap, campaign_columns=campaign).cast(pl.UInt32).cum_sum()


def _categories(schema: pl.Schema) -> list[str]:
    kind = schema["event"]
    return kind.categories.to_list() if isinstance(kind, pl.Enum) else []


def _arrays(
    found: pl.DataFrame, *, spec: FunnelSpec, conditions: Sequence[Any], categories: list[str], by: Sequence[str]
) -> Rows:
    masks = _masks(found, conditions=conditions, categories=categories)
    person = found["person"].to_numpy()
    size = found.height
    place = found["_place"].to_numpy() if "_place" in found else np.arange(size, dtype=np.int32)
    # signed, since places are taken from each other
    place = place.astype(np.int32 if not size or place[-1] <= np.iinfo(np.int32).max else np.int64, copy=False)
    new = changes(person)
    for name in ("_session", "_day"):
        if name in found:
            new |= changes(found[name].to_numpy())
    heads = np.flatnonzero(new)
    unit = np.cumsum(new, dtype=np.int32)
    unit -= np.int32(1)
    rows = Rows(
        unit=unit,
        person=person[heads],
        time=found["timestamp"].to_numpy(),
        place=place,
        steps=masks[: spec.width],
        stops=masks[spec.width :],
        values={name: found[f"_by{number}"] for number, name in enumerate(by)},
        heads=heads,
    )
    return _held(rows, found, spec=spec) if spec.hold else rows


def _masks(found: pl.DataFrame, *, conditions: Sequence[Any], categories: list[str]) -> list[Bools]:
    masks: list[Bools] = []
    codes = found["_event"].to_numpy() if "_event" in found else None
    known = {name: code for code, name in enumerate(categories)}
    made: dict[tuple[str, ...], Bools] = {}
    for number, one in enumerate(conditions):
        if one.events is None:
            masks.append(found[f"_is{number}"].to_numpy())
            continue
        if one.events not in made and codes is not None:
            wanted = [known[name] for name in one.events if name in known]
            made[one.events] = codes == wanted[0] if len(wanted) == 1 else np.isin(codes, wanted)
        masks.append(made[one.events])
    return masks


def _held(rows: Rows, found: pl.DataFrame, *, spec: FunnelSpec) -> Rows:
    """Make (unit, value) the unit: rows are sorted anew, and keep their place in the log."""
    held = pl.struct(f"_hold{number}" for number in range(len(spec.hold)))
    value = found.select(held.rank("dense").cast(pl.Int64).alias("value"))["value"].to_numpy()
    order = np.lexsort((value, rows.unit))
    both = rows.unit[order].astype(np.int64) * (int(value.max(initial=0)) + 1) + value[order]
    values = {name: column.gather(order) for name, column in rows.values.items()}
    return replace(rows.take(order), values=values).regroup(both)
