"""Identifiers as tracked → small integers, each distinct combination of a row's identifiers once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.rules import IdentityRules

if TYPE_CHECKING:
    from journeys.events import Events

__all__ = ["Coded", "Part", "code_ids", "normalise", "order_types"]

Ints = npt.NDArray[np.int64]

_UUID = r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Rows of one `Events`, of its events or of its facts, in order of arrival.

    Attributes
    ----------
    rows : pl.LazyFrame
        The rows that take part.
    combination : np.ndarray
        For each row the number of its combination of identifiers.
    source : int
        The number of the source's name.
    is_events : bool
        Whether the rows are behaviour; facts only link.
    """

    rows: pl.LazyFrame
    combination: Ints
    source: int
    is_events: bool


@dataclass(frozen=True, eq=False, slots=True)
class Coded:
    """All identifiers as integers.

    Attributes
    ----------
    types : tuple of str
        Identifier types, most trusted first.
    ids : pl.DataFrame
        `rank` (place in `types`), `id`; the row number is the code, so that codes order by trust and value.
    rank : np.ndarray
        The rank of each code.
    combinations : np.ndarray
        One row a distinct combination of one part; a column a type, -1 where there is none.
    facts : pl.DataFrame
        Of each combination `first`, `last` (µs), `rows`, `source`, `is_events`.
    parts : tuple of Part
        The rows, pointing at combinations.
    links : pl.DataFrame
        Explicit links: `a`, `b`, `first` (µs), `source`, `kind`.
    junk : pl.DataFrame
        `id_type`, `id`, `reason`, `rows` of the values that are nobody.
    sources : tuple of str
        Names of sources, by number.
    self_links : int
        Explicit links from an identifier to itself.
    """

    types: tuple[str, ...]
    ids: pl.DataFrame
    rank: Ints
    combinations: npt.NDArray[np.int32]
    facts: pl.DataFrame
    parts: tuple[Part, ...]
    links: pl.DataFrame
    junk: pl.DataFrame
    sources: tuple[str, ...]
    self_links: int


def order_types(events: Sequence[Events], *, rules: IdentityRules, explicit: Iterable[str] = ()) -> tuple[str, ...]:
    """Put the identifier types in order of trust, whatever the order of the sources.

    Types that the rules name come first; the others by the best place that a source gives them, then by name.
    """
    place: dict[str, int] = {}
    for one in events:
        for at, name in enumerate(one.ids):
            place[name] = min(at, place.get(name, at))
    for name in explicit:
        place.setdefault(name, 1_000)
    named = list(dict.fromkeys([*rules.priority, *rules.exclusive]))
    return tuple(
        sorted(place, key=lambda name: (named.index(name) if name in named else len(named), place[name], name))
    )


def normalise(values: pl.Expr, *, id_type: str, rules: IdentityRules) -> pl.Expr:
    """Write what is the same identifier in the same way: blanks, "123.0", case of e-mails and UUIDs, plus-tags."""
    text = values.str.strip_chars()
    if id_type in rules.emails:
        text = text.str.to_lowercase().str.strip_prefix("mailto:")
        return text.str.replace(r"\+[^@]*@", "@") if rules.plus_tags == "drop" else text
    if id_type in rules.fold_case:
        text = text.str.to_lowercase()
    return (
        pl.when(text.str.contains(_UUID))
        .then(text.str.to_lowercase())
        .otherwise(text.str.replace(r"^(-?\d+)\.0+$", "${1}"))
    )


