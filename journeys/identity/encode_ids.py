"""Identifiers as tracked → small integers that sort by trust and value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.arrays import ROWS_PER_PART, Numbers, parallel_map, split_rows
from journeys.events import Events
from journeys.identity.read_rows import SourceRows
from journeys.identity.rules import (
    IdentityRules,
    find_placeholders,
    hash_email,
    hash_email_texts,
    matches_any,
    normalise_series,
)

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NO_OWNER = -1
"""The owner of a row without a usable identifier."""

_LATEST = np.iinfo(np.int64).max
_PLACEHOLDERS = {"id_type": pl.String, "id": pl.String, "reason": pl.String, "rows": pl.Int64}


@dataclass(frozen=True, eq=False, slots=True)
class RowGroup:
    """The events or the facts of one source, in order of arrival.

    Attributes
    ----------
    time : np.ndarray
        Timestamps in µs.
    combination : np.ndarray
        The number of each row's combination of identifiers.
    is_events : bool
        Whether the rows are events; facts (identify calls, CRM properties) only link.
    """

    time: Ints
    combination: Numbers
    is_events: bool


@dataclass(frozen=True, eq=False, slots=True)
class EncodedIds:
    """All identifiers as integers.

    Attributes
    ----------
    types : tuple of str
        Identifier types, most trusted first.
    ids : pl.DataFrame
        `rank` (place in `types`), `id`, `mailbox` (whether several people read it); the row number is the code, so
        that codes sort by trust and value.
    rank : np.ndarray
        The rank of each code.
    combinations : np.ndarray
        One row per distinct combination of one source, one column per type; -1 where there is no identifier.
    seen : pl.DataFrame
        For each combination `first`, `last` (µs), `rows`, `source`; and for its events alone `event_first`, `events`.
    groups : tuple of RowGroup
        Events and facts of each source, in turn.
    links : pl.DataFrame
        Explicit links: `a`, `b`, `first` (µs), `source`, `kind`.
    junk : pl.DataFrame
        `id_type`, `id`, `reason`, `rows` of the placeholder values.
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
    groups: tuple[RowGroup, ...]
    links: pl.DataFrame
    junk: pl.DataFrame
    sources: tuple[str, ...]
    self_links: int

    def flag_identifying_types(self, rules: IdentityRules) -> Flags:
        """Flag the types whose identifiers make a person known."""
        return np.array([name in rules.identifying_types for name in self.types], dtype=bool)

    def flag_named(self, rules: IdentityRules) -> Flags:
        """Flag the combinations that have an identifier of an identifying type."""
        named = np.zeros(self.combinations.shape[0], dtype=bool)
        # by the code, not the column: a user id may have been reclassified; the last place is that of "none"
        identifies = np.append(self.flag_identifying_types(rules)[self.rank], False)
        for at in range(len(self.types)):
            named |= identifies[self.combinations[:, at]]
        return named

    def find_first_shared(self, shared: Flags) -> Ints:
        """Return the most trusted shared identifier of each combination, -1 where there is none."""
        found = np.full(self.combinations.shape[0], -1, dtype=np.int64)
        for at in range(len(self.types) if self.ids.height else 0):
            code = self.combinations[:, at]
            first = (code >= 0) & (found < 0) & shared[code]
            found[first] = code[first]
        return found

    def find_owners(self, owner: Ints, *, shared: Flags, first: bool) -> tuple[Ints, Ints]:
        """Return the owner of each combination, and the shared identifier that decides for one without owner.

        The owner is that of the most trusted identifier that is not shared; with `first`, that of the most trusted
        one, if it is not shared.
        """
        count = self.combinations.shape[0]
        owners = np.full(count, NO_OWNER, dtype=np.int64)
        shared_id = np.full(count, -1, dtype=np.int64)
        ranks = range(len(self.types) if self.ids.height else 0)
        if not shared.any():
            for at in reversed(ranks):
                code = self.combinations[:, at]
                owners = np.where(code >= 0, owner.take(code, mode="wrap"), owners)
            return owners, shared_id
        for at in ranks:
            code = self.combinations[:, at]
            is_open = (code >= 0) & (owners == NO_OWNER)
            is_open &= (shared_id < 0) | (not first)
            is_shared = is_open & shared[code]
            is_owned = is_open & ~is_shared
            owners[is_owned] = owner[code[is_owned]]
            is_first_shared = is_shared & (shared_id < 0)
            shared_id[is_first_shared] = code[is_first_shared]
        shared_id[owners != NO_OWNER] = -1
        return owners, shared_id


