"""Rows of a source, read batch by batch: events, facts, and which combination of identifiers each row has.

Millions of rows with long identifiers have few distinct combinations. The text of an identifier is kept once, where it
is first seen. Rows are compared by a 64-bit hash; a collision is detected by another 32 bits, and where one is found,
the identifiers themselves are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.arrays import Checks, Hashes, HashIndex, Numbers, parallel_take
from journeys.events import Events
from journeys.events.batches import KEY, RepeatFinder, iterate_batches
from journeys.events.events import STATUSES, TRAIT
from journeys.events.placeholder_values import normalise_ids, normalise_names
from journeys.identity.rules import IdentityRules, find_placeholders, normalise_series

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Names = npt.NDArray[np.unsignedinteger]
Uint = TypeVar("Uint", bound=np.unsignedinteger)

_MULTIPLIER = 0x9E37_79B9_7F4A_7C15
_CHECK_BITS = 0xFFFF_FFFF
_EVENT, _FACT, _DUPLICATE, _QUARANTINED = range(4)
_BATCH = 250_000
_REPEATED = {"at": pl.Int32, "row": pl.UInt32, "original_at": pl.Int32, "original_row": pl.UInt32}


@dataclass(frozen=True, eq=False, slots=True)
class SourceRows:
    """The rows of one `Events`, in order of arrival.

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


def read_rows(one: Events, *, keep_message_ids: bool) -> SourceRows:
    """Read the rows of one source; message ids are dropped unless they are needed."""
    read = _read_batches(one, keep_message_ids=keep_message_ids)
    combined = read.combiner.finish_combining() or combine_by_value(one.rows, ids=one.ids)
    number = combined.number
    names = _EventNames(read.names, normalise=one._as_read is not None)
    counts = [int(np.count_nonzero(read.status == kind)) for kind in range(len(STATUSES))]
    only_events = counts[_EVENT] == read.status.size
    event_combinations = number if only_events else number[read.status == _EVENT]
    fact_combinations = number[:0] if only_events else number[read.status == _FACT]
    events, event, facts = read.events, names.encode_names(read.event), read.facts
    if one._as_read is not None:
        # blank names and identifiers are known only after normalisation
        without_ids = _flag_without_ids(combined)
        kept_facts = ~without_ids[fact_combinations]
        kept = event < len(names.normalised)
        if without_ids.any():
            kept &= ~without_ids[event_combinations]
        if "group_id" in facts.columns:
            is_of_account = (pl.col("kind") == "group") & pl.col("group_id").is_not_null()
            kept_facts |= facts.select(is_of_account.fill_null(value=False)).to_series().to_numpy()
        counts[_QUARANTINED] += int(np.count_nonzero(~kept) + np.count_nonzero(~kept_facts))
        if not kept.all():
            events, event = events.filter(pl.Series(kept)), event[kept]
            event_combinations = event_combinations[kept]
        if not kept_facts.all():
            facts, fact_combinations = facts.filter(pl.Series(kept_facts)), fact_combinations[kept_facts]
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
        event_combinations=event_combinations,
        fact_combinations=fact_combinations,
        counts={name: int(count) for name, count in zip(STATUSES, counts, strict=True) if count},
        first_event=combined.first_row if event_combinations.size == number.size else None,
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


