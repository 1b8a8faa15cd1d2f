"""Why two identifiers are one person, or what keeps them apart: the shortest chain of evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.identity.find_id import IdLike, find_ids
from journeys.identity.first_sighting import add_first_sightings
from journeys.identity.graph import IdentityGraph, order_edges

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


_COLUMNS = (
    *("id_type_a", "id_a", "id_type_b", "id_b", "kind"),
    *("first_seen", "last_seen", "rows", "source", "event", "call", "reason"),
)
_LONG = 12
_ENDS = 4


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class LinkExplanation:
    """The chain of evidence between two identifiers.

    Attributes
    ----------
    joined : bool
        Whether the two are one person.
    table : pl.DataFrame
        One row per link, from the first identifier to the second: `id_type_a`, `id_a`, `id_type_b`, `id_b`, `kind`,
        `first_seen`, `last_seen`, `rows`, `source`; the `event`, or else the `call` (identify, group, …), that first
        showed it, where the raw events are available; and `reason` (why it was refused; null for links that hold).
        Empty when nothing connects them at all.
    a, b : tuple of (str, str)
        Type and value of the two.
    shared : tuple of (str, str)
        Which of the two are used by several people: they are listed with one of them, and link nothing further.
    """

    joined: bool
    table: pl.DataFrame
    a: tuple[str, str]
    b: tuple[str, str]
    shared: tuple[tuple[str, str], ...] = field(default=())

    @property
    def settings(self) -> dict[str, object]:
        """Which two identifiers were asked about."""
        return {"a": self.a, "b": self.b}

    @property
    def finding(self) -> str:
        """The answer in a sentence."""
        one, other = repr(self.a[1]), repr(self.b[1])
        if self.a == self.b:
            return f"{one} is one identifier"
        if self.joined and self.shared:
            used, owner = (one, other) if self.a in self.shared else (other, one)
            if len(self.shared) == 2:
                return f"{one} and {other} are used by several people each, and are listed with the same one"
            return f"{used} is used by several people: it is listed with {owner}, and links nothing further"
        refused = self.table.filter(pl.col("reason").is_not_null())
        if self.joined and refused.height:
            return f"{one} and {other} are one person by time: they met only on an identifier that several people use"
        if self.joined:
            return f"{one} and {other} are one person"
        if not refused.height:
            return f"{one} and {other} are two people: nothing links them"
        reason = refused["reason"][0]
        return f"{one} and {other} are two people, since a link was refused: {reason}"

    @property
    def _ends(self) -> pl.DataFrame:
        """The ends and the refused links of a long chain; `left_out` says how many are missing before each."""
        count = self.table.height
        numbered = self.table.with_row_index("at")
        if count > _LONG:
            refused = numbered.filter(pl.col("reason").is_not_null())["at"].head(_ENDS)
            near = (pl.col("at") < _ENDS) | (pl.col("at") >= count - _ENDS)
            numbered = numbered.filter(near | pl.col("at").is_in(refused.implode()))
        before = pl.col("at").cast(pl.Int64).diff().fill_null(1) - 1
        return numbered.with_columns(left_out=before).drop("at")

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the chain of links; of a long one its ends."""
        from journeys.charts.identity import draw_chain

        return draw_chain(self._ends, finding=self.finding, dark=dark, narrow=narrow)

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame (needs pandas)."""
        from journeys.display import as_pandas

        return as_pandas(self.table)

    def __repr__(self) -> str:
        lines = []
        for row in self._ends.iter_rows(named=True):
            lines += [f"… {row['left_out']:,} more links …"] * bool(row["left_out"]) + [_sentence(row)]
        return "\n  ".join([f"{self.finding}{':' if lines else ''}", *lines])

    def _repr_html_(self) -> str:
        from journeys.display import card

        some = self._ends
        left = int(some["left_out"].sum())
        text = f"{self.finding}. Of its {self.table.height:,} links the ends are shown." if left else self.finding
        empty = [one for one in ("event", "call", "reason") if some[one].null_count() == some.height]
        return card("Evidence", sentence=text, table=some.drop(*empty, *([] if left else ["left_out"])))


def _sentence(row: dict[str, object]) -> str:
    """Describe one link in a line of text."""
    pair = f"{row['id_type_a']} {row['id_a']!r} with {row['id_type_b']} {row['id_b']!r}"
    rows = f"in {row['rows']} {'row' if row['rows'] == 1 else 'rows'}" if row["kind"] == "row" else f"by {row['kind']}"
    call = f" (call: {row['call']})" if row["call"] is not None else ""
    first = f' ("{row["event"]}")' if row["event"] is not None else call
    refused = f"; refused: {row['reason']}" if row["reason"] is not None else ""
    return f"{pair}: {rows} of {row['source']} since {row['first_seen']:%Y-%m-%d %H:%M}{first}{refused}"


def explain_link(graph: IdentityGraph, a: IdLike, b: IdLike, *, salt: str | None = None) -> LinkExplanation:
    """Find the chain of links between two identifiers with the fewest refusals, then the fewest links."""
    one, other = find_ids(graph, {"a": a, "b": b}, salt=salt)
    person = graph.ids["person"]
    ids, types = graph.ids["id"], graph.ids["id_type"].cast(pl.String)
    near = order_edges(_neighbourhood(graph, one, other), rules=graph.rules)
    chain = _path(near, one, other)
    if not chain and one != other and person[one] == person[other]:
        # seen only on a shared identifier, and assigned by time: no link holds
        near = order_edges(_neighbourhood(graph, one, other, beyond=True), rules=graph.rules)
        chain = _path(near, one, other)
    backwards = np.array([back for _, back in chain], dtype=bool)
    links = near[[at for at, _ in chain]]
    left = pl.Series(np.where(backwards, links["b"].to_numpy(), links["a"].to_numpy()), dtype=pl.UInt32)
    right = pl.Series(np.where(backwards, links["a"].to_numpy(), links["b"].to_numpy()), dtype=pl.UInt32)
    decoded = links.with_columns(
        pl.col("kind", "source", "reason").cast(pl.String),
        id_type_a=types.gather(left),
        id_a=ids.gather(left),
        id_type_b=types.gather(right),
        id_b=ids.gather(right),
    )
    shared = dict.fromkeys((types[code], ids[code]) for code in (one, other) if graph.ids["shared"][code])
    return LinkExplanation(
        joined=bool(person[one] == person[other]),
        table=add_first_sightings(graph, decoded).select(_COLUMNS),
        a=(types[one], ids[one]),
        b=(types[other], ids[other]),
        shared=tuple(shared),
    )


def _neighbourhood(graph: IdentityGraph, one: int, other: int, *, beyond: bool = False) -> pl.DataFrame:
    """Return the edges among the people who can lie between the two: those that refused edges connect to them."""
    person = graph.ids["person"].to_numpy()
    a, b = graph.evidence["a"].to_numpy(), graph.evidence["b"].to_numpy()
    refused = graph.evidence["reason"].is_not_null().to_numpy()
    if person[one] == person[other] and not beyond:
        inside = (person[a] == person[one]) & (person[b] == person[one])
    else:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        size = int(person.max()) + 1
        left, right = person[a[refused]], person[b[refused]]
        people = coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(size, size)).tocsr()
        _, group = connected_components(people, directed=False)
        inside = (group[person[a]] == group[person[one]]) | (group[person[a]] == group[person[other]])
    return graph.evidence.filter(pl.Series(inside))


def _path(links: pl.DataFrame, one: int, other: int) -> list[tuple[int, bool]]:
    """Return the links of the best path and whether each is followed backwards.

    Links are tried in the order in which the rules take them, so that of equal chains the more trusted is returned.
    """
    return _short_path(links, one, other) or _long_path(links, one, other)


def _short_path(links: pl.DataFrame, one: int, other: int) -> list[tuple[int, bool]]:
    """Find a path of one or two links that hold, which no other can beat, without looking at millions of others."""
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    holds = links["reason"].is_null().to_numpy()

    def around(code: int) -> tuple[list[int], list[int]]:
        at = np.flatnonzero(holds & ((a == code) | (b == code)))
        return at.tolist(), np.where(a[at] == code, b[at], a[at]).tolist()

    at, ends = around(one)
    if one == other or not at:
        return []
    if other in ends:
        first = at[ends.index(other)]
        return [(first, bool(a[first] != one))]
    last: dict[int, int] = {}
    for place, end in zip(*around(other), strict=True):
        last.setdefault(end, place)
    for first, middle in zip(at, ends, strict=True):
        if middle in last:
            return [(first, bool(a[first] != one)), (last[middle], bool(a[last[middle]] != middle))]
    return []


def _long_path(links: pl.DataFrame, one: int, other: int) -> list[tuple[int, bool]]:
    """Find a path of any length by Dijkstra's algorithm: the fewest refusals first, then the fewest links.

    From ann to bob over ann–d1 (holds) and bob–d1 (refused): cost (1 refusal, 2 links).
    """
    around: dict[int, list[tuple[int, int, bool, int]]] = {}
    for at, (a, b, cost) in enumerate(
        links.select("a", "b", pl.col("reason").is_not_null().cast(pl.Int64)).iter_rows()
    ):
        around.setdefault(a, []).append((b, at, False, cost))
        around.setdefault(b, []).append((a, at, True, cost))
    best: dict[int, tuple[int, int]] = {one: (0, 0)}
    came: dict[int, tuple[int, int, bool]] = {}
    # refusals, links, and the order of arrival among equals
    waiting = [(0, 0, 0, one)]
    number = 0
    while waiting:
        refusals, length, _, here = heappop(waiting)
        if here == other:
            break
        if best[here] < (refusals, length):
            continue
        for there, at, backwards, cost in around.get(here, []):
            price = (refusals + cost, length + 1)
            if there not in best or price < best[there]:
                best[there] = price
                came[there] = (here, at, backwards)
                number += 1
                heappush(waiting, (*price, number, there))
    if other not in best:
        return []
    path: list[tuple[int, bool]] = []
    here = other
    while here != one:
        here, at, backwards = came[here]
        path.append((at, backwards))
    return path[::-1]
