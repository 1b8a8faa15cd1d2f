"""What lies beside a warehouse's tables of calls, and what a call's columns are called in both shapes."""

import polars as pl
import pytest

import journeys as jn

AT = "2026-03-01 10:00:00"


def table(**columns):
    return pl.DataFrame({"id": ["1"], "user_id": ["7"], "timestamp": [AT]} | {k: [v] for k, v in columns.items()})


TRACKS = table(event="signed_up")


def notes(events):
    return events.issues.table.filter(kind="note")["reason"].to_list()


def test_what_a_warehouse_keeps_about_its_loading_is_skipped(tmp_path):
    discards = {"row_id": ["1"], "table_name": ["tracks"], "column_name": ["x"], "received_at": [AT]}
    rules = {"merge_property_1_type": ["user_id"], "merge_property_1_value": ["7"]}
    for name, frame in (("tracks", TRACKS), ("rudder_discards", discards), ("rudder_id_merge_rules", rules)):
        pl.DataFrame(frame).write_csv(tmp_path / f"{name}.csv")
    events = jn.read_rudderstack(tmp_path)
    assert events.issues.kept == 1
    said = "a record of the warehouse's loading, skipped"
    assert [one for one in notes(events) if "skipped" in one] == [
        f"rudder_discards: {said}",
        f"rudder_id_merge_rules: {said}",
    ]
    own = {"segment_created": table(id="2"), "segment_active_partitions": pl.DataFrame({"partition": ["a"]})}
    events = jn.read_segment({"tracks": TRACKS} | own)
    assert events.table.select("event").collect().to_series().to_list() == ["Segment Created", "signed_up"]
    with pytest.raises(jn.SourceError, match="not Segment's warehouse tables: only 'rudder_discards'"):
        jn.read_rudderstack({"rudder_discards": pl.DataFrame(discards)})


def test_views_are_their_tables_again():
    users = pl.DataFrame({"id": ["7"], "received_at": [AT]})
    tables = {"tracks": TRACKS, "tracks_view": TRACKS, "users_view": users, "opened_view": table(id="2")}
    events = jn.read_segment(tables)
    assert (events.issues.read, events.issues.duplicates) == (2, 0)
    assert events.table.select("event").collect().to_series().to_list() == ["Opened View", "signed_up"]
    assert [said for said in notes(events) if "skipped" in said] == [
        "tracks_view: a view of tracks, skipped",
        "users_view: a summary of people or accounts, skipped",
    ]
    seen = {
        "pages": table(),
        "pages_view": table(id="2", event="pages_view"),
        "tracks": TRACKS.with_columns(id=pl.lit("3")),
    }
    assert jn.read_segment(seen).table.collect()["event"].to_list() == ["Loaded a Page", "pages_view", "signed_up"]
    assert jn.read_segment({"pages_view": table()}).table.collect()["event"].to_list() == ["Loaded a Page"]


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_a_name_is_the_pages_in_both_shapes(kind):
    stored = jn.read_segment({f"{kind}s": table(name="Board")}).table.collect()
    call = {"type": kind, "messageId": "1", "userId": "7", "timestamp": AT, "name": "Board"}
    stated = jn.read_segment(pl.DataFrame([call])).table.collect()
    for one in (stored, stated):
        assert one["page_name"].to_list() == ["Board"]
        assert "name" not in one.columns
    both = jn.read_segment({f"{kind}s": table(name="Board"), "named_board": table(id="2", name="X")}).table.collect()
    names = both.filter(pl.col("event") == "Named Board").select("page_name", "name").rows()
    assert (names, both["page_name"].drop_nulls().to_list()) == ([(None, "X")], ["Board"])


def test_times_without_a_zone_are_noted():
    said = "times without a zone were read as UTC"
    call = {"type": "page", "messageId": "1", "userId": "7", "timestamp": AT}
    assert said in notes(jn.read_segment(pl.DataFrame([call])))
    assert said in notes(jn.read_segment({"tracks": TRACKS}))
    assert said not in notes(jn.read_segment(pl.DataFrame([call | {"timestamp": "2026-03-01T10:00:00.000Z"}])))


def test_all_that_a_call_lacks_is_named():
    with pytest.raises(jn.SourceError, match="no column 'type' or 'messageId' or 'anonymousId' or 'userId';"):
        jn.read_segment(pl.DataFrame({"event": ["x"]}))
    with pytest.raises(jn.SourceError, match="no column 'type';"):
        jn.read_segment(pl.DataFrame({"event": ["x"], "userId": ["7"]}))
