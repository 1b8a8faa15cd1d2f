"""The nodes of a log as numbers: names are made for what differs, never row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import Nodes, matches
from journeys.analyses.flow.values import number_values
from journeys.log import View

__all__ = ["Coded", "Dictionary", "names_met", "names_of", "read_nodes"]

_VALUE = "_value"


class Dictionary:
    """Names of nodes, numbered in the order in which they are met."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def code(self, name: str | None) -> int:
        """Number a name; −1 for none."""
        return -1 if name is None else self.codes.setdefault(name, len(self.codes))

    @property
    def labels(self) -> list[str]:
        """The names at their numbers."""
        return list(self.codes)


class Coded(NamedTuple):
    """The nodes of all rows, put together part by part.

    Attributes
    ----------
    code : np.ndarray
        A number a row: its event's, or its node's already.
    table : np.ndarray or None
        The node of each number; None where the numbers are the nodes.
    filled : list of (event, np.ndarray)
        Events that are expanded, and the node of each of their rows.
    dictionary : Dictionary
        The names of the nodes; −1 is no node.
    """

    code: np.ndarray
    table: np.ndarray | None
    filled: list[tuple[int, np.ndarray]]
    dictionary: Dictionary

    def parts(self, bounds: Sequence[int]) -> Iterator[tuple[int, int, list[np.ndarray]]]:
        """Cut the rows at the bounds: each part with what is filled into it, ready for `whole`."""
        at = [0] * len(self.filled)
        for low, high in pairwise(bounds):
            pieces = []
            for number, (event, nodes) in enumerate(self.filled):
                here = int(np.count_nonzero(self.code[low:high] == event))
                pieces.append(nodes[at[number] : at[number] + here])
                at[number] += here
            yield low, high, pieces

    def whole(self, part: tuple[int, int, list[np.ndarray]], *, kind: np.dtype[Any]) -> np.ndarray:
        """Return the nodes of a part of the rows, as integers of a kind that has room for them."""
        low, high, pieces = part
        code = self.code[low:high]
        nodes: np.ndarray = code.astype(kind, copy=bool(pieces)) if self.table is None else self.table.take(code)
        nodes = nodes.astype(kind, copy=False)
        for (event, _), piece in zip(self.filled, pieces, strict=True):
            # places are several times faster here than a mask
            nodes[np.flatnonzero(code == event)] = piece
        return nodes

    def all(self) -> np.ndarray:
        """Return the nodes of all rows."""
        own = self.table is None and not self.filled
        return self.code if own else self.whole(next(self.parts([0, self.code.size])), kind=np.dtype(np.int32))


def names_of(view: View) -> list[str]:
    """Return the event names of the log, at their codes."""
    kind = view.events.collect_schema()["event"]
    return kind.categories.to_list()  # type: ignore[attr-defined, no-any-return]


def read_nodes(view: View, nodes: Nodes, *, more: Sequence[pl.Expr] = ()) -> tuple[Coded, pl.DataFrame]:
    """Read the nodes of one shard, and beside them what else is asked of each row."""
    events, names = view.events, names_of(view)
    wanted = [*more] if view.codes is not None else [pl.col("event").to_physical().alias("code"), *more]
    if not nodes.by_event:
        source = pl.col(nodes.of) if isinstance(nodes.of, str) else nodes.of
        wanted.append(source.cast(pl.String).alias(_VALUE))
    table = events.select(wanted).collect() if wanted else pl.DataFrame()
    code = table["code"].rechunk().to_numpy() if view.codes is None else view.event_codes()
    if not nodes.by_event:
        return _by_value(nodes, names, code=code, values=table[_VALUE]), table.drop("code", _VALUE, strict=False)
    dictionary = Dictionary()
    plain = [dictionary.code(nodes.name(name, None, column=None)) for name in names]
    filled = []
    for name, column in ((one, of) for one, of in nodes.expand if one in names):
        # the column is read where it becomes names only
        values = events.filter(pl.col("event") == name).select(pl.col(column).cast(pl.String)).collect().to_series()
        number, distinct = number_values(values)
        named = np.array([dictionary.code(nodes.name(name, value, column=column)) for value in distinct], np.int32)
        if number.size and np.array_equal(named, np.arange(named[0], named[0] + named.size)):
            number += named[0]
        elif number.size:
            number = named.take(number)
        filled.append((names.index(name), number))
    own = plain == list(range(len(plain)))
    coded = Coded(code, None if own else np.array(plain, dtype=np.int32), filled, dictionary)
    return coded, table.drop("code", strict=False)


def names_met(view: View, nodes: Nodes) -> pl.DataFrame:
    """List the names of nodes that one shard has, beside those of plain events."""
    event = pl.col("event").cast(pl.String).alias("event")
    if nodes.by_event:
        asked = [(view.events.filter(pl.col("event") == name), pl.col(of), of) for name, of in nodes.expand]
    else:
        source = pl.col(nodes.of) if isinstance(nodes.of, str) else nodes.of
        asked = [(view.events, source, nodes.of if isinstance(nodes.of, str) else _VALUE)]
    found = {
        nodes.name(name, value, column=column)
        for rows, source, column in asked
        for name, value in rows.select(event, source.cast(pl.String).alias(_VALUE)).unique().collect().iter_rows()
    }
    return pl.DataFrame({"name": sorted(name for name in found if name is not None)}, schema={"name": pl.String})


def _by_value(nodes: Nodes, names: Sequence[str], *, code: np.ndarray, values: pl.Series) -> Coded:
    """Number nodes that are values; an event that is hidden or grouped by its own name has names of its own."""
    dictionary = Dictionary()
    column = nodes.of if isinstance(nodes.of, str) else _VALUE
    number, distinct = number_values(values)

    def named(event: str) -> np.ndarray:
        return np.array([dictionary.code(nodes.name(event, value, column=column)) for value in distinct], np.int32)

    patterns = [*nodes.hide, *(pattern for _, of in nodes.groups for pattern in of)]
    special = [place for place, name in enumerate(names) if any(matches(pattern, name) for pattern in patterns)]
    others = next((name for place, name in enumerate(names) if place not in special), "")
    out = named(others).take(number) if number.size else number
    for place in special:
        here = code == place
        out[here] = named(names[place]).take(number[here])
    return Coded(out, None, [], dictionary)