def order_types(events: Sequence[Events], *, rules: IdentityRules, explicit: Iterable[str] = ()) -> tuple[str, ...]:
    """Put the identifier types in order of trust, whatever the order of the sources.

    Types that the rules name come first; the others by the best place that a source gives them, then by name; or by
    name alone, with ``unlisted_order="name"``.
    """
    place: dict[str, int] = {}
    for one in events:
        for at, name in enumerate(one.ids):
            place[name] = min(at, place.get(name, at))
    for name in explicit:
        place.setdefault(name, 1_000)
    if rules.unlisted_order == "name":
        place = dict.fromkeys(place, 0)
    listed = list(dict.fromkeys([*rules.priority, *rules.exclusive]))
    return tuple(
        sorted(place, key=lambda name: (listed.index(name) if name in listed else len(listed), place[name], name))
    )


def encode_ids(
    sources: Sequence[SourceRows], *, links: pl.DataFrame, types: tuple[str, ...], rules: IdentityRules
) -> EncodedIds:
    """Encode every identifier of every row once.

    With the types user_id and device, and rows (ann, d1), (null, d2), (bob, d1), the codes are ann 0, bob 1, d1 2,
    d2 3, and the combinations [[0, 2], [-1, 3], [1, 2]].

    `links` are explicit links as `Events.links` has them; `types` come most trusted first; the rules say how values are
    normalised, and which are placeholders.
    """
    names = tuple(sorted({one.name for one in sources} | set(links["source"])))
    times = [(_to_micros(one.events["timestamp"]), _to_micros(one.facts["timestamp"])) for one in sources]
    with ThreadPoolExecutor(1) as executor:
        spans = executor.submit(lambda: [_measure_spans(one, *time) for one, time in zip(sources, times, strict=True)])
        encoded, ids = _encode_values(_stack_raw(sources, links=links, types=types), rules=rules)
        spanned = spans.result()
    blocks, seen, groups, junk = [], [], [], []
    start = 0
    taken = dict.fromkeys(types, 0)
    for one, (time, facts_time), span in zip(sources, times, spanned, strict=True):
        block = np.full((one.combinations.shape[0], len(types)), -1, dtype=np.int32)
        for at, name in enumerate(one.types):
            values = encoded[name].slice(taken[name], one.values[at].len())
            taken[name] += values.height
            place = one.combinations[:, at]
            block[:, types.index(name)] = values["code"].to_numpy()[place]
            if values["reason"].null_count() < values.height:
                rows = np.bincount(place, weights=span["rows"].to_numpy(), minlength=values.height)
                junk.append(_list_placeholders(values, id_type=name, rows=rows, rules=rules))
        blocks.append(block)
        seen.append(span.with_columns(pl.lit(names.index(one.name), dtype=pl.Int64).alias("source")))
        groups.append(RowGroup(time, _shift_numbers(one.event_combinations, start), is_events=True))
        groups.append(RowGroup(facts_time, _shift_numbers(one.fact_combinations, start), is_events=False))
        start += one.combinations.shape[0]
    junk += [
        _list_link_placeholders(encoded[name][taken[name] :], listed=junk, id_type=name, rules=rules) for name in types
    ]
    coded_links = _encode_links(links, encoded=encoded)
    coded_links = reclassify_anonymous_ids(coded_links, blocks=blocks, sources=sources, ids=ids, types=types)
    explicit, self_links = _drop_self_links(coded_links, sources=names)
    combinations = np.concatenate(blocks) if blocks else np.empty((0, len(types)), dtype=np.int32)
    counted = pl.concat(seen)
    ids, combinations, explicit = _drop_unseen(ids, combinations, explicit, rows=counted["rows"])
    return EncodedIds(
        types=types,
        ids=ids,
        rank=ids["rank"].to_numpy().astype(np.int64),
        combinations=combinations,
        seen=counted,
        groups=tuple(groups),
        links=explicit,
        junk=pl.concat([pl.DataFrame(schema=_PLACEHOLDERS), *junk])
        .group_by("id_type", "id", "reason")
        .agg(pl.col("rows").sum())
        .sort("rows", "id_type", "id", "reason", descending=[True, *[False] * 3]),
        sources=names,
        self_links=self_links,
    )


def _to_micros(times: pl.Series) -> Ints:
    return times.dt.timestamp("us").to_numpy()


