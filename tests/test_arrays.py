"""Each shared array operation equals a plain loop over the rows."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import arrays

codes = st.lists(st.integers(0, 3), max_size=14)
flags = st.lists(st.booleans(), max_size=14)
lengths = st.lists(st.integers(0, 5), max_size=6)


def ints(values):
    return np.array(values, dtype=np.int64)


@given(person=codes.map(sorted))
def test_person_bounds(person):
    bounds = arrays.bound_people(ints(person))
    assert bounds.code.tolist() == sorted(set(person))
    assert bounds.first.tolist() == [person.index(one) for one in sorted(set(person))]
    assert bounds.stop.tolist() == [person.index(one) + person.count(one) for one in sorted(set(person))]
    assert bounds.rows == len(person)
    counted = arrays.bounds_from_counts(bounds.code, ints([person.count(one) for one in sorted(set(person))]))
    assert [array.tolist() for array in counted] == [array.tolist() for array in bounds]


@given(values=codes)
def test_changes_number_runs(values):
    starts = [place == 0 or values[place] != values[place - 1] for place in range(len(values))]
    marked = arrays.mark_changes(ints(values))
    assert marked.tolist() == starts
    assert arrays.number_runs(marked).tolist() == [sum(starts[: place + 1]) - 1 for place in range(len(values))]


@given(length=lengths, gap=st.integers(0, 2))
def test_rows_of_runs(length, gap):
    first = [sum(length[:place]) + gap * place for place in range(len(length))]
    stop = [low + size for low, size in zip(first, length, strict=True)]
    expected = [row for low, high in zip(first, stop, strict=True) for row in range(low, high)]
    assert arrays.list_rows(ints(first), ints(stop)).tolist() == expected


@pytest.mark.parametrize("side", ["left", "right"])
@given(data=st.data(), length=lengths)
def test_search_within_runs(data, length, side):
    bounds = np.append(0, np.cumsum(ints(length))).tolist()
    runs = [sorted(data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))) for size in length]
    limit = data.draw(st.lists(st.integers(-1, 6), min_size=len(length), max_size=len(length)))
    values = ints([value for run in runs for value in run])
    found = arrays.search_within(values, ints(limit), low=ints(bounds[:-1]), high=ints(bounds[1:]), side=side)
    assert found.tolist() == [
        low + int(np.searchsorted(values[low:high], one, side=side))
        for (low, high), one in zip(pairwise(bounds), limit, strict=True)
    ]


@given(marked=flags)
def test_prefix_counts(marked):
    counts = arrays.count_before(np.array(marked, dtype=np.bool_))
    assert counts.tolist() == [sum(marked[:row]) for row in range(len(marked) + 1)]


@given(marked=flags)
def test_nearest_marked_rows(marked):
    rows, at = [row for row, one in enumerate(marked) if one], ints(range(len(marked) + 1))
    following = [min((row for row in rows if row >= one), default=-1) for one in at]
    before = [max((row for row in rows if row < one), default=-1) for one in at]
    assert arrays.next_marked(ints(rows), at).tolist() == following
    assert arrays.previous_marked(ints(rows), at).tolist() == before
    assert arrays.next_marked(ints(rows), at, none=99).tolist() == [99 if row < 0 else row for row in following]


@given(codes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=14).map(sorted))
def test_repeats_collapse_within_a_person(codes):
    person, code = [one for one, _ in codes], [two for _, two in codes]
    kept = arrays.collapse_repeats(ints(code), first=arrays.bound_people(ints(person)).first)
    assert kept.tolist() == [row == 0 or codes[row] != codes[row - 1] for row in range(len(codes))]


@pytest.mark.parametrize("step", [1, -1])
@given(marked=st.lists(st.integers(0, 9).map(bool), max_size=80))
def test_marked_rows_are_skipped(marked, step):
    end = len(marked) if step == 1 else -1
    expected = []
    for row in range(len(marked)):
        while row != end and marked[row]:
            row += step  # noqa: PLW2901
        expected.append(row)
    found = arrays.skip_marked(np.array(marked, dtype=np.bool_), ints(range(len(marked))), step=step)
    assert found.tolist() == expected
