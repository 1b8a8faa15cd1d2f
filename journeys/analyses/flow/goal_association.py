"""Which steps of a flow go with reaching its end: who passes each node, or link, before the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import polars as pl

from journeys.analyses.flow.count import count
from journeys.analyses.flow.spec import REACHED, FoldedFlow
from journeys.analyses.flow.summarise import choose_kept_nodes, summarise
from journeys.analyses.protocol import JourneysProtocol


class PassingCounts(NamedTuple):
    """Nodes or links with how many pass there and convert; all journeys, and those of them that reach the end."""

    table: pl.DataFrame
    everyone: int
    reached: int


def count_passing_before_end(
    journeys: JourneysProtocol, flow: FoldedFlow, *, of: Literal["nodes", "links"]
) -> PassingCounts:
    """Count who passes each node, or link, before the end, among all journeys, whether they are shown or not.

    The node at which the end is reached is left out, even if nodes elsewhere have the same name.
    """
    spec = replace(flow.spec, who="all")
    if flow.spec.who == "all":
        named = [(position, name) for position, names in enumerate(flow.kept) for name in names]
        kept = pl.DataFrame(named, schema={"position": pl.Int64, "node": pl.String}, orient="row")
    else:
        kept = choose_kept_nodes(journeys._count_shards(count, replace(spec, times=False)), spec)
    spec = replace(spec, separate_end=True)
    ends = pl.DataFrame({"position": range(spec.steps), "node": [REACHED] * spec.steps})
    found = summarise(journeys._count_shards(count, spec), spec, kept=pl.concat([kept, ends]))
    edge = found.nodes.filter(position=spec.steps - 1 if spec.align == "end" else 0)
    rows = found.links if of == "links" else found.nodes.rename({"node": "source"})
    names = ["source", "target"] if of == "links" else ["source"]
    before = rows.filter(~pl.any_horizontal(pl.col(names) == REACHED))
    return PassingCounts(before, int(edge["passed"].sum()), int(edge["converted"].sum()))
