"""Duplicates are found in little memory, and are the same ones."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.events import batches

KEYS = st.lists(st.one_of(st.none(), st.sampled_from("abcd")), max_size=12)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["2026-03-01", "2026-03-02", None]),
        st.sampled_from(["A", "B", ""]),
        st.sampled_from(["u1", "u2", None]),
        st.sampled_from(["m1", "m2", "m3", None]),
    ),
    max_size=8,
)


@given(KEYS, st.integers(1, 4))
def test_a_row_repeats_if_its_key_came_before(keys, size):
    came: set[str] = set()
    expected = [key in came or came.add(key) is not None if key else False for key in keys]
    table = pl.DataFrame({"key": keys}, schema={"key": pl.String}).select(batches.hash_keys(pl.col("key")))
    with batches.RepeatFinder() as found:
        for batch in table.iter_slices(size):
            found.add_keys(*batch)
        assert np.unpackbits(found.find_repeats(), count=len(keys), bitorder="little").tolist() == expected
    assert batches.drop_repeats(table.lazy()).collect().height == len(keys) - sum(expected)


def written(rows, message_id):
    table = pl.DataFrame(rows, schema=["at", "what", "user", "id"], orient="row", strict=False)
    texts = table.cast(pl.String)
    how = {"message_id": "id"} if message_id else {"drop_duplicates": True}
    return jn.read_table(texts, timestamp="at", event="what", ids={"user_id": "user"}, name="app", **how)


@given(ROWS, st.booleans())
def test_a_store_leaves_out_the_duplicates_that_a_table_leaves_out(rows, message_id):
    events = written(rows, message_id)
    assert events._stream_table().collect().equals(events.table.collect())


@given(ROWS, st.booleans())
def test_stitching_counts_the_duplicates_that_the_reader_counts(rows, message_id):
    events = written(rows, message_id)
    found = jn.stitch(events)
    account = found.identity.rows.row(0, named=True)
    assert account["read"] == events.issues.read == len(rows)
    assert account["duplicates"] == events.issues.duplicates
    assert account["events"] == events.issues.kept


def test_what_was_read_becomes_a_store_as_it_is_read(tmp_path):
    rows = [("2026-03-02", "B", "u1", "m2"), ("2026-03-01", "A", "u1", "m1"), ("2026-03-02", "B", "u1", "m2")]
    events = written([*rows, ("2026-03-03", "A", "u2", "m1"), ("2026-03-04", "A", "u2", "m4")], message_id=True)
    stored = jn.Journeys.from_table(events, person="user_id", store=tmp_path / "store", shards=2)
    plain = jn.Journeys.from_table(events, person="user_id")
    stated = stored.events.select("person", "event", "message_id").collect().rows()
    assert stated == [("u1", "A", "m1"), ("u1", "B", "m2"), ("u2", "A", "m4")]
    assert stored.events.collect().equals(plain.events.collect())


def test_rows_that_come_in_another_order_each_time_lose_no_message(tmp_path):
    rows = pl.DataFrame({"at": ["2026-03-01"] * 9, "user": ["u1"] * 9, "id": [*"abcabcabd"]})
    turns = itertools.count()
    frame = rows.lazy().map_batches(lambda batch: batch.sample(fraction=1, shuffle=True, seed=next(turns)))
    events = jn.read_table(frame, timestamp="at", event=pl.lit("x"), ids={"user_id": "user"}, message_id="id")
    assert sorted(events.table.collect()["message_id"]) == [*"abcd"]
    with pytest.raises(jn.SourceError, match=r"another order each time they are read.*write them to a file"):
        jn.Journeys.from_table(events, person="user_id", store=tmp_path / "store")


def test_what_is_no_table_is_named():
    with pytest.raises(jn.errors.ArgumentError, match="expected a frame, Events or an Arrow table, got <class 'int'>"):
        jn.Journeys.from_table(7)
