"""Correlations equal their twin, add up over shards, and select the people whom they count."""

from datetime import UTC, datetime, timedelta
from math import isnan

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.correlation.spec import at_least, sequence, values
from journeys.errors import ArgumentError, UnknownNameError
from tests.twins import correlation as twin

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = 3_600_000_000

# (person, hour, event, page): hours repeat, so that ties are common.
rows = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 30), st.sampled_from("abcg"), st.sampled_from(["/", "/x", None])),
    max_size=40,
)


def make(log, shards=0, folder=None):
    table = pl.DataFrame(
        {
            "person": [f"p{person}" for person, *_ in log],
            "timestamp": [EPOCH + timedelta(hours=hour) for _, hour, *_ in log],
            "event": [event for _, _, event, _ in log],
            "page": [page for *_, page in log],
        },
        schema={"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "page": pl.String},
    )
    return jn.Journeys.from_table(table)


def timelines(log):
    people = {}
    for person, hour, event, page in log:
        people.setdefault(f"p{person}", []).append((hour * HOUR, event, page))
    for events in people.values():
        events.sort(key=lambda row: row[0])
    return people


def plain(people):
    return {person: [(time, event) for time, event, _ in events] for person, events in people.items()}


def last_moment(people):
    return max((row[0] for events in people.values() for row in events), default=0)


QUESTIONS = {
    "before": ({}, {}),
    "since": ({"since": "a"}, {"since": {"a"}}),
    "within": ({"within": "5h"}, {"within_us": 5 * HOUR}),
    "since and within": ({"since": "a", "within": "5h"}, {"since": {"a"}, "within_us": 5 * HOUR}),
    "first": ({"exposure": "first 6h"}, {"exposure": "first", "first_us": 6 * HOUR}),
    "follow up": (
        {"exposure": "first 6h", "follow_up": "9h"},
        {"exposure": "first", "first_us": 6 * HOUR, "follow_up_us": 9 * HOUR},
    ),
    "since, first": (
        {"exposure": "first 6h", "since": "a"},
        {"exposure": "first", "first_us": 6 * HOUR, "since": {"a"}},
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
@given(log=rows)
def test_cells_and_phi_equal_the_twin(question, log):
    ours, theirs = QUESTIONS[question]
    if not {"a", "b", "g"} <= {event for _, _, event, _ in log}:
        return
    journeys = make(log)
    found = journeys.correlation("g", min_people=0, **ours)
    people = plain(timelines(log))
    answer = twin.compare(people, twin.Asked({"g"}, **theirs), end=last_moment(people))
    assert sum(found.not_compared.values()) == sum(answer.apart.values())
    assert found._counts.people == len(answer.people)
    rows_of = {row["behaviour"]: row for row in found.table.to_dicts()}
    assert "g" not in rows_of
    for name, row in rows_of.items():
        expected = twin.cells(answer.people, lambda one, name=name: any(event == name for _, event in one.events))
        assert (row["both"], row["behaviour_only"], row["conversion_only"], row["neither"]) == expected
        r = twin.pearson(*expected)
        assert row["phi"] == (None if r is None else pytest.approx(r, abs=1e-12))
        assert (row["phi"] is None) == (row["note"] is not None)


@given(log=rows)
def test_every_kind_of_behaviour_equals_the_twin(log):
    if not {"a", "b", "g"} <= {event for _, _, event, _ in log} or not any(page for *_, page in log):
        return
    people = timelines(log)
    found = make(log).correlation(
        "g",
        min_people=0,
        behaviours=[
            values("page"),
            values("page", of="a"),
            at_least("a", times=2),
            at_least("b", within="5h"),
            sequence("a", then="b"),
            jn.step("a or page x", (pl.col("event") == "a") | (pl.col("page") == "/x")),
        ],
    )
    compared = {}
    for person, events in people.items():
        goal = next((place for place, row in enumerate(events) if row[1] == "g"), None)
        compared[person] = twin.Compared(events[:goal], goal is not None, events[0][0])
    tests = {
        "page: /": lambda one: any(page == "/" for *_, page in one.events),
        "page: /x": lambda one: any(page == "/x" for *_, page in one.events),
        "a, page: /": lambda one: any(event == "a" and page == "/" for _, event, page in one.events),
        "a, page: /x": lambda one: any(event == "a" and page == "/x" for _, event, page in one.events),
        "a, 2 times or more": lambda one: sum(event == "a" for _, event, _ in one.events) >= 2,
        "b, within the first 5h": lambda one: any(
            event == "b" and time - one.start <= 5 * HOUR for time, event, _ in one.events
        ),
        "a, then b": lambda one: twin.in_order([(time, event) for time, event, _ in one.events], "a", "b"),
        "a or page x": lambda one: any(event == "a" or page == "/x" for _, event, page in one.events),
    }
    for row in found.table.to_dicts():
        expected = twin.cells(compared, tests[row["behaviour"]])
        assert (row["both"], row["behaviour_only"], row["conversion_only"], row["neither"]) == expected


@given(log=rows)
def test_many_behaviours_are_counted_like_few(log):
    from journeys.analyses.correlation import count as tally

    if "g" not in {event for _, _, event, _ in log}:
        return
    journeys = make(log)
    few = journeys.correlation("g", min_people=0).table
    kept = tally.MOST_BITS
    try:
        tally.MOST_BITS = 0
        many = journeys.correlation("g", min_people=0).table
    finally:
        tally.MOST_BITS = kept
    assert few.equals(many)


@given(log=rows)
def test_matched_watches_both_groups_within_their_reach(log):
    if "g" not in {event for _, _, event, _ in log}:
        return
    people = plain(timelines(log))
    end = last_moment(people)
    found = make(log).correlation("g", exposure="matched", min_people=0)
    spec = found._spec.exposure
    everyone = twin.compare(people, twin.Asked({"g"}), end=end).people
    times = sorted(
        next(time for time, event in people[person] if event == "g") - one.start
        for person, one in everyone.items()
        if one.converted
    )
    if not spec.times:
        assert len(times) == 0 or all(one.converted for one in everyone.values())
        return
    assert list(spec.times) == times
    reach = list(spec.reach)
    assert reach == sorted(end - one.start for one in everyone.values() if not one.converted)
    kept, parts = {}, len(spec.keep)
    for code, person in enumerate(sorted(people)):
        one = everyone[person]
        if one.converted:
            took = next(time for time, event in people[person] if event == "g") - one.start
            if spec.keep[sum(time < took for time in times) * parts // len(times)] > 0:
                kept[person] = one
            continue
        span = end - one.start
        low, high = sum(length < span for length in reach), sum(length <= span for length in reach)
        place = (low + twin.mixed(code, 1) * max(high - low, 1)) / len(reach)
        rank = min(int(place * len(times)), len(times) - 1)
        if times[rank] <= span and twin.mixed(code, 2) < spec.keep[rank * parts // len(times)]:
            kept[person] = twin.Compared(
                [row for row in one.events if row[0] < one.start + times[rank]], converted=False
            )
    assert found._counts.people == len(kept)
    assert found._counts.people + sum(found.not_compared.values()) == len(people)
    for row in found.table.to_dicts():
        expected = twin.cells(kept, lambda one, row=row: any(event == row["behaviour"] for _, event in one.events))
        assert (row["both"], row["behaviour_only"], row["conversion_only"], row["neither"]) == expected


@given(log=rows, did=st.sampled_from([True, False, None]), converted=st.sampled_from([True, False, None]))
def test_people_of_a_cell_are_the_people_counted(log, did, converted):
    if not {"a", "g"} <= {event for _, _, event, _ in log}:
        return
    journeys = make(log)
    people = twin.compare(plain(timelines(log)), twin.Asked({"g"}), end=0).people
    found = journeys.correlation("g", min_people=0, behaviours=["events", values("page")]).people(
        "a", did=did, converted=converted
    )
    expected = {
        person
        for person, one in people.items()
        if (did is None or any(event == "a" for _, event in one.events) == did)
        and (converted is None or one.converted == converted)
    }
    assert set(found.people["person"]) == expected


def story():
    """Forty people; b goes with converting."""
    log = [(person, 1, "a", "/") for person in range(40)]
    log += [(person, 2, "b", "/x") for person in range(25)]
    log += [(person, 3, "g", None) for person in range(5, 35)]
    return log


@pytest.mark.parametrize("exposure", ["before", "matched", "first 1h"])
@pytest.mark.parametrize("shards", [1, 3])
def test_a_store_gives_the_same_table(tmp_path, exposure, shards):
    journeys = make(story())
    behaviours = ["events", "page", at_least("a", times="best"), sequence("a", then="b")]
    stored = journeys.save(tmp_path, shards=shards)
    here, there = (
        j.correlation("g", behaviours=behaviours, exposure=exposure, min_people=1) for j in (journeys, stored)
    )
    assert here.table.equals(there.table)
    assert here.set_apart.equals(there.set_apart)
    assert here.not_compared == there.not_compared
    assert here.checks.equals(there.checks)


def test_q_values_are_over_the_whole_table():
    from journeys.stats import adjust

    table = make(story()).correlation("g", min_people=0, behaviours=["events", "page"]).table
    assert table["q_value"].to_list() == [
        None if isnan(p) else pytest.approx(p) for p in adjust(table["p_value"]).tolist()
    ]


def test_what_cannot_be_compared_is_set_apart_with_its_reason():
    log = [*story(), *[(person, 4, "G", None) for person in range(10)], (1, 1, "rare", None)]
    found = make(log).correlation("g", min_people=2, exclude=["a"])
    assert found.table["behaviour"].to_list() == ["b"]
    assert dict(found.set_apart.select("behaviour", "reason").rows()) == {
        "G": "it is the conversion under another name",
        "a": "it was excluded",
        "g": "it is the conversion itself",
        "rare": "fewer than 2 people did it in the time that counts",
    }


def test_a_conversion_by_condition_sets_its_own_event_apart_only_if_it_is_nothing_else():
    log = [(1, 1, "page", "/"), (1, 2, "page", "/x"), (2, 1, "page", "/"), (2, 2, "goal", "/x")]
    found = make(log).correlation(pl.col("page") == "/x", min_people=0)
    assert found.table["behaviour"].to_list() == ["page"]
    assert found.set_apart.select("behaviour", "reason").rows() == [
        ("page", "everybody converted"),
        ("goal", "it is the conversion itself"),
    ]


def test_the_search_for_a_threshold_pays_for_its_tries():
    log = [(person, hour, "a", None) for person in range(40) for hour in range(1 + person % 4)]
    log += [(person, 9, "g", None) for person in range(40) if person % 4 >= 2]
    table = make(log).correlation("g", behaviours=at_least("a", times=[2, 3, 4]), min_people=0).table
    (row,) = table.to_dicts()
    assert row["behaviour"] == "a, 3 times or more"
    assert row["note"] == "best of 3 thresholds; p is multiplied by that"
    alone = make(log).correlation("g", behaviours=at_least("a", times=3), min_people=0).table.row(0, named=True)
    assert row["p_value"] == pytest.approx(3 * alone["p_value"])


class TestBadInput:
    def test_nobody_and_everybody(self):
        nobody = make([(1, 1, "a", None), (2, 1, "b", None)]).where(pl.col("event") != "g")
        with pytest.raises(UnknownNameError, match="goal: no event 'g'"):
            nobody.correlation("g")
        log = make([(1, 1, "a", None), (1, 2, "g", None), (2, 1, "b", None)])
        assert log.only(["p2"]).correlation("g").finding == 'No one reached "g": there is nothing to compare.'
        everybody = log.only(["p1"]).correlation("g", min_people=0)
        assert everybody.finding == 'Everybody reached "g": there is nothing to compare.'
        assert everybody.table["phi"].null_count() == everybody.table.height
        assert set(everybody.table["note"]) == {"everybody converted"}
        empty = log.where(pl.col("event") == "z").correlation("g")
        assert empty.finding == "There is no one to compare."
        assert "no one" in empty._repr_html_()
        assert empty.plot() is not None

    def test_early_converters_are_set_apart_and_counted(self):
        log = make([(1, 1, "a", None), (1, 2, "g", None), (2, 1, "a", None), (2, 9, "b", None)])
        found = log.correlation("g", exposure="first 3d", min_people=0)
        left_out = "1 person converted within the first 3d."
        assert found.finding == f'No one among those compared reached "g": there is nothing to compare. {left_out}'
        alone = log.only(["p1"]).correlation("g", exposure="first 3d", min_people=0)
        assert alone.finding == f"There is no one to compare. {left_out}"

    def test_a_behaviour_of_everyone_has_no_phi_and_a_reason(self):
        row = make(story()).correlation("g").table.filter(pl.col("behaviour") == "a").row(0, named=True)
        assert (row["phi"], row["p_value"], row["q_value"], row["strength"]) == (None, None, None, None)
        assert row["note"] == "everybody did it"

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"exposure": "after"}, "exposure: 'after' must be 'before', 'matched', or 'first …'"),
            ({"exposure": "first week"}, "exposure: 'week' is not a valid duration"),
            ({"within": "1mo"}, "within: '1mo' is not a valid duration"),
            ({"follow_up": "7d"}, "follow_up: '7d' requires exposure='first …'"),
            ({"min_people": -1}, "min_people: expected a whole number of people, 0 or more; got -1"),
            ({"confidence": 95}, "confidence: 95 is not between 0 and 1"),
            ({"behaviours": []}, "behaviours: at least one is needed"),
            ({"behaviours": "pagge"}, "behaviours: no event or column 'pagge'; did you mean 'page'?"),
            ({"behaviours": [values("url"), "pagge"]}, "(?s)no column of events 'url'.*no event or column 'pagge'"),
            ({"since": "z"}, "since: no event 'z'"),
        ],
    )
    def test_errors_help(self, options, text):
        with pytest.raises((ArgumentError, UnknownNameError), match=text):
            make(story()).correlation("g", **options)

    def test_thresholds_are_whole_numbers(self):
        with pytest.raises(ArgumentError, match='times: expected whole numbers from 1 on, or "best"; got 0, 1.5'):
            at_least("a", times=[0, 1.5])
        with pytest.raises(ArgumentError, match="within: at least one duration is needed"):
            at_least("a", within=[])

    def test_unknown_people(self):
        found = make(story()).correlation("g", min_people=1)
        with pytest.raises(UnknownNameError, match="behaviour: no behaviour in the table 'bb'; did you mean 'b'"):
            found.people("bb")
        with pytest.raises(ArgumentError, match="did: expected True, False or None, got 'yes'"):
            found.people("b", did="yes")

    def test_very_many_behaviours(self):
        many = 3 * (1 << 16) // 2
        table = pl.DataFrame({"person": range(many), "event": "seen", "page": range(many)}).with_columns(
            timestamp=pl.lit(EPOCH)
        )
        goals = pl.DataFrame({"person": range(0, many, 2), "event": "g", "page": None}).with_columns(
            timestamp=pl.lit(EPOCH + timedelta(hours=1)), page=pl.lit(None, dtype=pl.Int64)
        )
        log = jn.Journeys.from_table(pl.concat([table, goals], how="diagonal"))
        found = log.correlation("g", behaviours="page", min_people=1)
        assert found.table.height == many
        assert found.table["both"].sum() == many // 2
