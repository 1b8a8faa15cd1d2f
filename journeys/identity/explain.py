"""Why two identifiers belong together: the identifiers are found, the chain of links, and what first showed each."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.errors import ArgumentError, JourneysError, UnknownNameError, find_closest, raise_all, unknown_message
from journeys.events import Events
from journeys.identity.encode_ids import ANONYMOUS_TYPES, USER
from journeys.identity.graph import IdentityGraph, find_components, order_edges
from journeys.identity.rules import IdentityRules, hash_email, normalise_values
from journeys.result import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go


IdLike = str | int | tuple[str, str | int]
"""An identifier: its value, or its type and value."""

_COMPARE_ALL = 5_000
_MAX_TRIGRAMS = 16


def find_ids(graph: IdentityGraph, wanted: dict[str, IdLike], *, salt: str | None) -> list[int]:
    """Return the code of each identifier by argument; the errors of all are reported together."""
    rules = graph.rules if salt is None else replace(graph.rules, salt=salt)
    codes, wrong = [], []
    for argument, one in wanted.items():
        try:
            codes.append(_find_code(graph, one, argument=argument, rules=rules))
        except JourneysError as problem:
            wrong.append(problem)
    raise_all([str(problem) for problem in wrong], type(wrong[0]) if wrong else ArgumentError)
    return codes


def _find_code(graph: IdentityGraph, wanted: object, *, argument: str, rules: IdentityRules) -> int:
    """Return the code of one identifier, normalised (and hashed) as the rules have it."""
    types, value = _parse_wanted(wanted, argument=argument, types=graph.types)
    found: list[int] = []
    forms = {value}
    ids = graph.ids.with_row_index("code")
    for name in types:
        plain = pl.select(normalise_values(pl.lit(value), id_type=name, rules=rules)).item()
        written = [plain]
        if rules.hash_emails and name in rules.emails:
            # an address, or its hash as the tables show it
            written = [hash_email(plain, salt=rules.salt), value.strip()]
        forms |= set(written)
        is_match = (pl.col("id_type").cast(pl.String) == name) & pl.col("id").is_in(written)
        found += ids.filter(is_match)["code"].to_list()
    if len(found) > 1:
        kinds = [graph.ids["id_type"][code] for code in found]
        choices = " or ".join(repr((kind, value)) for kind in kinds)
        raise ArgumentError(f"{argument}: {value!r} is a value of {' and of '.join(kinds)}; say which: {choices}.")
    if not found:
        raise UnknownNameError(_explain_missing(graph, value, forms=forms, types=types, argument=argument, rules=rules))
    return found[0]


def _parse_wanted(wanted: object, *, argument: str, types: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return the types to look in, and the value as text."""
    named = isinstance(wanted, tuple) and len(wanted) == 2
    kind, value = wanted if named and isinstance(wanted, tuple) else (None, wanted)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ArgumentError(
            f"{argument}: {wanted!r} is not an identifier; give its value, or a type and a value such as "
            f"{(types[0] if types else 'user_id', '42')!r}."
        )
    if not named:
        return types, str(value)
    if kind not in types:
        raise UnknownNameError(unknown_message(argument, str(kind), available=types, what="identifier type"))
    return (str(kind),), str(value)


def _explain_missing(
    graph: IdentityGraph, value: str, *, forms: set[str], types: tuple[str, ...], argument: str, rules: IdentityRules
) -> str:
    """Write the error for a value that is no identifier: a placeholder, a hashed address, or the closest ones."""
    junk = graph.junk.filter(pl.col("id_type").is_in(list(types)) & pl.col("id").is_in(sorted(forms)))
    if junk.height:
        return f"{argument}: {value!r} identifies nobody ({junk['reason'][0]}) and links nothing."
    text = f"{argument}: no identifier {value!r}"
    hidden = [name for name in types if rules.hash_emails and name in rules.emails]
    if graph.salted and not rules.salt and hidden and "@" in value:
        return (
            f"{text}: addresses are kept as hashes, and a store does not keep the salt; give it, "
            "explain(…, salt=…), or the hash as the tables show it."
        )
    kinds = pl.col("id_type").cast(pl.String)
    readable = graph.ids.filter(kinds.is_in([name for name in types if name not in hidden]))["id"].unique()
    near = find_closest(value, find_similar(readable, value))
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    shown = readable.sort().head(20).to_list()
    more = f" and {readable.len() - 20:,} more" if readable.len() > 20 else ""
    listed = f" Available: {', '.join(map(repr, shown))}{more}" if shown else "" if hidden else " There are none."
    hashed = f" Values of {' and '.join(hidden)} are hashes and not listed." if hidden else ""
    return f"{text}{hint}{listed}{'.' if hidden and shown else ''}{hashed}"


