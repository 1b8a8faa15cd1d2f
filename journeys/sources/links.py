"""Explicit links out of the calls that say that two identifiers are one person's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from journeys.events import LINK_SCHEMA

__all__ = ["Link", "made_links", "with_kinds"]

End = tuple[str | pl.Expr, pl.Expr]


class Link(NamedTuple):
    """A call (a kind of fact) and the two (id type, id) that it joins, as an "alias" or a "merge"."""

    call: str
    a: End
    b: End
    kind: str


def made_links(wanted: Sequence[tuple[pl.LazyFrame, Link]]) -> pl.LazyFrame:
    """Make the table of links, in the canonical columns; a call that lacks one end links nothing."""
    frames = []
    for rows, link in wanted:
        ends = []
        for which, (kind, value) in (("a", link.a), ("b", link.b)):
            ends += [
                (pl.lit(kind) if isinstance(kind, str) else kind).alias(f"id_type_{which}"),
                value.alias(f"id_{which}"),
            ]
        frame = rows.filter(pl.col("_kind") == link.call).select(
            *ends, "timestamp", "source", pl.lit(link.kind).alias("kind")
        )
        both = pl.col("id_a").is_not_null() & pl.col("id_b").is_not_null()
        same = (pl.col("id_a") == pl.col("id_b")) & (pl.col("id_type_a") == pl.col("id_type_b"))
        frames.append(frame.filter(both & ~same).select(list(LINK_SCHEMA)))
    return pl.concat(frames)


def with_kinds(used: pl.LazyFrame, *, calls: Sequence[str], ids: Sequence[str], seen: str) -> pl.LazyFrame:
    """Say what the ids are that these calls name: of the type `seen` where other rows have them as such, else a user's.

    The calls (kinds of facts) are left, each id with a column `<id>:kind` beside.
    """
    call = pl.col("_kind").is_in(list(calls))
    rows = used.filter(call)
    known = used.filter(~call.fill_null(value=False) & pl.col(seen).is_not_null()).select(seen).unique()
    for name in ids:
        one = known.select(pl.col(seen).alias(name), pl.lit(seen).alias(f"{name}:kind"))
        rows = rows.join(one, on=name, how="left", maintain_order="left")
    return rows.with_columns(pl.col(f"{name}:kind").fill_null("user_id") for name in ids)
