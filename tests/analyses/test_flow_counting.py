"""Counting large flows part by part, against plain loops: numbered values, medians, what has no times."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean, median
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.analyses.flow import rows as flow_rows
from journeys.analyses.flow.summarise import measure_times

names = st.sampled_from([None, "", "a", "b", "ä", "a" * 40])


@given(column=st.lists(names, max_size=30))
def test_equal_values_get_equal_numbers(column: list[str | None]) -> None:
    numbers, distinct = flow_rows._encode_values(pl.Series(column, dtype=pl.String))
    assert [distinct[number] for number in numbers] == column
    assert len(distinct) == len(set(column))


def test_very_many_values_are_numbered() -> None:
    column = pl.Series([f"id {number * 7919 % 40_000}" for number in range(200_000)])
    numbers, distinct = flow_rows._encode_values(column)
    assert len(distinct) == len(set(distinct)) == 40_000
    assert pl.Series(distinct).gather(numbers).equals(column)


moves = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 1, 2, 3, 7, 1000, 10**9, 2**44, 2**51])), max_size=40)


@given(found=moves)
def test_the_middle_of_times_is_that_of_plain_loops(found: list[tuple[int, int]]) -> None:
    times: dict[int, list[int]] = defaultdict(list)
    for key, time in found:
        times[key].append(time)
    key, time = (np.array([move[place] for move in found], dtype=np.int64) for place in (0, 1))
    middle = measure_times(np.array(sorted(times), dtype=np.int64), key, time, is_complete=True)
    assert middle["median"].to_list() == [median(times[key]) for key in sorted(times)]
    assert middle["mean"].to_list() == pytest.approx([fmean(times[key]) for key in sorted(times)], rel=1e-12)


def test_rows_without_times_are_stops() -> None:
    rows = np.array([1, 2, 5])
    key, time = np.array([5, 1, 5, 5]), np.array([4, 9, 2, 7])
    lists: dict[str, Any] = measure_times(rows, key, time, is_complete=False).to_dict(as_series=False)
    assert lists == {"times": [[9], [], [2, 4, 7]], "median": [None] * 3, "mean": [None] * 3}
    middles = measure_times(rows, key, time, is_complete=True)
    assert middles["median"].to_list() == [9.0, None, 4.0]
    assert middles["times"].to_list() == [[], [], []]
    assert measure_times(rows, key[:0], time[:0], is_complete=True)["median"].to_list() == [None] * 3
