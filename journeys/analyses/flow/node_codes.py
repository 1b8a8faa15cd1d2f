"""The nodes of a log as integer codes: names are computed per distinct value, never per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import NodeSpec, matches_pattern
from journeys.analyses.flow.value_codes import encode_values
from journeys.log import View
from journeys.log.arrays import Ints

_VALUE = "_value"


class NodeNames:
    """The names of nodes, numbered in the order in which they are first met; -1 stands for no node."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def encode(self, name: str | None) -> int:
        """Return the code of a name; -1 for None."""
        return -1 if name is None else self.codes.setdefault(name, len(self.codes))

    @property
    def labels(self) -> list[str]:
        """The names, in the order of their codes."""
        return list(self.codes)


class NodeCodes(NamedTuple):
    """The nodes of all rows of a shard, decoded chunk by chunk.

    Attributes
    ----------
    code : np.ndarray
        One code per row: that of its event, or already that of its node.
    lookup : np.ndarray or None
        The node of each event code; None where the codes are nodes.
    expanded : list of (event code, np.ndarray)
        Events that are split by a column, and the node of each of their rows.
    names : NodeNames
        The names of the nodes.
    """

    code: Ints
    lookup: Ints | None
    expanded: list[tuple[int, Ints]]
    names: NodeNames

    def split(self, bounds: Sequence[int]) -> Iterator[tuple[int, int, list[Ints]]]:
        """Cut the rows at the bounds: each chunk with its share of the expanded rows, ready for `decode`."""
        at = [0] * len(self.expanded)
        for low, high in pairwise(bounds):
            pieces = []
            for number, (event, nodes) in enumerate(self.expanded):
                size = int(np.count_nonzero(self.code[low:high] == event))
                pieces.append(nodes[at[number] : at[number] + size])
                at[number] += size
            yield low, high, pieces

    def decode(self, chunk: tuple[int, int, list[Ints]], *, dtype: np.dtype[Any]) -> Ints:
        """Return the nodes of a chunk of rows as integers of the given type."""
        low, high, pieces = chunk
        code = self.code[low:high]
        nodes: Ints = code.astype(dtype, copy=bool(pieces)) if self.lookup is None else self.lookup.take(code)
        nodes = nodes.astype(dtype, copy=False)
        for (event, _), piece in zip(self.expanded, pieces, strict=True):
            # writing by index is several times faster here than by mask
            nodes[np.flatnonzero(code == event)] = piece
        return nodes

    def decode_all(self) -> Ints:
        """Return the nodes of all rows."""
        if self.lookup is None and not self.expanded:
            return self.code
        return self.decode(next(self.split([0, self.code.size])), dtype=np.dtype(np.int32))


def read_nodes(view: View, spec: NodeSpec, *, more: Sequence[pl.Expr] = ()) -> tuple[NodeCodes, pl.DataFrame]:
    """Read the nodes of one shard, and the expressions `more` for each row."""
    event_names = list_events(view)
    wanted = [*more] if view.codes is not None else [pl.col("event").to_physical().alias("code"), *more]
    if not spec.is_event_based:
        source = pl.col(spec.source) if isinstance(spec.source, str) else spec.source
        wanted.append(source.cast(pl.String).alias(_VALUE))
    table = view.events.select(wanted).collect() if wanted else pl.DataFrame()
    code = table["code"].rechunk().to_numpy() if view.codes is None else view.event_codes()
    if not spec.is_event_based:
        codes = _encode_by_value(spec, event_names, code=code, values=table[_VALUE])
        return codes, table.drop("code", _VALUE, strict=False)
    names = NodeNames()
    node_of_event = [names.encode(spec.name_node(name, None, column=None)) for name in event_names]
    expanded = []
    for name, column in ((one, of) for one, of in spec.expand if one in event_names):
        # the column is read only for the rows of this event
        rows = view.events.filter(pl.col("event") == name)
        values = rows.select(pl.col(column).cast(pl.String)).collect().to_series()
        number, distinct = encode_values(values)
        nodes = np.array([names.encode(spec.name_node(name, value, column=column)) for value in distinct], np.int32)
        if number.size and np.array_equal(nodes, np.arange(nodes[0], nodes[0] + nodes.size)):
            number += nodes[0]
        elif number.size:
            number = nodes.take(number)
        expanded.append((event_names.index(name), number))
    is_identity = node_of_event == list(range(len(node_of_event)))
    lookup = None if is_identity else np.array(node_of_event, dtype=np.int32)
    return NodeCodes(code, lookup, expanded, names), table.drop("code", strict=False)


def list_names(view: View, spec: NodeSpec) -> pl.DataFrame:
    """List the names of the nodes of one shard that come from values of columns."""
    event = pl.col("event").cast(pl.String).alias("event")
    if spec.is_event_based:
        sources = [
            (view.events.filter(pl.col("event") == name), pl.col(column), column) for name, column in spec.expand
        ]
    elif isinstance(spec.source, str):
        sources = [(view.events, pl.col(spec.source), spec.source)]
    else:
        sources = [(view.events, spec.source, _VALUE)]
    found = {
        spec.name_node(name, value, column=column)
        for rows, source, column in sources
        for name, value in rows.select(event, source.cast(pl.String).alias(_VALUE)).unique().collect().iter_rows()
    }
    return pl.DataFrame({"name": sorted(name for name in found if name is not None)}, schema={"name": pl.String})


def list_events(view: View) -> list[str]:
    """Return the event names of the log in the order of their codes."""
    dtype = view.schema["event"]
    return dtype.categories.to_list()  # type: ignore[attr-defined, no-any-return]


def _encode_by_value(spec: NodeSpec, event_names: Sequence[str], *, code: Ints, values: pl.Series) -> NodeCodes:
    """Encode nodes that are values of a column or expression.

    An event that is hidden or grouped by its own name has nodes of its own; all others share those of their values.
    """
    names = NodeNames()
    column = spec.source if isinstance(spec.source, str) else _VALUE
    number, distinct = encode_values(values)

    def encode(event: str) -> Ints:
        return np.array([names.encode(spec.name_node(event, value, column=column)) for value in distinct], np.int32)

    patterns = [*spec.hide, *(pattern for _, those in spec.groups for pattern in those)]
    special = [
        place for place, name in enumerate(event_names) if any(matches_pattern(pattern, name) for pattern in patterns)
    ]
    others = next((name for place, name in enumerate(event_names) if place not in special), "")
    nodes = encode(others).take(number) if number.size else number
    for place in special:
        here = code == place
        nodes[here] = encode(event_names[place]).take(number[here])
    return NodeCodes(nodes, None, [], names)
