"""Which identifier is meant: by its value, or by type and value, written as people write it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from journeys.errors import ArgumentError, JourneysError, UnknownNameError, closest, raise_all, unknown
from journeys.identity.coding import hide, normalise
from journeys.identity.rules import IdentityRules

if TYPE_CHECKING:
    from journeys.identity.report import Identity

__all__ = ["Wanted", "find_codes"]

Wanted = str | int | tuple[str, str | int]

_FEW = 5_000
_PIECES = 16


def find_codes(identity: Identity, wanted: dict[str, Wanted], *, salt: str | None) -> list[int]:
    """Return the code of each identifier that was named, or say of all what is wrong with them."""
    rules = identity.rules if salt is None else replace(identity.rules, salt=salt)
    codes, wrong = [], []
    for argument, one in wanted.items():
        try:
            codes.append(_find(identity, one, argument=argument, rules=rules))
        except JourneysError as problem:
            wrong.append(problem)
    raise_all([str(problem) for problem in wrong], type(wrong[0]) if wrong else ArgumentError)
    return codes


def _find(identity: Identity, wanted: object, *, argument: str, rules: IdentityRules) -> int:
    types, value = _read(wanted, argument=argument, types=identity.types)
    found: list[int] = []
    forms = {value}
    ids = identity.ids.with_row_index("code")
    for name in types:
        plain = pl.select(normalise(pl.lit(value), id_type=name, rules=rules)).item()
        written = [plain]
        if rules.hash_emails and name in rules.emails:
            # an address, or its hash as the tables show it
            written = [hide(plain, salt=rules.salt), value.strip()]
        forms |= set(written)
        mine = (pl.col("id_type").cast(pl.String) == name) & pl.col("id").is_in(written)
        found += ids.filter(mine)["code"].to_list()
    if len(found) > 1:
        kinds = [identity.ids["id_type"][code] for code in found]
        told = " or ".join(repr((kind, value)) for kind in kinds)
        raise ArgumentError(f"{argument}: {value!r} is a value of {' and of '.join(kinds)}; say which: {told}.")
    if not found:
        raise UnknownNameError(_missing(identity, value, forms=forms, types=types, argument=argument, rules=rules))
    return found[0]


def _read(wanted: object, *, argument: str, types: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Take apart what was given: the types to look in, and the value as text."""
    named = isinstance(wanted, tuple) and len(wanted) == 2
    kind, value = wanted if named and isinstance(wanted, tuple) else (None, wanted)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ArgumentError(
            f"{argument}: {wanted!r} is no identifier; give its value, or a type and a value such as "
            f"{(types[0] if types else 'user_id', '42')!r}."
        )
    if not named:
        return types, str(value)
    if kind not in types:
        raise UnknownNameError(unknown(argument, str(kind), available=types, what="identifier type"))
    return (str(kind),), str(value)


def _missing(
    identity: Identity, value: str, *, forms: set[str], types: tuple[str, ...], argument: str, rules: IdentityRules
) -> str:
    """Say what is known of a value that is no identifier."""
    junk = identity.junk.filter(pl.col("id_type").is_in(list(types)) & pl.col("id").is_in(sorted(forms)))
    if junk.height:
        return f"{argument}: {value!r} is nobody's ({junk['reason'][0]}), it links nothing."
    said = f"{argument}: no identifier {value!r}"
    hidden = [name for name in types if rules.hash_emails and name in rules.emails]
    if identity.salted and not rules.salt and hidden and "@" in value:
        return (
            f"{said}: addresses are kept as hashes, and a store does not keep the salt; give it, "
            "explain(…, salt=…), or the hash as the tables show it."
        )
    kinds = pl.col("id_type").cast(pl.String)
    told = identity.ids.filter(kinds.is_in([name for name in types if name not in hidden]))["id"].unique()
    near = closest(value, _alike(told, value))
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    some = told.sort().head(20).to_list()
    more = f" and {told.len() - 20:,} more" if told.len() > 20 else ""
    listed = f" Available: {', '.join(map(repr, some))}{more}" if some else "" if hidden else " There are none."
    hashed = f" Values of {' and '.join(hidden)} are hashes and not listed." if hidden else ""
    return f"{said}{hint}{listed}{'.' if hidden and some else ''}{hashed}"


def _alike(ids: pl.Series, value: str) -> list[str]:
    """Choose the few identifiers that are worth a close comparison: those that share most pieces of three signs."""
    if ids.len() <= _FEW:
        return ids.sort().to_list()
    text = value.lower()
    pieces = sorted({text[at : at + 3] for at in range(max(1, len(text) - 2))})
    pieces = pieces[:: -(-len(pieces) // _PIECES)]
    size = pl.col("id").str.len_chars().cast(pl.Int64)
    # beyond these lengths nothing is called close
    told = ids.to_frame("id").filter(size.is_between(len(text) // 3, len(text) * 3))
    lower = pl.col("lower")
    return (
        told.with_columns(pl.col("id").str.to_lowercase().alias("lower"), apart=(size - len(text)).abs())
        .with_columns(
            shared=pl.sum_horizontal(lower.str.contains(piece, literal=True).cast(pl.Int32) for piece in pieces)
        )
        .sort("shared", "apart", "id", descending=[True, False, False])["id"]
        .head(500)
        .to_list()
    )
