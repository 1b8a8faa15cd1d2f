"""Which identifiers that calls name as a user's are anonymous, decided from the rows of all sources."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.read_rows import SourceRows

Numbers = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]

IDENTIFY = "identify"
"""The kind of a link that says which identifier is anonymous (`a`) and which a user's (`b`), and joins nothing.

With one identifier at both ends it says only that this one is a user's.
"""

USER, ANONYMOUS_TYPES = "user_id", ("anonymous_id", "device_id")
# Calls that name identifiers without saying of which type they are.
_UNTYPED_CALLS = ("alias", "create_alias", "merge")


def reclassify_anonymous_ids(
    links: pl.DataFrame,
    *,
    blocks: list[Numbers],
    sources: Sequence[SourceRows],
    ids: pl.DataFrame,
    types: tuple[str, ...],
) -> pl.DataFrame:
    """Reclassify as anonymous what calls (`previousId`, `distinct_id`, `alias`) name as if it were a user id.

    A reader sees its own rows only, and whether the visits came in the same file must not decide. So the rows of all
    sources are asked, after normalisation: a user id that a call names is an anonymous id (or a device's) if there is
    an equal one of that type and no row but these calls has it as a user's; or if an identify call says so and no
    other says that it is a user. Of several types that of the same source comes first. What rows have as both stays a
    user id.

    Example: the call alias(previous "x1", user "ann"), and a page view with anonymous_id "x1": user_id "x1" becomes
    anonymous_id "x1". With a purchase by user_id "x1" besides, it stays a user id.

    Parameters
    ----------
    links : pl.DataFrame
        Explicit links: `a`, `b` (codes), `source`, `kind`.
    blocks : list of np.ndarray
        For each source the codes of its combinations, one column per type; changed in place.
    sources : sequence of SourceRows
        The rows of each source.
    ids : pl.DataFrame
        `rank`, `id`; the row number is the code.
    types : tuple of str
        Identifier types, by rank.

    Returns
    -------
    pl.DataFrame
        The links that join, with the new codes.
    """
    anonymous = [name for name in ANONYMOUS_TYPES if name in types]
    joins = links.filter(pl.col("kind") != IDENTIFY)
    if not links.height or not anonymous or USER not in types:
        return joins
    found = _find_reclassified(links, blocks=blocks, sources=sources, ids=ids, types=types)
    if not found.height:
        return joins
    has = {(one.name, name) for one in sources for name in one.types}
    own = {one.name: [name for name in anonymous if (one.name, name) in has] for one in sources}
    new = {name: _new_codes(found, first=types.index(name), count=ids.height) for name in anonymous}
    for at, one in enumerate(sources):
        first = (own[one.name] or anonymous)[0]
        blocks[at] = _replace_user_codes(blocks[at], new[first], types=types)
    parts = []
    for name, mine in joins.with_row_index("place").group_by("source"):
        first = (own.get(str(name[0])) or anonymous)[0]
        codes = [pl.Series(end, new[first].take(mine[end].to_numpy()), dtype=pl.Int64) for end in "ab"]
        parts.append(mine.with_columns(codes))
    return pl.concat(parts).sort("place").drop("place") if parts else joins


def _find_reclassified(
    links: pl.DataFrame,
    *,
    blocks: Sequence[Numbers],
    sources: Sequence[SourceRows],
    ids: pl.DataFrame,
    types: Sequence[str],
) -> pl.DataFrame:
    """List the user ids that are anonymous: `code`, `other` (the anonymous code) and the `rank` of its type."""
    # one more place, for "none" (-1)
    seen, in_rows, in_calls = (np.zeros(ids.height + 1, dtype=bool) for _ in range(3))
    for one, block in zip(sources, blocks, strict=True):
        by_row = np.zeros(block.shape[0], dtype=bool)
        by_row[one.event_combinations] = True
        calls = one.facts.select(pl.col("kind").is_in(_UNTYPED_CALLS).fill_null(value=False)).to_series().to_numpy()
        by_row[one.fact_combinations[~calls]] = True
        in_rows[block[by_row]] = True
        seen[block[one.fact_combinations]] = True
        in_calls[block[one.fact_combinations[calls]]] = True
    seen |= in_rows
    joins, identifies = links.filter(pl.col("kind") != IDENTIFY), links.filter(pl.col("kind") == IDENTIFY)
    ends = [part[end].to_numpy() for part in (joins, identifies) for end in "ab"]
    for codes in ends:
        seen[codes] = True
    anonymous, users = np.zeros_like(seen), np.zeros_like(seen)
    anonymous[identifies["a"].to_numpy()] = users[identifies["b"].to_numpy()] = True
    for codes in ends[:2]:
        in_calls[codes] = True
    coded = ids.select("rank", "id", pl.int_range(pl.len()).alias("code"))
    names = coded.filter(pl.Series(anonymous[:-1]))["id"].unique()
    is_user = pl.col("rank") == types.index(USER)
    asked = pl.Series(in_calls[:-1]) | pl.col("id").is_in(names.implode())
    mine = coded.filter(is_user & asked).select("id", "code")
    found = coded.filter(pl.col("rank").is_in([types.index(name) for name in ANONYMOUS_TYPES if name in types]))
    found = found.join(mine, on="id", suffix="_user").select(
        pl.col("code_user").alias("code"), pl.col("code").alias("other"), "rank"
    )
    code, other = found["code"].to_numpy(), found["other"].to_numpy()
    reclassified = seen[other] & ~in_rows[code] | anonymous[other] & ~users[code]
    return found.filter(pl.Series(reclassified))


def _new_codes(found: pl.DataFrame, *, first: int, count: int) -> Ints:
    """Return the new code of each code, if one type comes first; at the last place that of "none"."""
    best = found.sort((pl.col("rank") != first), "rank", "code").unique("code", keep="first", maintain_order=True)
    new = np.arange(count + 1)
    new[-1] = -1
    new[best["code"].to_numpy()] = best["other"].to_numpy()
    return new


def _replace_user_codes(block: Numbers, new: Ints, *, types: Sequence[str]) -> Numbers:
    """Write the new codes in the column of user ids; a row that has the identifier already keeps it once."""
    at = types.index(USER)
    code = new.take(block[:, at]).astype(np.int32)
    changed = np.flatnonzero(code != block[:, at])
    if not changed.size:
        return block
    replaced = block.copy()
    twice = (block[changed] == code[changed, np.newaxis]).any(axis=1)
    replaced[changed, at] = np.where(twice, np.int32(-1), code[changed])
    return replaced
