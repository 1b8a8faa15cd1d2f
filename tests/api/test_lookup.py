"""People are found by label or by any identifier, and events are counted once."""

from collections import Counter

import polars as pl
import pytest
from hypothesis import given

import journeys as jn
from tests.logs import frame, rows

TABLE = pl.DataFrame(
    {
        "at": ["2026-03-01", "2026-03-02", "2026-03-03"],
        "user_id": [None, "u1", "u2"],
        "email": [None, "ann@x.example", "bob@x.example"],
        "device": ["d1", "d1", "d2"],
    }
)


def stitched() -> jn.Journeys:
    ids = ["user_id", "email", "device"]
    return jn.stitch(jn.read_table(TABLE, timestamp="at", event=pl.lit("Visited"), ids=ids, name="web"))


@pytest.mark.parametrize("person", ["ann@x.example", ["ann@x.example"], "d1", "u1", [1, 1], 1, ["u1", "ann@x.example"]])
def test_people_are_found_by_any_identifier(person):
    found = stitched().only(person)
    assert found.people["user_id"].to_list() == ["u1"]
    assert found.size.events == 2


def test_an_unknown_identifier_is_refused():
    with pytest.raises(jn.UnknownNameError, match=r"no person 'cid@x\.example'"):
        stitched().only(["ann@x.example", "cid@x.example"])


@given(found=rows(most=20))
def test_event_counts_equal_plain_counting(found):
    table = jn.Journeys.from_table(frame(found)).event_counts
    counts = Counter(event for _, _, event, _ in found)
    people = {event: len({person for person, _, one, _ in found if one == event}) for event in counts}
    assert {row["event"]: (row["count"], row["people"]) for row in table.iter_rows(named=True)} == {
        event: (counts[event], people[event]) for event in counts
    }
    assert table["people"].to_list() == sorted(people.values(), reverse=True)


@pytest.mark.parametrize("person", [" ANN@x.example ", "mailto:ann@X.example", ["Ann@X.example", "d1"], {"u1"}])
def test_identifiers_may_be_written_as_the_sources_write_them(person, tmp_path):
    j = stitched()
    assert j.only(person).people["user_id"].to_list() == ["u1"]
    j.save(tmp_path / "store")
    assert jn.open(tmp_path / "store").only(person).people["user_id"].to_list() == ["u1"]
    assert j.timeline("ANN@X.example").table.height == 2


@pytest.mark.parametrize("person", [None, 3.5, True, jn])
def test_what_selects_nobody_is_refused(person):
    with pytest.raises(jn.ArgumentError, match=r"people: .* selects nobody; give labels or identifiers"):
        stitched().only(person)


def test_a_misspelt_identifier_is_answered_with_the_closest():
    for ask in (lambda j: j.only("anne@x.example"), lambda j: j.timeline("anne@x.example")):
        with pytest.raises(jn.UnknownNameError, match=r"'ann@x.example' is the closest identifier to 'anne@x.exa"):
            ask(stitched())
    with pytest.raises(jn.UnknownNameError, match=r"no person 'zzzzzzzz'. Available: '1', '2'.$"):
        stitched().only("zzzzzzzz")
