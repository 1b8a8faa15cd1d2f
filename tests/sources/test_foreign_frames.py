"""Frames of any library: mixed columns are text, and what cannot be read is told in this library's words."""

import pandas as pd
import polars as pl
import pytest

import journeys as jn

BASE = {"t": ["2026-03-01"] * 2, "e": ["A", "B"]}


def read(source):
    return jn.read_table(source, timestamp="t", event="e", ids=["u"])


def as_objects(columns):
    return pl.DataFrame({name: pl.Series(values, dtype=pl.Object) for name, values in columns.items()})


@pytest.mark.parametrize("made", [dict, pd.DataFrame, as_objects])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([7, "x"], ["7", "x"]),
        ([1 + 2j, "x"], ["(1+2j)", "x"]),
        ([None, "x"], [None, "x"]),
        ([[1], {"a": 1}], ["[1]", '{"a": 1}']),
    ],
)
def test_a_column_of_mixed_values_is_text(made, values, expected):
    assert read(made({**BASE, "u": ["1", "2"], "p": values})).table.collect()["p"].to_list() == expected


def test_identifiers_of_mixed_types_are_what_they_were():
    frame = pd.DataFrame({**BASE, "u": [7, "007"]})
    assert read(frame).table.collect()["u"].to_list() == ["7", "007"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (pd.DataFrame([["2026-03-01", "A", 1, 2]], columns=["t", "e", "u", "u"]), "several columns are called 'u'"),
        ({**BASE, "u": [1]}, "this dict cannot be read as a table: .*height"),
        (pl.scan_parquet("nowhere.parquet"), "the LazyFrame cannot be read: .*nowhere.parquet"),
    ],
)
def test_what_is_no_table_is_refused_in_words(source, said):
    with pytest.raises(jn.SourceError, match=said):
        read(source)


def test_a_lazy_frame_that_fails_when_it_is_read_says_so():
    events = read(pl.LazyFrame({**BASE, "u": ["1", "x"]}).with_columns(pl.col("u").cast(pl.Int64)))
    with pytest.raises(
        jn.SourceError, match="the rows of 'table' cannot be read: conversion from `str` to `i64` failed"
    ):
        repr(events)
    with pytest.raises(jn.SourceError, match="the rows of 'table' cannot be read"):
        _ = events.span


def test_a_lazy_frame_whose_times_fail_says_so_at_once():
    bad = pl.LazyFrame({**BASE, "u": ["1", "x"], "n": ["1", "x"]}).with_columns(pl.col("n").cast(pl.Int64))
    with pytest.raises(jn.SourceError, match="the rows of 'table' cannot be read: conversion"):
        jn.read_table(bad, timestamp="n", event="e", ids=["u"], unit="s")
    with pytest.raises(jn.SourceError, match="the rows of 'table' cannot be read: conversion"):
        jn.read_ga4(bad.select(event_timestamp="n", event_name="e", user_pseudo_id="u"))
