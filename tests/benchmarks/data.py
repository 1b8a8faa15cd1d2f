"""Make logs of any size: the same rows as plain Parquet, as raw Parquet in order of arrival, and as our saved store.

About 20 events a person with a long tail, 30 behaviours used as Zipf would have it and one rare conversion, bursts
and pauses over 90 days, pages of 10,000 values. No two events of a person share a time: every engine means the same.
Written group of people by group of people: the memory needed does not grow with the log.
"""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["BEHAVIOURS", "CONVERSION", "EVENTS", "FUNNEL", "Data", "make", "person_ids"]

BEHAVIOURS = (
    "Loaded a Page", "Opened Project", "Completed Task", "Signed Up", "Created Task", "Created Project",
    "Opened Email", "Read Article", "Invited Teammate", "Commented on Task", "Uploaded File", "Searched Tasks",
    "Assigned Task", "Watched Video", "Connected Calendar", "Moved Card", "Archived Task", "Exported Report",
    "Opened Settings", "Changed Avatar", "Joined Webinar", "Downloaded Guide", "Clicked Email", "Viewed Pricing",
    "Started Trial", "Requested Demo", "Created Template", "Connected Slack", "Contacted Support", "Rated App",
)  # fmt: skip
CONVERSION = "Upgraded Plan"
EVENTS = (*BEHAVIOURS, CONVERSION)
FUNNEL = ("Loaded a Page", "Signed Up", "Created Project", CONVERSION)
CAMPAIGNS = ("spring", "brand", "webinar", "partner", "retargeting", "newsletter", "podcast", None)
START = 1_767_225_600_000_000  # 2026-01-01, in microseconds
DAY = 86_400_000_000
GROUP = 100_000  # people written at a time


@dataclass(frozen=True)
class Data:
    """Where one generated log lies, and how large it is."""

    folder: Path
    events: int
    people: int

    @property
    def plain(self) -> str:
        """Return the glob of the log as plain Parquet, sorted by person and time: what the rivals read."""
        return str(self.folder / "plain" / "*.parquet")

    @property
    def raw(self) -> str:
        """Return the glob of the same rows in order of time, people known by 36-character ids."""
        return str(self.folder / "raw" / "*.parquet")

    @property
    def store(self) -> str:
        """Return the path of our saved log with the same rows, in one shard."""
        return str(self.folder / "store")


def _group(rng: np.random.Generator, *, first: int, people: int, events: int) -> pl.DataFrame:
    weights = rng.lognormal(0.0, 1.2, people)
    counts = 1 + rng.multinomial(events - people, weights / weights.sum())
    person = np.repeat(np.arange(first, first + people), counts)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    gaps = (
        np.where(rng.random(events) < 0.8, rng.lognormal(4.0, 1.5, events), rng.exponential(1.3 * 86_400, events)) + 1
    )
    gaps[starts] = 0
    elapsed = np.cumsum(gaps)
    elapsed -= np.repeat(elapsed[starts], counts)
    entry = rng.random(people) * 80 * 86_400
    scale = np.minimum(1.0, (90 * 86_400 - entry) / np.maximum(elapsed[starts + counts - 1], 1))
    seconds = np.repeat(entry, counts) + elapsed * np.repeat(scale, counts)
    within = np.arange(events) - np.repeat(starts, counts)  # a microsecond a place keeps times of a person apart
    weights = np.append(1 / np.arange(1, len(BEHAVIOURS) + 1) ** 1.1, 0.012)
    event = rng.choice(len(EVENTS), events, p=weights / weights.sum())
    page = (10_000 * rng.random(events) ** 3).astype(np.int64)
    campaign = np.repeat(rng.integers(0, len(CAMPAIGNS), people), counts)
    coded = {
        "event": pl.Series(event, dtype=pl.Int64).to_frame("c").join(
            pl.DataFrame({"c": range(len(EVENTS)), "v": EVENTS}), on="c", how="left", maintain_order="left")["v"],
        "page": pl.Series([f"/pages/{i:04d}" for i in range(10_000)]).gather(page),
        "campaign": pl.Series(CAMPAIGNS, dtype=pl.String).gather(campaign),
    }  # fmt: skip
    return pl.DataFrame(
        {"person": person, "timestamp": START + (seconds * 1e6).astype(np.int64) + within, **coded},
    ).with_columns(
        timestamp=pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        page=pl.when(pl.col("event") == BEHAVIOURS[0]).then("page"),
        campaign=pl.when(pl.col("event") == BEHAVIOURS[0]).then("campaign"),
    )


def person_ids(people: int) -> pl.DataFrame:
    """Return `person` and the 36-character `user_id` that the raw log knows it by."""
    bits = np.random.default_rng(7).integers(0, 2**63, (people, 2), dtype=np.uint64)
    ids = [str(uuid.UUID(int=(int(a) << 64) | int(b))) for a, b in bits]
    return pl.DataFrame({"person": np.arange(1, people + 1), "user_id": ids})


def make(folder: Path, *, events: int, per_person: int = 20, raw: bool = False) -> Data:
    """Write a log of exactly so many events below `folder`, or find the one that is there already."""
    people = max(1, events // per_person)
    data = Data(folder / f"{events}x{per_person}", events, people)
    stamp = data.folder / "plain.json"
    if not stamp.exists():
        shutil.rmtree(data.folder, ignore_errors=True)
        (data.folder / "plain").mkdir(parents=True)
        for number, first in enumerate(range(0, people, GROUP)):
            last = min(first + GROUP, people)
            share = events * last // people - events * first // people
            rng = np.random.default_rng([2026, number])
            rows = _group(rng, first=first + 1, people=last - first, events=share)
            rows.write_parquet(
                data.folder / "plain" / f"{number:05d}.parquet", compression="lz4", row_group_size=250_000
            )
        stamp.write_text(json.dumps({"events": events, "people": people}))
    if raw and not (data.folder / "raw").exists():
        unfinished = data.folder / "raw.part"
        unfinished.mkdir(exist_ok=True)
        log = pl.scan_parquet(data.plain).join(person_ids(people).lazy(), on="person", how="left").drop("person")
        log.sort("timestamp", "user_id").select("user_id", pl.exclude("user_id")).sink_parquet(
            pl.PartitionBy(unfinished, max_rows_per_file=2_000_000)
        )
        unfinished.rename(data.folder / "raw")
    return data
