"""Rows of all sources with their identifiers in normal form, and identifiers moved to their proper type."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.arrays import parallel_take
from journeys.errors import StoreError, raise_all
from journeys.events import Events
from journeys.events.batches import KEY, RepeatFinder, iterate_batches
from journeys.events.core import STATUSES
from journeys.events.placeholder_values import matches_any, normalise_ids, normalise_names, placeholder_reason
from journeys.identity.id_combinations import IdCombinations, IdCombiner, combine_by_value, hash_columns
from journeys.identity.rules import IdentityRules

_UUID = r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
_ADDRESS = r"(?i)^\s*(mailto:)?[^@\s]+@[^@\s]+\.[^@\s]+\s*$"


def normalise_values(values: pl.Expr, *, id_type: str, rules: IdentityRules) -> pl.Expr:
    """Write equal identifiers in one way: without blanks around, "123.0" as "123", one case of e-mails and UUIDs."""
    text = values.str.strip_chars()
    if id_type in rules.emails:
        text = text.str.to_lowercase().str.strip_prefix("mailto:")
        # with nothing before the "+", there would be no address without it
        return text.str.replace(r"^([^+@]+)\+[^@]*@", "${1}@") if rules.plus_tags == "drop" else text
    if id_type in rules.fold_case:
        text = text.str.to_lowercase()
    whole = text.str.replace(r"^(-?\d+)\.0+$", "${1}")
    return pl.when(text.str.contains(_UUID)).then(text.str.to_lowercase()).otherwise(whole)


def normalise_series(values: pl.Series, *, id_type: str, rules: IdentityRules) -> pl.Series:
    """Normalise a column of identifiers; fast where most of them are written right already."""
    if id_type not in (*rules.emails, *rules.fold_case):
        text = values.str.strip_chars()
        ending = text.filter(text.str.ends_with("0"))
        if not text.str.contains("[A-F]").any() and not ending.str.contains(".0", literal=True).any():
            return text
    return pl.select(normalise_values(pl.lit(values), id_type=id_type, rules=rules)).to_series()


def find_placeholders(ids: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Return the `reason` why identifiers identify nobody; null for all others."""
    patterns = ["^$", *rules.junk]
    bad = ids.to_frame("id").select(matches_any(pl.col("id"), patterns).fill_null(value=False)).to_series()
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, ids.len())
    if not bad.any():
        return reason
    reasons = (
        ids.filter(bad)
        .to_frame("id")
        .select(
            pl.coalesce(
                pl.when(pl.col("id").str.contains(pattern)).then(pl.lit(placeholder_reason(pattern)))
                for pattern in patterns
            )
        )
        .to_series()
    )
    return reason.scatter(bad.arg_true(), reasons)


def hash_email(address: str, *, salt: str) -> str:
    """Return the hash of an e-mail address, which can be looked up only with the salt."""
    return hashlib.sha256(f"{salt}{address}".encode()).hexdigest()


