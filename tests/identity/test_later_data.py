"""Later data: who was known keeps the number, and no number is given twice."""

import journeys as jn
from tests.twins.identity import Row, as_events


def added(j, *rows, name):
    return j.add(as_events(list(rows), name=name))


def test_the_number_of_a_merged_person_is_never_used_again(tmp_path) -> None:
    j = jn.stitch(as_events([Row(0, {"user_id": "u"}), Row(1, {"anonymous_id": "a"})]))
    j = added(j, Row(2, {"user_id": "u", "anonymous_id": "a"}), name="merges")
    assert j.identity.changes.rows() == [(1, 2, "merged")]
    j = added(j, Row(3, {"user_id": "u"}), name="nothing new")
    j = added(j, Row(4, {"user_id": "w"}), name="somebody new")
    assert j.identity.table.select("id", "person").rows() == [("u", 1), ("a", 1), ("w", 3)]
    j.save(tmp_path / "store")
    assert jn.open(tmp_path / "store").identity._highest == j.identity._highest == 3
