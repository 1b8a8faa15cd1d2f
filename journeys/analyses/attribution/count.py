"""One shard → how many people took each path of touchpoints, and whether they converted; all paths as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.analyses.attribution.spec import SINCE, AttributionSpec
from journeys.analyses.money import amount_of, currency_of
from journeys.arrays import Bools, Ints, bound_people, count_before, list_rows, previous_marked, search_within
from journeys.log import View
from journeys.steps import columns_used

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TouchPaths:
    """The distinct paths in a fixed order, whatever the shards.

    For instance, two people converted on ["ads", "mail"] and five were touched by ["ads"] only::

        names ads mail    touch 0 | 0 1    start 0 1 3    converted no yes    lost 5 0    path_of 1 1

    Attributes
    ----------
    names : list of str
        The touchpoints, sorted.
    touch : np.ndarray
        The number of the touchpoint, for each touch of each path.
    start : np.ndarray
        Where the touches of each path begin in `touch`; at the end, the number of all touches.
    converted : np.ndarray
        Whether the path ended in conversions.
    lost : np.ndarray
        How many people took each path without converting.
    code : np.ndarray
        The code of each person who converted.
    path_of, person, value : np.ndarray
        The path, the person (the place in `code`) and the value (0 where unknown) of each conversion; path_of ascends.
    age : np.ndarray
        How long before its conversion each touch of each conversion was (µs).
    """

    names: list[str]
    touch: Ints
    start: Ints
    converted: Bools
    lost: Ints
    code: Ints
    path_of: Ints
    person: Ints
    value: Floats
    age: Ints

    @cached_property
    def touch_counts(self) -> Ints:
        """The number of touches of each path."""
        return np.diff(self.start)

    @cached_property
    def path_of_touch(self) -> Ints:
        """The path of each touch."""
        return np.repeat(np.arange(self.converted.size), self.touch_counts)

    @cached_property
    def is_untouched(self) -> Bools:
        """Whether each conversion had no touch."""
        is_untouched: Bools = self.touch_counts[self.path_of] == 0
        return is_untouched

    @cached_property
    def touch_rows(self) -> tuple[Ints, Ints]:
        """For each touch of each conversion, the conversion and the touch's place in `touch`."""
        first, stop = self.start[:-1][self.path_of], self.start[1:][self.path_of]
        return np.repeat(np.arange(self.path_of.size), stop - first), list_rows(first, stop)

    @cached_property
    def first_occurrences(self) -> Bools:
        """Whether each touch is the first of its touchpoint in its path."""
        key = self.path_of_touch * max(len(self.names), 1) + self.touch
        marked: Bools = np.zeros(key.size, dtype=np.bool_)
        marked[np.unique(key, return_index=True)[1]] = True
        return marked


