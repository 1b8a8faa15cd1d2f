"""A log cut into parts of some people each, so that each part is worked on near a processor, and all at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.coding import Coded, read_nodes
from journeys.analyses.flow.spec import FlowSpec
from journeys.log import View

__all__ = ["Part", "Parts", "parts_of"]

_PEOPLE, _ROWS = 1 << 16, 1 << 22


class Part(NamedTuple):
    """Some people: the rows that are theirs, before which of these rows each one's stop, and the times."""

    rows: tuple[int, int, list[np.ndarray]]
    high: np.ndarray
    time: pl.Series | None


class Parts(NamedTuple):
    """The nodes of a log, who has them, and the parts that it is cut into."""

    coded: Coded
    person: np.ndarray
    jobs: list[Part]


def parts_of(view: View, spec: FlowSpec, *, timed: bool) -> Parts:
    """Read one shard, and cut it between people."""
    more = [] if view.whole else [pl.col("person")]
    if timed:
        more.append(pl.col("timestamp").to_physical().alias("time"))
    with ThreadPoolExecutor(1) as beside:
        known = beside.submit(_counted, view) if view.whole else None
        coded, table = read_nodes(view, spec.nodes, more=more)
    size = coded.code.size
    if not size:
        return Parts(coded, np.empty(0, dtype=np.uint32), [])
    person, high = known.result() if known is not None else _borders(table)
    people = max(_PEOPLE, 4 * len(coded.dictionary.codes))
    pieces = max(1, -(-high.size // people), -(-size // _ROWS))
    cuts = np.unique(np.searchsorted(high, np.linspace(0, size, pieces + 1)[1:-1], side="left") + 1)
    places = [0, *cuts[cuts < high.size].tolist(), high.size]
    bounds = [0, *(int(high[place - 1]) for place in places[1:])]
    time = table["time"] if timed else None
    jobs = [
        Part(part, high[low:up] - part[0], None if time is None else time.slice(part[0], part[1] - part[0]))
        for low, up, part in zip(places, places[1:], coded.parts(bounds), strict=False)
    ]
    return Parts(coded, person, jobs)


def _counted(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Say who is there, and before which row each one's rows stop, as it was counted when the log was written."""
    people = view.people.select("code", "event_count").filter(pl.col("event_count") > 0).collect()
    return people["code"].to_numpy(), np.cumsum(people["event_count"].to_numpy())


def _borders(table: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Say who is there, and before which row each one's rows stop, by looking at the rows."""
    person = table["person"].rechunk().to_numpy()
    high = np.append(np.flatnonzero(person[1:] != person[:-1]) + 1, person.size)
    return person[high - 1], high
