"""Links to recordings reach the timeline, however many tools recorded and however they call the column."""

import polars as pl
import pytest

import journeys as jn


def read(columns):
    frame = pl.DataFrame({"t": ["2026-03-01"] * 3, "e": ["A"] * 3, "u": ["1"] * 3} | columns)
    return jn.read_table(frame, timestamp="t", event="e", ids=["u"]).table.collect()


@pytest.mark.parametrize(
    "name",
    ["fullStoryUrl", "FullStory URL", "FullStory Session URL", "clarity_url", "smartlook_url", "fs_session_url",
     "hotjar_recording_url", "logrocket_session_url", "session_replay_url", "context_fullstory_url",
     "replay_url", "$session_recording_url", "posthog_replay_url"],
)  # fmt: skip
def test_a_recording_is_known_by_its_column(name):
    assert read({name: ["https://r.example/1", "", None]})["replay_url"].to_list() == [
        "https://r.example/1",
        None,
        None,
    ]


@pytest.mark.parametrize("name", ["session_url", "recording_url", "replay", "url"])
def test_other_addresses_are_properties(name):
    assert "replay_url" not in read({name: ["https://r.example/1", None, None]}).columns


def test_the_links_of_several_tools_are_put_together_and_none_is_lost():
    columns = {"fullstory_url": ["f", None, None], "hotjar_recording_url": ["h", "h", None]}
    found = read(columns)
    assert found["replay_url"].to_list() == ["f", "h", None]
    assert found.select(*columns).to_dict(as_series=False) == columns
    assert read(columns | {"replay_url": [None, None, "r"]})["replay_url"].to_list() == ["f", "h", "r"]
