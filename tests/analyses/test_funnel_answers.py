"""What a funnel can be asked further: trend, times, people, comparisons; against plain loops and by hand."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.charts.text_width import measure_text
from journeys.display import quote_name
from journeys.errors import ArgumentError
from tests import logs
from tests.analyses.test_funnel import (
    KIND_LISTS,
    KINDS,
    MINUTE,
    WITHIN,
    by_person,
    conditions,
    journeys,
    minutes,
    named,
)
from tests.twins import funnel as twin

Row = logs.Row
HOUR = 60


def hourly(rows: list[Row]) -> list[Row]:
    """Stretch minutes so that a log spans several hours."""
    return [(person, 20 * minute, event, campaign) for person, minute, event, campaign in rows]


@given(
    logs.rows(most=10),
    st.lists(st.sampled_from(["A", "B", "C"]), min_size=1, max_size=3),
    st.sampled_from([None, 40, 80]),
    st.sampled_from(["loose", "strict", "any"]),
    st.sampled_from(["arrival", "rising", "either"]),
    st.booleans(),
)
def test_trend(  # noqa: PLR0917  # drawn, not called
    rows: list[Row], kinds: list[str], within: int | None, order: str, ties: str, stop: bool
):
    rows = hourly(rows)
    ties = "arrival" if order != "loose" else ties
    exclude = [(KINDS["X"][1], 0, len(kinds) - 1)] if stop else []
    asked = twin.Asked(conditions(kinds), within=within, order=order, ties=ties, exclude=exclude)
    expected: dict[int, list[int]] = {}
    for events in by_person(rows).values():
        periods: dict[int, bool] = {}
        for start in twin.starts(events, asked):
            period = events[start]["t"] // (24 * HOUR)
            done = any(twin.complete(one, asked) for one in twin.attempts(events, asked, start=start))
            periods[period] = periods.get(period, False) or done
        for period, done in periods.items():
            sums = expected.setdefault(period, [0, 0])
            sums[0] += 1
            sums[1] += done
    options = {"order": order, "ties": ties, "exclude": "X" if stop else None}
    trend = journeys(rows).funnel(named(kinds), within=minutes(within), **options).trend(every="1d")
    found = {
        (at - logs.START.date()).days: [entered, converted] for at, entered, converted, *_ in trend.table.iter_rows()
    }
    assert {period: sums for period, sums in found.items() if sums[0]} == expected


@given(logs.rows(most=10), st.lists(st.sampled_from(["A", "B", "C"]), min_size=3, max_size=3), st.integers(1, 3))
def test_trend_with_windows_of_steps(rows: list[Row], kinds: list[str], gap: int):
    steps = [kinds[0], jn.step("second", KINDS[kinds[1]][0], within=f"{gap}m", optional=True), kinds[2]]
    asked = twin.Asked(conditions(kinds), gaps={1: gap}, optional=frozenset({1}))
    trend = journeys(rows).funnel(steps).trend(every="1y").table
    converted = sum(
        any(twin.complete(one, asked) for one in twin.attempts(events, asked)) for events in by_person(rows).values()
    )
    assert trend["converted"].sum() == converted


@given(logs.rows(), KIND_LISTS.filter(lambda kinds: len(kinds) > 1), WITHIN)
def test_spells(rows: list[Row], kinds: list[str], within: int | None):
    # times are measured from the first entry
    asked = twin.Asked(conditions(kinds), within=within, reentry="first")
    until = max((row[1] for row in rows), default=0)
    took, waiting = [], []
    for events in by_person(rows).values():
        attempt = twin.counted(events, asked)
        if attempt is None:
            continue
        start, end = events[attempt[0][0]]["t"], events[attempt[-1][0]]["t"]
        if twin.complete(attempt, asked):
            took.append(end - start)
        else:
            waiting.append(min(until - start, within if within is not None else until - start))
    funnel = journeys(rows).funnel(named(kinds), within=minutes(within))
    histogram = funnel.time_to_convert().table
    assert histogram["people"].sum() == len(took)
    curve = funnel.converted_within()
    left = 1.0
    for moment in sorted(set(took)):
        at_risk = sum(time >= moment for time in [*took, *waiting])
        left *= 1 - took.count(moment) / at_risk
        row = curve.table.filter(pl.col("time") == moment * MINUTE)
        assert (row["at_risk"].item(), row["converted"].item()) == (at_risk, took.count(moment))
        assert row["share"].item() == pytest.approx(1 - left)
    assert curve.table.height == len(set(took))
    assert curve.censored == sum(within is None or time < within for time in waiting)


@given(logs.rows(), KIND_LISTS, st.sampled_from(["same day", "session"]))
def test_calendar_windows(rows: list[Row], kinds: list[str], window: str):
    rows = [(person, 5 * HOUR * minute, event, campaign) for person, minute, event, campaign in rows]
    asked = twin.Asked(conditions(kinds))
    found = []
    for events in by_person(rows).values():
        session = 0
        for number, event in enumerate(events):
            session += number == 0 or event["t"] - events[number - 1]["t"] >= 30
            # 01:00 in Berlin is 00:00 UTC
            event["part"] = (event["t"] + HOUR) // (24 * HOUR) if window == "same day" else session
            event["number"] = number
        best = []
        for part in twin.split(events, lambda e: e["part"]).values():
            attempt = twin.counted(part, asked)
            if attempt:
                whole = [(part[number]["number"], row) for number, row in attempt]
                best.append((twin.worth(whole, asked)[:4], twin.times_of(part, attempt, asked.step_count)))
        if best:
            found.append(max(best)[1])
    funnel = journeys(rows).funnel(named(kinds), within=window, time_zone="Europe/Berlin")
    assert funnel.table["people"].to_list() == [row["people"] for row in twin.table(found, asked.step_count)]


@given(logs.rows(), KIND_LISTS, st.integers(1, 2))
def test_what_came_next(rows: list[Row], kinds: list[str], n: int):
    asked = twin.Asked(conditions(kinds))
    expected: dict[tuple[int, str], int] = {}
    for events in by_person(rows).values():
        attempt = twin.counted(events, asked)
        if attempt is None or attempt[-1][1] != 0:
            continue
        after = [event["event"] for event in events[attempt[0][0] + 1 :]]
        for position in range(1, n + 1):
            name = after[position - 1] if position <= len(after) else "(nothing more)"
            expected[position, name] = expected.get((position, name), 0) + 1
    table = journeys(rows).funnel(named(kinds)).next_after_drop(n).table
    assert {(position, event): people for position, event, people, _ in table.iter_rows()} == expected


LOG: list[Row] = [
    *[(f"p{n}", n, "A", "ads" if n % 3 else "spring") for n in range(60)],
    *[(f"p{n}", n + 5, "B", None) for n in range(0, 60, 2)],
    *[(f"p{n}", n + 400, "C", None) for n in range(0, 60, 6)],
]


def test_a_campaign_touch_cuts_sessions_when_asked():
    rows: list[Row] = [("a", 0, "A", "spring"), ("a", 1, "A", "ads"), ("a", 2, "B", None), ("a", 3, "C", "ads")]
    j = journeys(rows)
    whole = j.funnel(["A", "B"], count="sessions").table["sessions"].to_list()
    cut = j.funnel(["A", "B"], count="sessions", campaign_cuts=True).table["sessions"].to_list()
    assert (whole, cut) == ([1, 1], [2, 1])


def test_groups_beyond_the_largest_are_folded():
    rows: list[Row] = [(f"p{n}", 0, "A", f"c{n % 7}" if n else None) for n in range(50)]
    funnel = journeys(rows).funnel(["A", "B"], by="campaign", top=3)
    groups = funnel.table["campaign"].unique(maintain_order=True).to_list()
    assert groups == ["c0", "c1", "c2", "(other)", "(none)"]
    assert funnel.table.filter(pl.col("step") == 1)["people"].sum() == 50
    other = funnel.dropped(after=1, campaign="(other)").people.height
    assert other == funnel.table.filter(pl.col("campaign") == "(other)")["people"][0]


def test_a_value_that_looks_like_the_folded_group_is_quoted():
    rows: list[Row] = [("a", 0, "A", "(other)"), ("b", 0, "A", None), ("c", 0, "A", "(none)")]
    groups = journeys(rows).funnel(["A"], by="campaign").table["campaign"].to_list()
    assert sorted(groups) == ['"(none)"', '"(other)"', "(none)"]


def test_ten_thousand_groups():
    rows: list[Row] = [(f"p{n}", 0, "A", f"c{n}") for n in range(12_000)]
    table = journeys(rows).funnel(["A"], by="campaign", top=2).table
    assert table["people"].to_list() == [1, 1, 11_998]


def test_two_columns_break_down_together():
    j = journeys([("a", 0, "A", "ads"), ("a", 1, "B", "spring")])
    table = j.funnel(["A", "B"], by=["campaign", "last_campaign"]).table
    assert table.select("campaign", "last_campaign", "people").rows() == [("ads", "spring", 1), ("ads", "spring", 1)]


def test_comparing_with_other_people():
    j = journeys(LOG)
    ads, spring = (j.only(pl.col("first_campaign") == name) for name in ("ads", "spring"))
    comparison = ads.funnel(["A", "B", "C"], against=spring).comparison
    row = comparison.table.row(1, named=True)
    assert (row["people"], row["people_against"], row["rate"], row["rate_against"]) == (20, 10, 0.5, 0.5)
    assert row["difference"] == 0
    last = comparison.table.row(2, named=True)
    assert (last["people"], last["people_against"]) == (0, 10)
    assert last["q_value"] == pytest.approx(min(1, 2 * last["p_value"]))
    assert comparison.table["difference"][0] is None
    by = j.funnel(["A", "B", "C"], by="first_campaign").compare()
    found = by.table.filter((pl.col("first_campaign") == "ads") & (pl.col("step") == 3))
    assert found["difference"].item() == pytest.approx(-0.5)


def test_comparing_is_refused_where_it_means_nothing():
    j = journeys(LOG)
    with pytest.raises(jn.ArgumentError, match="the steps differ"):
        j.funnel(["A", "B"]).compare(j.funnel(["A", "C"]))
    with pytest.raises(jn.ArgumentError, match="give the people to compare with"):
        j.funnel(["A", "B"]).compare()
    with pytest.raises(jn.ArgumentError, match="measure: 'rate'"):
        j.funnel(["A", "B"]).compare(j, measure="rate")  # type: ignore[arg-type]


def test_stalled_have_had_their_time():
    j = journeys([("a", 0, "A", None), ("b", 100, "A", None), ("c", 120, "B", None)])
    funnel = j.funnel(["A", "B"])
    assert funnel.dropped(after="A").people["person"].to_list() == ["a", "b"]
    assert funnel.stalled("A", at_least="1h").people["person"].to_list() == ["a"]


def test_a_difference_is_explained_choice_by_choice():
    rows: list[Row] = []
    for n in range(15):
        rows += [(f"a{n}", 0, "A", None), (f"a{n}", 50, "B", None), (f"b{n}", 0, "A", None), (f"b{n}", 5, "B", None)]
    j = journeys(rows)
    here, there = j.funnel(["A", "B"]), j.funnel(["A", "B"], within="10m", order="strict")
    explained = here.explain_difference(there)
    assert explained.table.select("choice", "people", "change").rows() == [("within", 15, -15), ("order", 30, 0)]
    assert "within" in explained.finding
    assert here.explain_difference(here).table.height == 0


def explain(here: dict[str, Any], there: dict[str, Any]) -> tuple[Any, list[tuple[str, str, str]]]:
    """Explain the difference of two funnels of 90 people who do A and B within a day, a third of them a day later."""
    rows = [(f"p{n}", 24 * 60 * (n % 3 == 0) + k, event, None) for n in range(90) for k, event in ((0, "A"), (1, "B"))]
    j = journeys(rows)
    found = j.funnel(**{"steps": ["A", "B"], **here}).explain_difference(j.funnel(**{"steps": ["A", "B"], **there}))
    return found, found.table.select("choice", "here", "there").rows()


def test_a_difference_of_periods_is_in_dates_of_the_time_zone():
    days = [("2026-03-01", "2026-03-02"), ("2026-03-02", "2026-03-03")]
    first, second = ({"entered": one, "time_zone": "Europe/Berlin"} for one in days)
    found, rows = explain(first, second)
    assert rows == [("entered", "1 March 2026", "2 March 2026")]
    assert "'1 March 2026' here, '2 March 2026' there" in found.finding
    assert ("entered", "at any time", "1 March 2026") in explain({}, first)[1]


def test_a_difference_of_steps_is_in_words():
    late = jn.step("B", (pl.col("campaign") == "x y") & (pl.col("event") == "B"))
    found, rows = explain({"steps": ["A", late]}, {})
    assert rows == [("steps", 'A → B ((campaign == "x y") & (event == "B"))', "A → B")]
    assert "A → B ((campaign" in found.finding
    steps = [["A", "B"], jn.any_order("A", "B"), jn.step("B", within="2h", optional=True), "B"]
    words = "A or B → A and B in any order → B (within 2 hours, optional) → B"
    assert explain({"steps": steps}, {})[1] == [("steps", words, "A → B")]
    never = jn.never("B", after=1, before=2)
    assert explain({"steps": ["A", "B", "A"], "exclude": never}, {"steps": ["A", "B", "A"]})[1] == [
        ("exclude", "B between A and B", "none")
    ]


def test_a_difference_of_order_is_none_of_steps_and_lists_of_values_differ():
    assert explain({"order": "any"}, {})[1] == [("order", "any", "loose")]
    first, second = (jn.step("B", pl.col("event").is_in(pl.Series([name]))) for name in "AB")
    assert [row[0] for row in explain({"steps": ["A", first]}, {"steps": ["A", second]})[1]] == ["steps"]


def test_a_difference_of_a_few_people_is_no_headline():
    def explain(late: int) -> str:
        rows: list[Row] = [(f"p{n:02d}", 0, "A", None) for n in range(60)]
        rows += [(f"p{n:02d}", 50 if n < late else 5, "B", None) for n in range(60)]
        j = journeys(rows)
        return j.funnel(["A", "B"]).explain_difference(j.funnel(["A", "B"], within="10m")).finding

    assert explain(1) == (
        'The option that matters most, "within", changes the count by fewer than 30 people on its own: '
        "too few for a finding."
    )
    assert explain(30).endswith("(−30 people).")


def test_presets_are_all_choices_at_once():
    rows: list[Row] = [("a", 0, "A", None), ("a", 60, "A", None), ("a", 24 * 60 + 30, "B", None)]
    j = journeys(rows)
    people = {
        name: j.funnel(["A", "B"], within="1d", semantics=name).table["people"].to_list()
        for name in ("mixpanel", "amplitude", "posthog", "ga4", "clickhouse")
    }
    assert people == {name: [1, 0] if name == "mixpanel" else [1, 1] for name in people}
    assert j.funnel(["A", "B"], within="1d", semantics="mixpanel", reentry="best").table["people"].to_list() == [1, 1]


def test_times_are_of_the_counted_attempt():
    rows: list[Row] = [("a", 0, "A", None), ("a", 10, "B", None), ("a", 30, "C", None), ("b", 0, "A", None)]
    rows += [("b", 30, "B", None)]
    funnel = journeys(rows).funnel(["A", "B", "C"])
    assert funnel.table["median_time_from_previous"].to_list() == [None, 20 * MINUTE, 20 * MINUTE]
    times = funnel.times(quantiles=[0, 1]).table
    assert times.filter(pl.col("step") == 2).select("people", "mean", "q0", "q100").row(0) == (
        2,
        20 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
    )
    with pytest.raises(jn.ArgumentError, match="quantiles"):
        funnel.times(quantiles=[2])


def test_every_answer_shows_itself():
    j = journeys(LOG)
    funnel = j.funnel(["A", "B", "C"], by="first_campaign", within="2d")
    plain = j.funnel(["A", "B", "C"], against=j.only(pl.col("first_campaign") == "ads"))
    answers: list[Any] = [
        funnel,
        plain,
        plain.comparison,
        funnel.compare(),
        funnel.trend(every="1d"),
        funnel.time_to_convert(),
        funnel.converted_within(),
        plain.next_after_drop(2),
        plain.explain_difference(funnel),
    ]
    for answer in answers:
        assert answer.finding
        assert "<script" not in answer._repr_html_()
        assert answer.plot().layout.title.text
        assert answer.plot(dark=True).data


def test_an_empty_log_still_has_answers():
    funnel = journeys([]).funnel(["A", "B"], by="campaign")
    plain = journeys([]).funnel(["A", "B"])
    for answer in (
        funnel,
        plain,
        plain.trend(),
        plain.time_to_convert(),
        plain.converted_within(),
        plain.next_after_drop(),
    ):
        assert answer.finding
        assert answer.plot() is not None
    assert plain.trend().table["entered"].sum() == 0
    assert plain.correlation().table.is_empty()


def test_an_emptied_log_still_has_formulas_and_retention():
    j = journeys([("a", 0, "A", None), ("a", 1, "B", None)]).between("2030-01-01")
    assert j.trend({"a": "A", "b": "B"}, formula="b / a").table["value"].drop_nulls().sum() == 0
    schema = {"person": pl.String, "timestamp": pl.Datetime, "event": pl.String}
    nothing = jn.Journeys.from_table(pl.DataFrame(schema=schema))
    assert nothing.retention("A").table.is_empty()
    assert nothing.trend({"a": "A", "b": "B"}, formula="b / a").table.is_empty()


def test_as_many_are_dropped_after_each_step_as_the_table_says():
    funnel = journeys([("a", 0, "A", None), ("a", 1, "B", None), ("b", 30, "A", None)]).funnel(["A", "B"])
    assert [funnel.dropped(after=step).people.height for step in (1, 2)] == funnel.table["dropped"].to_list() == [1, 0]
    assert funnel.stalled(after=2, at_least="1s").people.is_empty()


def test_going_on_is_correlated_with_what_was_done_after_the_step():
    log = [("a", 0, "A", None), ("a", 1, "Help", None), ("a", 2, "B", None)]  # goes on, with help
    log += [("b", 0, "Help", None), ("b", 1, "A", None), ("b", 2, "B", None)]  # helped before the step: no help
    log += [("c", 0, "B", None), ("c", 1, "A", None), ("c", 2, "Help", None)]  # the step after came before: stays
    log += [("d", 0, "A", None), ("d", 900, "Help", None), ("d", 901, "B", None)]  # both too late
    log += [("e", 0, "B", None)]  # never got to the step
    funnel = journeys(log).funnel(["A", "B"], within="10h")
    found = funnel.correlation(min_people=1)
    row = found.table.row(0, named=True)
    assert [row[name] for name in ("behaviour", "both", "behaviour_only", "conversion_only", "neither")] == [
        "Help",
        1,
        1,
        1,
        1,
    ]
    assert (found._counts.people, found._counts.converted) == tuple(funnel.table["people"])
    own = {"A": "everybody here did it: the clock starts there", "B": "it is the conversion itself"}
    assert own.items() <= dict(found.set_apart.select("behaviour", "reason").iter_rows()).items()
    assert found.people("Help", converted=True).people["person"].to_list() == ["a"]
    assert funnel.correlation(min_people=1, within=None)._counts.converted == 3
    assert journeys(log).funnel(["A", "B", "Help"]).correlation(after="B", min_people=1)._counts.people == 3
    with pytest.raises(ArgumentError, match="no step follows another"):
        journeys(log).funnel(["A", "B"], order="any").correlation()


def test_conditions_may_speak_of_traits():
    j = journeys(LOG)
    table = j.funnel([(pl.col("event") == "A") & (pl.col("first_campaign") == "ads"), "B"]).table
    assert table["people"].to_list() == [40, 20]


def test_window_is_inclusive():
    j = journeys([("a", 0, "A", None), ("a", 60, "B", None)])
    assert j.funnel(["A", "B"], within="1h").table["people"].to_list() == [1, 1]
    assert j.funnel(["A", "B"], within=timedelta(minutes=59)).table["people"].to_list() == [1, 0]


def test_who_is_cut_off_by_the_end_of_the_log():
    rows = [("a", 0, "A", None), ("a", 10, "B", None), ("b", 0, "A", None), ("c", 50, "A", None), ("c", 52, "B", None)]
    log = journeys([*rows, ("d", 60, "X", None)])  # watched until minute 60
    steps = ["A", "B", "C"]
    assert log.funnel(steps).converted_within().censored == 3  # without a window, anybody may still convert
    assert log.funnel(steps, within="20m").converted_within().censored == 1  # c alone is within 20 minutes
    assert log.funnel(steps, within="20m").converted_within(start="B").censored == 1
    assert log.funnel(["A", jn.step("B", within="30m")]).converted_within().censored == 0
    gaps = ["A", "B", jn.step("C", within="55m")]
    assert log.funnel(gaps).converted_within(start="B").censored == 2
    each = ["A", jn.step("B", within="40m"), jn.step("C", within="40m")]
    assert log.funnel(each).converted_within().censored == 1  # b had until minute 40, a from its B on until 50
    assert log.funnel(each).exits().people(state="still has time").people["person"].to_list() == ["c"]
    optional = ["A", jn.step("Y", "X", within="5m", optional=True), "B"]
    assert log.funnel(optional).converted_within(end="Y").censored == 0  # nobody has 5 minutes left for it
    late = journeys([*rows, ("d", 24 * 60, "X", None)])
    assert late.funnel(steps, within="same day").converted_within().censored == 0
    assert log.funnel(steps, within="same day").converted_within().censored == 3
    assert log.funnel(steps, within="session").converted_within().censored == 1


@given(logs.rows(), KIND_LISTS, st.sampled_from(["loose", "strict", "any"]))
def test_parts_of_a_log_make_the_whole(rows: list[Row], kinds: list[str], order: str):
    asked = {"order": order, "by": "campaign"} if order != "any" else {"order": order}
    whole = journeys(rows).funnel(named(kinds), **asked).table
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("journeys.arrays._PERSON_ROWS", 2)
        assert journeys(rows).funnel(named(kinds), **asked).table.equals(whole)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"order": "any", "ties": "rising"}, "ties: 'rising' has no meaning where steps come in any order."),
        ({"order": "any", "entry": "any"}, "entry: in any order people enter at any step already."),
        (
            {"order": "strict", "ties": "either", "count": "entries"},
            "count: entries of a strict funnel need ties='arrival' or 'rising'.",
        ),
        (
            {"order": "strict", "ties": "either", "hold": "campaign"},
            "hold: a strict funnel that holds a value needs ties='arrival' or 'rising'.",
        ),
    ],
)
def test_options_that_contradict_each_other(options, said):
    j = journeys([("a", 1, "A", "s"), ("a", 2, "B", "s")])
    with pytest.raises(jn.ArgumentError) as raised:
        j.funnel(["A", "B"], **options)
    assert said in str(raised.value)


def test_an_open_funnel_says_that_people_enter_at_any_step():
    rows = [(f"a{n}", "A") for n in range(30)] + [(f"b{n}", "B") for n in range(40)]
    table = pl.DataFrame(rows, schema=["person", "event"], orient="row").with_columns(timestamp=pl.lit("2026-03-01"))
    j = jn.Journeys.from_table(table)
    finding = '40 of 70 people (57%) who entered the funnel at any step reached "B".'
    assert j.funnel(["A", "B"], entry="any").finding == finding
    few = j.only([f"a{n}" for n in range(5)]).funnel(["A", "B"], entry="any").finding
    assert few == "Only 5 people entered the funnel: too few for a finding."


def test_a_comparison_of_groups_is_a_sentence_and_a_long_heading_is_cut():
    step = "Finished the last of many steps of a long introduction to the product" + ", and then another" * 4
    rows: list[Row] = [(f"{group}{n:02d}", 0, "A", group) for group in ("ads", "mail") for n in range(60)]
    rows += [(f"ads{n:02d}", 5, step, None) for n in range(40)]
    funnel = journeys(rows).funnel(["A", step], by="first_campaign")
    expected = f'Of "ads", 67% reached {quote_name(step)}, against 0% of the others: +66.7 points ('
    assert funnel.compare().finding.startswith(expected)
    headings = [note.text for note in funnel.plot().layout.annotations if note.text.startswith("<b>")]
    assert headings
    assert all("…" in text and 1.13 * measure_text(text[3:-4], 13) <= 900 for text in headings)