def _shift_numbers(numbers: Numbers, start: int) -> Numbers:
    return numbers if start == 0 else numbers + np.int32(start)


def _measure_spans(one: SourceRows, time: Ints, facts_time: Ints) -> pl.DataFrame:
    """Return for each combination when it was first and last seen and in how many rows; and of its events alone."""
    count = one.combinations.shape[0]
    first, last = np.full(count, _LATEST), np.full(count, -_LATEST)
    in_order = bool((time[1:] >= time[:-1]).all())

    # piece by piece, since NumPy first writes all places as 64-bit numbers
    def fill_latest() -> None:
        for piece in split_rows(time.size):
            if in_order:
                last[one.event_combinations[piece]] = time[piece]  # the last one written is the last one seen
            else:
                np.maximum.at(last, one.event_combinations[piece], time[piece])

    def fill_earliest() -> None:
        if in_order and one.first_event is not None:
            first[:] = time.take(one.first_event)
            return
        for piece in reversed(split_rows(time.size)):
            if in_order:
                first[one.event_combinations[piece][::-1]] = time[piece][::-1]
            else:
                np.minimum.at(first, one.event_combinations[piece], time[piece])

    parallel_map(lambda write: write(), [fill_latest, fill_earliest])
    rows = np.zeros(count, dtype=np.int64)
    for piece in split_rows(time.size, of=max(count, ROWS_PER_PART)):
        rows += np.bincount(one.event_combinations[piece], minlength=count)
    events = {"event_first": first, "events": rows}
    if one.fact_combinations.size:
        first = first.copy()
        np.minimum.at(first, one.fact_combinations, facts_time)
        np.maximum.at(last, one.fact_combinations, facts_time)
        rows = rows + np.bincount(one.fact_combinations, minlength=count)
    return pl.DataFrame({"first": first, "last": last, "rows": rows, **events})


def _drop_unseen(
    ids: pl.DataFrame, combinations: Numbers, links: pl.DataFrame, *, rows: pl.Series
) -> tuple[pl.DataFrame, Numbers, pl.DataFrame]:
    """Drop identifiers that occur only in quarantined rows, or in links that link nothing; renumber the others."""
    seen = np.zeros(ids.height + 1, dtype=bool)
    is_used = (rows > 0).to_numpy()
    seen[combinations if is_used.all() else combinations[is_used]] = True
    for end in "ab":
        seen[links[end].to_numpy()] = True
    seen[-1] = False  # the place of "none"
    if seen[:-1].all():
        return ids, combinations, links
    code = np.where(seen, np.cumsum(seen) - 1, -1)
    renumbered = links.with_columns(pl.Series(end, code[links[end].to_numpy()], dtype=pl.Int64) for end in "ab")
    return ids.filter(pl.Series(seen[:-1])), code.astype(np.int32)[combinations], renumbered


def _stack_raw(sources: Sequence[SourceRows], *, links: pl.DataFrame, types: tuple[str, ...]) -> dict[str, pl.Series]:
    """Stack for each type the values of all sources, and those of the explicit links below them."""
    raw: dict[str, pl.Series] = {}
    for name in types:
        columns = [one.values[one.types.index(name)] for one in sources if name in one.types]
        columns += [links.filter(pl.col(f"id_type_{end}") == name)[f"id_{end}"].rename("raw") for end in "ab"]
        raw[name] = pl.concat([column.rename("raw") for column in columns])
    return raw


