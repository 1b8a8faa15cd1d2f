"""The plain flow, from first touch forward, without ever holding the log: one pass that Polars streams.

It means what the general way (`links.py`) means, and is held against the same plain loops. It serves where nodes are
the events themselves and journeys are whole people, which is what most flows ask for.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import RESERVED, Nodes
from journeys.analyses.flow.rows import row_type
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.walk import next_run
from journeys.log import View

__all__ = ["is_plain", "stream_links"]


def is_plain(view: View, spec: FlowSpec) -> bool:
    """Ask whether a flow is plain enough to be counted in one streamed pass."""
    own = spec.start is None and spec.end is None and spec.within is None and spec.count == "people"
    laid = spec.collapse in (0, 1) and spec.keep == "first" and spec.align == "start"
    return own and laid and _names_itself(view, spec.nodes)


def _names_itself(view: View, nodes: Nodes) -> bool:
    if not nodes.plain or nodes.hide or nodes.groups:
        return False
    names = names_of(view)
    return not any(name.strip('"') in RESERVED for name in names) and len(names) < 1_000


def names_of(view: View) -> list[str]:
    """Return the event names of the log, at their codes."""
    kind = view.events.collect_schema()["event"]
    return kind.categories.to_list()  # type: ignore[attr-defined, no-any-return]


def stream_links(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count the passages: `key` packs position, source and target, beside it `people`.

    Where times are wanted, every passage is a row of its own: `key` and `times` (0 where a journey stops).
    Targets from the number of names on are: stops, goes on beyond the columns.
    """
    size = len(names_of(view))
    if view.whole and not spec.times:
        return _walk_codes(view, spec, size=size)
    code = pl.col("code")
    wanted = [pl.col("person"), pl.col("event").to_physical().cast(pl.UInt16).alias("code")]
    if spec.times:
        wanted.append(pl.col("timestamp").to_physical().alias("time"))
    log = view.events.select(wanted)
    changed = (pl.col("person") != pl.col("person").shift(1)).fill_null(value=True)
    if spec.collapse:
        log = log.filter(changed | (code != code.shift(1)))
    further = pl.col("person") == pl.col("person").shift(-1)
    rows = pl.int_range(pl.len(), dtype=pl.UInt32)
    laid = log.select(
        "code",
        (rows - pl.when(changed).then(rows).forward_fill()).alias("place"),
        pl.when(further).then(code.shift(-1)).otherwise(size).alias("target"),
        *([pl.when(further).then(pl.col("time").shift(-1) - pl.col("time")).alias("times")] if spec.times else []),
    ).filter(pl.col("place") < spec.steps)
    # the last column that is shown leads on to nothing that is shown
    edge = (pl.col("place") == spec.steps - 1) & (pl.col("target") != size)
    target = pl.when(edge).then(pl.lit(size + 1, dtype=pl.UInt32)).otherwise(pl.col("target")).cast(pl.UInt32)
    place = pl.col("place").cast(pl.UInt32)
    packed = laid.select(
        ((place * size + code.cast(pl.UInt32)) * (size + 2) + target).alias("key"),
        *([pl.when(~edge).then("times").alias("times")] if spec.times else []),
    )
    if not spec.times:
        return packed.group_by("key").agg(pl.len().alias("people")).collect()
    return packed.with_columns(pl.col("times").fill_null(0)).collect()


def _walk_codes(view: View, spec: FlowSpec, *, size: int) -> pl.DataFrame:
    """Count the passages from the events alone: how many each person has says where the next one begins.

    Only the column of events is read, a byte or two a row, and nobody's rows are looked at beyond the columns shown.
    """
    code = view.events.select(pl.col("event").to_physical()).collect().to_series().rechunk().to_numpy()
    counts = view.people.select("event_count").collect().to_series().to_numpy()
    number = row_type(code.size)
    limit = np.cumsum(counts[counts > 0]).astype(number)
    at = np.append(number(0), limit[:-1])[: limit.size]
    repeated = None
    if spec.collapse:
        repeated = np.zeros(code.size + 1, dtype=bool)
        if code.size:
            np.equal(code[1:], code[:-1], out=repeated[1:-1])
    width = np.int32(size + 2)
    source = code[at].astype(np.int32)
    keys, people = [], []
    for place in range(spec.steps):
        if not at.size:
            break
        following = next_run(repeated, at=at, limit=limit, step=1)
        going = following != limit
        if place == spec.steps - 1:
            target = np.where(going, width - 1, width - 2).astype(np.int32)
        else:
            target = code.take(following, mode="clip").astype(np.int32)
            target[~going] = size
        found = np.bincount(source * width + target, minlength=size * int(width))
        there = np.flatnonzero(found)
        keys.append(there + place * size * int(width))
        people.append(found[there])
        at, limit, source = following[going], limit[going], target[going]
    empty = [np.empty(0, dtype=np.int64)]
    return pl.DataFrame(
        {
            "key": np.concatenate(keys or empty).astype(np.uint32),
            "people": np.concatenate(people or empty).astype(np.uint32),
        }
    )
