"""The people behind a link, a node or a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from journeys.analyses.flow.links import passages
from journeys.analyses.flow.nodes import CONTINUES, DROP, OTHER
from journeys.analyses.flow.paths import check_path
from journeys.analyses.flow.rows import read_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.whole import lay_whole, people_on_path
from journeys.errors import ArgumentError, UnknownNameError, unknown
from journeys.log import View

__all__ = ["Chosen", "choose", "people_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Which part of which flow; `kept` are the nodes that keep their name, by column."""

    spec: FlowSpec
    kind: Literal["link", "node", "path", "all"]
    position: int | None = None
    source: str = ""
    target: str | None = None
    kept: tuple[tuple[str, ...], ...] = ()
    converted: bool | None = None
    path: tuple[str, ...] = ()


def choose(
    spec: FlowSpec,
    *,
    table: pl.DataFrame,
    nodes: pl.DataFrame,
    kept: tuple[tuple[str, ...], ...],
    link: tuple[int, str, str] | None,
    node: str | tuple[int, str] | None,
    path: Sequence[str] | pl.Series | None,
) -> Chosen:
    """Check which part of a flow is meant; everybody in it where none is given."""
    if sum(part is not None for part in (link, node, path)) > 1:
        raise ArgumentError("link, node, path: give one of them.")
    if link is not None:
        if not isinstance(link, tuple | list) or len(link) != 3:
            raise ArgumentError(f"link: {link!r} must be (position, source, target), as in `table`.")
        _must_be_in("link", tuple(link), table.select("position", "source", "target").rows())
        return Chosen(spec, "link", link[0], link[1], link[2], kept=kept)
    if isinstance(node, str):
        _must_be_in("node", node, nodes["node"].unique().sort().to_list())
        return Chosen(spec, "node", source=node, kept=kept)
    if node is not None:
        if not isinstance(node, tuple | list) or len(node) != 2:
            raise ArgumentError(f"node: {node!r} must be a name or (position, node), as in `nodes`.")
        _must_be_in("node", tuple(node), nodes.select("position", "node").rows())
        return Chosen(spec, "node", int(node[0]), node[1], kept=kept)
    return Chosen(spec, "all") if path is None else Chosen(spec, "path", path=check_path(path))


def _must_be_in(argument: str, given: Any, rows: Sequence[Any]) -> None:
    if given not in rows:
        available = [str(row) for row in rows]
        raise UnknownNameError(unknown(argument, str(given), available=available, what=argument))


def people_of(view: View, chosen: Chosen) -> pl.Series:
    """Return the codes of the people with a journey that passes there."""
    if chosen.kind == "path":
        whole = lay_whole(view, chosen.spec, moves=False, ends=False)
        return _codes(whole.person, whole.reached, people_on_path(whole, chosen.path), chosen)
    rows = read_rows(view, chosen.spec)
    people, reached, found = passages(rows, chosen.spec)
    passing = np.ones(people.size, dtype=bool) if chosen.kind == "all" else np.zeros(people.size, dtype=bool)
    for passage in found if chosen.kind != "all" else ():
        if chosen.position in (None, passage.position) and passage.journeys.size:
            sources = _named(rows.labels, chosen.source, chosen.kept, position=passage.position)
            here = sources[passage.source]
            if chosen.kind == "link":
                here &= _targets(rows.labels, chosen, position=passage.position)[passage.target]
            passing[passage.journeys[here]] = True
    return _codes(people, reached, passing, chosen)


def _codes(people: np.ndarray, reached: np.ndarray, passing: np.ndarray, chosen: Chosen) -> pl.Series:
    who = chosen.spec.who
    if who != "all":
        passing = passing & (reached == (who == "converted"))
    if chosen.converted is not None:
        passing = passing & (reached == chosen.converted)
    return pl.Series("code", np.unique(people[passing]), dtype=pl.UInt32)


def _targets(labels: list[str], chosen: Chosen, *, position: int) -> np.ndarray:
    """Mark the targets that are shown under a name; the three ways to stop come after the labels."""
    if chosen.target in (DROP, CONTINUES):
        stops = [chosen.target == DROP, chosen.target == CONTINUES, False]
        return np.array([False] * len(labels) + stops, dtype=bool)
    return np.append(_named(labels, chosen.target, chosen.kept, position=position + 1), [False] * 3)


def _named(labels: list[str], name: str | None, kept: tuple[tuple[str, ...], ...], *, position: int) -> np.ndarray:
    """Mark the labels that are shown under a name in a column."""
    if name == OTHER:
        inside = set(kept[position]) if position < len(kept) else set()
        return np.array([label not in inside for label in labels], dtype=bool)
    return np.array([label == name for label in labels], dtype=bool)
