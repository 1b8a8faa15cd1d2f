"""A log larger than memory: rows stream into shards, and each shard is sorted by itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from journeys.log.build import WHY, Built, notice, set_apart, sort_rows, tidy_rows
from journeys.log.core import Log, Size, summarise_people
from journeys.log.store import COMPRESSION, ROW_GROUP, commit, cuts, drafting, open_log, shard_files

__all__ = ["stream_log"]


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

    The table is read twice: once for who there is and which events, once to send each row to its shard. What
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
    """
    rows = tidy_rows(table, person=person, timestamp=timestamp, event=event)
    kind = rows.collect_schema()["person"]
    if kind in (pl.Categorical, pl.Enum):
        rows = rows.with_columns(pl.col("person").cast(pl.String))
    good = rows.filter(pl.col(WHY).is_null()).drop(WHY)
    people, ranking, bad = pl.collect_all(
        [
            good.group_by("person").len("events"),
            good.group_by("event").len("count"),
            rows.filter(pl.col(WHY).is_not_null()),
        ]
    )
    people = people.sort("person").with_row_index("code")
    ranking = ranking.sort(["count", "event"], descending=[True, False])
    names = tuple(ranking["event"].sort())
    quarantine = set_apart(bad)
    noticed: dict[str, int] = {}
    span: list[datetime] = []
    with drafting(path, shards=shards) as data:
        ranges = cuts(people["events"].to_numpy(), shards=shards)
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
        size = Size(people.height, int(people["events"].sum()), min(span, default=None), max(span, default=None))
        log = Log((), names, tuple(ranking["event"]), size)
        frames: Mapping[str, pl.DataFrame] = {"quarantine": quarantine}
        notes: Mapping[str, Any] = {"noticed": noticed}
        commit(data, log=log, files=files, frames=frames, notes=notes)
    return Built(log=open_log(path)[0], quarantine=quarantine, noticed=noticed)


def _scatter(
    rows: pl.LazyFrame, parts: Path, *, people: pl.DataFrame, highs: list[int], names: tuple[str, ...]
) -> None:
    """Send each row, with its code and its place in the input, to the files of its shard."""
    owners = people.lazy().select(
        "code",
        "person",
        pl.lit(pl.Series(highs, dtype=pl.UInt32)).search_sorted(pl.col("code"), side="right").alias("shard"),
    )
    coded = (
        rows.with_row_index("__place__")
        .join(owners, on="person", how="inner")
        .with_columns(pl.col("code").alias("person"), pl.col("event").cast(pl.Enum(names)))
        .drop("code")
    )
    coded.sink_parquet(
        pl.PartitionBy(parts, key="shard", include_key=False), compression="zstd", compression_level=1, mkdir=True
    )


def _empty(rows: pl.LazyFrame, *, names: tuple[str, ...]) -> pl.DataFrame:
    schema = dict(rows.collect_schema()) | {"person": pl.UInt32(), "event": pl.Enum(names)}
    return pl.DataFrame(schema=schema)


def _write(parts: Path, data: Path, *, number: int, people: pl.DataFrame, empty: pl.DataFrame) -> pl.DataFrame:
    """Sort one shard, write its events and its people, and return its events."""
    folder = parts / f"shard={number}"
    events = empty
    if folder.is_dir():
        events = pl.read_parquet(folder / "*.parquet", hive_partitioning=False)
        # equal times keep their order of arrival: first back into that, then the stable sort of the log
        events = sort_rows(events.sort("__place__").drop("__place__"))
        shutil.rmtree(folder)
    files = shard_files(number, low=0, high=0)
    events.write_parquet(data / files["events"], compression=COMPRESSION, row_group_size=ROW_GROUP)
    facts = people.select("code", "person").join(
        summarise_people(events.lazy()), on="code", how="left", maintain_order="left"
    )
    facts.write_parquet(data / files["people"])
    return events
