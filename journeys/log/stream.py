"""A log larger than memory: rows are streamed into shards, and each shard is sorted by itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import SourceError
from journeys.events.batches import iterate_batches, translate_source_errors
from journeys.events.times import DATE_ONLY, TimeParser
from journeys.log.boundaries import summarise_people
from journeys.log.build import (
    IS_DATE,
    PROBLEM,
    BuiltLog,
    count_unusual_rows,
    keep_good_rows,
    make_coder,
    quarantine_rows,
    rank_names,
    sort_rows,
    tidy_rows,
)
from journeys.log.log import Log, Size
from journeys.log.manifest import StoredShard
from journeys.log.store import commit_store, cut_people, draft_store, find_log, write_frames, write_shard

_BATCH_ROWS = 250_000
_BUFFER = 32 << 20
_NOT_REPEATABLE = (
    "table: it returns different rows each time it is read, as unique() without keep= does; write it to a file first "
    "(sink_parquet) and give that, or say which rows stay (unique(keep='first', maintain_order=True))."
)


def stream_log(
    table: pl.LazyFrame,
    path: str | Path,
    *,
    shards: int,
    person: str = "person",
    timestamp: str = "timestamp",
    event: str = "event",
    times: TimeParser | None = None,
) -> BuiltLog:
    """Write a table as a store without ever holding all of it: memory is that of one shard, and of the people.

    The table is read four times: for people, for event names, for bad rows, and to send each row to its shard. The
    result is that of `build_log` and `save_log`, value for value.

    Return the log as opened from the store.

    Raises
    ------
    UnknownNameError, ArgumentError
        As `build_log` and `save_log` do.
    SourceError
        When the table returns different rows each time it is read.
    """
    times = times or TimeParser()
    with translate_source_errors("table"):
        rows = tidy_rows(table, person=person, timestamp=timestamp, event=event, times=times)
        if rows.collect_schema()["person"] in (pl.Categorical, pl.Enum):
            rows = rows.with_columns(pl.col("person").cast(pl.String))
        good_rows = keep_good_rows(rows)
        # one after the other: collected together, they would share one scan by holding all rows in memory
        counted = rows.filter(pl.col(PROBLEM).is_null()).group_by("person")
        people = counted.agg(pl.len().alias("events"), pl.col(IS_DATE).sum().alias("dates")).collect()
        ranking = good_rows.group_by("event").len("count").collect()
        bad_rows = rows.filter(pl.col(PROBLEM).is_not_null()).collect()
    dates = int(people["dates"].sum())
    people = people.drop("dates").sort("person").with_row_index("code")
    ranking = rank_names(ranking)
    names = tuple(ranking["event"].sort())
    quarantine = quarantine_rows(bad_rows, times=times)
    unusual_rows: dict[str, int] = {DATE_ONLY: dates} if dates else {}
    span: list[datetime] = []
    with draft_store(path, shards=shards) as data:
        ranges, total = cut_people(people["events"].to_numpy(), shards=shards), int(people["events"].sum())
        scattered = data / "scattered"
        _scatter_rows(good_rows, scattered, people=people, highs=[high for _, high in ranges], names=names)
        written = []
        empty = _empty_events(good_rows, names=names)
        for number, (low, high) in enumerate(ranges):
            events, shard = _write_sorted(scattered, data, number=number, people=people[low:high], low=low, empty=empty)
            written.append(shard)
            for what, count in count_unusual_rows(events.lazy()).items():
                unusual_rows[what] = unusual_rows.get(what, 0) + count
            if events.height:
                span += events.select(pl.col("timestamp").min().alias("a"), pl.col("timestamp").max().alias("b")).row(0)
        shutil.rmtree(scattered, ignore_errors=True)
        size = Size(people.height, total, min(span, default=None), max(span, default=None))
        log = Log((), names, tuple(ranking["event"]), size)
        frames = write_frames({"quarantine": quarantine}, data=data)
        notes: Mapping[str, Any] = {"unusual_rows": unusual_rows}
        commit_store(data, log=log, shards=written, frames=frames, notes=notes)
    return BuiltLog(log=find_log(path)[0], quarantine=quarantine, unusual_rows=unusual_rows)


def _scatter_rows(
    rows: pl.LazyFrame, scattered: Path, *, people: pl.DataFrame, highs: list[int], names: tuple[str, ...]
) -> None:
    """Send each row, with its code, to its shard, batch by batch, so that files keep the order of arrival."""
    code = make_coder(people["person"])
    bounds = pl.Series(highs, dtype=pl.UInt32)
    schema = rows.collect_schema()
    columns = [name for name in schema if name != "person"]
    waiting: list[list[pl.DataFrame]] = [[] for _ in highs]
    size = written = 0
    for number in range(len(highs)):
        (scattered / str(number)).mkdir(parents=True)

    def flush_rows() -> None:
        for number, pieces in enumerate(waiting):
            if pieces:
                pl.concat(pieces).write_parquet(scattered / str(number) / f"{written:08d}.parquet", compression="lz4")
                pieces.clear()

    for batch in iterate_batches(rows, size=_batch_rows(schema), name="table"):
        try:
            codes = code(batch["person"])
        except IndexError as error:
            raise SourceError(_NOT_REPEATABLE) from error
        if codes.has_nulls():
            raise SourceError(_NOT_REPEATABLE)
        shard = bounds.search_sorted(codes, side="right").alias("shard")
        coded = batch.select(codes, *columns, shard).with_columns(pl.col("event").cast(pl.Enum(names)))
        for (number,), part in coded.partition_by("shard", as_dict=True, include_key=False).items():
            waiting[int(number)].append(part)
        size += int(coded.estimated_size())
        if size > _BUFFER:
            flush_rows()
            size, written = 0, written + 1
    flush_rows()


def _batch_rows(schema: pl.Schema) -> int:
    """Choose the number of rows of a batch: several are in memory at once, so batches of wide rows are smaller."""
    width = sum(8 if kind.is_numeric() or kind.is_temporal() or kind == pl.Boolean else 64 for kind in schema.values())
    return max(10_000, min(_BATCH_ROWS, _BUFFER // max(width, 1)))


def _empty_events(rows: pl.LazyFrame, *, names: tuple[str, ...]) -> pl.DataFrame:
    schema = rows.collect_schema()
    others = {name: kind for name, kind in schema.items() if name != "person"}
    return pl.DataFrame(schema={"person": pl.UInt32(), **others, "event": pl.Enum(names)})


def _write_sorted(
    scattered: Path, data: Path, *, number: int, people: pl.DataFrame, low: int, empty: pl.DataFrame
) -> tuple[pl.DataFrame, StoredShard]:
    """Sort one shard, write its events and its people, and return its events."""
    files = sorted((scattered / str(number)).iterdir())
    # files are read in order of arrival, and the sort is stable: equal times keep that order
    events = sort_rows(pl.concat([empty, *(pl.read_parquet(file, glob=False) for file in files)]))
    shutil.rmtree(scattered / str(number))
    summary = summarise_people(events.lazy())
    people_table = people.select("code", "person").join(summary, on="code", how="left", maintain_order="left")
    if not people_table["event_count"].eq_missing(people["events"].cast(pl.Int64)).all():
        raise SourceError(_NOT_REPEATABLE)
    high = low + people.height
    return events, write_shard(events.lazy(), people_table.lazy(), data, number=number, low=low, high=high)
