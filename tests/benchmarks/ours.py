"""The same questions put to us, and the answers brought to the shape in which the engines are compared."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

__all__ = ["build", "build_raw", "build_streamed", "correlation", "flow", "funnel", "retention", "trend"]


def funnel(store: str, steps: Sequence[str], within: int) -> list[int]:
    """Count the people who reach each step (loose order, `within` microseconds), times and intervals included."""
    from datetime import timedelta

    import journeys as jn

    return jn.open(store).funnel(list(steps), within=timedelta(microseconds=within)).table["people"].to_list()


def flow(store: str, steps: int, events: int) -> list[tuple[int, str, str, int]]:
    """Count the links of the flow from first touch, people alone as the rivals do; nothing folds into "(other)"."""
    import journeys as jn

    links = jn.open(store).flow(steps=steps, top=events, times=False).table
    return links.select("position", "source", "target", "people").sort("position", "source", "target").rows()


def correlation(store: str, conversion: str) -> list[tuple[str, int, int]]:
    """Count for each behaviour who did it before converting, and who did it and never converted."""
    import journeys as jn

    cells = jn.open(store).correlation(conversion, min_people=0).table
    return cells.select("behaviour", "both", "behaviour_only").sort("behaviour").rows()


def retention(store: str, start: str, back: str | None, periods: int) -> list[tuple[int, int, int, int]]:
    """Count who comes back: week of the cohort (number since 1970), its size, week since, people; with intervals."""
    import polars as pl

    import journeys as jn

    table = jn.open(store).retention(start, back=back or "any", every="1w", periods=periods).table
    week = (pl.col("cohort").cast(pl.Int32).cast(pl.Int64) + 3) // 7
    rows = table.filter(pl.col("back") > 0).select(week, "size", "period", "back")
    return rows.sort("cohort", "period").rows()


def trend(store: str, event: str) -> list[tuple[int, int, int]]:
    """Count people and events of one kind per day (number since 1970)."""
    import polars as pl

    import journeys as jn

    table = jn.open(store).trend(event, every="1d").table.filter(pl.col("events") > 0)
    return table.select(pl.col("period").cast(pl.Int32).cast(pl.Int64), "people", "events").sort("period").rows()


def build(plain: str, store: str, shards: int) -> int:
    """Make a saved log of a table whose people are known; the answer is the number of its events."""
    import polars as pl

    import journeys as jn

    shutil.rmtree(store, ignore_errors=True)
    return jn.Journeys.from_table(pl.scan_parquet(plain)).save(store, shards=shards).size.events


def build_streamed(plain: str, store: str, shards: int) -> int:
    """Make the same store shard by shard, without ever holding the whole log."""
    import polars as pl

    import journeys as jn

    shutil.rmtree(store, ignore_errors=True)
    return jn.Journeys.from_table(pl.scan_parquet(plain), store=store, shards=shards).size.events


def build_raw(raw: str, store: str) -> int:
    """Make a saved log of raw events with 36-character ids: read, stitch, sort, save."""
    import journeys as jn

    shutil.rmtree(store, ignore_errors=True)
    events = jn.read_table(raw, timestamp="timestamp", event="event", ids=["user_id"])
    return jn.stitch(events).save(store).size.events
