"""A log larger than memory: rows stream into shards, and each shard is sorted by itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import SourceError
from journeys.log.build import WHY, Built, notice, rank_names, set_apart, tidy_rows
from journeys.log.core import Log, Size, summarise_people
from journeys.log.person_codes import make_coder
from journeys.log.sort import sort_rows
from journeys.log.store import commit, cuts, drafting, find_log, shard_files, write_events, write_frames

__all__ = ["stream_log"]

BATCH = 250_000
ROOM = 32 << 20
_OTHERS = (
    "table: its rows are others each time they are read, as of unique() that keeps any of several; write them to a "
    "file (sink_parquet) and give that, or say which rows stay (unique(keep='first', maintain_order=True))."
)


def stream_log(
    table: pl.LazyFrame,
    path: str | Path,
    *,
    shards: int,
    person: str = "person",
    timestamp: str = "timestamp",
    event: str = "event",
    now: datetime | None = None,
) -> Built:
    """Write a table as a store without ever holding all of it: memory is that of a shard, and of the people.

    The table is read for who there is, for the events and for what is wrong, then to send each row to its shard. What
    `build_log` and `save_log` would give together is what this gives, value for value.

    Parameters
    ----------
    table : pl.LazyFrame
        One row an event, in order of arrival.
    path : str or Path
        The folder of the store.
    shards : int
        How many shards.
    person, timestamp, event : str
        The columns that say who, when and what.
    now : datetime, optional
        What counts as the future starts here; the present moment by default.

    Returns
    -------
    Built
        The log as opened from the store.

    Raises
    ------
    UnknownNameError, ArgumentError
        As `build_log` and `save_log` do.
    SourceError
        When the table has other rows each time it is read.
    """
    rows = tidy_rows(table, person=person, timestamp=timestamp, event=event)
    kind = rows.collect_schema()["person"]
    if kind in (pl.Categorical, pl.Enum):
        rows = rows.with_columns(pl.col("person").cast(pl.String))
    good = rows.filter(pl.col(WHY).is_null()).drop(WHY)
    # one after the other: asked at once, they would share their reading by holding all of it
    people = good.group_by("person").len("events").collect()
    ranking = good.group_by("event").len("count").collect()
    bad = rows.filter(pl.col(WHY).is_not_null()).collect()
    people = people.sort("person").with_row_index("code")
    ranking = rank_names(ranking)
    names = tuple(ranking["event"].sort())
    quarantine = set_apart(bad)
    noticed: dict[str, int] = {}
    span: list[datetime] = []
    with drafting(path, shards=shards) as data:
        ranges, total = cuts(people["events"].to_numpy(), shards=shards), int(people["events"].sum())
        parts = data / "parts"
        _scatter(good, parts, people=people, highs=[high for _, high in ranges], names=names)
        files = []
        for number, (low, high) in enumerate(ranges):
            files.append(shard_files(number, low=low, high=high))
            events = _write(parts, data, number=number, people=people[low:high], empty=_empty(good, names=names))
            for what, count in notice(events.lazy(), now=now or datetime.now(tz=UTC)).items():
                noticed[what] = noticed.get(what, 0) + count
            if events.height:
                span += events.select(pl.col("timestamp").min().alias("a"), pl.col("timestamp").max().alias("b")).row(0)
        shutil.rmtree(parts, ignore_errors=True)
        size = Size(people.height, total, min(span, default=None), max(span, default=None))
        log = Log((), names, tuple(ranking["event"]), size)
        frames = write_frames({"quarantine": quarantine}, data=data)
        notes: Mapping[str, Any] = {"noticed": noticed}
        commit(data, log=log, files=files, frames=frames, notes=notes)
    return Built(log=find_log(path)[0], quarantine=quarantine, noticed=noticed)


def _scatter(
    rows: pl.LazyFrame, parts: Path, *, people: pl.DataFrame, highs: list[int], names: tuple[str, ...]
) -> None:
    """Send each row, with its code, to its shard: batch after batch, so that files keep the order of arrival."""
    code = make_coder(people["person"])
    bounds = pl.Series(highs, dtype=pl.UInt32)
    schema = rows.collect_schema()
    columns = [name for name in schema if name != "person"]
    waiting: list[list[pl.DataFrame]] = [[] for _ in highs]
    size = written = 0
    for number in range(len(highs)):
        (parts / str(number)).mkdir(parents=True)

    def write() -> None:
        for number, pieces in enumerate(waiting):
            if pieces:
                pl.concat(pieces).write_parquet(parts / str(number) / f"{written:08d}.parquet", compression="lz4")
                pieces.clear()

    for batch in rows.collect_batches(chunk_size=_height(schema), maintain_order=True):
        try:
            codes = code(batch["person"])
        except IndexError as error:
            raise SourceError(_OTHERS) from error
        if codes.has_nulls():
            raise SourceError(_OTHERS)
        shard = bounds.search_sorted(codes, side="right").alias("shard")
        coded = batch.select(codes, *columns, shard).with_columns(pl.col("event").cast(pl.Enum(names)))
        for (one,), part in coded.partition_by("shard", as_dict=True, include_key=False).items():
            waiting[int(one)].append(part)
        size += int(coded.estimated_size())
        if size > ROOM:
            write()
            size, written = 0, written + 1
    write()


def _height(schema: pl.Schema) -> int:
    """Say how many rows make a batch: several are under way at once, so that wide rows come in smaller ones."""
    width = sum(8 if kind.is_numeric() or kind.is_temporal() or kind == pl.Boolean else 64 for kind in schema.values())
    return max(10_000, min(BATCH, ROOM // max(width, 1)))


def _empty(rows: pl.LazyFrame, *, names: tuple[str, ...]) -> pl.DataFrame:
    schema = rows.collect_schema()
    others = {name: kind for name, kind in schema.items() if name != "person"}
    return pl.DataFrame(schema={"person": pl.UInt32(), **others, "event": pl.Enum(names)})


def _write(parts: Path, data: Path, *, number: int, people: pl.DataFrame, empty: pl.DataFrame) -> pl.DataFrame:
    """Sort one shard, write its events and its people, and return its events."""
    files = sorted((parts / str(number)).iterdir())
    # the files come in order of arrival, and the sort is stable: equal times keep that order
    events = sort_rows(pl.concat([empty, *(pl.read_parquet(file) for file in files)]))
    shutil.rmtree(parts / str(number))
    named = shard_files(number, low=0, high=0)
    write_events(events, data, files=named)
    facts = people.select("code", "person").join(
        summarise_people(events.lazy()), on="code", how="left", maintain_order="left"
    )
    if not facts["event_count"].eq_missing(people["events"].cast(pl.Int64)).all():
        raise SourceError(_OTHERS)
    facts.write_parquet(data / named["people"])
    return events
