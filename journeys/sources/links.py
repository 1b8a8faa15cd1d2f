"""Explicit links out of the calls that say that two identifiers are one person's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from journeys.events import LINK_SCHEMA

__all__ = ["Link", "made_links", "read_stated", "stated_links", "wrong_links"]

End = tuple[str | pl.Expr, pl.Expr]


class Link(NamedTuple):
    """A call (a kind of fact; None: any row) and the two (id type, id) that it joins, as an "alias" or a "merge".

    Where a call does not say what an identifier is, it is told as a "user_id": stitching finds out what is meant. A
    link of the kind "identify" joins nothing: it says that `a` is nobody known, and `b` is.
    """

    call: str | None
    a: End
    b: End
    kind: str


def made_links(wanted: Sequence[tuple[pl.LazyFrame, Link]]) -> pl.LazyFrame:
    """Make the table of links, in the canonical columns; a call that lacks one end links nothing.

    Links from an identifier to itself are made, too: stitching counts them.
    """
    frames = []
    for rows, link in wanted:
        ends = []
        for which, (kind, value) in (("a", link.a), ("b", link.b)):
            ends += [
                (pl.lit(kind) if isinstance(kind, str) else kind).alias(f"id_type_{which}"),
                value.alias(f"id_{which}"),
            ]
        calls = rows if link.call is None else rows.filter(pl.col("_kind") == link.call)
        frame = calls.select(*ends, "timestamp", "source", pl.lit(link.kind).alias("kind"))
        both = pl.col("id_a").is_not_null() & pl.col("id_b").is_not_null()
        frames.append(frame.filter(both).select(list(LINK_SCHEMA)))
    return pl.concat(frames)


def read_stated(links: Mapping[str, str | tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Read of each column that states links the identifier type and the kind.

    Examples
    --------
    >>> read_stated({"previous": "anonymous_id", "merged": ("user_id", "merge")})
    {'previous': ('anonymous_id', 'alias'), 'merged': ('user_id', 'merge')}
    """
    return {column: (one, "alias") if isinstance(one, str) else one for column, one in links.items()}


def wrong_links(links: object) -> list[str]:
    """Say what `read_stated` cannot read."""
    if not isinstance(links, Mapping):
        return [f"links: expected a mapping from column to identifier type, got {links!r}."]
    problems = []
    for column, one in links.items():
        kind, how = one if isinstance(one, tuple) and len(one) == 2 else (one, "alias")
        if not isinstance(column, str):
            problems.append(f"links: expected names of columns, got {column!r}.")
        if not isinstance(kind, str) or how not in ("alias", "merge"):
            problems.append(f"links[{column!r}]: {one!r} is neither a type nor (type, 'alias') nor (type, 'merge').")
    return problems


def stated_links(ids: Sequence[str], stated: Mapping[str, tuple[str, str]]) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Join the most trusted identifier of each row with what is stated beside it, each under the name of its column."""
    kinds = pl.coalesce(pl.when(pl.col(one).is_not_null()).then(pl.lit(one)) for one in ids)
    ends = [((kind, pl.col(column)), how) for column, (kind, how) in stated.items()]
    wanted = [Link(None, (kinds, pl.coalesce(ids)), end, how) for end, how in ends]
    return lambda used: made_links([(used, link) for link in wanted])
