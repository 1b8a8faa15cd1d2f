"""Transitions: what follows directly on what, over whole journeys?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import DROP, OTHER, REACHED, said
from journeys.analyses.flow.shades import node_colours
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.whole import Whole, lay_whole
from journeys.analyses.flow.words import first_named, told_nodes
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.result import Result
from journeys.log import View
from journeys.parallel import parallel_map

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Transitions", "ask", "count"]

_STOPS = (DROP, REACHED)
_NO_TIMES = pl.lit([], dtype=pl.List(pl.Int64)).alias("times")
_DRAWN = 25
_CELLS, _PART = 1 << 20, 1 << 18
SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),
    "target": pl.String(),
    "moves": pl.Int64(),
    "times": pl.List(pl.Int64()),
}


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Transitions(Result[Any]):
    """What follows directly on what?

    Attributes
    ----------
    table : pl.DataFrame
        `source`, `target`, `moves` (how often), `share` (of all that follows on the source) and, where times were
        asked for, `median_time` (Duration); most moves first. Journeys that stop go to "(drop-off)".
    """

    spec: FlowSpec

    @property
    def finding(self) -> str:
        """The most frequent transition, as one sentence."""
        from journeys.display import number, percent

        moves = self.table.filter(pl.col("target") != DROP)
        if moves.is_empty():
            return "Nothing follows on anything: every journey has one event."
        top = first_named(moves, "source", "target")
        return (
            f"{said(top['target'])} follows on {said(top['source'])} "
            f"{'once' if top['moves'] == 1 else number(top['moves']) + ' times'}: "
            f"{percent(top['share'])} of what comes after {said(top['source'])}."
        )

    def matrix(self) -> pl.DataFrame:
        """Lay the shares out as a table: one row a source, one column a target.

        Returns
        -------
        pl.DataFrame
            `source`, then a Float64 column each target; rows and columns by moves, the largest first; 0 where
            nothing was seen.
        """
        return self._laid(None)

    def _laid(self, most: int | None) -> pl.DataFrame:
        """Lay out the largest rows and columns, and always that of those who stop."""
        order = _by_size(self.table)
        there = set(self.table["source"])
        sources = [name for name in order if name in there][:most]
        targets = [*[name for name in order if name != DROP][:most], DROP]
        at = {name: number for number, name in enumerate(targets)}
        shares = np.zeros((len(targets), len(sources)))
        rows = {name: number for number, name in enumerate(sources)}
        for source, target, share in self.table.select("source", "target", "share").rows():
            if source in rows and target in at:
                shares[at[target], rows[source]] = share
        return pl.DataFrame({"source": sources}, schema={"source": pl.String}).with_columns(
            pl.Series(name, values, dtype=pl.Float64) for name, values in zip(targets, shares, strict=True)
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the matrix as a heatmap: the 25 largest rows and columns of it."""
        from journeys.charts.transitions import draw

        there = self.table["source"].n_unique(), self.table.filter(pl.col("target") != DROP)["target"].n_unique()
        words: dict[str, Any] = {"title": self.finding, "subtitle": self._definition(), "dark": dark, "narrow": narrow}
        return draw(self._laid(_DRAWN), there=there, **words)

    def plot_graph(self, *, least: float = 0.1, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the transitions as a graph.

        Parameters
        ----------
        least : float
            Leave out transitions with a smaller share of what follows on their source.
        dark, narrow : bool
            For a dark page; for a telephone.
        """
        from journeys.charts.transitions import draw_graph

        names = self.table["source"].unique().to_list()
        goal = None if self.spec.end is None else self.spec.end.name
        ranked = self._journeys._log.ranked
        colour_of = node_colours(names, nodes=self.spec.nodes, ranked=ranked, goal=goal, dark=dark)
        words: dict[str, Any] = {"title": self.finding, "subtitle": self._definition(), "dark": dark, "narrow": narrow}
        return draw_graph(self.table, least=least, colour_of=colour_of, **words)

    def _definition(self) -> str:
        from journeys.display import plural

        repeats = "repeats next to each other are one" if self.spec.collapse else "every event counts"
        within = ["inside a session"] if self.spec.count == "sessions" else []
        events = plural(self.settings["events"], "event")
        return (
            "; ".join(
                ["Share of what follows directly on each event", repeats, *within, *told_nodes(self.spec.nodes), events]
            )
            + "."
        )


def _by_size(table: pl.DataFrame) -> list[str]:
    """List the names, those with most moves between names first: who stops is in a column of its own."""
    moves = table.select("source", "target", pl.when(pl.col("target") != DROP).then("moves").otherwise(0).alias("n"))
    ends = [moves.select(pl.col(end).alias("name"), "n") for end in ("source", "target")]
    sizes = pl.concat(ends).filter(pl.col("name") != DROP).group_by("name").agg(pl.col("n").sum())
    names: list[str] = sizes.sort("n", "name", descending=[True, False])["name"].to_list()
    return sorted(names, key=lambda name: name == OTHER)


def count(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's transitions."""
    whole = lay_whole(view, spec, moves=spec.times, ends=False)
    size = len(whole.labels)
    if not whole.code.size:
        return pl.DataFrame(schema=SCHEMA)
    if not spec.times and size * (size + 2) <= _CELLS:
        return _named(_count_moves(whole, size=size), names=whole.labels)
    target = np.append(whole.code[1:], 0).astype(np.int64)
    target[whole.low + whole.length - 1] = size + whole.reached
    table = pl.DataFrame({"key": whole.code.astype(np.int64) * (size + 2) + target})
    if whole.time is None or not spec.times:
        counted = table.group_by("key").agg(pl.len().alias("moves"))
        return _named(counted.with_columns(_NO_TIMES), names=whole.labels)
    moves = pl.col("key") % (size + 2) < size
    counted = (
        table.with_columns(times=np.append(np.diff(whole.time), 0))
        .group_by("key")
        .agg(pl.len().alias("moves"), pl.col("times").filter(moves))
    )
    return _named(counted, names=whole.labels)


def _count_moves(whole: Whole, *, size: int) -> pl.DataFrame:
    """Count what follows on what, part by part: all neighbours, but for those of two journeys."""
    width = size + 2

    def count_pairs(source: np.ndarray, target: np.ndarray) -> np.ndarray:
        key = source.astype(np.int64)
        key *= width
        key += target
        return np.bincount(key, minlength=size * width)

    def count_part(low: int) -> np.ndarray:
        target = whole.code[low + 1 : low + _PART + 1]
        return count_pairs(whole.code[low : low + target.size], target)

    moves = np.zeros(size * width, dtype=np.int64)
    for found in parallel_map(count_part, range(0, whole.code.size, _PART)):
        moves += found
    last = whole.low + whole.length - 1
    moves -= count_pairs(whole.code[last[:-1]], whole.code[whole.low[1:]])
    moves += count_pairs(whole.code[last], size + whole.reached)
    there = np.flatnonzero(moves)
    return pl.DataFrame({"key": there, "moves": moves[there]}).with_columns(_NO_TIMES)


def _named(counted: pl.DataFrame, *, names: list[str]) -> pl.DataFrame:
    size = len(names)
    labels = pl.Series([*names, *_STOPS], dtype=pl.String)
    key = counted["key"].cast(pl.Int64)
    return pl.DataFrame(
        {
            "source": labels.gather(key // (size + 2)),
            "target": labels.gather(key % (size + 2)),
            "moves": counted["moves"].cast(pl.Int64),
            "times": counted["times"].cast(pl.List(pl.Int64)),
        },
        schema=SCHEMA,
    )


def ask(journeys: JourneysProtocol, spec: FlowSpec, *, settings: dict[str, Any]) -> Transitions:
    """Count the shards, fold small nodes, and put the answer together."""
    counts = journeys._count_shards(count, spec)
    if spec.top is not None:
        sizes = counts.group_by("source").agg(pl.col("moves").sum()).sort("moves", "source", descending=[True, False])
        kept = sizes["source"].head(spec.top).implode()
        folds = [
            pl.when(pl.col(name).is_in(kept) | pl.col(name).is_in(list(_STOPS) if name == "target" else []))
            .then(name)
            .otherwise(pl.lit(OTHER))
            .alias(name)
            for name in ("source", "target")
        ]
        counts = counts.with_columns(folds)
    added = counts.group_by("source", "target").agg(
        pl.col("moves").sum(), pl.col("times").explode(empty_as_null=False).median().alias("median_time")
    )
    # the end of a journey is no event of its own: who reached it there did not go on, and did not drop off
    shared = added.with_columns(share=pl.col("moves") / pl.col("moves").sum().over("source"))
    shown = shared.filter(pl.col("target") != REACHED)
    times = [pl.col("median_time").round().cast(pl.Int64).cast(pl.Duration("us"))] if spec.times else []
    table = shown.select("source", "target", "moves", "share", *times)
    table = table.sort("moves", "source", "target", descending=[True, False, False])
    return Transitions(table=table, settings=settings, _journeys=journeys, spec=spec)
