"""Identifiers as tracked → small integers that order by trust and value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.events.placeholder_values import matches_any, placeholder_reason
from journeys.identity.meant import as_meant
from journeys.identity.normal import hide, hide_addresses, normalise, normalised
from journeys.identity.reading import Reading
from journeys.identity.rules import IdentityRules
from journeys.identity.texts import order_texts

if TYPE_CHECKING:
    from journeys.events import Events
from journeys.parallel import ROWS_PER_PART, parallel_map, split_rows

__all__ = ["Coded", "Part", "code_ids", "hide", "junk_reason", "normalise", "order_types"]

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

_LATEST = np.iinfo(np.int64).max
_JUNK = {"id_type": pl.String, "id": pl.String, "reason": pl.String, "rows": pl.Int64}


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
        `rank` (place in `types`), `id`, `mailbox` (whether several people read it); the row number is the code, so
        that codes order by trust and value.
    rank : np.ndarray
        The rank of each code.
    combinations : np.ndarray
        One row a distinct combination of one source; a column a type, -1 where there is none.
    seen : pl.DataFrame
        Of each combination `first`, `last` (µs), `rows`, `source`; and of its events alone `event_first`, `events`.
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

    Types that the rules name come first; the others by the best place that a source gives them, then by name; or by
    name alone, if the rules say so.
    """
    place: dict[str, int] = {}
    for one in events:
        for at, name in enumerate(one.ids):
            place[name] = min(at, place.get(name, at))
    for name in explicit:
        place.setdefault(name, 1_000)
    if rules.others == "name":
        place = dict.fromkeys(place, 0)
    named = list(dict.fromkeys([*rules.priority, *rules.exclusive]))
    return tuple(
        sorted(place, key=lambda name: (named.index(name) if name in named else len(named), place[name], name))
    )


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
    times = [(_micros(one.frame["timestamp"]), _micros(one.facts["timestamp"])) for one in readings]
    with ThreadPoolExecutor(1) as beside:
        spans = beside.submit(lambda: [_spans(one, *time) for one, time in zip(readings, times, strict=True)])
        book, ids = _book(_raw_values(readings, links=links, types=types), rules=rules)
        spanned = spans.result()
    blocks, seen, parts, junk = [], [], [], []
    start = 0
    taken = dict.fromkeys(types, 0)
    for one, (time, facts_time), span in zip(readings, times, spanned, strict=True):
        block = np.full((one.combinations.shape[0], len(types)), -1, dtype=np.int32)
        for at, name in enumerate(one.types):
            page = book[name].slice(taken[name], one.values[at].len())
            taken[name] += page.height
            place = one.combinations[:, at]
            block[:, types.index(name)] = page["code"].to_numpy()[place]
            if page["reason"].null_count() < page.height:
                rows = np.bincount(place, weights=span["rows"].to_numpy(), minlength=page.height)
                junk.append(_nobody(page, id_type=name, rows=rows, rules=rules))
        blocks.append(block)
        seen.append(span.with_columns(pl.lit(sources.index(one.name), dtype=pl.Int64).alias("source")))
        parts.append(Part(time, _shifted(one.of_events, start), is_events=True))
        parts.append(Part(facts_time, _shifted(one.of_facts, start), is_events=False))
        start += one.combinations.shape[0]
    junk += [_stated_nobody(book[name][taken[name] :], listed=junk, id_type=name, rules=rules) for name in types]
    told = as_meant(_told(links, book=book), blocks=blocks, readings=readings, ids=ids, types=types)
    explicit, self_links = _explicit(told, sources=sources)
    combinations = np.concatenate(blocks) if blocks else np.empty((0, len(types)), dtype=np.int32)
    counted = pl.concat(seen)
    ids, combinations, explicit = _only_seen(ids, combinations, explicit, rows=counted["rows"])
    return Coded(
        types=types,
        ids=ids,
        rank=ids["rank"].to_numpy().astype(np.int64),
        combinations=combinations,
        seen=counted,
        parts=tuple(parts),
        links=explicit,
        junk=pl.concat([pl.DataFrame(schema=_JUNK), *junk])
        .group_by("id_type", "id", "reason")
        .agg(pl.col("rows").sum())
        .sort("rows", "id_type", "id", "reason", descending=[True, *[False] * 3]),
        sources=sources,
        self_links=self_links,
    )


def _micros(times: pl.Series) -> Ints:
    return times.dt.timestamp("us").to_numpy()


