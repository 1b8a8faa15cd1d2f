"""Why two identifiers are one person, or what keeps them apart: the shortest chain of evidence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.identity.coding import hide, normalise
from journeys.identity.links import in_order

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.identity.report import Identity

__all__ = ["Explanation", "explain"]

_CHAIN = pl.Schema(
    {
        **dict.fromkeys(("id_type_a", "id_a", "id_type_b", "id_b", "kind"), pl.String()),
        **dict.fromkeys(("first_seen", "last_seen"), pl.Datetime("us", "UTC")),
        "rows": pl.Int64(),
        **dict.fromkeys(("source", "event", "reason"), pl.String()),
    }
)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Explanation:
    """The chain of evidence between two identifiers.

    Attributes
    ----------
    joined : bool
        Whether the two are one person.
    table : pl.DataFrame
        One row a link, from the first identifier to the second: `id_type_a`, `id_a`, `id_type_b`, `id_b`, `kind`,
        `first_seen`, `last_seen`, `rows`, `source`, `event` (of the first sight, where the raw events are at hand),
        `reason` (why it was refused; null for links that hold). Empty when nothing connects them at all.
    a, b : tuple of (str, str)
        Type and value of the two.
    """

    joined: bool
    table: pl.DataFrame
    a: tuple[str, str]
    b: tuple[str, str]

    @property
    def finding(self) -> str:
        """The answer in a sentence."""
        one, other = repr(self.a[1]), repr(self.b[1])
        if self.a == self.b:
            return f"{one} is one identifier."
        if self.joined:
            return f"{one} and {other} are one person"
        refused = self.table.filter(pl.col("reason").is_not_null())
        if not refused.height:
            return f"{one} and {other} are two people: nothing links them"
        reason = refused["reason"][0]
        return f"{one} and {other} are two people, since a link was refused: {reason}"

    def plot(self, *, dark: bool = False) -> go.Figure:
        """Draw the chain as a small graph."""
        from journeys.charts.identity import draw_chain

        return draw_chain(self.table, finding=self.finding, dark=dark)

    def __repr__(self) -> str:
        lines = [_sentence(row) for row in self.table.iter_rows(named=True)]
        return "\n  ".join([f"{self.finding}{':' if lines else ''}", *lines])

    def _repr_html_(self) -> str:
        from journeys.display import card

        return card("Evidence", sentence=self.finding, table=self.table)


def _sentence(row: dict[str, object]) -> str:
    pair = f"{row['id_type_a']} {row['id_a']!r} with {row['id_type_b']} {row['id_b']!r}"
    rows = f"in {row['rows']} {'row' if row['rows'] == 1 else 'rows'}" if row["kind"] == "row" else f"by {row['kind']}"
    event = f' ("{row["event"]}")' if row["event"] is not None else ""
    refused = f"; refused: {row['reason']}" if row["reason"] is not None else ""
    return f"{pair}: {rows} of {row['source']} since {row['first_seen']:%Y-%m-%d %H:%M}{event}{refused}"


def explain(identity: Identity, a: str | tuple[str, str], b: str | tuple[str, str]) -> Explanation:
    """Find the chain of links between two identifiers with the fewest refusals, then the fewest links."""
    one, other = _find(identity, a, argument="a"), _find(identity, b, argument="b")
    person = identity.ids["person"]
    joined = person[one] == person[other]
    near = in_order(_neighbourhood(identity, one, other), rules=identity.rules)
    chain = _path(near, one, other)
    rows = [near.row(at, named=True) | {"turned": turned} for at, turned in chain]
    ids, types = identity.ids["id"], identity.ids["id_type"].cast(pl.String)
    table = []
    for row in rows:
        left, right = (row["b"], row["a"]) if row["turned"] else (row["a"], row["b"])
        ends = {"id_type_a": types[left], "id_a": ids[left], "id_type_b": types[right], "id_b": ids[right]}
        seen = {name: row[name] for name in ("kind", "first_seen", "last_seen", "rows", "source")}
        table.append({**ends, **seen, "event": _event_of(identity, ends, seen), "reason": row["reason"]})
    frame = pl.DataFrame(table, schema=_CHAIN)
    return Explanation(bool(joined), frame, (types[one], ids[one]), (types[other], ids[other]))


def _find(identity: Identity, wanted: str | tuple[str, str], *, argument: str) -> int:
    """Return the code of an identifier that was named by value, or by type and value."""
    if isinstance(wanted, str):
        types, value = identity.types, wanted
    else:
        types, value = (wanted[0],), wanted[1]
        if wanted[0] not in identity.types:
            raise UnknownNameError(unknown(argument, wanted[0], available=identity.types, what="identifier type"))
    found: list[int] = []
    for name in types:
        plain = pl.select(normalise(pl.lit(str(value)), id_type=name, rules=identity.rules)).item()
        if identity.rules.hash_emails and name in identity.rules.emails:
            plain = hide(plain, salt=identity.rules.salt)
        hit = identity.ids.with_row_index("code").filter(
            (pl.col("id_type").cast(pl.String) == name) & (pl.col("id") == plain)
        )
        found += hit["code"].to_list()
    if not found:
        near = (
            identity.ids.filter(pl.col("id_type").cast(pl.String).is_in(list(types)))["id"]
            .unique()
            .sort()
            .head(5_000)
            .to_list()
        )
        junk = identity.junk.filter(pl.col("id") == value)
        if junk.height:
            raise UnknownNameError(f"{argument}: {value!r} is nobody's ({junk['reason'][0]}), it links nothing.")
        raise UnknownNameError(unknown(argument, value, available=near, what="identifier"))
    if len(found) > 1:
        kinds = [identity.ids["id_type"][code] for code in found]
        forms = " or ".join(repr((kind, value)) for kind in kinds)
        raise_all([f"{argument}: {value!r} is a value of {' and of '.join(kinds)}; say which: {forms}."], ArgumentError)
    return found[0]


def _neighbourhood(identity: Identity, one: int, other: int) -> pl.DataFrame:
    """Only links among the people who can lie between the two: those that refused links connect to them."""
    person = identity.ids["person"].to_numpy()
    a, b = identity.evidence["a"].to_numpy(), identity.evidence["b"].to_numpy()
    refused = identity.evidence["reason"].is_not_null().to_numpy()
    if person[one] == person[other]:
        inside = (person[a] == person[one]) & (person[b] == person[one])
    else:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        size = int(person.max()) + 1
        left, right = person[a[refused]], person[b[refused]]
        graph = coo_array((np.ones(left.size, dtype=np.int8), (left, right)), shape=(size, size)).tocsr()
        _, group = connected_components(graph, directed=False)
        inside = (group[person[a]] == group[person[one]]) | (group[person[a]] == group[person[other]])
    return identity.evidence.filter(pl.Series(inside))


def _path(links: pl.DataFrame, one: int, other: int) -> list[tuple[int, bool]]:
    """Return the links of the best path and whether each is walked backwards: corrected breadth-first search.

    Links are tried in the order in which the rules take them, so that of equal chains the more trusted is told.
    """
    around: dict[int, list[tuple[int, int, bool, int]]] = {}
    for at, (a, b, cost) in enumerate(
        links.select("a", "b", pl.col("reason").is_not_null().cast(pl.Int64)).iter_rows()
    ):
        around.setdefault(a, []).append((b, at, False, cost))
        around.setdefault(b, []).append((a, at, True, cost))
    best: dict[int, tuple[int, int]] = {one: (0, 0)}
    came: dict[int, tuple[int, int, bool]] = {}
    waiting = deque([one])
    while waiting:
        here = waiting.popleft()
        for there, at, turned, cost in around.get(here, []):
            price = (best[here][0] + cost, best[here][1] + 1)
            if there not in best or price < best[there]:
                best[there] = price
                came[there] = (here, at, turned)
                waiting.append(there)
    if other not in best:
        return []
    path: list[tuple[int, bool]] = []
    here = other
    while here != one:
        here, at, turned = came[here]
        path.append((at, turned))
    return path[::-1]


def _event_of(identity: Identity, ends: dict[str, str], seen: dict[str, object]) -> str | None:
    """Look up the first event that showed both identifiers, where the raw events are at hand."""
    if seen["kind"] != "row" or identity.rules.hash_emails:
        return None
    for one in identity.sources:
        if one.name == seen["source"] and {ends["id_type_a"], ends["id_type_b"]} <= set(one.ids):
            both = [
                normalise(pl.col(ends[f"id_type_{end}"]), id_type=ends[f"id_type_{end}"], rules=identity.rules)
                == ends[f"id_{end}"]
                for end in "ab"
            ]
            rows = one.rows.filter(pl.col("timestamp") == seen["first_seen"], *both, pl.col("_status") == "event")
            found = rows.select("event").collect()["event"].sort()
            if found.len():
                return str(found[0])
    return None
