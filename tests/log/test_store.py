"""A store gives back what was saved, splits no person, and is swapped in whole."""

import itertools
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.log import store
from tests.logs import frame, rows


@given(found=rows(), shards=st.integers(1, 5))
def test_a_store_gives_back_what_was_saved(found, shards, tmp_path_factory):
    j = jn.Journeys.from_table(frame(found))
    folder = tmp_path_factory.mktemp("store")
    j.save(folder, shards=shards)
    again = jn.open(folder)
    assert again.events.collect().equals(j.events.collect())
    assert again.people.equals(j.people)
    assert again.size == j.size
    assert len(again._log.shards) == shards
    owners = [set(view.events.collect()["person"]) for view in again._log.shards]
    assert sum(len(one) for one in owners) == j.size.people


def test_saving_over_itself_keeps_the_old_store_until_the_new_is_whole(tmp_path, monkeypatch):
    j = jn.Journeys.from_table(frame([("a", 1, "A", None), ("b", 2, "B", "ads")])).save(tmp_path / "s")
    monkeypatch.setattr(store, "write_shard", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        j.save(tmp_path / "s", shards=2)
    assert jn.open(tmp_path / "s").events.collect().equals(j.events.collect())
    monkeypatch.undo()
    again = j.save(tmp_path / "s", shards=2)
    assert again.people.equals(j.people)


def test_a_selection_is_saved_as_what_it_holds(tmp_path):
    j = jn.Journeys.from_table(frame([("a", 1, "A", None), ("b", 2, "B", "ads"), ("b", 3, "A", None)]))
    kept = j.where(pl.col("event") == "B")
    assert kept.save(tmp_path / "s").people.equals(kept.people)
    assert jn.open(tmp_path / "s")._log.names == ("B",)


def test_quarantine_and_notes_are_kept(tmp_path):
    j = jn.Journeys.from_table(frame([("a", 1, "A", None), ("a", 1, "A", None), (None, 1, "A", None)]))
    again = j.save(tmp_path / "s")
    opened = jn.open(tmp_path / "s")
    assert dict(opened.unusual_rows) == dict(again.unusual_rows) == dict(j.unusual_rows)
    assert opened.quarantine.equals(j.quarantine)


def test_what_is_not_a_store_is_refused(tmp_path):
    jn.Journeys.from_table(frame([("a", 1, "A", None)])).save(tmp_path / "store")
    with pytest.raises(jn.StoreError, match=r"is not a store \(it has no manifest.json\). Stores beside it: 'store'"):
        jn.open(tmp_path / "stor")
    manifest = tmp_path / "store" / "manifest.json"
    good = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**good, "version": 99}))
    with pytest.raises(jn.StoreError, match="is a store of version 99; this library reads version 3"):
        jn.open(tmp_path / "store")
    manifest.write_text("{")
    with pytest.raises(jn.StoreError, match="cannot be read"):
        jn.open(tmp_path / "store")
    manifest.write_text(json.dumps(good))
    (tmp_path / "store" / good["data"] / "events-00000.parquet").unlink()
    with pytest.raises(jn.StoreError, match="is incomplete, missing: .*events-00000.parquet"):
        jn.open(tmp_path / "store")


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    with pytest.raises(jn.ArgumentError, match="exists and is not a store"):
        jn.Journeys.from_table(frame([("a", 1, "A", None)])).save(tmp_path)
    with pytest.raises(jn.ArgumentError, match="shards: 0 must be at least 1"):
        jn.Journeys.from_table(frame([("a", 1, "A", None)])).save(tmp_path / "s", shards=0)


LABELS = {
    "text": {},
    "near": {"a": -2, "b": 0, "c": 1, "d": 5, "e": 7},
    "far": {"a": -(10**18), "b": 0, "c": 3, "d": 10**12, "e": 10**18},
}


@given(found=rows(people="abcde", most=20), shards=st.integers(1, 4), labels=st.sampled_from(list(LABELS)))
def test_a_streamed_store_is_the_store_of_the_log_in_memory(found, shards, labels, tmp_path_factory):
    table = frame([*found, (None, 1, "A", None)]).with_columns(reason=pl.lit("mine"))
    if LABELS[labels]:
        table = table.with_columns(pl.col("person").replace_strict(LABELS[labels], return_dtype=pl.Int64))
    folder = tmp_path_factory.mktemp("store")
    streamed = jn.Journeys.from_table(table.lazy(), store=folder, shards=shards)
    held = jn.Journeys.from_table(table)
    for j in (streamed, jn.open(folder)):
        assert j.events.collect().equals(held.events.collect())
        assert j.people.equals(held.people)
        assert j.size == held.size
        assert dict(j.unusual_rows) == dict(held.unusual_rows)
        assert j.quarantine.equals(held.quarantine)
        assert (j._log.names, j._log.ranked) == (held._log.names, held._log.ranked)
    assert len(streamed._log.shards) == shards


def test_the_numbers_of_events_lie_beside_them(tmp_path) -> None:
    log = pl.DataFrame(
        {"person": ["a", "b", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"], "event": ["y", "x", "y"]}
    )
    j = jn.Journeys.from_table(log)
    stored = j.save(tmp_path / "store", shards=3)
    streamed = jn.Journeys.from_table(log.lazy(), store=tmp_path / "streamed", shards=2)
    for made in (stored, streamed):
        of_shards = [view.event_codes().tolist() for view in made._log.shards]
        assert of_shards == [view.events.collect()["event"].to_physical().to_list() for view in made._log.shards]
        assert [number for shard in of_shards for number in shard] == [1, 0, 1]
    assert any(view.event_codes().size == 0 for view in stored._log.shards)
    some = stored.where(pl.col("event") == "y")
    assert all(view.codes is None for view in some._shards())
    assert some.flow().table.equals(j.where(pl.col("event") == "y").flow().table)
    assert stored.flow().table.equals(j.flow().table)
    assert stored.transitions().table.equals(j.transitions().table)
    assert stored.correlation("y", min_people=0).table.equals(j.correlation("y", min_people=0).table)
    (next(stored._log.path.glob("codes-*.npy"))).unlink()
    with pytest.raises(jn.StoreError, match=r"is incomplete, missing: .*codes-0000\d.npy"):
        jn.open(tmp_path / "store")


@pytest.mark.parametrize("label", [lambda number: number, lambda number: f"p{number}"])
def test_a_table_of_other_rows_each_time_is_refused(label, tmp_path) -> None:
    ends = {"person": [label(0), label(99)], "timestamp": ["2026-03-01"] * 2, "event": ["A"] * 2}
    turns = itertools.count()

    def read(_: pl.DataFrame) -> pl.DataFrame:
        one = {"person": [label(next(turns) % 90 + 1)], "timestamp": ["2026-03-01"], "event": ["A"]}
        return pl.concat([pl.DataFrame(ends), pl.DataFrame(one)])

    frame = pl.LazyFrame(ends).map_batches(read)
    with pytest.raises(jn.SourceError, match="table: it returns different rows each time it is read"):
        jn.Journeys.from_table(frame, store=tmp_path / "store", shards=2)
    assert not any((tmp_path / "store").iterdir())