def _shifted(numbers: Numbers, start: int) -> Numbers:
    return numbers if start == 0 else numbers + np.int32(start)


def _spans(one: Reading, time: Ints, facts_time: Ints) -> pl.DataFrame:
    """Say of each combination when it was first and last seen, and how often; and the same of its events alone."""
    count = one.combinations.shape[0]
    first, last = np.full(count, _LATEST), np.full(count, -_LATEST)
    in_order = bool((time[1:] >= time[:-1]).all())

    # piece by piece, since NumPy writes all places as long numbers first
    def latest() -> None:
        for piece in split_rows(time.size):
            if in_order:
                last[one.of_events[piece]] = time[piece]  # the last one written is the last one seen
            else:
                np.maximum.at(last, one.of_events[piece], time[piece])

    def earliest() -> None:
        if in_order and one.begin is not None:
            first[:] = time.take(one.begin)
            return
        for piece in reversed(split_rows(time.size)):
            if in_order:
                first[one.of_events[piece][::-1]] = time[piece][::-1]
            else:
                np.minimum.at(first, one.of_events[piece], time[piece])

    parallel_map(lambda write: write(), [latest, earliest])
    rows = np.zeros(count, dtype=np.int64)
    for piece in split_rows(time.size, of=max(count, ROWS_PER_PART)):
        rows += np.bincount(one.of_events[piece], minlength=count)
    events = {"event_first": first, "events": rows}
    if one.of_facts.size:
        first = first.copy()
        np.minimum.at(first, one.of_facts, facts_time)
        np.maximum.at(last, one.of_facts, facts_time)
        rows = rows + np.bincount(one.of_facts, minlength=count)
    return pl.DataFrame({"first": first, "last": last, "rows": rows, **events})


def _only_seen(
    ids: pl.DataFrame, combinations: Numbers, links: pl.DataFrame, *, rows: pl.Series
) -> tuple[pl.DataFrame, Numbers, pl.DataFrame]:
    """Leave out identifiers that only rows in quarantine, or links that link nothing, have brought."""
    seen = np.zeros(ids.height + 1, dtype=bool)
    there = (rows > 0).to_numpy()
    seen[combinations if there.all() else combinations[there]] = True
    for end in "ab":
        seen[links[end].to_numpy()] = True
    seen[-1] = False  # the place of "none"
    if seen[:-1].all():
        return ids, combinations, links
    code = np.where(seen, np.cumsum(seen) - 1, -1)
    renamed = links.with_columns(pl.Series(end, code[links[end].to_numpy()], dtype=pl.Int64) for end in "ab")
    return ids.filter(pl.Series(seen[:-1])), code.astype(np.int32)[combinations], renamed


def _raw_values(readings: Sequence[Reading], *, links: pl.DataFrame, types: tuple[str, ...]) -> dict[str, pl.Series]:
    """Of each type the values of all sources one after another, and those of the explicit links."""
    raw: dict[str, pl.Series] = {}
    for name in types:
        columns = [one.values[one.types.index(name)] for one in readings if name in one.types]
        columns += [links.filter(pl.col(f"id_type_{end}") == name)[f"id_{end}"].rename("raw") for end in "ab"]
        raw[name] = pl.concat([column.rename("raw") for column in columns])
    return raw