def _encode_values(raw: dict[str, pl.Series], *, rules: IdentityRules) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Number the identifiers by type and value.

    Return for each type the `code` (-1 for placeholders) and perhaps the `reason` of each raw value; and the
    identifiers by code.
    """

    def encode_one(item: tuple[str, pl.Series]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Number the identifiers of one type."""
        name, values = item[0], item[1].rechunk()  # many times faster to pick from
        frame = pl.DataFrame({"raw": values, "id": normalise_series(values, id_type=name, rules=rules)})
        frame = frame.with_columns(find_placeholders(frame["id"], rules=rules))
        good = (frame["id"].is_not_null() & frame["reason"].is_null()).to_numpy()
        texts = frame["id"] if good.all() else frame["id"].filter(pl.Series(good))
        mailbox = _flag_mailboxes(texts, id_type=name, rules=rules)  # before hashing, which hides it
        if rules.hash_emails and name in rules.emails:
            texts = pl.Series("id", [hash_email(text, salt=rules.salt) for text in texts], pl.String)
        order, starts = sort_strings(texts)
        place = np.empty(texts.len(), dtype=np.int32)
        place[order] = np.cumsum(starts, dtype=np.int32) - np.int32(1)
        code = np.full(frame.height, -1, dtype=np.int32)
        code[good] = place
        ids = pl.DataFrame({"id": texts, "mailbox": mailbox})
        ids = ids[pl.Series((order if starts.all() else order[starts]).astype(np.uint32))]
        return frame.select("raw", "reason", pl.Series("code", code)), ids

    encoded: dict[str, pl.DataFrame] = {}
    tables = [pl.DataFrame(schema={"rank": pl.Int64, "id": pl.String, "mailbox": pl.Boolean})]
    start = 0
    for at, (name, (values, ids)) in enumerate(zip(raw, parallel_map(encode_one, raw.items()), strict=True)):
        code = pl.when(pl.col("code") >= 0).then(pl.col("code") + start).otherwise(-1).cast(pl.Int32)
        encoded[name] = values.with_columns(code) if start else values
        tables.append(ids.select(pl.lit(at, dtype=pl.Int64).alias("rank"), "id", "mailbox"))
        start += ids.height
    return encoded, pl.concat(tables, rechunk=True)


def _flag_mailboxes(ids: pl.Series, *, id_type: str, rules: IdentityRules) -> pl.Series:
    """Flag addresses that several people read."""
    if id_type not in rules.emails or not rules.mailboxes:
        return pl.repeat(value=False, n=ids.len(), dtype=pl.Boolean, eager=True)
    return matches_any(ids, rules.mailboxes)


def _list_placeholders(
    values: pl.DataFrame, *, id_type: str, rows: npt.NDArray[Any], rules: IdentityRules
) -> pl.DataFrame:
    """List the placeholder values of one source with the number of their rows, addresses hashed if the rules say so."""
    bad = values.with_columns(pl.Series("rows", rows).cast(pl.Int64)).filter(
        pl.col("reason").is_not_null() & (pl.col("rows") > 0)
    )
    shown = bad["raw"]
    if rules.hash_emails and id_type in rules.emails:
        # hashed as identifiers are, so that a search for the address finds it; "null" and the like are no address
        plain = normalise_series(shown, id_type=id_type, rules=rules)
        hashed = [hash_email(text, salt=rules.salt) if "@" in text else text for text in plain]
        shown = pl.Series(hashed, dtype=pl.String)
    elif rules.hash_emails:
        shown = hash_email_texts(shown, rules=rules)
    return bad.select(pl.lit(id_type).alias("id_type"), shown.alias("id"), "reason", "rows")


def _list_link_placeholders(
    values: pl.DataFrame, *, listed: Sequence[pl.DataFrame], id_type: str, rules: IdentityRules
) -> pl.DataFrame:
    """List the placeholder values of explicit links, unless the rows of the links have them as well."""
    found = _list_placeholders(values, id_type=id_type, rows=np.ones(values.height), rules=rules)
    known = [frame["id"] for frame in listed if frame.height and frame["id_type"][0] == id_type]
    return found.filter(~pl.col("id").is_in(pl.concat(known).implode())) if known else found


