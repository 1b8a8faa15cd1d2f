"""What passes go with the goal: every part of a flow but the end itself, whatever that is called."""

from __future__ import annotations

from typing import Literal, NamedTuple

import polars as pl

from journeys.analyses.flow.links import count_links
from journeys.analyses.flow.nodes import REACHED
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import summarise_links
from journeys.analyses.protocol import JourneysProtocol

__all__ = ["Before", "parts_before"]


class Before(NamedTuple):
    """Parts of a flow with how many pass there and convert, how many are in it, and how many reach the end."""

    table: pl.DataFrame
    everyone: int
    reached: int


def parts_before(
    journeys: JourneysProtocol, spec: FlowSpec, *, kept: tuple[tuple[str, ...], ...], of: Literal["nodes", "links"]
) -> Before:
    """Count who passes each node, or link, before the end.

    Where the end is reached is nothing to go with reaching it, even if nodes elsewhere are called the same.
    """
    spec = spec.but(apart=True)
    named = [(position, name) for position, names in enumerate(kept) for name in (*names, REACHED)]
    shown = pl.DataFrame(named, schema={"position": pl.Int64, "node": pl.String}, orient="row")
    found = summarise_links(journeys._count_shards(count_links, spec), spec, kept=shown)
    edge = found.nodes.filter(position=spec.steps - 1 if spec.align == "end" else 0)
    rows = found.links if of == "links" else found.nodes.rename({"node": "source"})
    ends = ["source", "target"] if of == "links" else ["source"]
    before = rows.filter(~pl.any_horizontal(pl.col(ends) == REACHED))
    return Before(before, int(edge["passed"].sum()), int(edge["converted"].sum()))
