"""Identifiers as tracked → small integers that order by trust and value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.reading import Reading
from journeys.identity.rules import IdentityRules

if TYPE_CHECKING:
    from journeys.events import Events

__all__ = ["Coded", "Part", "code_ids", "hide", "normalise", "order_types"]

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

_UUID = r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
_LATEST = np.iinfo(np.int64).max
_LINKS = {"a": pl.Int64, "b": pl.Int64, "first": pl.Int64, "source": pl.Int64, "kind": pl.String}
_JUNK = {"id_type": pl.String, "raw": pl.String, "reason": pl.String}


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """The events or the facts of one source, in order of arrival.

    Attributes
    ----------
    time : np.ndarray
        When, in µs.
    combination : np.ndarray
        The number of each row's combination of identifiers.
    is_events : bool
        Whether the rows are behaviour; facts only link.
    """

    time: Ints
    combination: Numbers
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
        One row a distinct combination of one source; a column a type, -1 where there is none.
    seen : pl.DataFrame
        Of each combination `first`, `last` (µs), `rows`, `source`.
    parts : tuple of Part
        Events and facts of each source, in turn.
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
    combinations: Numbers
    seen: pl.DataFrame
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
    whole = text.str.replace(r"^(-?\d+)\.0+$", "${1}")
    return pl.when(text.str.contains(_UUID)).then(text.str.to_lowercase()).otherwise(whole)


def code_ids(
    readings: Sequence[Reading], *, links: pl.DataFrame, types: tuple[str, ...], rules: IdentityRules
) -> Coded:
    """Code every identifier of every row once.

    Parameters
    ----------
    readings : sequence of Reading
        The sources.
    links : pl.DataFrame
        Explicit links as `Events.links` has them.
    types : tuple of str
        Identifier types, most trusted first.
    rules : IdentityRules
        How values are normalised, and which are junk.
    """
    sources = tuple(sorted({one.name for one in readings} | set(links["source"])))
    book, ids, reasons = _book(_raw_values(readings, links=links, types=types), rules=rules)
    blocks, seen, parts, junk = [], [], [], []
    start = 0
    for one in readings:
        facts_time = _micros(one.facts["timestamp"])
        time = _micros(one.frame["timestamp"])
        span = _spans(one, time=time, facts_time=facts_time)
        block = np.full((one.combinations.height, len(types)), -1, dtype=np.int32)
        for at, name in enumerate(types):
            if name in one.combinations.columns:
                raw = one.combinations.select(pl.col(name).alias("raw"), rows=span["rows"])
                coded = raw.join(book[name], on="raw", how="left", maintain_order="left")
                block[:, at] = coded["code"].fill_null(-1).to_numpy()
                bad = coded.filter(pl.col("code").is_null() & pl.col("raw").is_not_null() & (pl.col("rows") > 0))
                junk.append(bad.select(pl.lit(name).alias("id_type"), "raw", "rows"))
        blocks.append(block)
        seen.append(span.with_columns(pl.lit(sources.index(one.name), dtype=pl.Int64).alias("source")))
        parts.append(Part(time, _shifted(one.of_events, start), is_events=True))
        parts.append(Part(facts_time, _shifted(one.of_facts, start), is_events=False))
        start += one.combinations.height
    explicit, self_links = _explicit(links, book=book, sources=sources)
    combinations = np.concatenate(blocks) if blocks else np.empty((0, len(types)), dtype=np.int32)
    spans = pl.concat(seen)
    ids, combinations, explicit = _only_seen(ids, combinations, explicit, rows=spans["rows"])
    counted = pl.concat([*junk, pl.DataFrame(schema={"id_type": pl.String, "raw": pl.String, "rows": pl.Int64})])
    return Coded(
        types=types,
        ids=ids,
        rank=ids["rank"].to_numpy().astype(np.int64),
        combinations=combinations,
        seen=spans,
        parts=tuple(parts),
        links=explicit,
        junk=counted.group_by("id_type", "raw")
        .agg(pl.col("rows").sum())
        .join(reasons, on=["id_type", "raw"], how="left")
        .select("id_type", pl.col("raw").alias("id"), "reason", "rows")
        .sort("rows", "id_type", "id", descending=[True, False, False]),
        sources=sources,
        self_links=self_links,
    )


def _micros(times: pl.Series) -> Ints:
    return times.dt.timestamp("us").to_numpy()


def _shifted(numbers: Numbers, start: int) -> Numbers:
    return numbers if start == 0 else numbers + np.int32(start)


def _spans(one: Reading, *, time: Ints, facts_time: Ints) -> pl.DataFrame:
    """Say of each combination when it was first and last seen, and how often."""
    count = one.combinations.height
    first, last = np.full(count, _LATEST), np.full(count, -_LATEST)
    rows = np.zeros(count, dtype=np.int64)
    for number, when in ((one.of_events, time), (one.of_facts, facts_time)):
        np.minimum.at(first, number, when)
        np.maximum.at(last, number, when)
        rows += np.bincount(number, minlength=count)
    return pl.DataFrame({"first": first, "last": last, "rows": rows})


def _only_seen(
    ids: pl.DataFrame, combinations: Numbers, links: pl.DataFrame, *, rows: pl.Series
) -> tuple[pl.DataFrame, Numbers, pl.DataFrame]:
    """Leave out identifiers that only rows in quarantine, or links that link nothing, have brought."""
    seen = np.zeros(ids.height + 1, dtype=bool)
    seen[combinations[(rows > 0).to_numpy()]] = True
    for end in "ab":
        seen[links[end].to_numpy()] = True
    seen[-1] = False  # the place of "none"
    if seen[:-1].all():
        return ids, combinations, links
    code = np.where(seen, np.cumsum(seen) - 1, -1)
    renamed = links.with_columns(pl.Series(end, code[links[end].to_numpy()], dtype=pl.Int64) for end in "ab")
    return ids.filter(pl.Series(seen[:-1])), code.astype(np.int32)[combinations], renamed


def _raw_values(readings: Sequence[Reading], *, links: pl.DataFrame, types: tuple[str, ...]) -> dict[str, pl.Series]:
    raw: dict[str, pl.Series] = {}
    for name in types:
        columns = [one.combinations[name] for one in readings if name in one.combinations.columns]
        columns += [links.filter(pl.col(f"id_type_{end}") == name)[f"id_{end}"] for end in "ab"]
        raw[name] = pl.concat([column.rename("raw") for column in columns]).unique().drop_nulls()
    return raw


def _book(
    raw: dict[str, pl.Series], *, rules: IdentityRules
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame]:
    """Number the identifiers by type and value; return raw → code for each type, the identifiers, and the junk."""
    pages: dict[str, pl.DataFrame] = {}
    codes = [pl.DataFrame(schema={"rank": pl.Int64, "id": pl.String})]
    reasons = [pl.DataFrame(schema=_JUNK)]
    start = 0
    for at, (name, values) in enumerate(raw.items()):
        told = values.to_frame().with_columns(normalise(pl.col("raw"), id_type=name, rules=rules).alias("id"))
        told = told.with_columns(_junk_reason(rules).alias("reason"))
        bad = told.filter(pl.col("reason").is_not_null())
        reasons.append(bad.select(pl.lit(name).alias("id_type"), "raw", "reason"))
        good = told.filter(pl.col("reason").is_null())
        if rules.hash_emails and name in rules.emails:
            hidden = [hide(text, salt=rules.salt) for text in good["id"]]
            good = good.with_columns(pl.Series("id", hidden, pl.String))
        ids = good["id"].unique().sort().to_frame().with_row_index("code", offset=start)
        pages[name] = good.join(ids, on="id", how="left").select("raw", pl.col("code").cast(pl.Int64))
        codes.append(ids.select(pl.lit(at, dtype=pl.Int64).alias("rank"), "id"))
        start += ids.height
    return pages, pl.concat(codes), pl.concat(reasons)


def hide(address: str, *, salt: str) -> str:
    """Write an e-mail address as a hash that only who has the salt can look up."""
    return hashlib.sha256(f"{salt}{address}".encode()).hexdigest()


def _junk_reason(rules: IdentityRules) -> pl.Expr:
    reasons = [pl.when(pl.col("id") == "").then(pl.lit("blank"))]
    reasons += [
        pl.when(pl.col("id").str.contains(pattern)).then(pl.lit(f"looks like nobody: {pattern}"))
        for pattern in rules.junk
    ]
    return pl.coalesce(reasons)


def _explicit(
    links: pl.DataFrame, *, book: dict[str, pl.DataFrame], sources: tuple[str, ...]
) -> tuple[pl.DataFrame, int]:
    """Code the explicit links; those of junk are gone, those from an identifier to itself are counted."""
    if not links.height:
        return pl.DataFrame(schema=_LINKS), 0
    known = pl.concat([page.with_columns(pl.lit(name).alias("id_type")) for name, page in book.items()])
    told = links
    for end in "ab":
        page = known.select(pl.col(name).alias(f"{as_}_{end}" if as_ else end) for name, as_ in _END.items())
        told = told.join(page, on=[f"id_type_{end}", f"id_{end}"], how="left")
    told = told.filter(pl.col("a").is_not_null() & pl.col("b").is_not_null())
    apart = told.filter(pl.col("a") != pl.col("b"))
    number = {name: at for at, name in enumerate(sources)}
    coded = apart.select(
        pl.min_horizontal("a", "b").alias("a"),
        pl.max_horizontal("a", "b").alias("b"),
        pl.col("timestamp").dt.timestamp("us").alias("first"),
        pl.col("source").replace_strict(number, return_dtype=pl.Int64).alias("source"),
        "kind",
    )
    return coded, told.height - apart.height


_END = {"id_type": "id_type", "raw": "id", "code": ""}
