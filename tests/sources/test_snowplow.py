"""Snowplow: structured events have names, and only what is missing is said to be."""

import polars as pl
import pytest

import journeys as jn


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
    with pytest.raises(jn.SourceError, match="no Snowplow data: no column 'domain_userid' or 'user_id'; read_table"):
        jn.read_snowplow(rows.drop("domain_userid"))
    with pytest.raises(jn.SourceError, match="no Snowplow data: no column 'collector_tstamp'; read_table"):
        jn.read_snowplow(rows.drop("collector_tstamp"))
