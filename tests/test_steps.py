"""Steps, patterns, durations and moments: how they are read, and what is refused."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

import journeys as jn
from journeys.steps import Steps, duration_us, parse_moment, parse_pattern


def test_a_pattern_is_the_list_that_it_stands_for():
    found = parse_pattern('Viewed Page -> [Read Article | Opened Email] -> "A -> B"? -> {C, [D | E]} -> Done <= 2d')
    assert [step.name for step in found.flat] == [
        "Viewed Page",
        "Read Article or Opened Email",
        "A -> B",
        "C",
        "D or E",
        "Done",
    ]
    assert found.runs == ((0,), (1,), (2,), (3, 4), (5,))
    assert found.flat[2].optional
    assert found.flat[5].within == 2 * 86_400_000_000


def test_what_must_not_happen_lies_between_its_neighbours():
    found = parse_pattern("A -> B -> !X -> C")
    assert [(never.what.name, never.after, never.before) for never in found.never] == [("X", 2, 3)]


def test_the_operator_joins_from_both_sides():
    found = jn.step("A") >> "B" >> jn.never("X") >> jn.any_order("C", "D") >> ["E", "F"]
    assert found.runs == ((0,), (1,), (2, 3), (4,))
    assert [(never.after, never.before) for never in found.never] == [(2, 3)]
    assert ("A" >> jn.step("B")).runs == ((0,), (1,))
    assert (pl.col("x") >> jn.step("B") if False else "A" >> jn.any_order("B", "C")).runs == ((0,), (1, 2))
    assert ((jn.step("A") >> "B") >> (jn.step("C") >> "D")).runs == ((0,), (1,), (2,), (3,))


@pytest.mark.parametrize(
    ("pattern", "words", "column"),
    [
        ("A -> -> B", "a step is missing here", 5),
        ("A -> [B | C", "is never closed", 5),
        ("A -> B] -> C", "closes nothing", 6),
        ('A -> "B', "this quote is never closed", 5),
        ("A -> [B] x", "something stands behind the bracket", 5),
        ("A <= 1d <= 2d", "only one window", 8),
        ("A -> {B, C}?", "a run in any order can have no window", 5),
        ("", "a step is missing here", 0),
    ],
)
def test_a_broken_pattern_shows_its_place(pattern: str, words: str, column: int):
    with pytest.raises(jn.ArgumentError) as caught:
        parse_pattern(pattern)
    text, _, mark = str(caught.value).splitlines()
    assert words in text
    assert mark.index("^") == column + 4


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (jn.step("A"), "write it in a list"),
        (["A", jn.never("X")], "no step comes after it"),
        ([jn.never("X"), "A"], "no step comes before it"),
        (3, "expected a list of steps or a pattern"),
    ],
)
def test_invalid_lists_are_refused(given: object, words: str):
    with pytest.raises(jn.ArgumentError, match=words):
        Steps.of(given).require_complete()


def test_any_order_needs_two():
    with pytest.raises(jn.ArgumentError, match="at least two"):
        jn.any_order("A")


@pytest.mark.parametrize("condition", [[], (), 3, ["A", 3], [pl.col("x")], {"A": 1}])
def test_a_condition_is_a_name_names_or_an_expression(condition: object):
    with pytest.raises(jn.ArgumentError, match="condition: .* of step 'x' is not an event name"):
        jn.step("x", condition)  # type: ignore[arg-type]


def test_a_step_has_a_name_that_is_text():
    with pytest.raises(jn.ArgumentError, match="name: 3 is not text"):
        jn.step(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["99999999999d", timedelta.max, "1mo", "", "d", "1 d", "-1d", 5, None, timedelta(0)])
def test_durations_that_are_refused(value: object):
    with pytest.raises(jn.ArgumentError, match=r"within: .* (is not a valid duration|must be longer|is too long)"):
        duration_us(value, argument="within")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["yesterday", 3, None, "2026-13-01", "", "0001-01-01T00:00+14:00"])
def test_moments_that_are_refused(value: object):
    with pytest.raises(jn.ArgumentError, match=r"start: .* is not (a valid date|in the years 1 to 9999)"):
        parse_moment(value, argument="start")  # type: ignore[arg-type]


def test_moments_are_utc_unless_they_name_a_zone():
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for value in (noon, noon.replace(tzinfo=None), "2026-03-01 12:00", "2026-03-01T13:00+01:00", "2026-03-01T12:00Z"):
        assert parse_moment(value, argument="start") == noon
    assert parse_moment(date(2026, 3, 1), argument="start") == noon.replace(hour=0)
