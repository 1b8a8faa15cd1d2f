"""How passing the nodes and links of a flow goes with reaching its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import polars as pl

from journeys.analyses.flow.count import count
from journeys.analyses.flow.nodes import REACHED
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summarise import summarise
from journeys.analyses.protocol import JourneysProtocol


class PassingCounts(NamedTuple):
    """Nodes or links with how many pass there and convert; all journeys, and those of them that reach the end."""

    table: pl.DataFrame
    everyone: int
    reached: int


def count_passing_before_end(
    journeys: JourneysProtocol, spec: FlowSpec, *, kept: tuple[tuple[str, ...], ...], of: Literal["nodes", "links"]
) -> PassingCounts:
    """Count who passes each node, or link, before the end.

    The node at which the end is reached is left out, even if nodes elsewhere have the same name.
    """
    spec = replace(spec, separate_end=True)
    named = [(position, name) for position, names in enumerate(kept) for name in (*names, REACHED)]
    shown = pl.DataFrame(named, schema={"position": pl.Int64, "node": pl.String}, orient="row")
    found = summarise(journeys._count_shards(count, spec), spec, kept=shown)
    edge = found.nodes.filter(position=spec.steps - 1 if spec.align == "end" else 0)
    rows = found.links if of == "links" else found.nodes.rename({"node": "source"})
    ends = ["source", "target"] if of == "links" else ["source"]
    before = rows.filter(~pl.any_horizontal(pl.col(ends) == REACHED))
    return PassingCounts(before, int(edge["passed"].sum()), int(edge["converted"].sum()))
