"""Which event, or which call, first showed two identifiers together: looked up in the raw events, in one pass."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

import polars as pl

from journeys.identity.meant import NAMELESS, USER
from journeys.identity.normal import hide, normalise
from journeys.identity.rules import IdentityRules

if TYPE_CHECKING:
    from journeys.events import Events
    from journeys.identity.report import Identity

__all__ = ["with_sights"]

_PAIR = ("id_type_a", "id_a", "id_type_b", "id_b")
_TOLD = {"event": pl.String, "call": pl.String}


def with_sights(identity: Identity, links: pl.DataFrame) -> pl.DataFrame:
    """Add `event`, or else `call` (the kind of fact), of the first sight of each link; null where it is not at hand.

    Parameters
    ----------
    identity : Identity
        Its sources are read once each, however many links there are.
    links : pl.DataFrame
        `id_type_a`, `id_a`, `id_type_b`, `id_b`, `kind`, `first_seen`, `source`; the order is kept.
    """
    seen = links.filter(pl.col("kind") == "row").select(*_PAIR, "source", pl.col("first_seen").alias("timestamp"))
    found = [pl.DataFrame(schema={**{name: seen.schema[name] for name in (*_PAIR, "source")}, **_TOLD})]
    for one in identity.sources:
        mine = seen.filter((pl.col("source") == one.name) & pl.all_horizontal(_has(one, end) for end in "ab"))
        if mine.height:
            # files that are gone or were replaced cannot tell any more
            with suppress(OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
                found.append(_look(one, mine, rules=identity.rules))
    # an event says more than a call at the same moment
    first = pl.concat(found).group_by(*_PAIR, "source").agg(pl.col("event", "call").min())
    told = links.join(first, on=[*_PAIR, "source"], how="left", maintain_order="left")
    is_row = pl.col("kind") == "row"
    return told.with_columns(
        pl.when(is_row).then("event"), call=pl.when(is_row & pl.col("event").is_null()).then("call")
    )


def _has(one: Events, end: str) -> pl.Expr:
    return pl.col(f"id_type_{end}").is_in(list(one.ids))


def _look(one: Events, links: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Read of one source the rows of the moments concerned, and find the pairs among them."""
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
            hidden = pl.Series([hide(text, salt=rules.salt) for text in plain], dtype=pl.String)
            rows = rows.with_columns(pl.col(name).replace_strict(plain, hidden, default=None, return_dtype=pl.String))
    found = []
    for (a, b), pairs in links.group_by("id_type_a", "id_type_b"):
        for left, right in product(columns[a], columns[b]):
            if left != right:
                both = rows.select(
                    "timestamp", "event", "call", pl.col(left).alias("id_a"), pl.col(right).alias("id_b")
                )
                found.append(pairs.join(both, on=["timestamp", "id_a", "id_b"]).select(*_PAIR, "source", *_TOLD))
    return pl.concat(found).with_columns(pl.col(name).cast(pl.String) for name in _TOLD)


def _columns(one: Events, kind: str) -> list[str]:
    """List the columns in which an identifier may stand: what was told as a user's may be meant otherwise."""
    return [kind, *([USER] if kind in NAMELESS and USER in one.ids else [])]
