"""GA4: a batch's order is that of its events, its places tell duplicates, a click is a click wherever it is stated."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.sources import ga4

AT = 1_772_530_000_000_000


def row(name, *place, at=AT, **more):
    known = {"event_timestamp": str(at), "event_name": name, "user_pseudo_id": "7.8", "event_params": []}
    batch = dict(zip(("batch_page_id", "batch_ordering_id", "batch_event_index"), place, strict=False))
    return known | batch | more


def names(source):
    return jn.stitch(jn.read_ga4(source)).events.sort("timestamp", maintain_order=True).collect()["event"].to_list()


ROWS = [
    row("last", at=AT + 5),
    row("e", "2", "1", "1"),
    row("d", "1", "10", "1"),
    row("c", "1", "9", "10"),
    row("b", "1", "9", "2"),
    row("first", "9", "9", "9", at=AT - 5),
]


@pytest.mark.parametrize("held", [True, False])
def test_equal_times_are_in_the_order_of_their_batches(tmp_path, monkeypatch, held):
    expected = ["first", "b", "c", "d", "e", "last"]
    assert names(pl.DataFrame(ROWS, infer_schema_length=None)) == expected
    path = tmp_path / "ga4.json"
    path.write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    monkeypatch.setattr("journeys.sources.reading.SMALL", (64 << 20) * held)
    assert names(path) == expected
    assert names(pl.DataFrame(ROWS, infer_schema_length=None).lazy()) == expected


def test_too_many_rows_to_be_ordered_are_reported(monkeypatch):
    monkeypatch.setattr(ga4, "MAX_SORTED", 3)
    rows = pl.DataFrame(ROWS, infer_schema_length=None)
    said = jn.read_ga4(rows.lazy()).issues.table["reason"].to_list()
    assert any("6 rows are too many to put equal times in the order of their batches" in one for one in said)
    in_order = jn.read_ga4(rows.sort(pl.col("event_timestamp", "batch_page_id").cast(int)).lazy().head(3))
    assert not any("too many" in one for one in in_order.issues.table["reason"])


def test_rows_without_a_place_in_a_batch_are_no_duplicates():
    rows = [row("view_item", item="A"), row("view_item", item="B"), row("view_item", "1", "1", "1", item="C"),
            row("view_item", "1", "1", "2", item="D"), row("view_item", "1", "1", "2", item="D"),
            row("view_item", "1", "1", item="E"), row("view_item", "1", "1", item="F")]  # fmt: skip
    events = jn.read_ga4(pl.DataFrame(rows, infer_schema_length=None))
    assert (events.issues.kept, events.issues.duplicates) == (6, 1)
    assert sorted(events.table.collect()["item"]) == ["A", "B", "C", "D", "E", "F"]
    no_index = pl.DataFrame([row("view_item", "1", "1", item=item) for item in "AB"])
    assert jn.read_ga4(no_index).issues.kept == 2


def test_places_that_are_no_numbers_do_no_harm():
    rows = pl.DataFrame({"event_timestamp": [AT, AT], "event_name": ["a", "b"], "user_pseudo_id": ["1", "1"]})
    for odd in ([[1], []], [{"x": 1}, None], [1.5, None], ["x", "y"]):
        assert jn.read_ga4(rows.with_columns(pl.Series("batch_event_index", odd))).issues.kept == 2


def test_a_click_is_kept_beside_the_address():
    page = {"event_params": [{"key": "page_location", "value": {"string_value": "https://x.example/"}}]}
    rows = [
        row("page_view", **page, collected_traffic_source={"gclid": "abc", "manual_medium": None}),
        row("page_view", **page, collected_traffic_source={"gclid": None, "manual_medium": "email"}),
        row("page_view", **page, collected_traffic_source=None),
    ]
    table = jn.read_ga4(pl.DataFrame(rows, infer_schema_length=None)).table.collect()
    assert table.select("campaign_source", "campaign_medium", "channel").rows() == [
        ("google", "cpc", "Paid Search"),
        (None, "email", "Email"),
        (None, None, "Direct"),
    ]
    assert table["collected_traffic_source_gclid"].to_list() == ["abc", None, None]
    assert not [name for name in table.columns if name.startswith("_")]


def test_all_campaign_columns_come_from_one_origin():
    stated = [{"key": key, "value": {"string_value": key[0]}} for key in ("source", "medium", "campaign", "term")]
    rows = [row("a", collected_traffic_source={"manual_source": "news"}), row("b", at=AT + 1)]
    table = jn.read_ga4(pl.DataFrame([one | {"event_params": stated} for one in rows], infer_schema_length=None)).table
    columns = ["campaign_source", "campaign_medium", "campaign", "campaign_term"]
    assert table.select(columns).collect().rows() == [("news", None, None, None), ("s", "m", "c", "t")]
