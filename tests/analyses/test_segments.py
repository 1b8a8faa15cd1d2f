"""Segments: conditions on what people did, set algebra of people, their overlap, and labels for breakdowns."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.logs import START, Row, frame, in_order, rows
from tests.twins import did as twin

KNOWN: list[Row] = [("zz", 0, name, None) for name in "ABCX"]
WINDOW = st.one_of(st.none(), st.integers(1, 6))


def people(j: jn.Journeys) -> set:
    return set(j.people["person"])


@given(
    found=rows(most=16),
    times=st.sampled_from([0, 1, 2, (0, 1), (1, 2), (2, None), (None, 1), (0, 0)]),
    within=WINDOW,
    since=WINDOW,
    within_first=WINDOW,
    after=st.sampled_from([None, "A", "C"]),
    never=st.booleans(),
    cut=st.booleans(),
)
def test_who_did_it_equals_its_twin(*, found, times, within, since, within_first, after, never, cut):
    found = [*KNOWN, *found]
    j = jn.Journeys.from_table(frame(found))
    j = j.where(pl.col("event") != "B") if cut else j
    condition = jn.did(
        "A", times=times, within=within and f"{within}m", since=since and START + timedelta(minutes=since),
        before=START + timedelta(minutes=7), within_first=within_first and f"{within_first}m", never=never,
        after=after,
    )  # fmt: skip
    low, high = times if isinstance(times, tuple) else (times, None if times else 0)
    expected = twin.who_did(
        [row for row in in_order(found) if not cut or row[2] != "B"], "A", low=low or 0, high=high, within=within,
        period=(since, 7), within_first=within_first, after=after, never=never, until=max(row[1] for row in found),
    )  # fmt: skip
    assert people(j.only(condition)) == expected


@given(
    found=rows(most=16),
    then=st.sampled_from([["B"], ["A"], ["B", "C"], ["B", "A"]]),
    within_first=WINDOW,
    after=st.sampled_from([None, "A", "C"]),
    never=st.booleans(),
)
def test_sequences_equal_their_twin(found, then, within_first, after, never):
    found = [*KNOWN, *found]
    j = jn.Journeys.from_table(frame(found))
    limits = {"then": then, "after": after, "never": never}
    condition = jn.did("A", within_first=within_first and f"{within_first}m", **limits)
    expected = twin.who_did(in_order(found), "A", within_first=within_first, **limits)
    assert people(j.only(condition)) == expected


@given(
    found=rows(most=16),
    times=st.sampled_from([0, 1, 2, (0, 1), (1, 2), (None, 1)]),
    then=st.sampled_from([(), ("B",), ("A",), ("B", "A")]),
    within=WINDOW,
    since=WINDOW,
    within_first=WINDOW,
    after=st.sampled_from([None, "A", "C"]),
    never=st.booleans(),
)
def test_events_by_which_it_held_equal_their_twin(*, found, times, then, within, since, within_first, after, never):
    found = [*KNOWN, *found]
    j = jn.Journeys.from_table(frame(found))
    times = 1 if then else times
    condition = jn.did(
        "A", times=times, then=list(then) or None, within=within and f"{within}m", never=never, as_of="row",
        after=after,
        since=since and START + timedelta(minutes=since), within_first=within_first and f"{within_first}m",
    )  # fmt: skip
    low, high = times if isinstance(times, tuple) else (times, None if times else 0)
    expected = twin.mark_rows(
        in_order(found), "A", low=low or 0, high=high, within=within, period=(since, None), within_first=within_first,
        never=never, then=then, after=after,
    )  # fmt: skip
    labelled = j.label({"yes": condition}, name="held")
    assert labelled.events.collect()["held"].is_not_null().to_list() == expected


def test_labels_of_events_break_a_question_down(tmp_path):
    found = [(f"p{at % 7}", at, "ABC"[at % 3], None) for at in range(60)]
    j = jn.Journeys.from_table(frame([*KNOWN, *found]))
    segments = {
        "often": jn.did("A", times=2, within="45m", as_of="row"),
        "some": jn.did("A", as_of="row"),
        "later": jn.did("A", then="B", as_of="row"),
    }
    first = j.label(segments, name="habit")
    assert first.people.equals(j.people)
    assert first.funnel(["A", "B"]).table.equals(j.funnel(["A", "B"]).table)
    by, whole = (one.funnel(["A", "B"], count="entries", **more) for one, more in ((first, {"by": "habit"}), (j, {})))
    assert by.table.filter(step=1)["entries"].sum() == whole.table["entries"][0]
    assert set(by.table["habit"]) == {"often", "some"}  # one person has entries of both kinds
    stored = j.save(tmp_path, shards=3).label(segments, name="habit")
    assert stored.events.collect().equals(first.events.collect())
    assert stored.where(pl.col("habit") == "often").size == first.where(pl.col("habit") == "often").size
    every = j.label(segments, name="habit", several="all").events.collect()["habit"]
    assert [one and one[0] for one in every.to_list()] == first.events.collect()["habit"].to_list()
    assert every.drop_nulls().list.contains("later").any()


@given(found=rows(people="abcde", most=16), cut=st.booleans())
def test_operators_are_sets_of_people(found, cut):
    whole = jn.Journeys.from_table(frame([*KNOWN, *found]))
    j = whole.where(pl.col("campaign").is_null()) if cut else whole
    a, b = j.only(jn.did("A")), j.only(jn.did("B"))
    one, other, everyone = people(a), people(b), people(whole)
    assert people(a | b) == one | other
    assert people(a & b) == one & other
    assert people(a - b) == people(a.without(b)) == people(a.without(jn.did("B"))) == one - other
    assert people(~a) == everyone - one
    assert people(~~a) == one
    # the events are those of both: the cut stays
    both = a | b
    assert both.size.events == j.only([*one | other]).size.events if one | other else both.size.events == 0
    assert people(whole.people_of(a)) == one
    assert whole.people_of(a).size.events == whole.only([*one]).size.events if one else True


@given(found=rows(people="abcde", most=16), cut=st.booleans())
def test_conditions_combine_as_their_people_do(found, cut):
    whole = jn.Journeys.from_table(frame([*KNOWN, *found]))
    j = whole.where(pl.col("campaign").is_null()) if cut else whole
    did_a, did_b, twice = jn.did("A"), jn.did("B"), jn.did("A", times=2)
    a, b, often = (people(j.only(one)) for one in (did_a, did_b, twice))
    assert people(j.only(did_a | did_b)) == people(j.only(did_a) | did_b) == people(did_a | j.only(did_b)) == a | b
    assert people(j.only(did_a & did_b)) == people(j.only(did_a) & did_b) == people(did_a & j.only(did_b)) == a & b
    assert people(j.only(did_a - did_b)) == people(j.only(did_a) - did_b) == people(did_a - j.only(did_b)) == a - b
    assert people(j.only(~did_a)) == people(j) - a
    assert people(j.only(~(did_a | did_b & ~twice))) == people(j) - (a | (b - often))
    assert people(j.only(~~did_a)) == a
    if not cut:
        rows = {"as_of": "row"}
        by_row = jn.did("A", **rows) & ~jn.did("B", **rows) | jn.did("X", **rows)
        events = j.label({"yes": by_row}, name="held").events.collect()
        each = j.label({name: jn.did(name, **rows) for name in "ABX"}, name="done", several="all").events.collect()
        done = each["done"].to_list()
        expected = [("A" in (one or []) and "B" not in one) or "X" in (one or []) for one in done]
        assert events["held"].is_not_null().to_list() == expected


def test_conditions_label_as_their_people_do():
    found = [("a", 0, "A", None), ("a", 1, "B", None), ("b", 0, "B", None), ("c", 0, "C", None)]
    j = jn.Journeys.from_table(frame(found))
    both = j.label({"A": jn.did("A"), "not C": j.only(~jn.did("C"))}, name="kind", several="all").people
    assert both.select("person", "kind").rows() == [("a", ["A", "not C"]), ("b", ["not C"]), ("c", None)]
    cut = j.where(pl.col("event") == "B")
    assert cut.label({"A": jn.did("A"), "B": jn.did("B")}).people["segment"].to_list() == ["B", "B"]


def test_different_cuts_and_logs_are_refused():
    j = jn.Journeys.from_table(frame(KNOWN))
    cut = j.between("2026-03-01", None)
    with pytest.raises(jn.ArgumentError, match=r"-: the selections cut events differently: all events here.*people_of"):
        _ = j - cut
    with pytest.raises(jn.ArgumentError, match="&: the selections cut events .*timestamp.*all events there"):
        _ = cut & j
    assert people(j.people_of(cut) - j) == set()
    other = jn.Journeys.from_table(frame(KNOWN))
    for wrong in (lambda: j | other, lambda: j.people_of(other), lambda: jn.overlap({"A": j, "B": other})):
        with pytest.raises(jn.ArgumentError, match="two logs"):
            wrong()
    with pytest.raises(jn.ArgumentError, match="'zz' is not Journeys; select people with"):
        _ = j - "zz"


def test_a_store_opened_twice_is_one_log(tmp_path):
    jn.Journeys.from_table(frame([*KNOWN, ("a", 0, "A", None)])).save(tmp_path / "s", shards=2)
    one, other = jn.open(tmp_path / "s"), jn.open(tmp_path / "s")
    assert people(one.only(jn.did("A")) - other.only(jn.did("B"))) == {"a"}
    assert people(~one.only(jn.did("B"))) == {"a"}


def test_an_empty_segment():
    j = jn.Journeys.from_table(frame(KNOWN))
    nobody = j.only(jn.did("A", times=7))
    assert people(nobody) == people(nobody & j) == people(nobody - j) == set()
    assert people(~nobody) == people(nobody | j) == {"zz"}
    found = jn.overlap({"N": nobody, "A": j})
    assert found.table.select("N", "A", "people").rows()[0] == (False, True, 1)
    assert found.finding == "The segments have no one in common."
    assert found.people("N", not_in="A").size.people == 0
    assert nobody.label({"N": nobody}).people.height == 0


# jnothman/UpSetPlot, README.rst (doctest), BSD-3-Clause: people by the exact sets that they are in
CELLS = {"": 56, "c": 283, "b": 1279, "bc": 5882, "a": 24, "ac": 90, "ab": 429, "abc": 1957}


@pytest.fixture(scope="module")
def published():
    sets = pl.DataFrame({"sets": list(CELLS), "n": list(CELLS.values())})
    each = sets.select(pl.col("sets").repeat_by("n").explode()).with_row_index("person")
    events = each.with_columns(event=("x" + pl.col("sets")).str.split("")).explode("event").drop("sets")
    j = jn.Journeys.from_table(events.with_columns(timestamp=pl.lit(datetime(2026, 3, 1, tzinfo=UTC))))
    return j, {name: j.only(jn.did(name)) for name in "abc"}


def test_published_set_algebra(published):
    j, found = published
    a, b, c = found.values()
    sizes = {
        "a": a, "b": b, "c": c, "a & b": a & b, "a & c": a & c, "b & c": b & c, "a & b & c": a & b & c, "a | b": a | b,
        "a | b | c": a | b | c, "a - b": a - b, "~(a|b|c)": ~(a | b | c), "all": j,
    }  # fmt: skip
    assert {name: one.size.people for name, one in sizes.items()} == {
        "a": 2500, "b": 9547, "c": 8212, "a & b": 2386, "a & c": 2047, "b & c": 7839, "a & b & c": 1957, "a | b": 9661,
        "a | b | c": 9944, "a - b": 114, "~(a|b|c)": 56, "all": 10000,
    }  # fmt: skip


def test_published_overlap(published):
    _, found = published
    o = jn.overlap(found)
    cells = {"".join(name for name in "abc" if row[name]): row["people"] for row in o.table.iter_rows(named=True)}
    assert cells == CELLS
    assert o.table["people"].to_list() == sorted(CELLS.values(), reverse=True)
    row = o.table.filter("a", "b", "c").row(0, named=True)
    assert row["expected"] == pytest.approx(10_000 * 0.25 * 0.9547 * 0.8212)
    assert row["lift"] == pytest.approx(1957 / row["expected"])
    assert o.table["expected"].sum() == pytest.approx(10_000)
    assert (
        o.finding
        == '8,358 of the 10,000 people (84%) are in several segments; "b" and "c" overlap most: 7,839 are in both.'
    )
    for row in o.table.iter_rows(named=True):
        inside = [name for name in "abc" if row[name]]
        outside = [name for name in "abc" if not row[name]]
        assert o.people(inside, not_in=outside).size.people == row["people"]
    assert o.people("a", not_in="b").size.people == 114
    assert o.plot().data[0].y[0] == 5882
    assert o.plot(narrow=True, dark=True).data[0].y[0] == 5882


def test_areas_of_segments_are_their_people(published):
    j, found = published
    for segments in (found, {name: found[name] for name in "ca"}):
        o = jn.overlap(segments)
        lines = o.plot(kind="areas").data
        assert [sum(line.x) for line in lines] == list(o.sizes.values())
        for one, other in ((0, 1), (0, len(lines) - 1)):
            spans = [{(base, x) for base, x in zip(lines[at].base, lines[at].x, strict=True)} for at in (one, other)]
            names = [list(o.sizes)[at] for at in (one, other)]
            assert sum(x for _, x in spans[0] & spans[1]) == o.people(names).size.people
        # the first segment is one block without gaps
        assert min(lines[0].base) == 0
        assert max(base + x for base, x in zip(lines[0].base, lines[0].x, strict=True)) == sum(lines[0].x)
    four = jn.overlap({**found, "d": j})
    with pytest.raises(jn.ArgumentError, match="kind: 'areas' shows two or three segments, not 4; use 'upset'"):
        four.plot(kind="areas")
    with pytest.raises(jn.ArgumentError, match="kind: 'venn' is neither"):
        four.plot(kind="venn")
    nobody = j.only(jn.did("a", times=99))
    none = jn.overlap({"N": nobody, "M": nobody})
    assert none.finding == "No one is in any of the segments."
    for kind in ("upset", "areas"):
        drawn = none.plot(kind=kind, dark=True, narrow=True)
        assert not drawn.data
        assert drawn.layout.annotations[0].text == "There is no one in any of the segments."


# Arjun0606/smolanalytics, internal/cohort/cohort_test.go, MIT
def test_published_any_and_all():
    rows = [
        ("a", "signup", "google"),
        ("a", "checkout", "google"),
        ("b", "signup", "twitter"),
        ("c", "checkout", "google"),
    ]
    log = pl.DataFrame(rows, schema=["person", "event", "source"], orient="row").with_columns(timestamp=pl.lit(START))
    j = jn.Journeys.from_table(log)
    signup, checkout = j.only(jn.did("signup")), j.only(jn.did("checkout"))
    assert people(signup | checkout) == {"a", "b", "c"}
    assert people(signup & checkout) == {"a"}
    google = jn.did((pl.col("event") == "checkout") & (pl.col("source") == "google"))
    assert people(j.only(google)) == {"a", "c"}


@given(found=rows(people="abcde", most=16))
def test_labels_break_a_question_down(found):
    j = jn.Journeys.from_table(frame([*KNOWN, *found]))
    a, b = j.only(jn.did("A")), j.only(jn.did("B"))
    labelled = j.label({"First": a, "Second": b}, name="segment")
    expected = {one: "First" if one in people(a) else "Second" if one in people(b) else None for one in people(j)}
    assert dict(labelled.people.select("person", "segment").iter_rows()) == expected
    table = labelled.funnel(["A", "X"], by="segment").table
    assert table.filter(step=1)["people"].sum() == j.funnel(["A", "X"]).table["people"][0]
    every = j.label({"First": a, "Second": b}, several="all").people
    assert {one: set(names or ()) for one, names in every.select("person", "segment").iter_rows()} == {
        one: {name for name, segment in (("First", a), ("Second", b)) if one in people(segment)} for one in people(j)
    }
    # labels leave the log the same: segments made before still combine with it
    assert people(labelled - a) == people(j - a)
    assert people(labelled.where(pl.col("event") == "A").only(pl.col("segment") == "First")) == people(a)


def test_labels_are_saved(tmp_path):
    j = jn.Journeys.from_table(frame([*KNOWN, ("a", 0, "A", None)]))
    labelled = j.label({"One": j.only("a")})
    assert labelled.save(tmp_path / "s").people["segment"].to_list() == ["One", None]


def test_a_segment_is_saved_as_a_list(tmp_path):
    j = jn.Journeys.from_table(frame([*KNOWN, ("a", 0, "A", None)]))
    written = j.only("a").save_as(tmp_path / "one.parquet")
    assert (written.people, (tmp_path / "one.parquet").stat().st_mode & 0o777) == (1, 0o600)
    assert people(j.only(pl.read_parquet(tmp_path / "one.parquet"))) == {"a"}
    assert pl.read_parquet_metadata(tmp_path / "one.parquet")["until"] == START.isoformat()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda j: jn.did("A", times=-1), "times: -1 must be a number of at least 0"),
        (lambda j: jn.did("A", times=(3, 2)), r"times: \(3, 2\) must be a number"),
        (lambda j: jn.did("A", times=2, then="B"), "times: 2 cannot be combined with then="),
        (lambda j: jn.did("A", then=[]), "then: at least one step is needed"),
        (lambda j: jn.did("A", within="0d"), "within: '0d' must be longer than zero"),
        (
            lambda j: jn.did("A", since="2026-03-02", before="2026-03-01"),
            "before: '2026-03-01' must be after the start",
        ),
        (lambda j: j.only(jn.did("Aa")), "step: no event 'Aa'"),
        (lambda j: j.only(jn.did("A", then="Bb")), r"then\[0\]: no event 'Bb'"),
        (lambda j: j.only(jn.did("A", after="Cc")), "after: no event 'Cc'"),
        (lambda _: jn.did("A") | 3, r"\|: 3 is not a condition .*jn.did\('A'\) \| jn.did\('B'\)"),
        (lambda _: "B" & jn.did("A"), "&: 'B' is not a condition"),
        (lambda _: ["B"] - jn.did("A"), r"-: \['B'\] is not a condition"),
        (lambda _: jn.did("A") | jn.did("B", as_of="row"), "conditions as of 'row' are about events"),
        (lambda j: j.only(jn.did("A", as_of="row") | jn.did("B", as_of="row")), "a condition as of 'row'"),
        (lambda j: jn.overlap({"A": j, "B": jn.did("A")}), "segments: 'B' is Did, not Journeys; select people with"),
        (lambda j: jn.overlap({"A": j}), "segments: expected 2 to 12 journeys"),
        (lambda j: jn.overlap([j, j]), "segments: expected 2 to 12 journeys"),
        (lambda j: jn.overlap({"people": j, "B": j}), "segments: 'people' is a column of the table"),
        (lambda j: jn.overlap({"A": j, "B": ["zz"]}), "segments: 'B' is list, not Journeys"),
        (lambda j: jn.overlap({"A": j, "B": j}).people("C"), "segment: no segment 'C'"),
        (lambda j: jn.overlap({"A": j, "B": j}).people("A", not_in="A"), "not_in: 'A' cannot be asked for"),
        (lambda j: j.label({}), "segments: {} must be a mapping"),
        (lambda j: jn.did("A", as_of="end"), "as_of: 'end' must be 'row'"),
        (lambda j: j.only(jn.did("A", as_of="row")), "people: a condition as of 'row' describes events"),
        (lambda j: j.label({"A": j, "B": jn.did("A", as_of="row")}), "segments: 'A' cannot stand beside"),
        (
            lambda j: j.where(pl.col("event") == "A").label({"A": jn.did("A", as_of="row")}),
            "segments: conditions as of 'row' are about all events, and these were cut",
        ),
        (lambda j: j.label({"A": "zz"}), r"segments\['A'\]: 'zz' is not Journeys"),
        (lambda j: j.label({"A": j}, name="campaign"), "name: there is a column 'campaign' already"),
        (lambda j: j.label({"A": j}, several="last"), "several: 'last' is neither"),
        (lambda j: j.save_as("segment.csv"), "path: 'segment.csv' must end in '.parquet'"),
    ],
)
def test_arguments_that_are_refused(ask, message):
    j = jn.Journeys.from_table(frame(KNOWN))
    with pytest.raises(jn.JourneysError, match=message):
        ask(j)


def test_all_problems_are_reported_together():
    with pytest.raises(jn.ArgumentError) as error:
        jn.did("A", times=-1, within="x", since="x")
    assert len([line for line in str(error.value).splitlines() if line.startswith("- ")]) == 3


def test_comparisons_count_who_is_on_both_sides():
    found = [(f"p{at}", minute, name, None) for at in range(60) for minute, name in enumerate("AB")]
    j = jn.Journeys.from_table(frame([*KNOWN, *found]))
    one = j.only([f"p{at}" for at in range(40)])
    other = j.only([f"p{at}" for at in range(20, 60)])
    assert j.funnel(["A", "B"])._rerun_on(one).compare(other).people_on_both_sides == 20
    assert "20 people" in one.funnel(["A", "B"]).compare(other).finding
    assert one.flow(against=other).shared == 20
    compared = one.correlation("B", min_people=0).compare(other)
    assert "20 people" in compared.settings["note"]
