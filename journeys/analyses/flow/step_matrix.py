"""The step matrix of a flow: the share of all journeys at each node in each column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from journeys.analyses.flow.count import count
from journeys.analyses.flow.spec import DROP_OFF, OTHER, REACHED, FoldedFlow
from journeys.analyses.flow.summarise import summarise
from journeys.analyses.protocol import JourneysProtocol


def count_steps(journeys: JourneysProtocol, flow: FoldedFlow) -> pl.DataFrame:
    """Count the nodes of all columns; a node that keeps its name in one column keeps it in all."""
    spec = replace(flow.spec, times=False)
    names = sorted({name for column in flow.kept for name in column})
    everywhere = pl.DataFrame(
        [(position, name) for position in range(spec.steps) for name in names],
        schema={"position": pl.Int64, "node": pl.String},
        orient="row",
    )
    return summarise(journeys._count_shards(count, spec), spec, kept=everywhere).nodes


def lay_steps(nodes: pl.DataFrame, *, journeys: int, steps: int) -> pl.DataFrame:
    """Lay out the share of journeys at each node in each column, and the shares that have arrived or left by then."""
    total = float(journeys) or 1.0
    shares: dict[str, list[float]] = {}
    gone = {REACHED: [0] * steps, DROP_OFF: [0] * steps}
    for row in nodes.iter_rows(named=True):
        shares.setdefault(row["node"], [0.0] * steps)[row["position"]] = row["people"] / total
        for place in range(row["position"] + 1, steps):
            gone[REACHED][place] += row["reached_here"]
            gone[DROP_OFF][place] += row["dropped"]
    ranked = sorted(shares, key=lambda name: (name == OTHER, -sum(shares[name]), name))
    rows: list[list[Any]] = [[name, *shares[name]] for name in ranked]
    rows += [[name, *(people / total for people in counts)] for name, counts in gone.items() if any(counts)]
    schema = {"node": pl.String(), **{str(place + 1): pl.Float64() for place in range(steps)}}
    return pl.DataFrame(rows, schema=schema, orient="row")