def _encode_links(links: pl.DataFrame, *, encoded: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Encode the ends of the explicit links as `a` and `b`; links of placeholders are dropped."""
    if not links.height:
        return links.with_columns(pl.lit(None, dtype=pl.Int64).alias(end) for end in "ab")
    known = pl.concat(
        values.filter(pl.col("code") >= 0)
        .select(pl.lit(name).alias("id_type"), "raw", pl.col("code").cast(pl.Int64))
        .unique()
        for name, values in encoded.items()
    )
    coded = links
    for end in "ab":
        codes = known.select(
            pl.col("id_type").alias(f"id_type_{end}"), pl.col("raw").alias(f"id_{end}"), pl.col("code").alias(end)
        )
        coded = coded.join(codes, on=[f"id_type_{end}", f"id_{end}"], how="left")
    return coded.filter(pl.col("a").is_not_null() & pl.col("b").is_not_null())


def _drop_self_links(links: pl.DataFrame, *, sources: tuple[str, ...]) -> tuple[pl.DataFrame, int]:
    """Return the links between different identifiers, and how many link an identifier to itself."""
    apart = links.filter(pl.col("a") != pl.col("b"))
    number = {name: at for at, name in enumerate(sources)}
    coded = apart.select(
        pl.min_horizontal("a", "b").alias("a"),
        pl.max_horizontal("a", "b").alias("b"),
        pl.col("timestamp").dt.timestamp("us").alias("first"),
        pl.col("source").replace_strict(number, return_dtype=pl.Int64).alias("source"),
        "kind",
    )
    return coded, links.height - apart.height


def sort_strings(texts: pl.Series) -> tuple[Ints, Flags]:
    """Sort millions of long strings by their bytes.

    Eight bytes make a number, and numbers sort many times faster than strings; only ties are compared in full.
    ["user-0002…", "user-0001…", "user-0001…"] all begin with "user-", so the bytes from there on are the key.

    Return the places of the strings in order; and for each place in this order whether a new string begins there.

    Examples
    --------
    >>> order, starts = sort_strings(pl.Series(["b", "a", "b"]))
    >>> order.tolist(), starts.tolist()
    ([1, 0, 2], [True, True, False])
    """
    if not texts.len():
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=bool)
    key = _take_distinguishing_bytes(texts)
    order = key.arg_sort().to_numpy().astype(np.int64)
    number = key.to_numpy()[order]
    starts = np.ones(order.size, dtype=bool)
    np.not_equal(number[1:], number[:-1], out=starts[1:])
    if starts.all():
        return order, starts
    tied = ~starts
    tied[:-1] |= ~starts[1:]
    places = np.flatnonzero(tied)
    rest = pl.DataFrame({"key": number[places], "row": order[places]}).with_columns(
        texts.gather(pl.Series(order[places])).alias("text")
    )
    rest = rest.sort("key", "text", "row")
    order[places] = rest["row"].to_numpy()
    other = (rest["text"] != rest["text"].shift(1)) | (rest["key"] != rest["key"].shift(1))
    starts[places] = other.fill_null(value=True).to_numpy()
    return order, starts


def _take_distinguishing_bytes(texts: pl.Series) -> pl.Series:
    """Return as a number the first eight bytes in which not all strings agree, or zeros where some are shorter."""
    data = texts.cast(pl.Binary)
    shortest = int(data.bin.size().min())  # type: ignore[arg-type]
    least, most = bytes(data.min()), bytes(data.max())  # type: ignore[arg-type]
    common = next((at for at, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), shortest)
    start = min(common, shortest - 8)
    if start < 0:
        return pl.Series([0], dtype=pl.UInt64).new_from_index(0, texts.len())
    return data.bin.slice(start, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")


IDENTIFY = "identify"
"""The kind of a link that states which identifier is anonymous (`a`) and which is a user's (`b`), and joins nothing.

With one identifier at both ends it states only that this one is a user's.
"""

USER, ANONYMOUS_TYPES = "user_id", ("anonymous_id", "device_id")
# Calls that name identifiers without their type.
_UNTYPED_CALLS = ("alias", "create_alias", "merge")


def reclassify_anonymous_ids(
    links: pl.DataFrame,
    *,
    blocks: list[Numbers],
    sources: Sequence[SourceRows],
    ids: pl.DataFrame,
    types: tuple[str, ...],
) -> pl.DataFrame:
    """Reclassify as anonymous the user ids that calls (`previousId`, `distinct_id`, `alias`) name without their type.

    A reader knows only its own rows, and the answer must not depend on how rows are split into files, so the rows of
    all sources decide, after normalisation. A user id that a call names becomes an anonymous id (or a device's) if
    there is an equal id of that type, and only such calls have it as a user id; or if an identify call states that it
    is anonymous, and no other call that it is a user. Of several types that of the same source is preferred. An id
    that rows have as both stays a user id.

    Example: the call alias(previous "x1", user "ann"), and a page view with anonymous_id "x1": user_id "x1" becomes
    anonymous_id "x1". With a purchase by user_id "x1" besides, it stays a user id.

    `links` have `a`, `b` (codes), `source` and `kind`; of `ids` (`rank`, `id`) the row number is the code. `blocks`,
    for each source the codes of its combinations, one column per type, are changed in place. Return the links that
    join, with the new codes.
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
    users_named = coded.filter(is_user & asked).select("id", "code")
    found = coded.filter(pl.col("rank").is_in([types.index(name) for name in ANONYMOUS_TYPES if name in types]))
    found = found.join(users_named, on="id", suffix="_user").select(
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