def _read_batches(one: Events, *, keep_message_ids: bool) -> _Batches:
    """Read batch after batch, so that the texts of all identifiers are never in memory together."""
    rows = one.rows
    if one._as_read is not None:
        rows = one._as_read
    elif one._with_repeats is not None:
        rows = one._with_repeats
    present = rows.collect_schema().names()
    left_out = {"source", "event", *one.ids, *(() if keep_message_ids else ("message_id",))}
    event_columns = [name for name in present if not name.startswith(("_", TRAIT)) and name not in left_out]
    fact_columns = ["timestamp", *(name for name in present if name in ("_kind", "group_id") or name.startswith(TRAIT))]
    categories = pl.Categories.random()
    wanted = rows.select(
        *dict.fromkeys([*event_columns, *fact_columns, *one.ids]),
        pl.col("event").cast(pl.Categorical(categories)),
        pl.col("_status").to_physical(),
        *hash_columns(one.ids),
        *(name for name in KEY if name in present),
    )
    has_keys = KEY[0] in present
    combiner = IdCombiner(one.ids, clean=None if one._as_read is None else normalise_ids)
    empty = pl.DataFrame(schema=wanted.collect_schema())  # which keeps the categories, too
    statuses = [np.empty(0, dtype=np.uint8)]
    events, facts, event = [empty.select(event_columns)], [empty.select(fact_columns)], [np.empty(0, dtype=np.uint8)]
    with RepeatFinder() as repeats:
        for batch in iterate_batches(wanted, size=_BATCH):
            status = batch["_status"].to_numpy()
            combiner.add_batch(batch)
            statuses.append(status)
            is_event = status == _EVENT
            name = _shrink_codes(batch["event"])
            has_only_events = bool(is_event.all())
            columns = batch.select(event_columns)
            events.append(columns if has_only_events else columns.filter(pl.Series(is_event)))
            event.append(name if has_only_events else name[is_event])
            if (status == _FACT).any():
                facts.append(batch.select(fact_columns).filter(pl.Series(status == _FACT)))
            if has_keys:
                repeats.add_keys(*batch.select(KEY))
        status = np.concatenate(statuses)
        repeated = np.zeros(0, dtype=bool)
        if has_keys:
            repeated = np.unpackbits(repeats.find_repeats(), count=status.size, bitorder="little").astype(bool)
    read = _Batches(
        status,
        pl.concat(events, rechunk=True),
        np.concatenate(event),
        _add_kind(pl.concat(facts)),
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


def _shrink_codes(names: pl.Series) -> Names:
    """Return the places of names, plus one, as the smallest numbers that hold them; 0 is no name."""
    place = names.to_physical().to_numpy() + np.uint32(1) if not names.null_count() else None
    if place is None:
        place = (names.to_physical().cast(pl.Int64) + 1).fill_null(0).to_numpy()
    most = int(place.max(initial=0))
    return place.astype(np.uint8 if most < 1 << 8 else np.uint16 if most < 1 << 16 else np.uint32)


def _add_kind(facts: pl.DataFrame) -> pl.DataFrame:
    """Return the facts with a column `kind`, which is null where the source has none."""
    if "_kind" in facts.columns:
        return facts.rename({"_kind": "kind"})
    return facts.with_columns(pl.lit(None, dtype=pl.String).alias("kind"))


class _EventNames:
    """The event names: `normalised`, sorted; `encode_names` returns their places, `len(normalised)` for a blank one."""

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

    def encode_names(self, names: Names) -> Names:
        """Return the place in `normalised` of each name, from its place among all names plus one."""
        return parallel_take(self._code, names)


def _flag_without_ids(combined: IdCombinations) -> Flags:
    """Flag the combinations in which no identifier is left."""
    empty = np.ones(combined.places.shape[0], dtype=bool)
    for at, values in enumerate(combined.values):
        empty &= values.is_null().to_numpy()[combined.places[:, at]]
    return empty


@dataclass(frozen=True, eq=False, slots=True)
class IdCombinations:
    """Distinct combinations of identifiers.

    Attributes
    ----------
    number : np.ndarray
        The combination of each row.
    places : np.ndarray
        One row per combination, one column per type: the place in `values`.
    values : tuple of pl.Series
        For each type the distinct values as text, and perhaps null.
    first_row : np.ndarray, optional
        The first row of each combination, if it is known.
    """

    number: Numbers
    places: Numbers
    values: tuple[pl.Series, ...]
    first_row: Ints | None = None


def hash_columns(ids: Sequence[str]) -> list[pl.Expr]:
    """Hash each identifier column twice, independently: `_hash0`, … (64 bits) and `_check0`, … (32 bits)."""
    low = pl.lit(_CHECK_BITS, dtype=pl.UInt64)
    texts = [pl.col(name).cast(pl.String) for name in ids]
    hashes = [text.hash(1).alias(f"_hash{at}") for at, text in enumerate(texts)]
    return hashes + [(text.hash(2) & low).cast(pl.UInt32).alias(f"_check{at}") for at, text in enumerate(texts)]


class IdCombiner:
    """Numbers the combinations of identifiers batch by batch.

    Three steps run side by side: batch 3 is read, the rows of batch 2 are numbered, and the new identifiers of batch 1
    are stored, as `clean` returns them.
    """

    def __init__(self, ids: Sequence[str], *, clean: Callable[[pl.Series], pl.Series] | None = None) -> None:
        self._ids = tuple(ids)
        self._clean = clean or _copy_texts
        self._rows = HashIndex()
        self._indexes = [HashIndex() for _ in ids]
        self._numbers = [np.empty(0, dtype=np.int32)]
        self._places: list[Numbers] = []
        self._values: list[list[pl.Series]] = [[pl.Series("raw", [], dtype=pl.String)] for _ in ids]
        self._first_rows = [np.empty(0, dtype=np.int64)]
        self._height = 0
        self._numbering, self._storing = _Worker(), _Worker()

    def add_batch(self, batch: pl.DataFrame) -> None:
        """Take the next rows: the identifiers and their `hash_columns`."""
        self._numbering.start_task(lambda: self._number_rows(batch))

    def _number_rows(self, batch: pl.DataFrame) -> None:
        """Number the combinations of a batch, and hand on the rows of those that are new."""
        count = range(len(self._ids))
        hashes, checks = ([batch[f"{name}{at}"].to_numpy() for at in count] for name in ("_hash", "_check"))
        if not self._ids:
            hashes, checks = [np.zeros(batch.height, dtype=np.uint64)], [np.zeros(batch.height, dtype=np.uint32)]
        number, new = self._rows.number(_mix_hashes(hashes), _mix_hashes(checks))
        self._numbers.append(number)
        self._first_rows.append(new + self._height)
        self._height += batch.height
        self._storing.start_task(lambda: self._store_rows(batch, hashes, checks, new))

    def _store_rows(self, batch: pl.DataFrame, hashes: list[Hashes], checks: list[Checks], new: Ints) -> None:
        """Store the combinations of the new rows, and the identifiers that are new in them."""
        places = np.empty((new.size, len(self._ids)), dtype=np.int32)
        for at, (name, index) in enumerate(zip(self._ids, self._indexes, strict=True)):
            places[:, at], first = index.number(hashes[at].take(new), checks[at].take(new))
            texts = batch[name].gather(pl.Series(new.take(first).astype(np.uint32)))
            self._values[at].append(self._clean(texts.cast(pl.String)).alias("raw"))
        self._places.append(places)

    def finish_combining(self) -> IdCombinations | None:
        """Return what was found, or None where hashes collided."""
        self._numbering.finish_tasks()
        self._storing.finish_tasks()
        if self._rows.collided or any(index.collided for index in self._indexes):
            return None
        empty = np.empty((0, len(self._ids)), dtype=np.int32)
        values = tuple(pl.concat(one) for one in self._values)
        number, first_row = np.concatenate(self._numbers), np.concatenate(self._first_rows)
        return IdCombinations(number, np.concatenate([empty, *self._places]), values, first_row)


class _Worker:
    """A thread that does one task after another: starting a task waits for the one before."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def start_task(self, task: Callable[[], None]) -> None:
        self._wait_for_last()
        self._last = self._pool.submit(task)

    def _wait_for_last(self) -> None:
        if self._last is not None:
            self._last.result()

    def finish_tasks(self) -> None:
        self._wait_for_last()
        self._pool.shutdown()


def _mix_hashes(hashes: list[npt.NDArray[Uint]]) -> npt.NDArray[Uint]:
    """Mix the hashes of a row's identifiers, in their order, to one."""
    mixed = hashes[0]
    for more in hashes[1:]:
        mixed = mixed * more.dtype.type(_MULTIPLIER & np.iinfo(more.dtype).max) + more
    return mixed


def _copy_texts(texts: pl.Series) -> pl.Series:
    """Copy texts, since a text picked from a batch keeps the whole batch in memory."""
    return pl.select(pl.concat_str(pl.lit(texts), pl.lit(""))).to_series()


def combine_by_value(rows: pl.LazyFrame, *, ids: Sequence[str]) -> IdCombinations:
    """Number the combinations by comparing the identifiers themselves, where their hashes collide."""
    texts = rows.select(pl.col(name).cast(pl.String) for name in ids).collect()
    distinct = texts.unique(maintain_order=True)
    numbered = distinct.with_row_index("_number")
    found = texts.join(numbered, on=list(ids), how="left", maintain_order="left", nulls_equal=True)["_number"]
    places = np.empty((distinct.height, len(ids)), dtype=np.int32)
    values = []
    for at, name in enumerate(ids):
        of_type = distinct[name].unique(maintain_order=True).rename("raw")
        placed = distinct.select(pl.col(name).alias("raw")).join(
            of_type.to_frame().with_row_index("_place"), on="raw", how="left", maintain_order="left", nulls_equal=True
        )
        places[:, at] = placed["_place"].to_numpy()
        values.append(of_type)
    return IdCombinations(found.to_numpy().astype(np.int32), places, tuple(values))


def drop_repeated_messages(sources: Sequence[SourceRows], *, rules: IdentityRules) -> list[SourceRows]:
    """Drop events whose message an earlier source has brought already.

    One system may send a message twice at slightly different times, and two names may mean one system: equal
    message ids are one message if the event is the same, and the source or the time, and no identifier contradicts.
    So two systems that both number their messages from 1 lose none.
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
        original = messages.unique(same, keep="first", maintain_order=True)
        original = original.select(*same, pl.col("at").alias("original_at"), pl.col("row").alias("original_row"))
        repeated.append(
            messages.join(original, on=same).filter(pl.col("at") > pl.col("original_at")).select(*_REPEATED)
        )
    pairs = pl.concat(repeated).unique()
    pairs = pairs.filter(~pl.Series(_flag_contradictions(pairs, sources, rules=rules), dtype=pl.Boolean))
    result = list(sources)
    for at in keyed:
        one = sources[at]
        repeated_rows = pairs.filter(pl.col("at") == at)["row"].to_numpy()
        if not repeated_rows.size:
            result[at] = replace(one, events=one.events.drop("message_id"))
            continue
        stays = np.ones(one.events.height, dtype=bool)
        stays[repeated_rows] = False
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
    contradicts = np.zeros(pairs.height, dtype=bool)
    for at, original in pairs.select("at", "original_at").unique().rows():
        is_compared = (pairs["at"] == at) & (pairs["original_at"] == original)
        compared, chosen = is_compared.to_numpy(), pairs.filter(is_compared)
        later, first = (
            pl.DataFrame(
                {name: _ids_of_rows(sources[one], name, rows=rows, rules=rules) for name in sources[one].types},
                schema=dict.fromkeys(sources[one].types, pl.String),
            )
            for one, rows in ((at, chosen["row"].to_numpy()), (original, chosen["original_row"].to_numpy()))
        )
        for name in set(later.columns) & set(first.columns):
            contradicts[compared] |= (later[name] != first[name]).fill_null(value=False).to_numpy()
        contradicts[compared] |= _has_id(later, rows=chosen.height) & ~_has_id(first, rows=chosen.height)
    return contradicts


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
