"""One shard → where journeys end without the goal, who passed each event, and what they went on to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.flow.collapsed_journeys import CollapsedJourneys, collapse_journeys
from journeys.analyses.flow.rows import list_events
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.name_patterns import matches_pattern
from journeys.arrays import Bools, Ints
from journeys.log import View
from journeys.log.boundaries import ends_person

_LAST_STEPS = 3
SCHEMA: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "nodes": pl.List(pl.String()),
    "reached": pl.Boolean(),
    "people": pl.Int64(),
}


@dataclass(frozen=True, slots=True, eq=False)
class DropoffSpec:
    """The options of a drop-off, checked.

    Attributes
    ----------
    flow : FlowSpec
        The journeys from first touch to the goal.
    active_since : int, optional
        Who has an event after this moment (microseconds) may still reach the goal.
    """

    flow: FlowSpec
    active_since: int | None = None


def count(view: View, spec: DropoffSpec) -> pl.DataFrame:
    """Count endings (`kind` "ending"), people per event ("passed"), moves ("next") and totals."""
    journeys, lost, pending = collapse_lost(view, spec)
    labels = pl.Series(journeys.labels, dtype=pl.String)
    parts = [_count_endings(journeys, lost, labels), _count_moves(journeys, labels, pending=pending)]
    hidden = _count_hidden_ends(view, spec, journeys.person[lost])
    totals = pl.DataFrame(
        {
            "kind": ["lost", "reached", "pending", "hidden"],
            "nodes": pl.Series([[]] * 4, dtype=pl.List(pl.String)),
            "reached": [False, True, False, False],
            "people": [int(lost.sum()), int(journeys.reached.sum()), int(pending.sum()), hidden],
        },
        schema=SCHEMA,
    )
    return pl.concat([totals, *(part for part in parts if part.height)])


def collapse_lost(view: View, spec: DropoffSpec) -> tuple[CollapsedJourneys, Bools, Bools]:
    """Return the journeys, and mark those that ended without the goal, and those that may still reach it."""
    journeys = collapse_journeys(view, spec.flow, with_times=False, with_duration=False)
    pending = np.zeros(journeys.low.size, dtype=bool)
    if spec.active_since is not None:
        # any event counts as activity, also a repeat or one that is hidden
        is_late = pl.col("timestamp").to_physical() > spec.active_since
        active = view.events.filter(is_late).select("person").unique().collect()["person"].to_numpy()
        pending = ~journeys.reached & np.isin(journeys.person, active)
    return journeys, ~journeys.reached & ~pending, pending


def _count_hidden_ends(view: View, spec: DropoffSpec, lost: Ints) -> int:
    """Count the people, of those lost, whose very last event is hidden."""
    hidden = spec.flow.nodes.hide
    names = [name for name in list_events(view) if any(matches_pattern(pattern, name) for pattern in hidden)]
    if not names:
        return 0
    last = view.events.select("person", "event").filter(ends_person()).collect()
    ended = last.filter(pl.col("event").cast(pl.String).is_in(names))["person"].to_numpy()
    return int(np.isin(lost, ended).sum())


def _count_endings(journeys: CollapsedJourneys, lost: Bools, labels: pl.Series) -> pl.DataFrame:
    """Count the last three nodes of the journeys that ended without the goal."""
    low, length = journeys.low[lost], journeys.row_counts[lost]
    columns = {}
    for back in range(_LAST_STEPS, 0, -1):
        row = np.maximum(low + length - back, 0)
        columns[f"n{back}"] = np.where(length >= back, journeys.code[row].astype(np.int64), -1) if low.size else row
    table = pl.DataFrame(columns).group_by(list(columns)).agg(pl.len().cast(pl.Int64).alias("people"))
    if not table.height:
        return pl.DataFrame(schema=SCHEMA)
    named = [labels.gather(table[name].replace(-1, None)).alias(name) for name in columns]
    return _build_frame(
        "ending", named, people=table["people"], reached=pl.repeat(value=False, n=table.height, eager=True)
    )


def _count_moves(journeys: CollapsedJourneys, labels: pl.Series, *, pending: Bools) -> pl.DataFrame:
    """Count the people at each event, and those who went from it to each next one; a person counts once in each.

    Those who may still reach the goal are left out here, too: neither lost nor not, they would lower every rate.
    """
    if not journeys.code.size:
        return pl.DataFrame(schema=SCHEMA)
    journey = np.repeat(np.arange(journeys.low.size), journeys.row_counts)
    following = np.append(journeys.code[1:].astype(np.int64), -1)
    following[journeys.last] = -1
    code, reached = journeys.code.astype(np.int64), journeys.reached[journey]
    table = pl.DataFrame({"journey": journey, "code": code, "next": following, "reached": reached})
    if pending.any():
        table = table.filter(~pending[journey])
    frames = [pl.DataFrame(schema=SCHEMA)]
    for kind, keys in (("passed", ["code"]), ("next", ["code", "next"])):
        rows = table if kind == "passed" else table.filter(pl.col("next") >= 0)
        once = rows.select("journey", "reached", *keys).unique()
        counted = once.group_by("reached", *keys).agg(pl.len().cast(pl.Int64).alias("people"))
        if counted.height:
            named = [labels.gather(counted[name]).alias(name) for name in keys]
            frames.append(_build_frame(kind, named, people=counted["people"], reached=counted["reached"]))
    return pl.concat(frames)


def _build_frame(kind: str, named: list[pl.Series], *, people: pl.Series, reached: pl.Series) -> pl.DataFrame:
    table = pl.DataFrame(named).select(nodes=pl.concat_list(pl.all()).list.drop_nulls())
    return table.select(pl.lit(kind).alias("kind"), "nodes", reached.alias("reached"), people.alias("people"))
