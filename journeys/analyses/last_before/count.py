"""One shard → how many people had each value last before the goal, and how many of them went on."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.cleaning_rules import CleaningRules, clean_value
from journeys.analyses.last_before.spec import LastBeforeSpec
from journeys.arrays import (
    Bools,
    Ints,
    PersonBounds,
    bound_people,
    bounds_from_counts,
    mark_changes,
    next_marked,
    parallel_map,
    previous_marked,
)
from journeys.log import View
from journeys.log.boundaries import starts_session
from journeys.steps import Step, columns_used

_PART_ROWS = 1 << 20


def count(view: View, spec: LastBeforeSpec) -> pl.DataFrame:
    """Count the goals by the last value before them.

    Return the columns asked for (String, null: none), `people`, `pending`, `went_on` (Int64), `before` (List of Int64:
    µs between the value and the goal).
    """
    found = find_last_values(view, spec)
    return found.group_by(spec.names).agg(
        pl.len().cast(pl.Int64).alias("people"),
        pl.col("pending", "went_on").sum().cast(pl.Int64),
        pl.col("before").drop_nulls(),
    )


def count_repeaters(view: View, spec: LastBeforeSpec) -> pl.DataFrame:
    """Count the `people` with a goal that counts, and those with several, `repeated` (Int64)."""
    goals = find_last_values(view, spec).group_by("code").len()["len"]
    return pl.DataFrame({"people": [len(goals)], "repeated": [int((goals > 1).sum())]})


def list_traits(view: View, spec: LastBeforeSpec) -> pl.DataFrame:
    """List `person` (the public label) and the values of those who had any; of several goals the latest counts."""
    found = find_last_values(view, spec).unique("code", keep="last", maintain_order=True)
    found = found.filter(pl.any_horizontal(pl.col(spec.names).is_not_null()))
    labels = view.people.select("code", pl.col("person").alias("label")).collect()
    joined = found.join(labels, on="code", how="left", maintain_order="left")
    return joined.select("label", *spec.names)


def find_last_values(view: View, spec: LastBeforeSpec) -> pl.DataFrame:
    """Find, for each goal that counts, the last value of each column before it.

    For instance, within 2 days, with the form "/signup" passed over:

        day 1  /           → too old
        day 2  /pricing    → the last value, 1 day before
        day 3  /signup     → passed over
        day 3  goal

    Return `code` (of the person), the columns asked for (String), `before` (Int64, µs since the latest of the values),
    `pending` (the time to go on is not over), `went_on` (never for pending ones); in log order.
    """
    log = _read_log(view, spec)
    found = pl.concat(parallel_map(lambda part: _find_in_part(part, spec), log.split_people()))
    cleaned = [
        _clean_values(found[name], rules=rules) for name, rules in zip(spec.names, spec.cleaning, strict=True) if rules
    ]
    return found.with_columns(cleaned)


class _RowsOfPeople(NamedTuple):
    """All rows of some people: `_time`, `_value0` and so on, and `_goal` and `_then` or else `_code`, the events.

    Where a window is the session of the goal, `_starts_session`, too.
    """

    people: PersonBounds
    table: pl.DataFrame
    names: list[str]

    def split_people(self) -> list[_RowsOfPeople]:
        """Split the rows between people into parts of about equal size."""
        near = np.arange(_PART_ROWS, self.people.rows, _PART_ROWS)
        last = np.unique(np.append(np.searchsorted(self.people.stop, near), self.people.code.size - 1))
        return [self._take_people(low, high) for low, high in pairwise([0, *(last + 1).tolist()])]

    def _take_people(self, low: int, high: int) -> _RowsOfPeople:
        code, first, stop = (array[low:high] for array in self.people)
        row, size = (int(first[0]), int(stop[-1] - first[0])) if code.size else (0, 0)
        return _RowsOfPeople(PersonBounds(code, first - row, stop - row), self.table.slice(row, size), self.names)

    def find_rows(self, step: Step, *, column: str) -> Ints:
        """Find the rows that satisfy a step."""
        if column in self.table:
            return np.flatnonzero(self.table[column].to_numpy())
        wanted = [code for code, name in enumerate(self.names) if name in (step.events or ())]
        code = self.table["_code"].to_numpy()
        return np.flatnonzero(code == wanted[0] if len(wanted) == 1 else np.isin(code, wanted))

    def bound_sessions(self, at: Ints) -> tuple[Ints, Ints]:
        """Find the first row of the session of each row of `at`, and the row after its last."""
        starts = np.flatnonzero(self.table["_starts_session"].to_numpy())
        return previous_marked(starts, at + 1), next_marked(starts, at + 1, none=self.people.rows)


def _read_log(view: View, spec: LastBeforeSpec) -> _RowsOfPeople:
    """Read the columns that are needed of all rows; what the store has in another form is not read again."""
    values = [pl.col(name).cast(pl.String) for name in spec.columns]
    if spec.event is not None:
        values = [pl.when(spec.event.condition).then(value) for value in values]
    for place, skipped in enumerate(spec.skipped):
        values[place] = pl.when(~values[place].is_in(skipped)).then(values[place])
    marks = {"_goal": spec.goal} | ({} if spec.then is None else {"_then": spec.then})
    coded = {name for name, step in marks.items() if view.codes is not None and step.events is not None}
    table = (
        view.with_people_columns(columns_used(spec.steps))
        .events.select(
            pl.col("timestamp").to_physical().alias("_time"),
            *([] if view.whole else ["person"]),
            *(step.condition.alias(name) for name, step in marks.items() if name not in coded),
            *(value.alias(f"_value{place}") for place, value in enumerate(values)),
            *([starts_session(spec.gap).alias("_starts_session")] if spec.needs_sessions else []),
        )
        .collect()
    )
    if coded:
        table = table.with_columns(_code=pl.Series(view.event_codes()))
    if view.whole:
        counts = view.people.select("code", "event_count").collect()
        people = bounds_from_counts(counts["code"].to_numpy(), counts["event_count"].to_numpy())
    else:
        people = bound_people(table["person"].to_numpy())
    return _RowsOfPeople(people, table, view.schema["event"].categories.to_list())  # type: ignore[attr-defined]


def _find_in_part(rows: _RowsOfPeople, spec: LastBeforeSpec) -> pl.DataFrame:
    """Find the last values, as they were tracked, for the goals of some people."""
    goal, owner = _choose_goals(rows, spec)
    time = rows.table["_time"].to_numpy()
    end = time[goal]
    columns: dict[str, pl.Series] = {}
    latest = np.full(goal.size, -1)
    earliest = rows.bound_sessions(goal)[0] if spec.within == "session" else rows.people.first[owner]
    for place, name in enumerate(spec.names):
        values = rows.table[f"_value{place}"]
        at = previous_marked(np.flatnonzero(values.is_not_null().to_numpy()), goal)
        is_found = at >= earliest
        if isinstance(spec.within, int):
            is_found &= end - time[at] <= spec.within
        at = np.where(is_found, at, -1)
        columns[name] = values.gather(_to_nullable(at))
        latest = np.maximum(latest, at)
    pending, went_on = _find_next(rows, goal, owner, spec)
    return pl.DataFrame(
        {
            "code": pl.Series(rows.people.code[owner], dtype=pl.UInt32),
            **columns,
            "before": _to_nullable(np.where(latest >= 0, end - time[latest], -1)),
            "pending": pending,
            "went_on": went_on & ~pending,
        }
    )


def _to_nullable(values: Ints) -> pl.Series:
    """Make a column in which -1 is null."""
    column = pl.Series(values, dtype=pl.Int64)
    return column.set(column == -1, None)


def _clean_values(column: pl.Series, *, rules: CleaningRules) -> pl.Series:
    """Apply the rules to each distinct value."""
    distinct = column.drop_nulls().unique()
    cleaned = pl.Series([clean_value(value, rules=rules) for value in distinct], dtype=pl.String)
    return column.replace(distinct, cleaned)


def _choose_goals(rows: _RowsOfPeople, spec: LastBeforeSpec) -> tuple[Ints, Ints]:
    """Return the rows of the goals that count (each person's first or last one, or each), and the number of whose."""
    goal = rows.find_rows(spec.goal, column="_goal")
    owner = np.searchsorted(rows.people.stop, goal, side="right")
    if spec.occurrence == "each":
        return goal, owner
    first = mark_changes(owner)
    chosen = first if spec.occurrence == "first" else np.append(first[1:], True)[: goal.size]
    return goal[chosen], owner[chosen]


def _find_next(rows: _RowsOfPeople, goal: Ints, owner: Ints, spec: LastBeforeSpec) -> tuple[Bools, Bools]:
    """Mark the goals whose time to go on is not over yet, and those after which people went on in time."""
    none = np.zeros(goal.size, dtype=np.bool_)
    if spec.then is None:
        return none, none
    following = next_marked(rows.find_rows(spec.then, column="_then"), goal + 1)
    went_on = (following >= 0) & (following < rows.people.stop[owner])
    if spec.then_within is None:
        return none, went_on
    time = rows.table["_time"].to_numpy()
    if spec.then_within == "session":
        stop = rows.bound_sessions(goal)[1]
        return time[stop - 1] + spec.gap > spec.until, went_on & (following < stop)
    went_on &= time[following] - time[goal] <= spec.then_within
    return time[goal] + spec.then_within > spec.until, went_on