def code_ids(
    parts: Sequence[tuple[pl.LazyFrame, str, bool]],
    *,
    links: pl.DataFrame,
    types: tuple[str, ...],
    rules: IdentityRules,
) -> Coded:
    """Code every identifier of every row once.

    Parameters
    ----------
    parts : sequence of (rows, source, is_events)
        Frames with `timestamp` and identifier columns.
    links : pl.DataFrame
        Explicit links as `Events.links` has them.
    types : tuple of str
        Identifier types, most trusted first.
    rules : IdentityRules
        How values are normalised, and which are junk.
    """
    sources = tuple(sorted({source for _, source, _ in parts} | set(links["source"].unique().to_list())))
    found = [_combine(rows, types=types) for rows, _, _ in parts]
    raw = _raw_values(found, links=links, types=types)
    book, ids, reasons = _book(raw, types=types, rules=rules)
    blocks, facts, kept, junk = [], [], [], []
    start = 0
    for (rows, source, is_events), (distinct, row_numbers) in zip(parts, found, strict=True):
        block = np.full((distinct.height, len(types)), -1, dtype=np.int32)
        for at, name in enumerate(types):
            if name in distinct.columns:
                coded = distinct.select(pl.col(name).alias("raw"), pl.col("rows")).join(
                    book[name], on="raw", how="left", maintain_order="left"
                )
                block[:, at] = coded["code"].fill_null(-1).to_numpy()
                bad = coded.filter(pl.col("code").is_null() & pl.col("raw").is_not_null())
                junk.append(bad.select(pl.lit(name).alias("id_type"), "raw", "rows"))
        blocks.append(block)
        facts.append(
            distinct.select(
                pl.col("first").dt.timestamp("us"),
                pl.col("last").dt.timestamp("us"),
                "rows",
                pl.lit(sources.index(source), dtype=pl.Int64).alias("source"),
                pl.lit(is_events).alias("is_events"),
            )
        )
        kept.append(Part(rows, row_numbers + start, sources.index(source), is_events))
        start += distinct.height
    explicit, self_links = _explicit(links, book=book, types=types, sources=sources)
    nobody = (
        pl.concat(junk)
        .group_by("id_type", "raw")
        .agg(pl.col("rows").sum())
        .join(reasons, on=["id_type", "raw"], how="left")
        .select("id_type", pl.col("raw").alias("id"), "reason", "rows")
        .sort("rows", "id_type", "id", descending=[True, False, False])
        if junk
        else pl.DataFrame(schema={"id_type": pl.String, "id": pl.String, "reason": pl.String, "rows": pl.Int64})
    )
    return Coded(
        types=types,
        ids=ids,
        rank=ids["rank"].to_numpy().astype(np.int64),
        combinations=np.concatenate(blocks) if blocks else np.empty((0, len(types)), dtype=np.int32),
        facts=pl.concat(facts) if facts else pl.DataFrame(schema=_FACTS),
        parts=tuple(kept),
        links=explicit,
        junk=nobody,
        sources=sources,
        self_links=self_links,
    )


_FACTS = {"first": pl.Int64, "last": pl.Int64, "rows": pl.Int64, "source": pl.Int64, "is_events": pl.Boolean}


def _combine(rows: pl.LazyFrame, *, types: tuple[str, ...]) -> tuple[pl.DataFrame, Ints]:
    """Return the distinct combinations of identifiers, and for each row the number of its own."""
    have = [name for name in types if name in rows.collect_schema()]
    if not have:
        span = rows.select(
            pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last"), pl.len().alias("rows")
        ).collect()
        count = int(span["rows"][0])
        return span.with_columns(pl.col("rows").cast(pl.Int64)).head(min(count, 1)), np.zeros(count, dtype=np.int64)
    text = rows.select("timestamp", pl.col(have).cast(pl.String))
    key = pl.struct(have).hash().alias("key")
    distinct = (
        text.group_by(have)
        .agg(
            pl.col("timestamp").min().alias("first"),
            pl.col("timestamp").max().alias("last"),
            pl.len().cast(pl.Int64).alias("rows"),
        )
        .collect()
        .with_columns(key)
        .with_row_index("number")
    )
    if distinct["key"].n_unique() == distinct.height:
        keys = text.select(key).collect()
        numbers = keys.join(distinct.select("key", "number"), on="key", how="left", maintain_order="left")["number"]
    else:
        # two combinations share a hash: compare the identifiers themselves
        numbers = (
            text.select(have)
            .collect()
            .join(distinct.select(*have, "number"), on=have, how="left", maintain_order="left", nulls_equal=True)
        )["number"]
    return distinct.drop("key", "number"), numbers.to_numpy().astype(np.int64)


