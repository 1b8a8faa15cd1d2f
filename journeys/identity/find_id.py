"""Find an identifier by its value, or by type and value, in whatever way it is written."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from journeys.errors import ArgumentError, JourneysError, UnknownNameError, closest, raise_all, unknown
from journeys.identity.graph import IdentityGraph
from journeys.identity.normalise import hash_email, normalise
from journeys.identity.rules import IdentityRules

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
            codes.append(_find(graph, one, argument=argument, rules=rules))
        except JourneysError as problem:
            wrong.append(problem)
    raise_all([str(problem) for problem in wrong], type(wrong[0]) if wrong else ArgumentError)
    return codes


def _find(graph: IdentityGraph, wanted: object, *, argument: str, rules: IdentityRules) -> int:
    """Return the code of one identifier, normalised (and hashed) as the rules have it."""
    types, value = _parse(wanted, argument=argument, types=graph.types)
    found: list[int] = []
    forms = {value}
    ids = graph.ids.with_row_index("code")
    for name in types:
        plain = pl.select(normalise(pl.lit(value), id_type=name, rules=rules)).item()
        written = [plain]
        if rules.hash_emails and name in rules.emails:
            # an address, or its hash as the tables show it
            written = [hash_email(plain, salt=rules.salt), value.strip()]
        forms |= set(written)
        mine = (pl.col("id_type").cast(pl.String) == name) & pl.col("id").is_in(written)
        found += ids.filter(mine)["code"].to_list()
    if len(found) > 1:
        kinds = [graph.ids["id_type"][code] for code in found]
        choices = " or ".join(repr((kind, value)) for kind in kinds)
        raise ArgumentError(f"{argument}: {value!r} is a value of {' and of '.join(kinds)}; say which: {choices}.")
    if not found:
        raise UnknownNameError(_explain_missing(graph, value, forms=forms, types=types, argument=argument, rules=rules))
    return found[0]


def _parse(wanted: object, *, argument: str, types: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
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
        raise UnknownNameError(unknown(argument, str(kind), available=types, what="identifier type"))
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
    near = closest(value, _similar(readable, value))
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    some = readable.sort().head(20).to_list()
    more = f" and {readable.len() - 20:,} more" if readable.len() > 20 else ""
    listed = f" Available: {', '.join(map(repr, some))}{more}" if some else "" if hidden else " There are none."
    hashed = f" Values of {' and '.join(hidden)} are hashes and not listed." if hidden else ""
    return f"{text}{hint}{listed}{'.' if hidden and some else ''}{hashed}"


def _similar(ids: pl.Series, value: str) -> list[str]:
    """Return the few identifiers that are worth a close comparison: those that share most trigrams."""
    if ids.len() <= _COMPARE_ALL:
        return ids.sort().to_list()
    text = value.lower()
    trigrams = sorted({text[at : at + 3] for at in range(max(1, len(text) - 2))})
    trigrams = trigrams[:: -(-len(trigrams) // _MAX_TRIGRAMS)]
    size = pl.col("id").str.len_chars().cast(pl.Int64)
    # beyond these lengths nothing is called close
    candidates = ids.to_frame("id").filter(size.is_between(len(text) // 3, len(text) * 3))
    lower = pl.col("lower")
    return (
        candidates.with_columns(pl.col("id").str.to_lowercase().alias("lower"), apart=(size - len(text)).abs())
        .with_columns(
            shared=pl.sum_horizontal(lower.str.contains(one, literal=True).cast(pl.Int32) for one in trigrams)
        )
        .sort("shared", "apart", "id", descending=[True, False, False])["id"]
        .head(500)
        .to_list()
    )