def _book(raw: dict[str, pl.Series], *, rules: IdentityRules) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Number the identifiers by type and value.

    Returns the `code` (-1 for nobody) and perhaps the `reason` of each raw value, and the identifiers.
    """

    def number(page: tuple[str, pl.Series]) -> tuple[pl.DataFrame, pl.DataFrame]:
        name, values = page[0], page[1].rechunk()  # many times faster to pick from
        told = pl.DataFrame({"raw": values, "id": normalised(values, id_type=name, rules=rules)})
        told = told.with_columns(junk_reason(told["id"], rules=rules))
        good = (told["id"].is_not_null() & told["reason"].is_null()).to_numpy()
        texts = told["id"] if good.all() else told["id"].filter(pl.Series(good))
        mailbox = _mailboxes(texts, id_type=name, rules=rules)  # an address that is hashed does not show it any more
        if rules.hash_emails and name in rules.emails:
            texts = pl.Series("id", [hide(text, salt=rules.salt) for text in texts], pl.String)
        order, starts = order_texts(texts)
        place = np.empty(texts.len(), dtype=np.int32)
        place[order] = np.cumsum(starts, dtype=np.int32) - np.int32(1)
        code = np.full(told.height, -1, dtype=np.int32)
        code[good] = place
        ids = pl.DataFrame({"id": texts, "mailbox": mailbox})
        ids = ids[pl.Series((order if starts.all() else order[starts]).astype(np.uint32))]
        return told.select("raw", "reason", pl.Series("code", code)), ids

    pages: dict[str, pl.DataFrame] = {}
    codes = [pl.DataFrame(schema={"rank": pl.Int64, "id": pl.String, "mailbox": pl.Boolean})]
    start = 0
    for at, (name, (page, ids)) in enumerate(zip(raw, parallel_map(number, raw.items()), strict=True)):
        code = pl.when(pl.col("code") >= 0).then(pl.col("code") + start).otherwise(-1).cast(pl.Int32)
        pages[name] = page.with_columns(code) if start else page
        codes.append(ids.select(pl.lit(at, dtype=pl.Int64).alias("rank"), "id", "mailbox"))
        start += ids.height
    return pages, pl.concat(codes, rechunk=True)


def _mailboxes(ids: pl.Series, *, id_type: str, rules: IdentityRules) -> pl.Series:
    """Flag addresses that several people read."""
    if id_type not in rules.emails or not rules.mailboxes:
        return pl.repeat(value=False, n=ids.len(), dtype=pl.Boolean, eager=True)
    return ids.str.contains("|".join(f"(?:{one})" for one in rules.mailboxes))


def _nobody(page: pl.DataFrame, *, id_type: str, rows: npt.NDArray[Any], rules: IdentityRules) -> pl.DataFrame:
    """List the values of one source that are nobody, and in how many rows; an address as the rules show it."""
    bad = page.with_columns(pl.Series("rows", rows).cast(pl.Int64)).filter(
        pl.col("reason").is_not_null() & (pl.col("rows") > 0)
    )
    shown = bad["raw"]
    if rules.hash_emails and id_type in rules.emails:
        # hashed as identifiers are, so that whoever has the address finds it; "null" and the like are no address
        plain = normalised(shown, id_type=id_type, rules=rules)
        shown = pl.Series([hide(text, salt=rules.salt) if "@" in text else text for text in plain], dtype=pl.String)
    elif rules.hash_emails:
        shown = hide_addresses(shown, rules=rules)
    return bad.select(pl.lit(id_type).alias("id_type"), shown.alias("id"), "reason", "rows")


def _stated_nobody(
    page: pl.DataFrame, *, listed: Sequence[pl.DataFrame], id_type: str, rules: IdentityRules
) -> pl.DataFrame:
    """List the values in explicit links that are nobody, unless the rows of the links have them as well."""
    found = _nobody(page, id_type=id_type, rows=np.ones(page.height), rules=rules)
    known = [frame["id"] for frame in listed if frame.height and frame["id_type"][0] == id_type]
    return found.filter(~pl.col("id").is_in(pl.concat(known).implode())) if known else found


def junk_reason(ids: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Say why values are nobody; null for all others."""
    patterns = ["^$", *rules.junk]
    bad = ids.to_frame("id").select(matches_any(pl.col("id"), patterns).fill_null(value=False)).to_series()
    said = (
        ids.filter(bad)
        .to_frame("id")
        .select(
            pl.coalesce(
                pl.when(pl.col("id").str.contains(pattern)).then(pl.lit(placeholder_reason(pattern)))
                for pattern in patterns
            ).alias("reason")
        )
    )
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, ids.len())
    return reason.scatter(bad.arg_true(), said["reason"]) if said.height else reason


def _told(links: pl.DataFrame, *, book: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Code the ends of the explicit links, `a` and `b`; those of junk are gone."""
    if not links.height:
        return links.with_columns(pl.lit(None, dtype=pl.Int64).alias(end) for end in "ab")
    known = pl.concat(
        page.filter(pl.col("code") >= 0)
        .select(pl.lit(name).alias("id_type"), "raw", pl.col("code").cast(pl.Int64))
        .unique()
        for name, page in book.items()
    )
    told = links
    for end in "ab":
        page = known.select(
            pl.col("id_type").alias(f"id_type_{end}"), pl.col("raw").alias(f"id_{end}"), pl.col("code").alias(end)
        )
        told = told.join(page, on=[f"id_type_{end}", f"id_{end}"], how="left")
    return told.filter(pl.col("a").is_not_null() & pl.col("b").is_not_null())


def _explicit(told: pl.DataFrame, *, sources: tuple[str, ...]) -> tuple[pl.DataFrame, int]:
    """Take of the coded links what is evidence; those from an identifier to itself are counted."""
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
