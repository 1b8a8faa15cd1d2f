"""The rows of one source, read once: identifiers only as a number, so that millions of long ids need little room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.events.core import STATUSES
from journeys.events.duplicates import KEY, RepeatFinder
from journeys.events.normalise import normalise_ids, normalise_names
from journeys.identity.combining import Combined, Combiner, combine_texts, hashes_of
from journeys.parallel import parallel_take

if TYPE_CHECKING:
    from journeys.events import Events

__all__ = ["TRAIT", "Reading", "read_rows"]

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]
States = npt.NDArray[np.uint8]
Names = npt.NDArray[np.unsignedinteger]

TRAIT = "trait:"
_EVENT, _FACT, _DUPLICATE, _QUARANTINED = range(4)
_BATCH = 250_000


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """What one `Events` holds, in order of arrival.

    Attributes
    ----------
    name : str
        The source.
    frame : pl.DataFrame
        The events without their identifiers: `timestamp`, `event` (Enum), properties, and `message_id` where it is
        needed.
    facts : pl.DataFrame
        The facts: `timestamp`, `kind`, `group_id` where there is one, ``trait:*``.
    types : tuple of str
        The identifier types.
    combinations : np.ndarray
        Each distinct combination of identifiers: a column a type, with the place of the value in `values`.
    values : tuple of pl.Series
        Of each type the distinct values as text, and perhaps null.
    of_events, of_facts : np.ndarray
        The number of each row's combination.
    counts : dict of str to int
        Rows by what the reader made of them: event, fact, duplicate, quarantined.
    repeated : int
        Events left out because an earlier source brought the same message.
    begin : np.ndarray, optional
        The first event of each combination; only where every row is an event.
    """

    name: str
    frame: pl.DataFrame
    facts: pl.DataFrame
    types: tuple[str, ...]
    combinations: Numbers
    values: tuple[pl.Series, ...]
    of_events: Numbers
    of_facts: Numbers
    counts: dict[str, int]
    repeated: int = 0
    begin: Ints | None = None


def read_rows(one: Events, *, messages: bool) -> Reading:
    """Read the rows of one source; `messages` keeps the message ids."""
    read = _stream(one, messages=messages)
    combined = read.combiner.combined() or combine_texts(one.rows, ids=one.ids)
    number = combined.number
    names = _Names(read.words, tidy=one.as_read is not None)
    counts = [int(np.count_nonzero(read.state == kind)) for kind in range(len(STATUSES))]
    plain = counts[_EVENT] == read.state.size
    of_events = number if plain else number[read.state == _EVENT]
    of_facts = number[:0] if plain else number[read.state == _FACT]
    events, event, facts = read.events, names.code(read.event), read.facts
    if one.as_read is not None:
        # what only the tidied texts tell
        nobody = _nobody(combined)
        right = ~nobody[of_facts]
        good = event < len(names.tidy)
        if nobody.any():
            good &= ~nobody[of_events]
        if "group_id" in facts.columns:
            of_account = (pl.col("kind") == "group") & pl.col("group_id").is_not_null()
            right |= facts.select(of_account.fill_null(value=False)).to_series().to_numpy()
        counts[_QUARANTINED] += int(np.count_nonzero(~good) + np.count_nonzero(~right))
        if not good.all():
            events, event, of_events = events.filter(pl.Series(good)), event[good], of_events[good]
        if not right.all():
            facts, of_facts = facts.filter(pl.Series(right)), of_facts[right]
        counts[_EVENT], counts[_FACT] = events.height, facts.height
    frame = events.with_columns(
        pl.Series("event", event).cat.to(pl.Enum(names.tidy)),
        pl.lit(one.name).cast(pl.Enum([one.name])).alias("source"),
    )
    first = ("timestamp", "event")
    frame = frame.select(*first, pl.exclude(first))
    told = {name: int(count) for name, count in zip(STATUSES, counts, strict=True) if count}
    begin = combined.begin if of_events.size == number.size else None
    return Reading(
        one.name, frame, facts, one.ids, combined.places, combined.values, of_events, of_facts, told, begin=begin
    )


@dataclass(frozen=True, eq=False, slots=True)
class _Read:
    """All rows: what each is, and its identifiers; the columns of the events and of the facts.

    `words` has the names as they were read, each with its `place`; `event` has for each event one more than that of
    its name, or 0 for none.
    """

    state: States
    events: pl.DataFrame
    event: Names
    facts: pl.DataFrame
    combiner: Combiner
    words: pl.DataFrame


def _stream(one: Events, *, messages: bool) -> _Read:
    """Let the rows pass by, batch after batch, so that their texts are never in memory together."""
    with RepeatFinder() as repeats:
        return _pass(one, messages=messages, repeats=repeats)


def _pass(one: Events, *, messages: bool, repeats: RepeatFinder) -> _Read:
    rows = one.rows
    if one.as_read is not None:
        rows = one.as_read
    elif one.with_repeats is not None:
        rows = one.with_repeats
    names = rows.collect_schema().names()
    left_out = {"source", "event", *one.ids, *(() if messages else ("message_id",))}
    plain = [name for name in names if not name.startswith(("_", TRAIT)) and name not in left_out]
    told = ["timestamp", *(name for name in names if name in ("_kind", "group_id") or name.startswith(TRAIT))]
    words = pl.Categories.random()
    wanted = rows.select(
        *dict.fromkeys([*plain, *told, *one.ids]),
        pl.col("event").cast(pl.Categorical(words)),
        pl.col("_status").to_physical(),
        *hashes_of(one.ids),
        *(name for name in KEY if name in names),
    )
    sifts = KEY[0] in names
    combiner = Combiner(one.ids, tidy=None if one.as_read is None else normalise_ids)
    empty = pl.DataFrame(schema=wanted.collect_schema())  # which holds on to the words, too
    states = [np.empty(0, dtype=np.uint8)]
    events, facts, event = [empty.select(plain)], [empty.select(told)], [np.empty(0, dtype=np.uint8)]
    for batch in wanted.collect_batches(chunk_size=_BATCH, maintain_order=True):
        state = batch["_status"].to_numpy()
        combiner.add(batch)
        states.append(state)
        is_event = state == _EVENT
        name = _small(batch["event"])
        every = bool(is_event.all())
        events.append(batch.select(plain) if every else batch.select(plain).filter(pl.Series(is_event)))
        event.append(name if every else name[is_event])
        if (state == _FACT).any():
            facts.append(batch.select(told).filter(pl.Series(state == _FACT)))
        if sifts:
            repeats.add(*batch.select(KEY))
    state = np.concatenate(states)
    read = _Read(
        state,
        pl.concat(events, rechunk=True),
        np.concatenate(event),
        _with_kind(pl.concat(facts)),
        combiner,
        pl.DataFrame({"raw": words.to_series()}).with_columns(
            pl.col("raw").cast(pl.Categorical(words)).to_physical().alias("place")
        ),
    )
    if sifts:
        again = np.unpackbits(repeats.find(), count=state.size, bitorder="little").astype(bool)
        if again.any():
            stays, told_once = (~again[state == kind] for kind in (_EVENT, _FACT))
            state[again] = _DUPLICATE
            return replace(
                read,
                events=read.events.filter(pl.Series(stays)),
                event=read.event[stays],
                facts=read.facts.filter(pl.Series(told_once)),
            )
    return read


def _small(names: pl.Series) -> Names:
    """Write the places of names, one more each, as the smallest numbers that hold them: 0 is no name."""
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


class _Names:
    """The event names: `tidy`, sorted; `code` gives their places, and `len(tidy)` for one that is blank."""

    def __init__(self, words: pl.DataFrame, *, tidy: bool) -> None:
        name = normalise_names(pl.col("raw")) if tidy else pl.col("raw")
        book = words.select(name.alias("name"), pl.col("place").cast(pl.Int64) + 1)
        place = book["place"].to_numpy()
        self.tidy = book["name"].filter(book["name"] != "").unique().sort()
        small = pl.UInt8 if self.tidy.len() < 255 else pl.UInt16 if self.tidy.len() < 65_535 else pl.UInt32
        none = self.tidy.len()
        code = book["name"].replace_strict(self.tidy, range(none), default=none, return_dtype=small)
        self._code = np.full(int(place.max(initial=0)) + 1, none, dtype=code.to_numpy().dtype)
        self._code[place] = code.to_numpy()

    def code(self, names: Names) -> Names:
        """Return the place in `tidy` of each name, given one more than its place among all words."""
        return parallel_take(self._code, names)


def _nobody(combined: Combined) -> npt.NDArray[np.bool_]:
    """Flag the combinations in which no identifier is left."""
    nobody = np.ones(combined.places.shape[0], dtype=bool)
    for at, values in enumerate(combined.values):
        nobody &= values.is_null().to_numpy()[combined.places[:, at]]
    return nobody