def find_similar(ids: pl.Series, value: str) -> list[str]:
    """Return the few identifiers that are worth a close comparison: those that share most trigrams."""
    if ids.len() <= _COMPARE_ALL:
        return ids.sort().to_list()
    text = value.lower()
    trigrams = sorted({text[at : at + 3] for at in range(max(1, len(text) - 2))})
    trigrams = trigrams[:: -(-len(trigrams) // _MAX_TRIGRAMS)]
    size = pl.col("id").str.len_chars().cast(pl.Int64)
    # texts of very different length are never close
    candidates = ids.to_frame("id").filter(size.is_between(len(text) // 3, len(text) * 3))
    lower = pl.col("lower")
    return (
        candidates.with_columns(pl.col("id").str.to_lowercase().alias("lower"), apart=(size - len(text)).abs())
        .with_columns(
            shared=pl.sum_horizontal(lower.str.contains(trigram, literal=True).cast(pl.Int32) for trigram in trigrams)
        )
        .sort("shared", "apart", "id", descending=[True, False, False])["id"]
        .head(500)
        .to_list()
    )


_COLUMNS = (
    *("id_type_a", "id_a", "id_type_b", "id_b", "kind"),
    *("first_seen", "last_seen", "rows", "source", "event", "call", "reason"),
)
_LONG = 12
_ENDS = 4


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class LinkExplanation(Result):
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
        """Whether the two are one person, and why, in one sentence."""
        return f"{self._describe_answer()}."

    def _describe_answer(self) -> str:
        """Describe the answer as a title."""
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
        from journeys.charts.identity import draw_evidence_chain

        return draw_evidence_chain(self._ends, finding=self._describe_answer(), dark=dark, narrow=narrow)

    def __repr__(self) -> str:
        lines = []
        for row in self._ends.iter_rows(named=True):
            lines += [f"… {row['left_out']:,} more links …"] * bool(row["left_out"]) + [_describe_link(row)]
        return "\n  ".join([f"{self._describe_answer()}{':' if lines else '.'}", *lines])

    def _displayed_table(self) -> pl.DataFrame:
        """Return the ends of the chain, without columns that say nothing."""
        shown = self._ends
        empty = [name for name in ("event", "call", "reason") if shown[name].null_count() == shown.height]
        return shown.drop(*empty, *([] if shown["left_out"].sum() else ["left_out"]))

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        shown = self._displayed_table()
        cut = f" Of its {self.table.height:,} links the ends are shown." if "left_out" in shown.columns else ""
        return render_card("Evidence", sentence=f"{self.finding}{cut}", table=shown)


def _describe_link(row: dict[str, object]) -> str:
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
    near = order_edges(_find_neighbourhood(graph, one, other), rules=graph.rules)
    chain = _find_path(near, one, other)
    if not chain and one != other and person[one] == person[other]:
        # seen only on a shared identifier, and assigned by time: no link connects them
        near = order_edges(_find_neighbourhood(graph, one, other, beyond=True), rules=graph.rules)
        chain = _find_path(near, one, other)
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


def _find_neighbourhood(graph: IdentityGraph, one: int, other: int, *, beyond: bool = False) -> pl.DataFrame:
    """Return the edges of all people between the two: those connected to either by refused edges."""
    person = graph.ids["person"].to_numpy()
    a, b = graph.evidence["a"].to_numpy(), graph.evidence["b"].to_numpy()
    refused = graph.evidence["reason"].is_not_null().to_numpy()
    if person[one] == person[other] and not beyond:
        inside = (person[a] == person[one]) & (person[b] == person[one])
    else:
        group = find_components(int(person.max()) + 1, person[a[refused]], person[b[refused]])
        inside = (group[person[a]] == group[person[one]]) | (group[person[a]] == group[person[other]])
    return graph.evidence.filter(pl.Series(inside))


def _find_path(links: pl.DataFrame, one: int, other: int) -> list[tuple[int, bool]]:
    """Return the links of the best path and whether each is followed backwards.

    Links are tried in the order in which the rules take them, so that of equal chains the more trusted is returned.
    """
    return _short_path(links, one, other) or _long_path(links, one, other)


def _short_path(links: pl.DataFrame, one: int, other: int) -> list[tuple[int, bool]]:
    """Find a path of one or two links that hold: none is better, so millions of other links need no search."""
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    holds = links["reason"].is_null().to_numpy()

    def list_neighbours(code: int) -> tuple[list[int], list[int]]:
        at = np.flatnonzero(holds & ((a == code) | (b == code)))
        return at.tolist(), np.where(a[at] == code, b[at], a[at]).tolist()

    at, ends = list_neighbours(one)
    if one == other or not at:
        return []
    if other in ends:
        first = at[ends.index(other)]
        return [(first, bool(a[first] != one))]
    last: dict[int, int] = {}
    for place, end in zip(*list_neighbours(other), strict=True):
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


_PAIR = ("id_type_a", "id_a", "id_type_b", "id_b")
_FOUND = {"event": pl.String, "call": pl.String}


def add_first_sightings(graph: IdentityGraph, links: pl.DataFrame) -> pl.DataFrame:
    """Add `event`, or else `call` (the kind of fact), that first showed each link; null where it is not available.

    The sources of the graph are read once each, however many links there are. Links have `id_type_a`, `id_a`,
    `id_type_b`, `id_b`, `kind`, `first_seen`, `source`; their order is kept.
    """
    seen = links.filter(pl.col("kind") == "row").select(*_PAIR, "source", pl.col("first_seen").alias("timestamp"))
    found = [pl.DataFrame(schema={**{name: seen.schema[name] for name in (*_PAIR, "source")}, **_FOUND})]
    for source in graph.sources:
        links_of_source = seen.filter(
            (pl.col("source") == source.name)
            & pl.all_horizontal(pl.col(f"id_type_{end}").is_in(list(source.ids)) for end in "ab")
        )
        if links_of_source.height:
            # files may be gone or replaced
            with suppress(OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
                found.append(_search_source(source, links_of_source, rules=graph.rules))
    # an event is more informative than a call at the same time
    first = pl.concat(found).group_by(*_PAIR, "source").agg(pl.col("event", "call").min())
    found_at = links.join(first, on=[*_PAIR, "source"], how="left", maintain_order="left")
    is_row = pl.col("kind") == "row"
    return found_at.with_columns(
        pl.when(is_row).then("event"), call=pl.when(is_row & pl.col("event").is_null()).then("call")
    )


def _search_source(one: Events, links: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Read the rows of one source at the times concerned, and find the pairs of identifiers among them."""
    columns = {kind: _id_columns(one, str(kind)) for kind in set(links["id_type_a"]) | set(links["id_type_b"])}
    types = sorted({name for names in columns.values() for name in names})
    rows = (
        one.rows.filter(pl.col("_status").is_in(["event", "fact"]))
        .select("timestamp", pl.when(pl.col("_kind").is_null()).then("event"), pl.col("_kind").alias("call"), *types)
        .join(links.lazy().select("timestamp").unique(), on="timestamp", how="semi")
        .with_columns(normalise_values(pl.col(name), id_type=name, rules=rules).alias(name) for name in types)
        .collect()
    )
    for name in types:
        if rules.hash_emails and name in rules.emails:
            plain = rows[name].drop_nulls().unique()
            hashed = pl.Series([hash_email(text, salt=rules.salt) for text in plain], dtype=pl.String)
            rows = rows.with_columns(pl.col(name).replace_strict(plain, hashed, default=None, return_dtype=pl.String))
    found = []
    for (a, b), pairs in links.group_by("id_type_a", "id_type_b"):
        for left, right in product(columns[a], columns[b]):
            if left != right:
                both = rows.select(
                    "timestamp", "event", "call", pl.col(left).alias("id_a"), pl.col(right).alias("id_b")
                )
                found.append(pairs.join(both, on=["timestamp", "id_a", "id_b"]).select(*_PAIR, "source", *_FOUND))
    return pl.concat(found).with_columns(pl.col(name).cast(pl.String) for name in _FOUND)


def _id_columns(one: Events, kind: str) -> list[str]:
    """List the columns that may hold an identifier: a user id may have been reclassified as anonymous."""
    return [kind, *([USER] if kind in ANONYMOUS_TYPES and USER in one.ids else [])]
