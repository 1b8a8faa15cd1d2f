"""Explicit links: calls and columns that state that two identifiers belong to one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from journeys.events import LINK_SCHEMA

__all__ = ["Link", "build_column_links", "build_links", "find_link_problems", "parse_link_columns"]

End = tuple[str | pl.Expr, pl.Expr]


class Link(NamedTuple):
    """A call and the two identifiers that it links.

    Attributes
    ----------
    call
        The kind of fact that makes the link; None for any row.
    a, b
        The two ends, each as (identifier type, identifier). Where a call does not say of which type an identifier is,
        the type is "user_id", and stitching finds out which was meant.
    kind
        "alias" or "merge"; or "identify", which links nothing: it states that `a` is anonymous and `b` is known. With
        one identifier as both, it states only that it is known.
    """

    call: str | None
    a: End
    b: End
    kind: str


def build_links(wanted: Sequence[tuple[pl.LazyFrame, Link]]) -> pl.LazyFrame:
    """Build the table of links in its canonical columns; a call that lacks one end links nothing.

    Links from an identifier to itself are kept: stitching counts them.
    """
    frames = []
    for rows, link in wanted:
        ends = []
        for which, (id_type, value) in (("a", link.a), ("b", link.b)):
            ends += [
                (pl.lit(id_type) if isinstance(id_type, str) else id_type).alias(f"id_type_{which}"),
                value.alias(f"id_{which}"),
            ]
        calls = rows if link.call is None else rows.filter(pl.col("_kind") == link.call)
        frame = calls.select(*ends, "timestamp", "source", pl.lit(link.kind).alias("kind"))
        both = pl.col("id_a").is_not_null() & pl.col("id_b").is_not_null()
        frames.append(frame.filter(both).select(list(LINK_SCHEMA)))
    return pl.concat(frames)


def parse_link_columns(links: Mapping[str, str | tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Give the identifier type and the kind of link of each column that states links.

    Examples
    --------
    >>> parse_link_columns({"previous": "anonymous_id", "merged": ("user_id", "merge")})
    {'previous': ('anonymous_id', 'alias'), 'merged': ('user_id', 'merge')}
    """
    return {column: (link, "alias") if isinstance(link, str) else link for column, link in links.items()}


def find_link_problems(links: object) -> list[str]:
    """Say which columns `parse_link_columns` cannot read."""
    if not isinstance(links, Mapping):
        return [f"links: expected a mapping from column to identifier type, got {links!r}."]
    problems = []
    for column, link in links.items():
        id_type, kind = link if isinstance(link, tuple) and len(link) == 2 else (link, "alias")
        if not isinstance(column, str):
            problems.append(f"links: expected names of columns, got {column!r}.")
        if not isinstance(id_type, str) or kind not in ("alias", "merge"):
            problems.append(f"links[{column!r}]: {link!r} is neither a type nor (type, 'alias') nor (type, 'merge').")
    return problems


def build_column_links(
    ids: Sequence[str], columns: Mapping[str, tuple[str, str]]
) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Link the most trusted identifier of each row with the identifiers that its link columns hold."""
    id_type = pl.coalesce(pl.when(pl.col(one).is_not_null()).then(pl.lit(one)) for one in ids)
    own = (id_type, pl.coalesce(ids))
    links = [Link(None, own, (stated, pl.col(column)), kind) for column, (stated, kind) in columns.items()]
    return lambda used: build_links([(used, link) for link in links])