def count(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Count paths; of those that end with a conversion, its person, ages and value are kept, in the order of people.

    Return `path` (List[String]), `converted`, `count` (paths), and of conversions `persons` (List[UInt32]), `ages`
    (List[List[Int64]]) and, where values were asked for, `values` (List[Float64]) and `currencies` (List[String],
    distinct).
    """
    converted = pl.col("converted")
    of_conversions = {"persons": pl.col("person").filter(converted), "ages": pl.col("ages").filter(converted)}
    if spec.value is not None:
        of_conversions["values"] = pl.col("value").filter(converted)
        of_conversions["currencies"] = pl.col("currency").filter(converted).drop_nulls().unique().sort()
    return (
        find_paths(view, spec)
        .group_by("path", "converted", maintain_order=True)
        .agg(pl.len().cast(pl.Int64).alias("count"), **of_conversions)
        .with_columns(pl.col("path").cast(pl.List(pl.String)))
    )


def collect_paths(counts: pl.DataFrame) -> TouchPaths:
    """Add up the counts of all shards."""
    names = counts["path"].explode(empty_as_null=False).unique().drop_nulls().sort()
    of_conversions = pl.exclude("path", "converted", "count", "currencies")
    added = (
        counts.with_columns(pl.col("path").cast(pl.List(pl.Enum(names))))
        .group_by("path", "converted", maintain_order=True)
        .agg(pl.col("count").sum(), of_conversions.explode(empty_as_null=False))
        .sort("path", "converted")
    )
    converted = added["converted"].to_numpy()
    code, person = np.unique(_flatten_column(added["persons"]).to_numpy(), return_inverse=True)
    has_values = "values" in added.columns
    return TouchPaths(
        names=names.to_list(),
        touch=_flatten_column(added["path"]).to_physical().to_numpy().astype(np.int64),
        start=np.concatenate([[0], np.cumsum(added["path"].list.len().to_numpy(), dtype=np.int64)]),
        converted=converted,
        lost=np.where(converted, 0, added["count"].to_numpy()),
        code=code,
        path_of=np.repeat(np.arange(converted.size), added["persons"].list.len().to_numpy()),
        person=person,
        value=_flatten_column(added["values"]).fill_null(0.0).to_numpy() if has_values else np.zeros(person.size),
        age=_flatten_column(_flatten_column(added["ages"])).to_numpy(),
    )


def find_paths(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Return the path of each conversion, and of each person who was touched and never converted.

    A path ends with its conversion, or with the last touchpoint of a person who never converted, and holds the
    touchpoints of the look-back before its end. A touchpoint on the converting event itself counts. For instance,
    with a look-back of 2 days:

        day 1  ads      → too old
        day 3  spring   → path ["spring"], age 1 day
        day 4  goal     → the end; converted
        day 5  goal     → with conversions="every" a second path ["spring"], age 2 days; since the one before: []

    With a period of conversions, people are taken as they stood at its end, and the paths are those that end in it: a
    conversion after the period has not happened yet, and people who converted before it and not in it are left out.

    Return `person`, `path` (List[Enum]), `ages` (List[Int64], µs before the end), `converted` and, where values were
    asked for, `value` and `currency`; in log order.
    """
    rows = _read_rows(view, spec)
    names = pl.Enum(rows["touch"].unique().drop_nulls().sort())
    is_touch, is_goal = rows["touch"].is_not_null().to_numpy(), rows["goal"].to_numpy()
    time = rows["time"].to_numpy()
    touches = np.flatnonzero(is_touch)
    touch = rows["touch"].drop_nulls().cast(names)
    code = touch.to_physical().to_numpy()
    ends, low, high = _bound_paths(rows["person"].to_numpy(), time, is_touch, is_goal, spec)

    at = list_rows(low, high)
    path = np.repeat(np.arange(ends.size), high - low)
    if spec.repeats == "collapse":
        # the later of two equal touchpoints next to each other in a path is kept
        kept = np.ones(at.size, dtype=np.bool_)
        kept[:-1] = (path[1:] != path[:-1]) | (code[at[1:]] != code[at[:-1]])
        at, path = at[kept], path[kept]
    listed = (
        pl.DataFrame({"row": path, "path": touch[at], "ages": time[ends[path]] - time[touches[at]]})
        .group_by("row", maintain_order=True)
        .agg("path", "ages")
    )
    found = rows[ends].drop("time", "touch").rename({"goal": "converted"})
    return (
        found.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
        .join(listed, on="row", how="left", maintain_order="left")
        .drop("row")
        .with_columns(
            pl.col("path").fill_null(pl.lit([], dtype=pl.List(names))),
            pl.col("ages").fill_null(pl.lit([], dtype=pl.List(pl.Int64))),
        )
    )


def _bound_paths(
    person: Ints, time: Ints, is_touch: Ints, is_goal: Ints, spec: AttributionSpec
) -> tuple[Ints, Ints, Ints]:
    """Return the row that ends each path, and where its touchpoints start and stop among those of all people."""
    people = bound_people(person)
    goals, goals_before = np.flatnonzero(is_goal), count_before(is_goal)
    first_goal, goals_of = goals_before[people.first], goals_before[people.stop] - goals_before[people.first]
    converting = goals[first_goal[goals_of > 0]] if spec.conversions == "first" else goals
    ends = np.sort(np.concatenate([converting, people.stop[goals_of == 0] - 1]))
    if spec.converted[0] is not None:
        ends = ends[time[ends] >= spec.converted[0]]
    touches_before = count_before(is_touch)
    own = np.searchsorted(people.first, ends, side="right") - 1
    low, high = touches_before[people.first[own]], touches_before[ends + 1]
    if spec.conversions == SINCE:
        low = np.maximum(low, touches_before[previous_marked(goals, ends) + 1])
    return ends, search_within(time[is_touch], time[ends] - spec.lookback, low=low, high=high, side="left"), high


def _read_rows(view: View, spec: AttributionSpec) -> pl.DataFrame:
    """Read touchpoints and conversions: `person`, `time`, `touch`, `goal`; with values `value`, `currency`."""
    touch = pl.col(spec.by).cast(pl.String)
    if spec.leave_out:
        touch = pl.when(~touch.is_in(spec.leave_out)).then(touch)
    columns = {"time": pl.col("timestamp").to_physical().cast(pl.Int64), "touch": touch, "goal": spec.goal.condition}
    if spec.value is not None:
        columns |= {"value": amount_of(spec.value), "currency": currency_of(spec.currency)}
    rows = view.with_people_columns(columns_used([spec.goal])).events.select("person", **columns)
    if spec.converted[1] is not None:
        rows = rows.filter(pl.col("time") < spec.converted[1])
    return rows.filter(pl.col("goal") | pl.col("touch").is_not_null()).collect()


def _flatten_column(column: pl.Series) -> Any:
    return column.explode(empty_as_null=False)
