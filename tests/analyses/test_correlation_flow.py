"""The steps of a flow against its goal: the four counts are those of the people who pass."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.correlation.flow_steps import associate_steps
from journeys.errors import ArgumentError

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
rows = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 40), st.sampled_from("abcg")), max_size=40)


def make(log):
    schema = {"person": pl.Int64, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String}
    data = [(person, EPOCH + timedelta(hours=hour), event) for person, hour, event in log]
    return jn.Journeys.from_table(pl.DataFrame(data, schema=schema, orient="row"))


@pytest.mark.parametrize("who", ["all", "converted"])
@given(log=rows)
def test_nodes_equal_plain_counting(who, log):
    if "g" not in {event for *_, event in log}:
        return
    found = make(log).flow(end="g", who=who, steps=4, top=4).correlation(min_people=0)
    paths = {}
    for person, _, event in sorted(log, key=lambda row: (row[0], row[1])):
        path, done = paths.setdefault(person, ([], []))
        if not done:
            if not path or path[-1] != event:
                path.append(event)
            if event == "g":
                done.append(True)
    converted = {person for person, (_, done) in paths.items() if done}
    for row in found.table.to_dicts():
        passing = {
            person
            for person, (path, _) in paths.items()
            if len(path) > row["position"] and path[row["position"]] == row["source"]
        }
        both = len(passing & converted)
        expected = (both, len(passing) - both, len(converted) - both, len(paths) - len(passing | converted))
        assert (row["both"], row["behaviour_only"], row["conversion_only"], row["neither"]) == expected
    assert "g" not in found.table["source"]
    assert (found.people_compared, found.reached) == (len(paths), len(converted))


def test_links_words_and_pictures():
    log = [(person, 0, "a" if person % 2 else "b") for person in range(80)]
    log += [(person, 1, "c") for person in range(80)] + [(person, 2, "g") for person in range(1, 80, 2)]
    flow = make(log).flow(end="g", who="all")
    nodes, links = flow.correlation(), flow.correlation(of="links")
    assert nodes.table["behaviour"].to_list()[:1] == ["Step 1: a"]
    assert links.table["behaviour"].to_list()[:1] == ["Step 1: a → c"]
    assert nodes.finding.startswith('"Step 1: a" goes with reaching "g": 100% of those who pass there')
    assert nodes.plot().data
    assert "Step 1: a" in nodes._repr_html_()
    assert flow.correlation(min_people=60).hidden == 2
    with pytest.raises(ArgumentError, match="correlation: this flow has no end to reach"):
        make(log).flow().correlation()


def test_links_of_one_name_have_an_order():
    links = pl.DataFrame(
        {"position": 0, "source": ["A", "A → B"], "target": ["B → C", "C"], "passed": 40, "converted": 30}
    )
    asked = make([(0, 0, "a")])
    options = {"everyone": 100, "reached": 50, "goal": "g", "part": "links", "min_people": 30, "settings": {}}
    one, other = (associate_steps(asked, table, **options) for table in (links, links.reverse()))
    assert one.table["behaviour"].to_list() == ["Step 1: A → B → C"] * 2
    assert one.table["source"].to_list() == ["A", "A → B"]
    assert other.table.equals(one.table)