def hash_email_texts(values: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Hash the texts that are an e-mail address and nothing else, in the way identifiers are hashed.

    A column without addresses keeps its type; categories of which one is hashed become text.

    Examples
    --------
    >>> hash_email_texts(pl.Series(["Ann@x.org", "ask @ann"]), rules=IdentityRules(salt="s")).str.head(8).to_list()
    ['d745925f', 'ask @ann']
    """
    # each category once, and only those that rows have
    texts = values if values.dtype == pl.String else values.unique().cast(pl.String)
    some = texts.filter(texts.str.contains("@", literal=True)).unique()
    some = some.filter(some.str.contains(_ADDRESS))
    if not some.len():
        return values
    id_type = rules.emails[0] if rules.emails else "email"
    plain = normalise_series(some, id_type=id_type, rules=rules)
    hashes = pl.Series([hash_email(text, salt=rules.salt) for text in plain], dtype=pl.String)
    return values.cast(pl.String).replace(some, hashes)


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


Flags = npt.NDArray[np.bool_]
Names = npt.NDArray[np.unsignedinteger]

TRAIT = "trait:"
"""The prefix of the columns of facts that hold traits."""

_EVENT, _FACT, _DUPLICATE, _QUARANTINED = range(4)
_BATCH = 250_000
_REPEATED = {"at": pl.Int32, "row": pl.UInt32, "home_at": pl.Int32, "home_row": pl.UInt32}


@dataclass(frozen=True, eq=False, slots=True)
class SourceRows:
    """What one `Events` holds, in order of arrival.

    Attributes
    ----------
    name : str
        The source.
    events : pl.DataFrame
        The events without their identifiers: `timestamp`, `event` (Enum), properties, and `message_id` where it is
        needed.
    facts : pl.DataFrame
        The facts: `timestamp`, `kind`, `group_id` where there is one, ``trait:*``.
    types : tuple of str
        The identifier types.
    combinations : np.ndarray
        Each distinct combination of identifiers: one column per type, with the place of the value in `values`.
    values : tuple of pl.Series
        For each type the distinct values as text, and perhaps null.
    event_combinations, fact_combinations : np.ndarray
        The number of each row's combination.
    counts : dict of str to int
        Rows by status: event, fact, duplicate, quarantined.
    repeated : int
        Events dropped because an earlier source brought the same message.
    first_event : np.ndarray, optional
        The first event of each combination; only where every row is an event.
    """

    name: str
    events: pl.DataFrame
    facts: pl.DataFrame
    types: tuple[str, ...]
    combinations: Numbers
    values: tuple[pl.Series, ...]
    event_combinations: Numbers
    fact_combinations: Numbers
    counts: dict[str, int]
    repeated: int = 0
    first_event: Ints | None = None


def read_rows(one: Events, *, messages: bool) -> SourceRows:
    """Read the rows of one source; `messages` keeps the message ids."""
    read = _read_batches(one, messages=messages)
    combined = read.combiner.finish() or combine_by_value(one.rows, ids=one.ids)
    number = combined.number
    names = _EventNames(read.names, normalise=one._as_read is not None)
    counts = [int(np.count_nonzero(read.status == kind)) for kind in range(len(STATUSES))]
    only_events = counts[_EVENT] == read.status.size
    of_events = number if only_events else number[read.status == _EVENT]
    of_facts = number[:0] if only_events else number[read.status == _FACT]
    events, event, facts = read.events, names.encode(read.event), read.facts
    if one._as_read is not None:
        # blank names and identifiers are known only after normalisation
        without_ids = _without_ids(combined)
        good_facts = ~without_ids[of_facts]
        good = event < len(names.normalised)
        if without_ids.any():
            good &= ~without_ids[of_events]
        if "group_id" in facts.columns:
            of_account = (pl.col("kind") == "group") & pl.col("group_id").is_not_null()
            good_facts |= facts.select(of_account.fill_null(value=False)).to_series().to_numpy()
        counts[_QUARANTINED] += int(np.count_nonzero(~good) + np.count_nonzero(~good_facts))
        if not good.all():
            events, event, of_events = events.filter(pl.Series(good)), event[good], of_events[good]
        if not good_facts.all():
            facts, of_facts = facts.filter(pl.Series(good_facts)), of_facts[good_facts]
        counts[_EVENT], counts[_FACT] = events.height, facts.height
    frame = events.with_columns(
        pl.Series("event", event).cat.to(pl.Enum(names.normalised)),
        pl.lit(one.name).cast(pl.Enum([one.name])).alias("source"),
    )
    first = ("timestamp", "event")
    return SourceRows(
        name=one.name,
        events=frame.select(*first, pl.exclude(first)),
        facts=facts,
        types=one.ids,
        combinations=combined.places,
        values=combined.values,
        event_combinations=of_events,
        fact_combinations=of_facts,
        counts={name: int(count) for name, count in zip(STATUSES, counts, strict=True) if count},
        first_event=combined.first_row if of_events.size == number.size else None,
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Batches:
    """All rows of a source: the status and the combination of each, and the columns of events and facts.

    `names` has the event names as they were read, each with its `place`; `event` has for each event one more than the
    place of its name, or 0 for none.
    """

    status: npt.NDArray[np.uint8]
    events: pl.DataFrame
    event: Names
    facts: pl.DataFrame
    combiner: IdCombiner
    names: pl.DataFrame


def _read_batches(one: Events, *, messages: bool) -> _Batches:
    """Read batch after batch, so that the texts of all identifiers are never in memory together."""
    rows = one.rows
    if one._as_read is not None:
        rows = one._as_read
    elif one._with_repeats is not None:
        rows = one._with_repeats
    columns = rows.collect_schema().names()
    left_out = {"source", "event", *one.ids, *(() if messages else ("message_id",))}
    of_events = [name for name in columns if not name.startswith(("_", TRAIT)) and name not in left_out]
    of_facts = ["timestamp", *(name for name in columns if name in ("_kind", "group_id") or name.startswith(TRAIT))]
    categories = pl.Categories.random()
    wanted = rows.select(
        *dict.fromkeys([*of_events, *of_facts, *one.ids]),
        pl.col("event").cast(pl.Categorical(categories)),
        pl.col("_status").to_physical(),
        *hash_columns(one.ids),
        *(name for name in KEY if name in columns),
    )
    has_keys = KEY[0] in columns
    combiner = IdCombiner(one.ids, clean=None if one._as_read is None else normalise_ids)
    empty = pl.DataFrame(schema=wanted.collect_schema())  # which keeps the categories, too
    statuses = [np.empty(0, dtype=np.uint8)]
    events, facts, event = [empty.select(of_events)], [empty.select(of_facts)], [np.empty(0, dtype=np.uint8)]
    with RepeatFinder() as repeats:
        for batch in iterate_batches(wanted, size=_BATCH):
            status = batch["_status"].to_numpy()
            combiner.add(batch)
            statuses.append(status)
            is_event = status == _EVENT
            name = _smallest_codes(batch["event"])
            every = bool(is_event.all())
            events.append(batch.select(of_events) if every else batch.select(of_events).filter(pl.Series(is_event)))
            event.append(name if every else name[is_event])
            if (status == _FACT).any():
                facts.append(batch.select(of_facts).filter(pl.Series(status == _FACT)))
            if has_keys:
                repeats.add(*batch.select(KEY))
        status = np.concatenate(statuses)
        repeated = np.zeros(0, dtype=bool)
        if has_keys:
            repeated = np.unpackbits(repeats.find_repeats(), count=status.size, bitorder="little").astype(bool)
    read = _Batches(
        status,
        pl.concat(events, rechunk=True),
        np.concatenate(event),
        _with_kind(pl.concat(facts)),
        combiner,
        pl.DataFrame({"raw": categories.to_series()}).with_columns(
            pl.col("raw").cast(pl.Categorical(categories)).to_physical().alias("place")
        ),
    )
    if not repeated.any():
        return read
    stays, facts_stay = (~repeated[status == kind] for kind in (_EVENT, _FACT))
    status[repeated] = _DUPLICATE
    return replace(
        read,
        events=read.events.filter(pl.Series(stays)),
        event=read.event[stays],
        facts=read.facts.filter(pl.Series(facts_stay)),
    )


def _smallest_codes(names: pl.Series) -> Names:
    """Return the places of names, plus one, as the smallest numbers that hold them; 0 is no name."""
    place = names.to_physical().to_numpy() + np.uint32(1) if not names.null_count() else None
    if place is None:
        place = (names.to_physical().cast(pl.Int64) + 1).fill_null(0).to_numpy()
    most = int(place.max(initial=0))
    return place.astype(np.uint8 if most < 1 << 8 else np.uint16 if most < 1 << 16 else np.uint32)


def _with_kind(facts: pl.DataFrame) -> pl.DataFrame:
    """Name the kind of facts as all sources do, also where a source has none."""
    if "_kind" in facts.columns:
        return facts.rename({"_kind": "kind"})
    return facts.with_columns(pl.lit(None, dtype=pl.String).alias("kind"))


class _EventNames:
    """The event names: `normalised`, sorted; `encode` returns their places, and `len(normalised)` for a blank one."""

    def __init__(self, names: pl.DataFrame, *, normalise: bool) -> None:
        name = normalise_names(pl.col("raw")) if normalise else pl.col("raw")
        table = names.select(name.alias("name"), pl.col("place").cast(pl.Int64) + 1)
        place = table["place"].to_numpy()
        self.normalised = table["name"].filter(table["name"] != "").unique().sort()
        small = pl.UInt8 if self.normalised.len() < 255 else pl.UInt16 if self.normalised.len() < 65_535 else pl.UInt32
        none = self.normalised.len()
        code = table["name"].replace_strict(self.normalised, range(none), default=none, return_dtype=small)
        self._code = np.full(int(place.max(initial=0)) + 1, none, dtype=code.to_numpy().dtype)
        self._code[place] = code.to_numpy()

    def encode(self, names: Names) -> Names:
        """Return the place in `normalised` of each name, from its place among all names plus one."""
        return parallel_take(self._code, names)


def _without_ids(combined: IdCombinations) -> Flags:
    """Flag the combinations in which no identifier is left."""
    empty = np.ones(combined.places.shape[0], dtype=bool)
    for at, values in enumerate(combined.values):
        empty &= values.is_null().to_numpy()[combined.places[:, at]]
    return empty


def drop_repeated_messages(sources: Sequence[SourceRows], *, rules: IdentityRules) -> list[SourceRows]:
    """Drop events whose message an earlier source has brought already.

    One system may send a message twice at slightly different times, and two names may mean one system: equal
    message ids are one message if the event is the same, and the source or the time, and no identifier contradicts.
    Two systems that number their messages from 1 do not lose any.
    """
    keyed = [at for at, one in enumerate(sources) if "message_id" in one.events.columns]
    if len(keyed) < 2:
        return list(sources)
    messages = pl.concat(
        sources[at]
        .events.select("message_id", pl.col("source", "event").cast(pl.String), "timestamp")
        .with_row_index("row")
        .with_columns(pl.lit(at).alias("at"))
        for at in keyed
    ).filter(pl.col("message_id").is_not_null())
    repeated = [pl.DataFrame(schema=_REPEATED)]
    for same in (["message_id", "event", "source"], ["message_id", "event", "timestamp"]):
        # in order of the sources and their rows, so that the first of a group came first
        home = messages.unique(same, keep="first", maintain_order=True)
        home = home.select(*same, pl.col("at").alias("home_at"), pl.col("row").alias("home_row"))
        repeated.append(messages.join(home, on=same).filter(pl.col("at") > pl.col("home_at")).select(*_REPEATED))
    pairs = pl.concat(repeated).unique()
    pairs = pairs.filter(~pl.Series(_flag_contradictions(pairs, sources, rules=rules), dtype=pl.Boolean))
    result = list(sources)
    for at in keyed:
        one = sources[at]
        mine = pairs.filter(pl.col("at") == at)["row"].to_numpy()
        if not mine.size:
            result[at] = replace(one, events=one.events.drop("message_id"))
            continue
        stays = np.ones(one.events.height, dtype=bool)
        stays[mine] = False
        result[at] = replace(
            one,
            events=one.events.filter(pl.Series(stays)).drop("message_id"),
            event_combinations=one.event_combinations[stays],
            repeated=int((~stays).sum()),
            first_event=None,
        )
    return result


def _flag_contradictions(pairs: pl.DataFrame, sources: Sequence[SourceRows], *, rules: IdentityRules) -> Flags:
    """Flag the pairs of rows that name different people, and those of which only the later has an identifier."""
    against = np.zeros(pairs.height, dtype=bool)
    for at, home in pairs.select("at", "home_at").unique().rows():
        mine = ((pairs["at"] == at) & (pairs["home_at"] == home)).to_numpy()
        later, first = (
            pl.DataFrame(
                {name: _ids_of_rows(sources[one], name, rows=rows, rules=rules) for name in sources[one].types},
                schema=dict.fromkeys(sources[one].types, pl.String),
            )
            for one, rows in ((at, pairs["row"].to_numpy()[mine]), (home, pairs["home_row"].to_numpy()[mine]))
        )
        for name in set(later.columns) & set(first.columns):
            against[mine] |= (later[name] != first[name]).fill_null(value=False).to_numpy()
        against[mine] |= _has_id(later, rows=int(mine.sum())) & ~_has_id(first, rows=int(mine.sum()))
    return against


def _has_id(ids: pl.DataFrame, *, rows: int) -> Flags:
    found = np.zeros(rows, dtype=bool)
    for column in ids:
        found |= column.is_not_null().to_numpy()
    return found


def _ids_of_rows(one: SourceRows, name: str, *, rows: npt.NDArray[np.uint32], rules: IdentityRules) -> pl.Series:
    """Return the identifiers of one type in some events, normalised; null for placeholders."""
    at = one.types.index(name)
    place = pl.Series(one.combinations[one.event_combinations[rows], at])
    texts = normalise_series(one.values[at].gather(place), id_type=name, rules=rules)
    return texts.set(find_placeholders(texts, rules=rules).is_not_null(), None)


def check_unchanged(now: pl.DataFrame, *, before: pl.DataFrame, what: str) -> None:
    """Refuse to answer from sources that have other rows than they had, or rows of another time.

    `now` and `before` have `source`, `read`, `first` and `last`, as in `Identity.rows`; later sources are below.
    """
    columns = ("source", "read", "first", "last")
    problems = []
    for (name, then, *span), (_, found, *spans) in zip(
        before.select(columns).rows(), now.select(columns).rows(), strict=False
    ):
        if then != found:
            changed = f"had {then:,} rows when it was stitched and has {found:,} now"
        elif span != spans:
            changed = (
                f"had events {_describe_span(*span)} when it was stitched and has them {_describe_span(*spans)} now"
            )
        else:
            continue
        problems.append(
            f"{what}: {name!r} {changed}, so its files were changed; read them again and stitch everything."
        )
    raise_all(problems, StoreError)


def _describe_span(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return "at no time"
    return f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S}"
