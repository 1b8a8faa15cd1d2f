"""The event or call that first showed two identifiers together, looked up in the raw events in one pass."""

from __future__ import annotations

from contextlib import suppress
from itertools import product

import polars as pl

from journeys.events import Events
from journeys.identity.graph import IdentityGraph
from journeys.identity.normalise import hash_email, normalise
from journeys.identity.reclassify_ids import ANONYMOUS_TYPES, USER
from journeys.identity.rules import IdentityRules

_PAIR = ("id_type_a", "id_a", "id_type_b", "id_b")
_FOUND = {"event": pl.String, "call": pl.String}


def add_first_sightings(graph: IdentityGraph, links: pl.DataFrame) -> pl.DataFrame:
    """Add `event`, or else `call` (the kind of fact), that first showed each link; null where it is not available.

    Parameters
    ----------
    graph : IdentityGraph
        Its sources are read once each, however many links there are.
    links : pl.DataFrame
        `id_type_a`, `id_a`, `id_type_b`, `id_b`, `kind`, `first_seen`, `source`; the order is kept.
    """
    seen = links.filter(pl.col("kind") == "row").select(*_PAIR, "source", pl.col("first_seen").alias("timestamp"))
    found = [pl.DataFrame(schema={**{name: seen.schema[name] for name in (*_PAIR, "source")}, **_FOUND})]
    for one in graph.sources:
        mine = seen.filter(
            (pl.col("source") == one.name)
            & pl.all_horizontal(pl.col(f"id_type_{end}").is_in(list(one.ids)) for end in "ab")
        )
        if mine.height:
            # files may be gone or replaced
            with suppress(OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
                found.append(_search_source(one, mine, rules=graph.rules))
    # an event is more informative than a call at the same time
    first = pl.concat(found).group_by(*_PAIR, "source").agg(pl.col("event", "call").min())
    found_at = links.join(first, on=[*_PAIR, "source"], how="left", maintain_order="left")
    is_row = pl.col("kind") == "row"
    return found_at.with_columns(
        pl.when(is_row).then("event"), call=pl.when(is_row & pl.col("event").is_null()).then("call")
    )


def _search_source(one: Events, links: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Read the rows of one source at the times concerned, and find the pairs of identifiers among them."""
    columns = {kind: _columns(one, str(kind)) for kind in set(links["id_type_a"]) | set(links["id_type_b"])}
    types = sorted({name for names in columns.values() for name in names})
    rows = (
        one.rows.filter(pl.col("_status").is_in(["event", "fact"]))
        .select("timestamp", pl.when(pl.col("_kind").is_null()).then("event"), pl.col("_kind").alias("call"), *types)
        .join(links.lazy().select("timestamp").unique(), on="timestamp", how="semi")
        .with_columns(normalise(pl.col(name), id_type=name, rules=rules).alias(name) for name in types)
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


def _columns(one: Events, kind: str) -> list[str]:
    """List the columns that may hold an identifier: a user id may have been reclassified as anonymous."""
    return [kind, *([USER] if kind in ANONYMOUS_TYPES and USER in one.ids else [])]
