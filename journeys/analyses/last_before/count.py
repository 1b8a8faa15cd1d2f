"""One shard → how many people had each value last before the goal, and how many of them went on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import encode_values
from journeys.analyses.last_before.spec import LastBeforeSpec
from journeys.log import View
from journeys.log.arrays import Bools, Ints, mark_changes, next_marked, previous_marked
from journeys.steps import columns_used


def count(view: View, spec: LastBeforeSpec) -> pl.DataFrame:
    """Count the goals by the last value before them.

    Returns
    -------
    pl.DataFrame
        The columns asked for (String, null: none), `people`, `pending`, `went_on` (Int64), `before` (List of Int64: µs
        between the value and the goal).
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

    Returns
    -------
    pl.DataFrame
        `code` (of the person), the columns asked for (String), `before` (Int64, µs since the latest of the values),
        `pending` (the time to go on is not over), `went_on` (never for pending ones); in log order.
    """
    rows = _read_rows(view, spec)
    goal = _choose_goals(rows, spec)
    person, time = rows.person[goal], rows.time[goal]
    columns: dict[str, pl.Series] = {}
    latest = np.full(goal.size, -1)
    for place, (name, values) in enumerate(zip(spec.names, rows.values, strict=True)):
        code, distinct = encode_values(values)
        named = pl.Series([spec.name_value(value, column=place) for value in distinct], dtype=pl.String)
        is_value = named.is_not_null().to_numpy().take(code) if code.size else np.zeros(0, dtype=np.bool_)
        at = previous_marked(np.flatnonzero(is_value), goal)
        is_found = (at >= 0) & (rows.person.take(at) == person) if code.size else at >= 0
        if spec.within is not None and code.size:
            is_found &= time - rows.time.take(at) <= spec.within
        at = np.where(is_found, at, -1)
        chosen = np.where(is_found, code.take(at), -1) if code.size else at
        columns[name] = named.gather(pl.Series(chosen, dtype=pl.Int64).replace(-1, None))
        latest = np.maximum(latest, at)
    before = np.where(latest >= 0, time - rows.time.take(latest), -1) if rows.time.size else latest
    pending, went_on = _find_next(rows, goal, spec)
    return pl.DataFrame(
        {
            "code": pl.Series(person, dtype=pl.UInt32),
            **columns,
            "before": pl.Series(before, dtype=pl.Int64).replace(-1, None),
            "pending": pending,
            "went_on": went_on & ~pending,
        }
    )


class _Rows(NamedTuple):
    """The rows of a shard that matter: goals, values, and what people went on to; `then` is None where not asked."""

    person: Ints
    time: Ints
    goal: Bools
    then: Bools | None
    values: list[pl.Series]


def _read_rows(view: View, spec: LastBeforeSpec) -> _Rows:
    """Read goals, rows with a value, and rows that people should go on to."""
    values = [pl.col(name).cast(pl.String) for name in spec.columns]
    if spec.event is not None:
        values = [pl.when(spec.event.condition).then(value) for value in values]
    marks = {"_goal": spec.goal} | ({} if spec.then is None else {"_then": spec.then})
    table = view.with_people_columns(columns_used(spec.steps)).events.select(
        "person",
        pl.col("timestamp").to_physical().alias("_time"),
        *(step.condition.fill_null(value=False).alias(name) for name, step in marks.items()),
        *(value.alias(f"_value{place}") for place, value in enumerate(values)),
    )
    named = [f"_value{place}" for place in range(len(values))]
    is_used = pl.any_horizontal(*marks, *(pl.col(name).is_not_null() for name in named))
    kept = table.filter(is_used).collect().rechunk()
    then = kept["_then"].to_numpy() if spec.then is not None else None
    person, time, goal = (kept[name].to_numpy() for name in ("person", "_time", "_goal"))
    return _Rows(person, time, goal, then, [kept[name] for name in named])


def _choose_goals(rows: _Rows, spec: LastBeforeSpec) -> Ints:
    """Return the rows of the goals that count: each person's first or last one, or each."""
    goal = np.flatnonzero(rows.goal)
    if spec.occurrence == "each" or not goal.size:
        return goal
    first = mark_changes(rows.person[goal])
    return goal[first] if spec.occurrence == "first" else goal[np.append(first[1:], True)]


def _find_next(rows: _Rows, goal: Ints, spec: LastBeforeSpec) -> tuple[Bools, Bools]:
    """Mark the goals whose time to go on is not over yet, and those after which people went on in time."""
    none = np.zeros(goal.size, dtype=np.bool_)
    if rows.then is None or not goal.size:
        return none, none
    following = next_marked(np.flatnonzero(rows.then), goal + 1)
    went_on = (following >= 0) & (rows.person.take(following) == rows.person[goal])
    if spec.then_within is None:
        return none, went_on
    time = rows.time[goal]
    went_on &= rows.time.take(following) - time <= spec.then_within
    return time + spec.then_within > spec.until, went_on
