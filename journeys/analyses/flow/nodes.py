"""Nodes of a flow: how values become small codes, names and colours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.name_patterns import matches_pattern
from journeys.arrays import Ints, parallel_map
from journeys.log import View

_PART = 1 << 17
_SAMPLE, _FIRST_SLOTS, _MAX_SLOTS = 1 << 17, 1 << 18, 1 << 22


def encode_values(series: pl.Series) -> tuple[Ints, list[Any]]:
    """Return a code per row, from 0, and the distinct values (null among them) in the order of their codes.

    Values are compared by two 64-bit hashes: one gives a slot in a hash table, the other is compared in full, so that
    two different values get one code with a chance of about one in ten million among a billion values. A slot holds
    one value; values whose slot is taken go on to the next round, with a new table and other bits of the first hash:

        value  slot in round 1            slot in round 2
        a      5: is put there            -
        b      5: taken, goes on          2: is put there

    The first table is made of a sample of the rows, which has most of the values that are frequent.
    """
    codes = np.empty(series.len(), dtype=np.int32)
    stride = max(1, series.len() // _SAMPLE)
    table = _HashTable.build(*_hash_twice(series.gather_every(stride)), slots=_FIRST_SLOTS)

    def look_up(low: int) -> tuple[Ints, Ints, Ints]:
        one, two = _hash_twice(series.slice(low, _PART))
        code = table.look_up(one, two)
        codes[low : low + _PART] = code
        missing = np.flatnonzero(code < 0)
        return missing + low, one[missing], two[missing]

    parts = parallel_map(look_up, range(0, codes.size, _PART))
    first_rows = [table.rows * stride]
    known = table.rows.size
    if not parts:
        return codes, []
    left, one, two = (np.concatenate(of) for of in zip(*parts, strict=True))
    while left.size:
        slot = one >> np.uint64(32 * (len(first_rows) % 2))
        table = _HashTable.build(slot, two, slots=min(_MAX_SLOTS, 1 << int(2 * left.size).bit_length()))
        code = table.look_up(slot, two)
        is_found = code >= 0
        codes[left[is_found]] = code[is_found] + np.int32(known)
        first_rows.append(left[table.rows])
        known += table.rows.size
        left, one, two = left[~is_found], one[~is_found], two[~is_found]
    return codes, series.gather(np.concatenate(first_rows)).to_list()


def _hash_twice(series: pl.Series) -> tuple[Ints, Ints]:
    return series.hash(seed=1).to_numpy(), series.hash(seed=2).to_numpy()


class _HashTable(NamedTuple):
    """A hash table with one value per slot.

    Attributes
    ----------
    rows : np.ndarray
        A row of each value in the table, by its code.
    number : np.ndarray
        The code in each slot; -1 for an empty one.
    key : np.ndarray
        The second hash of each value, by its code.
    """

    rows: Ints
    number: Ints
    key: Ints

    @classmethod
    def build(cls, one: Ints, two: Ints, *, slots: int) -> _HashTable:
        """Put one of the values that share a slot into it."""
        row_at = np.full(slots, -1, dtype=np.int64)
        row_at[(one & np.uint64(slots - 1)).view(np.int64)] = np.arange(one.size)
        filled = np.flatnonzero(row_at >= 0)
        rows = row_at[filled]
        number = np.full(slots, -1, dtype=np.int32)
        number[filled] = np.arange(filled.size, dtype=np.int32)
        return cls(rows, number, two[rows])

    def look_up(self, one: Ints, two: Ints) -> Ints:
        """Return the code of each value; -1 for those that are not in the table."""
        found = np.empty(one.size, dtype=np.int32)

        def look_up_part(low: int) -> None:
            here = slice(low, low + _PART)
            code = self.number.take((one[here] & np.uint64(self.number.size - 1)).view(np.int64))
            # an empty slot (-1) compares with the last key and stays -1 whatever comes out
            np.putmask(code, self.key.take(code) != two[here], -1)
            found[here] = code

        parallel_map(look_up_part, range(0, one.size, _PART))
        return found


# No node has one of these names: a value that is spelled like one is quoted when nodes are named.
DROP_OFF, OTHER, CONTINUES, REACHED = "(drop-off)", "(other)", "(continues)", "(reached)"
_RESERVED = frozenset({DROP_OFF, OTHER, CONTINUES, REACHED})

CleaningRules = Sequence[tuple[str, str]]

PATH_RULES: CleaningRules = (
    (r"[?#].*$", ""),
    (r"(?<=/)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?=/|$)", ":id"),
    (r"(?<=/)\d+(?=/|$)", ":id"),
    (r"(?<=/)(?=[A-Za-z_-]*\d)[0-9a-fA-F_-]{8,}(?=/|$)", ":id"),
    (r"(?<=[^/])/+$", ""),
)
ADDRESS_COLUMNS = frozenset({"page_path", "page_url", "page_referrer", "path", "url"})


@dataclass(frozen=True, slots=True, eq=False)
class NodeSpec:
    """How events are turned into nodes.

    Attributes
    ----------
    source : str or pl.Expr
        "event", another column, or an expression: what a node is called; null is no node.
    expand : tuple of (event, column)
        Events that are split into one node per value of a column.
    groups : tuple of (name, patterns)
        Names and patterns that are merged into one node.
    hide : tuple of str
        Names and patterns that are left out.
    cleaning : tuple of (column, rules)
        How the values of a column are cleaned, one rule after the other.
    """

    source: str | pl.Expr = "event"
    expand: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hide: tuple[str, ...] = ()
    cleaning: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def is_event_based(self) -> bool:
        """Whether nodes are events, expanded or not."""
        return isinstance(self.source, str) and self.source == "event"

    @property
    def value_columns(self) -> tuple[str, ...]:
        """The columns, other than the event, whose values become names."""
        own = (self.source,) if isinstance(self.source, str) and self.source != "event" else ()
        return (*own, *dict.fromkeys(column for _, column in self.expand))

    def name_node(self, event: str, value: str | None, *, column: str | None) -> str | None:
        """Return the name of the node of an event with a value; None when it is hidden."""
        name: str | None = event
        if column is not None:
            clean = None if value is None else clean_value(value, rules=dict(self.cleaning).get(column, ()))
            name = clean
            if self.is_event_based:
                name = event if clean is None else f"{event}: {clean if clean.strip() else display_name(clean)}"
        if name is None or any(
            matches_pattern(pattern, event) or matches_pattern(pattern, name) for pattern in self.hide
        ):
            return None
        for group, patterns in self.groups:
            if any(matches_pattern(pattern, event) or matches_pattern(pattern, name) for pattern in patterns):
                return quote_reserved(group)
        return quote_reserved(name)


def quote_reserved(name: str) -> str:
    """Quote a name that would be mistaken for a drop-off, the rest, a continuation or the end.

    Examples
    --------
    >>> quote_reserved("(other)"), quote_reserved("Signed Up")
    ('"(other)"', 'Signed Up')
    """
    return f'"{name}"' if name.strip('"') in _RESERVED else name


def display_name(name: str) -> str:
    """Shorten a name for a sentence, and replace an empty one.

    Examples
    --------
    >>> display_name(""), display_name("Signed Up")
    ('(no name)', 'Signed Up')
    """
    from journeys.display import describe_blank, neutralise_controls, shorten_name

    return shorten_name(neutralise_controls(name), 60) if name.strip() else describe_blank(name.strip())


def clean_value(value: str, *, rules: CleaningRules = PATH_RULES) -> str:
    """Clean a page path: identifiers become `:id`; query strings and trailing slashes are removed.

    Parameters
    ----------
    value : str
        A path or a URL.
    rules : sequence of (pattern, replacement)
        Regular expressions, applied one after the other.

    Examples
    --------
    >>> clean_value("/projects/123/tasks/9f86d081-884c-4d65-9a2f-eaa0c55ad015/?tab=2")
    '/projects/:id/tasks/:id'
    >>> clean_value("/")
    '/'
    """
    for pattern, replacement in rules:
        value = re.sub(pattern, replacement, value)
    return value


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

    def encode_one(event: str) -> Ints:
        return np.array([names.encode(spec.name_node(event, value, column=column)) for value in distinct], np.int32)

    patterns = [*spec.hide, *(pattern for _, those in spec.groups for pattern in those)]
    special = [
        place for place, name in enumerate(event_names) if any(matches_pattern(pattern, name) for pattern in patterns)
    ]
    others = next((name for place, name in enumerate(event_names) if place not in special), "")
    nodes = encode_one(others).take(number) if number.size else number
    for place in special:
        here = code == place
        nodes[here] = encode_one(event_names[place]).take(number[here])
    return NodeCodes(nodes, None, [], names)


def choose_node_colours(
    names: Iterable[str], *, nodes: NodeSpec, ranked: Sequence[str], goal: str | None, dark: bool
) -> dict[str, str] | None:
    """Choose the colours of nodes; None where nodes are values, which have no rank in the log.

    An event with a value has the colour of the event, a group that of its first event.
    """
    from journeys.charts.theme import assign_event_colours

    if not nodes.is_event_based:
        return None
    goal = None if goal is None else quote_reserved(goal)
    chosen = assign_event_colours([quote_reserved(name) for name in ranked], goal=goal, dark=dark)
    events = set(ranked)
    if nodes.groups:
        for event in ranked:
            name = nodes.name_node(event, None, column=None)
            if name is not None and name not in events:
                chosen[name] = chosen.get(name, chosen[quote_reserved(event)])
    expanded = [event for event, _ in nodes.expand]
    for name in names:
        event_of = next((event for event in expanded if name.startswith(f"{event}: ")), None)
        if name not in chosen and event_of is not None:
            chosen[name] = chosen[quote_reserved(event_of)]
    return chosen
