"""Work split into parts gives what it would give in one."""

import numpy as np
import polars as pl
import pytest

import journeys as jn
from journeys.arrays import ROWS_PER_PART, parallel_take, split_rows


@pytest.mark.parametrize("size", [0, 1, ROWS_PER_PART, ROWS_PER_PART + 1, 3 * ROWS_PER_PART - 1])
def test_parts_cover_all_rows_once(size):
    assert [at for piece in split_rows(size) for at in range(size)[piece]] == list(range(size))
    at = np.random.default_rng(size).integers(0, 9, size, dtype=np.int32)
    values = np.arange(10, 19)
    assert np.array_equal(parallel_take(values, at), values[at])
    assert parallel_take(values, at).dtype == values.dtype


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("with_facts", [True, False])
def test_a_log_longer_than_a_part_has_the_right_first_and_last_times_of_identifiers(in_order, with_facts):
    from journeys.events import build_events

    size = 2 * ROWS_PER_PART + 7
    chance = np.random.default_rng(5)
    time = chance.integers(0, 10**12, size)
    rows = pl.DataFrame(
        {
            "timestamp": np.sort(time) if in_order else time,
            "event": np.where(chance.random(size) < 0.5, "A", "B"),
            "user_id": chance.integers(10, 60, size).astype(str),
            "device": chance.integers(100, 20_000, size).astype(str),
            "_kind": "identify",
        }
    ).with_columns(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        pl.when(pl.lit(with_facts) & (pl.col("device").str.ends_with("7"))).then("_kind"),
        user_id=pl.when(pl.col("device").str.ends_with("3")).then("user_id"),
    )
    j = jn.stitch(build_events(rows.lazy(), ids=["user_id", "device"], name="app"))
    seen = pl.concat(
        rows.select(pl.lit(kind).alias("id_type"), pl.col(kind).alias("id"), "timestamp").drop_nulls()
        for kind in ("user_id", "device")
    )
    expected = seen.group_by("id_type", "id").agg(
        pl.col("timestamp").min().alias("first_seen"), pl.col("timestamp").max().alias("last_seen")
    )
    found = j.identity.table.select(pl.col("id_type").cast(pl.String), "id", "first_seen", "last_seen")
    assert found.sort("id_type", "id").equals(expected.sort("id_type", "id"))
    behaviour = rows.filter(pl.col("_kind").is_null())
    assert j.size.events == behaviour.height
    assert j.people["event_count"].sum() == behaviour.height
    events = j.events.collect()
    assert events.select("person", "timestamp").equals(events.select("person", "timestamp").sort("person", "timestamp"))
    counted = events.group_by("event").len().sort("event").cast({"event": pl.String})
    assert counted.equals(behaviour.group_by("event").len().sort("event"))
