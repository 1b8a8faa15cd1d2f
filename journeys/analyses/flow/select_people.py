"""A link, a node or a path of a flow → the people behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from journeys.analyses.flow.collapsed_journeys import collapse_journeys
from journeys.analyses.flow.count import list_moves
from journeys.analyses.flow.paths import mark_path, validate_path
from journeys.analyses.flow.rows import read_rows
from journeys.analyses.flow.spec import CONTINUES, DROP_OFF, OTHER, FlowSpec
from journeys.arrays import Bools, Ints
from journeys.errors import ArgumentError, UnknownNameError, unknown_message
from journeys.log import View

_STOPS = 3  # drop-off, continues, reached: their codes follow those of the nodes


@dataclass(frozen=True, slots=True, eq=False)
class FlowSelection:
    """A part of a flow; `kept` are the nodes that keep their name, by column."""

    spec: FlowSpec
    kind: Literal["link", "node", "path", "all"]
    position: int | None = None
    source: str = ""
    target: str = ""
    kept: tuple[tuple[str, ...], ...] = ()
    converted: bool | None = None
    path: tuple[str, ...] = ()


def check_selection(
    spec: FlowSpec,
    *,
    table: pl.DataFrame,
    nodes: pl.DataFrame,
    kept: tuple[tuple[str, ...], ...],
    link: tuple[int, str, str] | None,
    node: str | tuple[int, str] | None,
    path: Sequence[str] | pl.Series | None,
    converted: bool | None,
) -> FlowSelection:
    """Check which part of a flow is asked for; the whole flow where none is given."""
    if sum(part is not None for part in (link, node, path)) > 1:
        raise ArgumentError("link, node, path: give one of them.")
    if link is not None:
        if not isinstance(link, tuple | list) or len(link) != 3:
            raise ArgumentError(f"link: {link!r} must be (position, source, target), as in `table`.")
        _check_listed("link", tuple(link), table.select("position", "source", "target").rows())
        position, source, target = link
        return FlowSelection(spec, "link", position, source, target, kept=kept, converted=converted)
    if isinstance(node, str):
        _check_listed("node", node, nodes["node"].unique().sort().to_list())
        return FlowSelection(spec, "node", source=node, kept=kept, converted=converted)
    if node is not None:
        if not isinstance(node, tuple | list) or len(node) != 2:
            raise ArgumentError(f"node: {node!r} must be a name or (position, node), as in `nodes`.")
        _check_listed("node", tuple(node), nodes.select("position", "node").rows())
        return FlowSelection(spec, "node", int(node[0]), node[1], kept=kept, converted=converted)
    if path is not None:
        return FlowSelection(spec, "path", path=validate_path(path), converted=converted)
    return FlowSelection(spec, "all", converted=converted)


def _check_listed(argument: str, given: Any, rows: Sequence[Any]) -> None:
    if given not in rows:
        available = [str(row) for row in rows]
        raise UnknownNameError(unknown_message(argument, str(given), available=available, what=argument))


def select_passing(view: View, selection: FlowSelection) -> pl.Series:
    """Return the codes of the people with a journey that passes there."""
    spec = selection.spec
    if selection.kind == "path":
        journeys = collapse_journeys(view, spec, with_times=False, with_duration=False)
        return _list_people(journeys.person, journeys.reached, mark_path(journeys, selection.path), selection)
    rows = read_rows(view, spec)
    people, reached, found = list_moves(rows, spec)
    is_passing = np.full(people.size, selection.kind == "all")
    for moves in found if selection.kind != "all" else ():
        if selection.position in (None, moves.position) and moves.journeys.size:
            passes = _mark_sources(rows.labels, selection, position=moves.position)[moves.source]
            if selection.kind == "link":
                passes &= _mark_targets(rows.labels, selection, position=moves.position)[moves.target]
            is_passing[moves.journeys[passes]] = True
    return _list_people(people, reached, is_passing, selection)


def _list_people(people: Ints, reached: Bools, is_passing: Bools, selection: FlowSelection) -> pl.Series:
    who = selection.spec.who
    if who != "all":
        is_passing = is_passing & (reached == (who == "converted"))
    if selection.converted is not None:
        is_passing = is_passing & (reached == selection.converted)
    return pl.Series("code", np.unique(people[is_passing]), dtype=pl.UInt32)


def _mark_sources(labels: list[str], selection: FlowSelection, *, position: int) -> Bools:
    return _mark_shown_as(labels, selection.source, selection.kept, position=position)


def _mark_targets(labels: list[str], selection: FlowSelection, *, position: int) -> Bools:
    """Mark the targets, nodes and after them the three ways to stop, that are shown under the target's name."""
    if selection.target in (DROP_OFF, CONTINUES):
        stops = [selection.target == DROP_OFF, selection.target == CONTINUES, False]
        return np.array([False] * len(labels) + stops, dtype=bool)
    marked = _mark_shown_as(labels, selection.target, selection.kept, position=position + 1)
    return np.append(marked, [False] * _STOPS)


def _mark_shown_as(labels: list[str], name: str, kept: tuple[tuple[str, ...], ...], *, position: int) -> Bools:
    """Mark the nodes that are shown under a name in a column."""
    if name == OTHER:
        own = set(kept[position]) if position < len(kept) else set()
        return np.array([label not in own for label in labels], dtype=bool)
    return np.array([label == name for label in labels], dtype=bool)
