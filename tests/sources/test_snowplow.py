"""Snowplow: structured events have names, and only what is missing is said to be."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.sources.snowplow import FIELDS


def line(number, **more):
    known = {"collector_tstamp": "2026-03-01 10:00:00.000", "event": "page_view", "event_name": "page_view"}
    known |= {"event_id": f"e{number}", "domain_userid": "d1"} | more
    return "\t".join(known.get(field, "") for field in FIELDS) + "\n"


def described(name, data):
    return {"schema": f"iglu:{name}", "data": data}


def event(name, data, **style):
    return json.dumps(described("u.x/unstruct_event/jsonschema/1-0-0", described(name, data)), **style)


def entities(*pairs, **style):
    listed = [described(name, data) for name, data in pairs]
    return json.dumps(described("u.x/contexts/jsonschema/1-0-0", listed), **style)


def test_structured_events_are_called_by_their_action():
    rows = pl.DataFrame({
        "event_id": ["1", "2", "3", "4", "5"],
        "event": ["struct", "struct", None, "page_view", "unstruct"],
        "event_name": ["event", None, "event", "page_view", "link_click"],
        "se_category": ["shop", "shop", "shop", None, None],
        "se_action": ["add-to-basket", "pay", "leave", "stray", None],
    }).with_columns(collector_tstamp=pl.lit("2026-03-01 10:00:00"), user_id=pl.lit("7"))  # fmt: skip
    table = jn.read_snowplow(rows).table.collect()
    assert table["event"].to_list() == ["add-to-basket", "pay", "leave", "page_view", "link_click"]
    assert table["se_category"].to_list() == ["shop", "shop", "shop", None, None]
    assert table["se_action"].to_list() == [None, None, None, "stray", None]
    nameless = jn.read_snowplow(rows.drop("se_action")).table.collect()["event"].to_list()
    assert nameless == ["event", "struct", "event", "page_view", "link_click"]


def test_clicks_are_found_in_the_query_alone():
    visit = {"event_id": "1", "event_name": "page_view", "page_urlquery": "gclid=abc", "user_id": "7"}
    rows = pl.DataFrame([visit | {"collector_tstamp": "2026-03-01 10:00:00"}])
    row = jn.read_snowplow(rows).table.collect().row(0, named=True)
    assert (row["campaign_source"], row["campaign_medium"], row["channel"]) == ("google", "cpc", "Paid Search")


def test_only_what_is_missing_is_named():
    rows = pl.DataFrame({"event_id": ["1"], "collector_tstamp": ["2026-03-01"], "domain_userid": ["d"]})
    with pytest.raises(jn.SourceError, match="not Snowplow data: no column 'domain_userid' or 'user_id'; read_table"):
        jn.read_snowplow(rows.drop("domain_userid"))
    with pytest.raises(jn.SourceError, match="not Snowplow data: no column 'collector_tstamp'; read_table"):
        jn.read_snowplow(rows.drop("collector_tstamp"))


def test_the_first_file_may_be_broken_and_the_first_line_cut_off(tmp_path):
    folder = tmp_path / "stream"
    folder.mkdir()
    (folder / "a.tsv").write_bytes(b"\x1f\x8bbroken")
    (folder / "b.tsv").write_text(line(2)[-60:])
    (folder / "c.tsv").write_text(line(2)[-60:] + line(3))
    (folder / "d.tsv").write_text(line(2)[:60] + "\n" + line(1))
    found = jn.read_snowplow(folder).issues
    assert (found.kept, found.quarantined) == (2, found.read - 2)
    assert found.quarantine["reason"].to_list().count("a line that is cut off") == 3
    assert any("a.tsv" in said for said in [*found.quarantine["place"].drop_nulls(), *found.table["reason"]])
    table = tmp_path / "table.tsv"
    table.write_text("\t".join(FIELDS) + "\n" + line(1))
    assert jn.read_snowplow(table).issues.kept == 1
    assert "event_vendor" in jn.read_snowplow(folder).table.collect_schema()


@pytest.mark.parametrize("style", [{"separators": (",", ":")}, {}])
def test_self_describing_json_has_the_columns_of_a_warehouse(tmp_path, style):
    signed_up, upgraded = "com.acme/signed_up/jsonschema/1-0-2", "com.acme/upgradedPlan/jsonschema/2-0-0"
    page, user = "com.acme/page/jsonschema/1-0-0", "org.w3/user/jsonschema/1-0-0"
    path = tmp_path / "stream.tsv"
    path.write_text("".join([
        line(1, unstruct_event=event(signed_up, {"plan": "pro", "seats": {"n": 2}}, **style)),
        line(2, unstruct_event=event(upgraded, {"plan": 7}, **style), contexts=entities((page, {"id": "a"}), **style)),
        line(3, contexts=entities((page, {"id": "b"}), (user, {"n": [1]}), (page, {"id": "c"}), **style)),
        line(4, contexts=entities((page, {"id": "]"}), **style), unstruct_event="odd"),
        line(5, contexts=entities((user, {"of": [{"n": 1}, described(page, {})]}), (page, {}), **style)),
        line(6, contexts=entities(**style), derived_contexts=entities((user, {"of": described(page, {})}), **style)),
    ]))  # fmt: skip
    events = jn.read_snowplow(path)
    assert (events.issues.read, events.issues.kept) == (6, 6)
    table = events.table.collect()
    stated = "unstruct_event_com_acme_"
    assert table[f"{stated}signed_up_1_plan"].to_list() == ["pro", *[None] * 5]
    assert table[f"{stated}signed_up_1_seats_n"].to_list()[0] == 2
    assert table[f"{stated}upgraded_plan_2_plan"].to_list()[1] == 7
    assert table["unstruct_event"].to_list() == [None, None, None, "odd", None, None]
    pages = [None if one is None else json.loads(one) for one in table["contexts_com_acme_page_1"]]
    assert pages == [None, [{"id": "a"}], [{"id": "b"}, {"id": "c"}], None, None, None]
    assert json.loads(table["contexts_org_w3_user_1"][2]) == [{"n": [1]}]
    # an odd bracket in a text, or such JSON inside of it: this list is left as it is
    assert [n for n, one in enumerate(table["contexts"]) if one is not None] == [3, 4]
    assert table["contexts"][3] == entities((page, {"id": "]"}), **style)
    assert json.loads(table["derived_contexts_org_w3_user_1"][5]) == [{"of": described(page, {})}]


@pytest.mark.parametrize("more", ['"z": [1]', '"z": 1'])
def test_a_list_of_entities_with_more_beside_it_is_left_as_it_is(tmp_path, more):
    path = tmp_path / "stream.tsv"
    odd = entities(("com.acme/page/jsonschema/1-0-0", {"id": 1}))[:-1] + f", {more}}}"
    path.write_text(line(1, contexts=odd) + line(2))
    assert jn.read_snowplow(path).table.collect()["contexts"].to_list() == [odd, None]


def test_texts_full_of_commas_and_a_blank_first_line_change_no_separator(tmp_path):
    path = tmp_path / "stream.tsv"
    path.write_text(line(1, contexts=",".join(["x"] * 400)) + line(2))
    assert jn.read_snowplow(path).issues.kept == 2
    path.write_text("\n" + line(1, contexts=",".join(["x"] * 400)) + line(2))
    found = jn.read_snowplow(path).issues
    assert (found.kept, found.quarantined) == (2, 0)


def test_another_reader_says_that_a_stream_looks_like_snowplow(tmp_path):
    path = tmp_path / "stream.tsv"
    path.write_text(line(1) + line(2))
    with pytest.raises(jn.SourceError, match="it looks like Snowplow: read_snowplow"):
        jn.read_posthog(path)
