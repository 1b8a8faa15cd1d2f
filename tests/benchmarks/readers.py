"""Readers beside the bare Polars scan of the same file: raw text → canonical events in Parquet, in constant memory.

A bare scan is what an analyst would write: infer the types from the whole file, parse the time, drop doubled message
ids, write Parquet. Ours also tells events from facts, quarantines, corrects times and finds campaigns.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl

import journeys as jn
from tests.benchmarks.data import Data
from tests.benchmarks.harness import Question, Way

__all__ = ["questions"]

ROWS = 500_000
SLOWEST = 1 / 1.5


def questions(data: Data) -> list[Question]:
    """Read CSV and NDJSON of up to half a million rows."""
    csv, ndjson = _files(data)
    return [
        Question(
            "read CSV",
            {"journeys": Way(our_csv, {"path": str(csv)}), "Polars": Way(bare_csv, {"path": str(csv)})},
            bars={"Polars": SLOWEST},
        ),
        Question(
            "read NDJSON",
            {"journeys": Way(our_ndjson, {"path": str(ndjson)}), "Polars": Way(bare_ndjson, {"path": str(ndjson)})},
            bars={"Polars": SLOWEST},
        ),
    ]


def our_csv(path: str) -> int:
    """Read with read_table."""
    events = jn.read_table(path, timestamp="timestamp", event="event", ids=["user_id", "anonymous_id"], message_id="id")
    return _written(events.table)


def bare_csv(path: str) -> int:
    """Read with scan_csv."""
    rows = pl.scan_csv(path, infer_schema_length=None).filter(pl.col("id").is_first_distinct())
    return _written(rows.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC", time_unit="us")))


def our_ndjson(path: str) -> int:
    """Read with read_segment."""
    return _written(jn.read_segment(path).table)


def bare_ndjson(path: str) -> int:
    """Read with scan_ndjson."""
    rows = pl.scan_ndjson(path, infer_schema_length=None).filter(pl.col("messageId").is_first_distinct())
    return _written(rows.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC", time_unit="us")))


def _written(rows: pl.LazyFrame) -> int:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "events.parquet"
        rows.sink_parquet(target)
        return int(pl.scan_parquet(target).select(pl.len()).collect().item())


def _files(data: Data) -> tuple[Path, Path]:
    """Write the first rows of the log as text, once."""
    csv, ndjson = data.folder / "readers.csv", data.folder / "readers.ndjson"
    if csv.exists() and ndjson.exists():
        return csv, ndjson
    rows = pl.scan_parquet(data.plain).head(ROWS).select("timestamp", "event", "person", "page").collect()
    rows = rows.with_columns(
        pl.int_range(pl.len())
        .map_elements(lambda n: f"{n:08x}-aaaa-4bbb-8ccc-{n:012x}", return_dtype=pl.String)
        .alias("id"),
        pl.col("timestamp").dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ"),
        pl.col("person").cast(pl.String).alias("user_id"),
        pl.concat_str(pl.lit("d"), "person").alias("anonymous_id"),
        pl.col("event").cast(pl.String),
        pl.col("page").cast(pl.String),
        pl.int_range(pl.len()).mod(100).alias("amount"),
    ).drop("person")
    rows.write_csv(csv)
    with ndjson.open("w", encoding="utf-8") as file:
        for row in rows.iter_rows(named=True):
            call = {
                "type": "track",
                "messageId": row["id"],
                "userId": row["user_id"],
                "anonymousId": row["anonymous_id"],
            }
            call |= {"event": row["event"], "timestamp": row["timestamp"], "properties": {"amount": row["amount"]}}
            page = {"path": row["page"], "url": f"https://shop.example{row['page']}", "title": row["page"]}
            call |= {"context": {"page": page, "library": {"name": "analytics.js", "version": "2.1.0"}}}
            file.write(json.dumps(call) + "\n")
    return csv, ndjson
