"""Tables with a date for each stage: a row is an event for each of its dates, and no row is lost or counted twice."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn
from journeys.errors import JourneysError

STAGES = {"Lead": "Lead Date", "Won": "Closed Won Date"}
days = st.sampled_from(["2026-03-01", "2026-03-02", "", " ", None])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(days, days), min_size=1, max_size=6))
def test_each_date_is_an_event(rows):
    table = pl.DataFrame(
        {"email": [f"p{n}@x.org" for n in range(len(rows))], "Lead Date": [lead for lead, _ in rows],
         "Closed Won Date": [won for _, won in rows]},
        schema=dict.fromkeys(["email", *STAGES.values()], pl.String),
    )  # fmt: skip
    events = jn.read_table(table, timestamp=STAGES, ids=["email"])
    expected, undated = [], 0
    for n, dates in enumerate(rows):
        known = [(name, at) for name, at in zip(STAGES, dates, strict=True) if at is not None and at.strip()]
        undated += not known
        expected += [(f"p{n}@x.org", name, date.fromisoformat(at)) for name, at in known]
    shown = events.table.select("email", "event", pl.col("timestamp").dt.date()).collect()
    assert sorted(shown.rows()) == sorted(expected)
    assert (events.issues.kept, events.issues.quarantined) == (len(expected), undated)


def test_stages_of_one_moment_stay_in_the_order_of_the_mapping():
    table = pl.DataFrame({"id": ["a"], "won": [date(2026, 3, 1)], "lead": [date(2026, 3, 1)], "plan": ["pro"]})
    events = jn.read_table(table, timestamp={"Lead": "lead", "Won": "won"}, ids=["id"])
    assert jn.stitch(events).events.select("event", "plan").collect().rows() == [("Lead", "pro"), ("Won", "pro")]
    assert "lead" not in events.table.collect_schema()


def test_a_line_that_cannot_be_read_is_counted_once(tmp_path):
    file = tmp_path / "deals.ndjson"
    file.write_text('{"id": 1, "lead": "2026-03-01", "won": "2026-03-04"}\n{"id": 2, "lead": \n')
    issues = jn.read_table(file, timestamp={"Lead": "lead", "Won": "won"}, ids=["id"]).issues
    assert (issues.kept, issues.quarantined) == (2, 1)


@pytest.mark.parametrize(("given", "problem"), [
    ({"timestamp": {}}, "timestamp: the mapping from event to column is empty."),
    ({"timestamp": {"Lead": 3}}, "timestamp: expected event names and columns, got 'Lead': 3."),
    ({"timestamp": "lead"}, "event: name the column of events, or an expression."),
    ({"timestamp": {"Lead": "lead"}, "event": "won"}, "event: 'won' has no effect, since timestamp names the events"),
    ({"timestamp": {"Lead": "lead"}, "message_id": "id"}, "message_id: 'id' names a row, which is several events"),
    ({"timestamp": {"Lead": "leed"}}, "timestamp: no column 'leed'; did you mean 'lead'?"),
    ({"timestamp": {"Lead": "id"}}, "timestamp: column 'id' holds numbers; say what they count"),
])  # fmt: skip
def test_wrong_arguments_are_refused(given, problem):
    table = pl.DataFrame({"id": [1], "lead": ["2026-03-01"], "won": ["2026-03-02"]})
    with pytest.raises(JourneysError) as caught:
        jn.read_table(table, ids=["id"], **given)
    assert problem in str(caught.value)