def _raw_values(
    found: Sequence[tuple[pl.DataFrame, Ints]], *, links: pl.DataFrame, types: tuple[str, ...]
) -> dict[str, pl.Series]:
    raw: dict[str, pl.Series] = {}
    for name in types:
        columns = [distinct[name] for distinct, _ in found if name in distinct.columns]
        columns += [links.filter(pl.col(f"id_type_{end}") == name)[f"id_{end}"] for end in "ab"]
        raw[name] = pl.concat([column.cast(pl.String).rename("raw") for column in columns]).unique().drop_nulls()
    return raw


def _book(
    raw: dict[str, pl.Series], *, types: tuple[str, ...], rules: IdentityRules
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """Number the identifiers by type and value; return raw → code for each type, the identifiers, and the junk."""
    pages, codes, reasons = {}, [], []
    start = 0
    for at, name in enumerate(types):
        told = raw[name].to_frame().with_columns(normalise(pl.col("raw"), id_type=name, rules=rules).alias("id"))
        told = told.with_columns(_junk_reason(rules).alias("reason"))
        reasons.append(
            told.filter(pl.col("reason").is_not_null()).select(pl.lit(name).alias("id_type"), "raw", "reason")
        )
        good = told.filter(pl.col("reason").is_null())
        if rules.hash_emails and name in rules.emails:
            good = good.with_columns(
                pl.Series("id", [_digest(text, salt=rules.salt) for text in good["id"]], pl.String)
            )
        ids = good["id"].unique().sort().to_frame().with_row_index("code", offset=start)
        pages[name] = good.join(ids, on="id", how="left").select("raw", pl.col("code").cast(pl.Int64))
        codes.append(ids.select(pl.lit(at, dtype=pl.Int64).alias("rank"), "id"))
        start += ids.height
    if not types:
        empty = pl.DataFrame(schema={"id_type": pl.String, "raw": pl.String, "reason": pl.String})
        return {}, pl.DataFrame(schema={"rank": pl.Int64, "id": pl.String}), empty
    return pages, pl.concat(codes), pl.concat(reasons)


def _digest(address: str, *, salt: str) -> str:
    return hashlib.sha256(f"{salt}{address}".encode()).hexdigest()


def _junk_reason(rules: IdentityRules) -> pl.Expr:
    reasons = [pl.when(pl.col("id") == "").then(pl.lit("blank"))]
    for pattern in rules.junk:
        reasons.append(pl.when(pl.col("id").str.contains(pattern)).then(pl.lit(f"looks like nobody: {pattern}")))
    return pl.coalesce(reasons)


def _explicit(
    links: pl.DataFrame, *, book: dict[str, pl.DataFrame], types: tuple[str, ...], sources: tuple[str, ...]
) -> tuple[pl.DataFrame, int]:
    if not types:
        return pl.DataFrame(schema=_LINKS), 0
    known = pl.concat([page.with_columns(pl.lit(name).alias("id_type")) for name, page in book.items()])
    told = links
    for end in "ab":
        told = told.join(
            known.select(
                pl.col("id_type").alias(f"id_type_{end}"), pl.col("raw").alias(f"id_{end}"), pl.col("code").alias(end)
            ),
            on=[f"id_type_{end}", f"id_{end}"],
            how="left",
        )
    told = told.filter(pl.col("a").is_not_null() & pl.col("b").is_not_null())
    apart = told.filter(pl.col("a") != pl.col("b"))
    number = {name: at for at, name in enumerate(sources)}
    return (
        apart.select(
            pl.min_horizontal("a", "b").alias("a"),
            pl.max_horizontal("a", "b").alias("b"),
            pl.col("timestamp").dt.timestamp("us").alias("first"),
            pl.col("source").replace_strict(number, return_dtype=pl.Int64).alias("source"),
            "kind",
        ),
        told.height - apart.height,
    )


_LINKS = {"a": pl.Int64, "b": pl.Int64, "first": pl.Int64, "source": pl.Int64, "kind": pl.String}
