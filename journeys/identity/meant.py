"""What the identifiers are that tools call by one name, a user's or somebody nameless's: as the rows have them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.reading import Reading

__all__ = ["NAMELESS", "STATED", "USER", "as_meant"]

Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

STATED = "identify"
"""The kind of a link that says which identifier is nameless (`a`) and which a user's (`b`), and joins nothing."""

USER, NAMELESS = "user_id", ("anonymous_id", "device_id")
# Calls that name identifiers without saying what they are.
_CALLS = ("alias", "create_alias", "merge")


def as_meant(
    told: pl.DataFrame, *, blocks: list[Numbers], readings: Sequence[Reading], ids: pl.DataFrame, types: tuple[str, ...]
) -> pl.DataFrame:
    """Take for somebody nameless's what calls (`previousId`, `distinct_id`, `alias`) name as if it were a user's.

    A reader sees its own rows only; whether the visits came in the same file must not decide who is who. So all rows
    of all sources are asked, after identifiers were normalised: a user id that a call names is an anonymous id (or a
    device's) if there is such a one and no row but these calls has it as a user's; or if an identify call says so and
    no other says that it is a user. Of several types that of the same source comes first. What rows have as both stays
    a user's.

    Parameters
    ----------
    told : pl.DataFrame
        Explicit links: `a`, `b` (codes), `source`, `kind`.
    blocks : list of np.ndarray
        Of each reading the codes of its combinations, a column a type; changed in their places.
    readings : sequence of Reading
        The sources.
    ids : pl.DataFrame
        `rank`, `id`; the row number is the code.
    types : tuple of str
        Identifier types, by rank.

    Returns
    -------
    pl.DataFrame
        The links that join, with the codes that are meant.
    """
    nameless = [name for name in NAMELESS if name in types]
    joins = told.filter(pl.col("kind") != STATED)
    if not told.height or not nameless or USER not in types:
        return joins
    twins = _twins(told, blocks=blocks, readings=readings, ids=ids, types=types)
    if not twins.height:
        return joins
    has = {(one.name, name) for one in readings for name in one.types}
    own = {one.name: [name for name in nameless if (one.name, name) in has] for one in readings}
    meant = {name: _meant(twins, first=types.index(name), count=ids.height) for name in nameless}
    for at, one in enumerate(readings):
        first = (own[one.name] or nameless)[0]
        blocks[at] = _moved(blocks[at], meant[first], types=types)
    parts = []
    for name, links in joins.with_row_index("place").group_by("source"):
        first = (own.get(str(name[0])) or nameless)[0]
        codes = [pl.Series(end, meant[first].take(links[end].to_numpy()), dtype=pl.Int64) for end in "ab"]
        parts.append(links.with_columns(codes))
    return pl.concat(parts).sort("place").drop("place") if parts else joins


def _twins(
    told: pl.DataFrame,
    *,
    blocks: Sequence[Numbers],
    readings: Sequence[Reading],
    ids: pl.DataFrame,
    types: Sequence[str],
) -> pl.DataFrame:
    """List the user ids that are meant otherwise: `code`, `other` (a code) and the `rank` of its type."""
    # one place more: that of "none", -1
    seen, named, asked = (np.zeros(ids.height + 1, dtype=bool) for _ in range(3))
    for one, block in zip(readings, blocks, strict=True):
        plain = np.zeros(block.shape[0], dtype=bool)
        plain[one.of_events] = True
        calls = one.facts.select(pl.col("kind").is_in(_CALLS).fill_null(value=False)).to_series().to_numpy()
        plain[one.of_facts[~calls]] = True
        named[block[plain]] = True
        seen[block[one.of_facts]] = True
        asked[block[one.of_facts[calls]]] = True
    seen |= named
    joins, stated = told.filter(pl.col("kind") != STATED), told.filter(pl.col("kind") == STATED)
    ends = [links[end].to_numpy() for links in (joins, stated) for end in "ab"]
    for codes in ends:
        seen[codes] = True
    nameless, users = np.zeros_like(seen), np.zeros_like(seen)
    nameless[stated["a"].to_numpy()] = users[stated["b"].to_numpy()] = True
    for codes in ends[:2]:
        asked[codes] = True
    coded = ids.select("rank", "id", pl.int_range(pl.len()).alias("code"))
    names = coded.filter(pl.Series(nameless[:-1]))["id"].unique()
    user = pl.col("rank") == types.index(USER)
    mine = coded.filter(user & (pl.Series(asked[:-1]) | pl.col("id").is_in(names.implode()))).select("id", "code")
    found = coded.filter(pl.col("rank").is_in([types.index(name) for name in NAMELESS if name in types]))
    found = found.join(mine, on="id", suffix="_user").select(
        pl.col("code_user").alias("code"), pl.col("code").alias("other"), "rank"
    )
    code, other = found["code"].to_numpy(), found["other"].to_numpy()
    meant = seen[other] & ~named[code] | nameless[other] & ~users[code]
    return found.filter(pl.Series(meant))


def _meant(twins: pl.DataFrame, *, first: int, count: int) -> Places:
    """Return what each code means, if one type comes first; at the last place that of "none"."""
    best = twins.sort((pl.col("rank") != first), "rank", "code").unique("code", keep="first", maintain_order=True)
    meant = np.arange(count + 1)
    meant[-1] = -1
    meant[best["code"].to_numpy()] = best["other"].to_numpy()
    return meant


def _moved(block: Numbers, meant: Places, *, types: Sequence[str]) -> Numbers:
    """Write what is meant where the user's id stood; a row that has it anyway has it once."""
    at = types.index(USER)
    code = meant.take(block[:, at]).astype(np.int32)
    moves = np.flatnonzero(code != block[:, at])
    if not moves.size:
        return block
    moved = block.copy()
    twice = (block[moves] == code[moves, np.newaxis]).any(axis=1)
    moved[moves, at] = np.where(twice, np.int32(-1), code[moves])
    return moved
