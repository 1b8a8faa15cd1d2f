"""Explicit links out of the calls that say that two identifiers are one person's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from journeys.errors import ArgumentError, raise_all
from journeys.events import LINK_SCHEMA

__all__ = ["Link", "made_links", "with_kinds"]

End = tuple[str | pl.Expr, pl.Expr]


class Link(NamedTuple):
    """A call (a kind of fact; None: any row) and the two (id type, id) that it joins, as an "alias" or a "merge"."""

    call: str | None
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
        calls = rows if link.call is None else rows.filter(pl.col("_kind") == link.call)
        frame = calls.select(*ends, "timestamp", "source", pl.lit(link.kind).alias("kind"))
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


def read_stated(links: Mapping[str, str | tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Read of each column that states links the identifier type and the kind.

    Examples
    --------
    >>> read_stated({"previous": "anonymous_id", "merged": ("user_id", "merge")})
    {'previous': ('anonymous_id', 'alias'), 'merged': ('user_id', 'merge')}
    """
    if not isinstance(links, Mapping):
        raise ArgumentError(f"links: expected a mapping from column to identifier type, got {links!r}.")
    told: dict[str, tuple[str, str]] = {}
    problems = []
    for column, one in links.items():
        kind, how = one if isinstance(one, tuple) and len(one) == 2 else (one, "alias")
        if isinstance(kind, str) and how in ("alias", "merge"):
            told[column] = (kind, how)
        else:
            problems.append(f"links[{column!r}]: {one!r} is neither a type nor (type, 'alias') nor (type, 'merge').")
    raise_all(problems)
    return told


def stated_links(ids: Sequence[str], stated: Mapping[str, tuple[str, str]]) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Join the most trusted identifier of each row with what is stated beside it, each under the name of its column."""
    kinds = pl.coalesce(pl.when(pl.col(one).is_not_null()).then(pl.lit(one)) for one in ids)
    ends = [((kind, pl.col(column)), how) for column, (kind, how) in stated.items()]
    wanted = [Link(None, (kinds, pl.coalesce(ids)), end, how) for end, how in ends]
    return lambda used: made_links([(used, link) for link in wanted])
