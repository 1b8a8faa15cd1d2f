"""Warehouse tables as they are unloaded: in parts, in upper case, in a lake."""

import polars as pl
import pytest

import journeys as jn

TABLES = {
    "pages": "id,anonymous_id,user_id,timestamp,path\np1,a1,,2026-03-01 10:00:00,/\n",
    "identifies": "id,anonymous_id,user_id,timestamp,email\ni1,a1,u1,2026-03-01 10:01:00,a@x.example\n",
    "tracks": "id,anonymous_id,user_id,timestamp,event,event_text\n"
    "t1,a1,u1,2026-03-01 10:02:00,upgraded_plan,Upgraded Plan\n",
    "upgraded_plan": "id,anonymous_id,user_id,timestamp,event,event_text,plan\n"
    "t1,a1,u1,2026-03-01 10:02:00,upgraded_plan,Upgraded Plan,pro\n",
    "users": "id,email,received_at\nu1,a@x.example,2026-03-01 10:02:00\n",
}


def is_whole(events):
    table = events.table.sort("timestamp").collect()
    assert table["event"].to_list() == ["Loaded a Page", "Upgraded Plan"]
    assert table["plan"].to_list() == [None, "pro"]
    assert events.facts.collect().select("kind", "email").rows() == [("identify", "a@x.example")]
    assert (events.issues.read, events.issues.duplicates) == (4, 1)


@pytest.mark.parametrize(
    "suffix", ["", "_0_0_0", "-000000000000", "000", "0000_part_00", "_2026_03_01", "_part_00", "-00001", "_0012"]
)
def test_what_an_unload_writes_behind_a_tables_name_is_no_part_of_it(tmp_path, suffix):
    for table, text in TABLES.items():
        (tmp_path / f"{table}{suffix}.csv").write_text(text)
    is_whole(jn.read_segment(tmp_path))


def test_parts_of_one_table_are_one_table(tmp_path):
    for table, text in TABLES.items():
        folder = tmp_path / table
        folder.mkdir()
        head, *rows = text.splitlines()
        for part in range(2):
            (folder / f"data_{part}_0_0.csv").write_text("\n".join([head, *rows[part : part + 1]]) + "\n")
    is_whole(jn.read_segment(tmp_path))


def test_a_mapping_of_parts():
    frames = {f"{table}_2026_03": pl.read_csv(text.encode()) for table, text in TABLES.items()}
    is_whole(jn.read_segment(frames))


def test_numbers_in_an_events_own_name_stay(tmp_path):
    text = "id,anonymous_id,user_id,timestamp\ns1,a1,u1,2026-03-01 10:02:00\n"
    (tmp_path / "did_step_2.csv").write_text(text)
    (tmp_path / "did_step_3.csv").write_text(text.replace("s1", "s2"))
    assert jn.read_segment(tmp_path).table.collect()["event"].sort().to_list() == ["Did Step 2", "Did Step 3"]


def test_columns_in_upper_case(tmp_path):
    for table, text in TABLES.items():
        head, _, rest = text.partition("\n")
        (tmp_path / f"{table}_0_0_0.csv").write_text(f"{head.upper()}\n{rest.replace(',u1,', ',007,')}")
    events = jn.read_segment(tmp_path)
    is_whole(events)
    assert events.table.collect()["user_id"].drop_nulls().to_list() == ["007"]


def test_every_reader_takes_the_folder_of_a_lake_as_it_now_stands(tmp_path):
    deltalake = pytest.importorskip("deltalake")
    rows = pl.DataFrame({"event": ["A"], "timestamp": ["2026-03-01T10:00:00Z"], "distinct_id": ["u1"], "uuid": ["1"]})
    place = tmp_path / "events"
    rows.write_delta(place)
    rows.with_columns(uuid=pl.lit("2")).write_delta(place, mode="overwrite")
    for source in (place, str(place), deltalake.DeltaTable(place)):
        assert jn.read_posthog(source).table.collect()["message_id"].to_list() == ["2"]


def test_segments_tables_in_a_lake(tmp_path):
    pytest.importorskip("deltalake")
    for table, text in TABLES.items():
        frame = pl.read_csv(text.encode())
        frame.with_columns(id=pl.lit("old")).write_delta(tmp_path / table)
        frame.write_delta(tmp_path / table, mode="overwrite")
    is_whole(jn.read_segment(tmp_path))
    assert jn.read_segment(tmp_path / "tracks").table.collect()["message_id"].to_list() == ["t1"]
