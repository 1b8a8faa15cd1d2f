"""Selections keep what they say, change nothing else, and can be selected from again."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.logs import START, frame, in_order, rows


def events(j):
    return j.events.select("person", pl.col("event").cast(pl.String)).collect().rows()


@given(found=rows(), name=st.sampled_from("ABCX"))
def test_where_keeps_events(found, name):
    j = jn.Journeys.from_table(frame(found))
    expected = [(row[0], row[2]) for row in in_order(found) if row[2] == name]
    kept = j.where(pl.col("event") == name)
    assert events(kept) == expected
    assert kept.size.events == len(expected)
    assert kept.size.people == len({row[0] for row in expected})
    assert kept.people["person"].to_list() == sorted({row[0] for row in expected})
    assert kept.people["event_count"].sum() == len(expected)


@given(found=rows())
def test_only_keeps_people_whichever_way_they_are_named(found):
    j = jn.Journeys.from_table(frame(found))
    ads = j.only(pl.col("first_campaign") == "ads")
    labels = ads.people["person"]
    assert all(value == "ads" for value in ads.people["first_campaign"])
    expected = [(row[0], row[2]) for row in in_order(found) if row[0] in set(labels)]
    for way in (labels, labels.to_list(), ads, ads.people, ads.people.lazy()):
        assert events(j.only(way)) == expected


@given(found=rows(), start=st.integers(0, 8), length=st.integers(1, 4))
def test_between_includes_the_start_and_not_the_end(found, start, length):
    j = jn.Journeys.from_table(frame(found))
    low = START + timedelta(minutes=start)
    kept = j.between(low, low + timedelta(minutes=length))
    assert events(kept) == [(r[0], r[2]) for r in in_order(found) if start <= r[1] < start + length]


@given(found=rows())
def test_cuts_apply_in_the_order_they_were_made(found):
    j = jn.Journeys.from_table(frame(found))
    first_only = pl.col("timestamp") == pl.col("timestamp").min()
    own = [row for row in found if row[2] == "A"]
    earliest = min((row[1] for row in own), default=None)
    kept = j.where(pl.col("event") == "A").where(first_only)
    assert events(kept) == [(r[0], r[2]) for r in in_order(own) if r[1] == earliest]


def test_a_condition_on_person_means_the_label():
    j = jn.Journeys.from_table(frame([("a", 1, "A", None), ("b", 2, "B", None)]))
    assert events(j.where(pl.col("person") == "b")) == [("b", "B")]
    assert events(j.only(pl.col("person") == "b")) == [("b", "B")]


def test_selections_leave_the_original_alone():
    j = jn.Journeys.from_table(frame([("a", 1, "A", None), ("b", 2, "B", None)]))
    before = (events(j), j.people, j.size)
    j.where(pl.col("event") == "A").only(["a"]).between("2026-03-01", "2026-03-02").people
    assert (events(j), j.size) == (before[0], before[2])
    assert j.people.equals(before[1])


def test_errors_name_what_there_is():
    j = jn.Journeys.from_table(frame([("anna", 1, "A", None), ("bert", 2, "B", None)]))
    with pytest.raises(jn.UnknownNameError, match="condition: no column 'evnt'; did you mean 'event'"):
        j.where(pl.col("evnt") == "A")
    with pytest.raises(jn.UnknownNameError, match="people: no column 'first_campain'; did you mean 'first_campaign'"):
        j.only(pl.col("first_campain") == "A")
    with pytest.raises(jn.UnknownNameError, match="people: no person 'ana'; did you mean 'anna'"):
        j.only(["ana"])
    with pytest.raises(jn.ArgumentError, match="condition: 'A' is not a Polars expression"):
        j.where("A")
    with pytest.raises(jn.ArgumentError, match="start: 'yesterday' is not a valid date"):
        j.between("yesterday")
    with pytest.raises(jn.ArgumentError, match="end: '2026-01-01' must be after the start"):
        j.between("2026-02-01", "2026-01-01")
    with pytest.raises(jn.ArgumentError, match="segments: 1 is no name; write it as text"):
        j.label({1: j})
    with pytest.raises(jn.ArgumentError, match="name: 2 is no name; write it as text"):
        j.label({"all": j}, name=2)
    with pytest.raises(jn.UnknownNameError, match="people: no column 'person'"):
        j.only(pl.DataFrame({"user": ["anna"]}))


@given(found=rows(people="abcde", most=30, span=12), low=st.integers(0, 6), high=st.integers(7, 12))
def test_observation_ends_at_a_cut_in_time(found, low, high):
    every_name = [("a", low, name, None) for name in "ABCX"]
    table = frame([*every_name, *found])
    first, last = (START + timedelta(minutes=minute) for minute in (low, high))
    cut = jn.Journeys.from_table(table).between(first, last)
    alone = jn.Journeys.from_table(table.filter(pl.col("timestamp").is_between(first, last, closed="left")))
    for ask in (
        lambda j: j.correlation("X", exposure="first 2m", follow_up="5m", min_people=0).table,
        lambda j: j.correlation("X", exposure="first 2m", follow_up="5m", min_people=0).compare(j).table,
        lambda j: j.dropoff("X", quiet="3m").table,
    ):
        assert ask(cut).equals(ask(alone), null_equal=True)
