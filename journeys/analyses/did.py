"""Who did something often enough, in time, and from when on: a condition evaluated on the sorted log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from journeys.arrays import (
    Bools,
    Ints,
    bound_people,
    count_before,
    mark_changes,
    next_marked,
    previous_marked,
    search_within,
)
from journeys.log import Log, View
from journeys.log.boundaries import starts_person
from journeys.steps import CombinedCondition, Condition, Did, Step, columns_used, resolve_step


@dataclass(frozen=True, slots=True, eq=False)
class DidSpec:
    """A condition on people whose steps are in the log; times in microseconds, None for no limit."""

    steps: tuple[Step, ...]
    after: Step | None
    asked: Did
    until: int


@dataclass(frozen=True, slots=True, eq=False)
class CombinedSpec:
    """Two conditions of which either, or both, have to hold."""

    operation: Literal["|", "&"]
    first: DidSpec | CombinedSpec
    second: DidSpec | CombinedSpec


def resolve_did(asked: Condition, *, log: Log, until: int) -> DidSpec | CombinedSpec:
    """Look up the steps of a condition; raises as `resolve_step` does."""
    if isinstance(asked, CombinedCondition):
        first, second = (resolve_did(one, log=log, until=until) for one in (asked.first, asked.second))
        return CombinedSpec(asked.operation, first, second)
    assert isinstance(asked, Did)  # noqa: S101  # there are no other conditions
    steps = {"step": asked.step} | {f"then[{number}]": one for number, one in enumerate(asked.then)}
    steps |= {} if asked.after is None else {"after": asked.after}
    resolved = {argument: resolve_step(one, log, argument=argument) for argument, one in steps.items()}
    after = resolved.pop("after", None)
    return DidSpec(tuple(resolved.values()), after, asked, until)


def select_who_did(view: View, spec: DidSpec | CombinedSpec) -> pl.Series:
    """Return the codes of the people of whom the condition holds.

    For instance, of "A at least twice": person 7 with A, B, A has 2 rows that are A, person 9 with one A has 1.
    """
    if isinstance(spec, CombinedSpec):
        first, second = (select_who_did(view, one).to_numpy() for one in (spec.first, spec.second))
        both = np.union1d(first, second) if spec.operation == "|" else np.intersect1d(first, second, assume_unique=True)
        return pl.Series("code", both, dtype=pl.UInt32)
    asked = spec.asked
    rows = _read_rows(view, spec)
    person = rows["person"].to_numpy()
    if len(spec.steps) > 1:
        found, rest = _find_people_in_order(rows, len(spec.steps)), asked.is_negated
    else:
        bounds = bound_people(person)
        count = bounds.stop - bounds.first
        # people without any such row are not among the rows: where they are meant, the others are left out
        rest = (asked.low == 0) != asked.is_negated
        holds = count >= asked.low
        if asked.high is not None:
            holds &= count <= asked.high
        found = bounds.code[holds if asked.low else ~holds]
    codes = pl.Series("code", found, dtype=pl.UInt32)
    if not rest:
        return codes
    everyone = view.events.select("person").filter(starts_person()).collect()["person"]
    return everyone.filter(~everyone.is_in(codes.implode())).alias("code")


def mark_rows(view: View, spec: DidSpec | CombinedSpec) -> Bools:
    """Mark the events by which the condition holds, as if the log ended with each of them.

    For instance, of "A at least twice": of a person's events A, B, A, A the last two are marked; within a day, a third
    A that comes two days later is not. Of "A then B", every event from the B on is marked.
    """
    if isinstance(spec, CombinedSpec):
        first, second = (mark_rows(view, one) for one in (spec.first, spec.second))
        return first | second if spec.operation == "|" else first & second
    asked, bounds = spec.asked, view.bound_people()
    marks = _mark_steps(spec)
    joined = view.with_people_columns(_columns_used(spec)).events
    table = joined.select(pl.col("timestamp").to_physical().alias("time"), **marks).collect()
    time, row = table["time"].to_numpy(), np.arange(table.height)
    low = np.repeat(bounds.first, bounds.stop - bounds.first)
    in_time = np.ones(row.size, dtype=np.bool_)
    if asked.since is not None:
        in_time &= time >= asked.since
    if asked.before is not None:
        in_time &= time < asked.before
    start = low
    if spec.after is not None:
        start = _find_start(low, table["after"].to_numpy())
        in_time &= start >= 0
    if asked.within_first is not None:
        in_time &= time - time.take(start) <= asked.within_first
    if asked.within is not None:
        low = search_within(time, time - asked.within, low=low, high=row + 1, side="left")
    first, *following = (table[f"step{number}"].to_numpy() & in_time for number in range(len(spec.steps)))
    if following:
        # the latest row with which a sequence up to here starts; one of somebody else, before theirs, is below `low`
        start = np.maximum.accumulate(np.where(first, row, -1))
        for one in following:
            start = np.maximum.accumulate(np.where(one, np.append(-1, start[:-1]), -1))
        holds = start >= low
    else:
        before = count_before(first)
        count = before[1:] - before.take(low)
        holds = count >= asked.low
        if asked.high is not None:
            holds &= count <= asked.high
    marked: Bools = holds != asked.is_negated
    return marked


def _mark_steps(spec: DidSpec) -> dict[str, pl.Expr]:
    """Return one column per step, and `after` where only what comes after such an event counts."""
    marks = {f"step{number}": one.condition for number, one in enumerate(spec.steps)}
    return marks if spec.after is None else marks | {"after": spec.after.condition}


def _columns_used(spec: DidSpec) -> list[str]:
    return columns_used([*spec.steps, *([] if spec.after is None else [spec.after])])


def _find_start(person: Ints, after: Bools) -> Ints:
    """Find, for each row, the person's first row of `after`, if it lies strictly before; -1 otherwise.

    For instance, of a person's rows A, S, A, S, where S is `after`: -1, -1, 1, 1.
    """
    first = np.flatnonzero(after)
    first = first[mark_changes(person[first])]
    start = previous_marked(first, np.arange(person.size))
    return np.where((start >= 0) & (person.take(start) == person), start, -1) if person.size else start


def _read_rows(view: View, spec: DidSpec) -> pl.DataFrame:
    """Read the rows in time that satisfy a step: `person`, `time`, and for sequences one column per step."""
    asked = spec.asked
    frame = view.with_people_columns(_columns_used(spec)).events
    columns = ["person", pl.col("timestamp").to_physical().alias("time")]
    marks = _mark_steps(spec)
    if len(marks) == 1:
        # few rows satisfy a step, and only of these the person and the time are read
        rows = frame.filter(marks["step0"]).select(columns).collect()
    else:
        rows = frame.select(columns, **marks).filter(pl.any_horizontal(*marks)).collect()
    in_time = pl.lit(value=True)
    if asked.within is not None:
        in_time &= pl.col("time") >= spec.until - asked.within
    if asked.since is not None:
        in_time &= pl.col("time") >= asked.since
    if asked.before is not None:
        in_time &= pl.col("time") < asked.before
    if spec.after is not None:
        start = _find_start(rows["person"].to_numpy(), rows["after"].to_numpy())
        rows = rows.with_columns(first=rows["time"].gather(np.maximum(start, 0)), counts=start >= 0)
        in_time &= pl.col("counts") & pl.any_horizontal(f"step{number}" for number in range(len(spec.steps)))
    elif asked.within_first is not None:
        first = view.people.select("code", pl.col("first_seen").to_physical().alias("first")).collect()
        rows = rows.join(first, left_on="person", right_on="code", how="left", maintain_order="left")
    if asked.within_first is not None:
        in_time &= pl.col("time") - pl.col("first") <= asked.within_first
    return rows.filter(in_time)


def _find_people_in_order(rows: pl.DataFrame, size: int) -> Ints:
    """Return the people with all steps one after the other; taking each as early as possible finds every one.

    For instance, for A then B, the rows A B of person 7 and B A of person 9 give person 7.
    """
    person = rows["person"].to_numpy()
    at = np.flatnonzero(rows["step0"].to_numpy())
    at = at[mark_changes(person[at])]
    for number in range(1, size):
        following = next_marked(np.flatnonzero(rows[f"step{number}"].to_numpy()), at + 1)
        is_own = (following >= 0) & (person.take(following) == person[at]) if at.size else at > 0
        at = following[is_own]
    found: Ints = person[at]
    return found
