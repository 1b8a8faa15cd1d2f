"""What came last before a goal: against plain loops, attribution, published cases and written-out rows."""

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.logs import Row, frame, in_order, rows
from tests.twins import last_before as twin

EVERY: list[Row] = [("z", 0, name, "ads") for name in "ABC"]


def value_of(label):
    return None if label == "(none)" else label


def write_window(window):
    return f"{window}m" if isinstance(window, int) else window


@given(
    found=rows(most=18),
    within=st.one_of(st.none(), st.integers(1, 8), st.just("session")),
    skip=st.sampled_from([(), ("ads",)]),
    event=st.sampled_from([None, "A"]),
    occurrence=st.sampled_from(["first", "last", "each"]),
    then_within=st.one_of(st.none(), st.integers(1, 6), st.just("session")),
    gap=st.integers(1, 3),
)
def test_the_table_equals_its_twin(*, found, within, skip, event, occurrence, then_within, gap):
    found = [*EVERY, ("z", 1, "X", None), *found]
    j = jn.Journeys.from_table(frame(found))
    result = j.last_before(
        "X", of="campaign", event=event, skip=list(skip), within=write_window(within), occurrence=occurrence,
        then="A", then_within=write_window(then_within), gap=f"{gap}m",
    )  # fmt: skip
    expected = twin.goals(
        in_order(found), goal="X", occurrence=occurrence, within=within, skip=skip, event=event, then="A",
        then_within=then_within, gap=gap, until=max(row[1] for row in found),
    )  # fmt: skip
    unit = "conversions" if occurrence == "each" else "people"
    assert result.table[unit].sum() == len(expected) == result.settings["conversions"]
    for row in result.table.iter_rows(named=True):
        own = [one for one in expected if one[1] == value_of(row["campaign"])]
        before = sorted(one[2] for one in own if one[2] is not None)
        middle = before[(len(before) - 1) // 2 : len(before) // 2 + 1]
        assert row["median_time_before"] == (timedelta(minutes=sum(middle) / len(middle)) if middle else None)
        assert (row[unit], row["pending"], row["went_on"]) == (
            len(own), sum(one[3] for one in own), sum(one[4] for one in own),
        )  # fmt: skip
        assert row["share"] == pytest.approx(len(own) / len(expected))
        asked = [one for one in own if not one[3]]
        others = [one for one in expected if one[1] != value_of(row["campaign"]) and not one[3]]
        assert row["rate"] == (pytest.approx(sum(one[4] for one in asked) / len(asked)) if asked else None)
        assert row["others_rate"] == (pytest.approx(sum(one[4] for one in others) / len(others)) if others else None)
        for went_on in (None, True, False):
            people = {one[0] for one in own if went_on is None or (not one[3] and one[4] == went_on)}
            assert set(result.people(row["campaign"], went_on=went_on).people["person"]) == people


@pytest.mark.parametrize(("occurrence", "conversions"), [("first", "first"), ("each", "every")])
@given(found=rows(most=18), within=st.integers(1, 8))
def test_a_campaign_equals_attribution_to_the_last_touch(occurrence, conversions, found, within):
    # a touch on the converting event itself earns credit, but does not come before it
    found = [(person, minute, event, None if event == "X" else value) for person, minute, event, value in found]
    j = jn.Journeys.from_table(frame([*EVERY, ("z", 1, "X", None), *found]))
    last = j.last_before("X", of="campaign", within=f"{within}m", occurrence=occurrence, top=None)
    a = j.attribution("X", model="last", repeats="keep", lookback=f"{within}m", conversions=conversions)
    credit, count = a.table.filter(pl.col("credit") > 0), "people" if occurrence == "first" else "conversions"
    assert dict(last.table.select("campaign", count).rows()) == dict(credit.select("campaign", "credit").rows())


# PostHog/posthog, test_visitors_include_lookback_arrivals_that_can_earn_credit and
# test_conversions_before_the_date_range_are_not_credited, MIT (outside ee/)
PUBLISHED = [
    ([("holiday", datetime(2022, 12, 30, 12))], datetime(2023, 1, 2, 12), "holiday"),
    ([(name, datetime(2023, 1, day, 12)) for name, day in (("early", 7), ("middle", 8), ("late", 9))],
     datetime(2023, 1, 10, 12), "late"),
    ([("summer", datetime(2023, 1, 8, 12)), (None, datetime(2023, 1, 9, 12))], datetime(2023, 1, 10, 12), "summer"),
]  # fmt: skip


@pytest.mark.parametrize(("touches", "conversion", "last"), PUBLISHED)
def test_published_cases(touches, conversion, last):
    table = [("a", time, "$pageview", campaign) for campaign, time in touches]
    log = pl.DataFrame([*table, ("a", conversion, "sign up", None)], orient="row",
        schema={"person": pl.String, "timestamp": pl.Datetime, "event": pl.String, "campaign": pl.String})  # fmt: skip
    found = jn.Journeys.from_table(log).last_before("sign up", of="campaign", within="4d")
    assert found.table.select("campaign", "people").rows() == [(last, 1)]


@given(found=rows(most=18))
def test_combinations_add_up_to_each_column(found):
    log = frame([*EVERY, ("z", 1, "X", None), *found]).with_columns(
        page=pl.when(pl.int_range(pl.len()) % 2 == 0).then("event")
    )
    j = jn.Journeys.from_table(log)
    both = j.last_before("X", of=["page", "campaign"], top=None).table
    for column in ("page", "campaign"):
        alone = j.last_before("X", of=column, top=None).table
        summed = both.group_by(column).agg(pl.col("people").sum())
        assert dict(summed.rows()) == dict(alone.select(column, "people").rows())


def pages(*found: tuple[str, int, str, str | None]) -> jn.Journeys:
    return jn.Journeys.from_table(frame([*found]).rename({"campaign": "page_path"}))


def test_pages_are_cleaned_and_the_form_is_passed_over():
    j = pages(("a", 0, "View", "/pricing?utm=x"), ("a", 1, "View", "/signup/2"), ("a", 2, "Sign", None))
    assert j.last_before("Sign", of="page_path").table["page_path"].to_list() == ["/signup/:id"]
    assert j.last_before("Sign", of="page_path", skip="/signup/*").table["page_path"].to_list() == ["/pricing"]
    raw = j.last_before("Sign", of="page_path", skip="/signup*", clean=False)
    assert raw.table["page_path"].to_list() == ["/pricing?utm=x"]
    assert raw.trait().rows() == [("a", "/pricing?utm=x")]
    assert raw.trait().columns == ["person", "last_page_path_before_sign"]


def test_small_values_are_folded_and_keep_their_people():
    found = [(f"p{at}", at, "View", "/" + "abcdefg"[at % 7]) for at in range(40)] + [
        (f"p{at}", 50, "Sign", None) for at in range(45)
    ]
    result = pages(*found, ("p44", 49, "View", "(other)")).last_before("Sign", of="page_path", top=2)
    assert result.table["page_path"].to_list() == ["/a", "/b", "(none)", "(other)"]
    assert result.table["people"].to_list() == [6, 6, 4, 29]
    assert result.table["people"].sum() == 45
    for label, people in result.table.select("page_path", "people").rows():
        assert result.people(label).people.height == people
    everything = pages(*found, ("p44", 49, "View", "(other)")).last_before("Sign", of="page_path", top=None)
    assert everything.people('"(other)"').people["person"].to_list() == ["p44"]


def test_the_sentences():
    found = [(f"p{at}", 0, "View", "/a" if at % 2 else "/b") for at in range(100)]
    found += [(f"p{at}", 1, "Sign", None) for at in range(100)] + [(f"p{at}", 2, "Buy", None) for at in range(1, 60, 2)]
    j = pages(*found, ("z", 30, "Other", None))
    assert j.last_before("Sign", of="page_path", then="Buy", then_within="5m").finding == (
        '"/a" came last before "Sign" for 50% of the 100 people. '
        'After "/a", 60% went on to "Buy", against 0% of all others.'
    )
    # without a window people had unequal time: no finding
    assert "went on" not in j.last_before("Sign", of="page_path", then="Buy").finding
    form = [(f"p{at}", 1, "Sign", "/form") for at in range(40)]
    always = pages(*[(f"p{at}", 0, "View", "/form") for at in range(40)], *form).last_before("Sign", of="page_path")
    assert always.finding == (
        '"/form" came last before "Sign" for 100% of the 40 people. It may belong to "Sign" itself: pass it over with '
        "skip=."
    )
    few = pages(("a", 0, "View", "/x"), ("a", 1, "Sign", None), ("b", 1, "Sign", None))
    assert few.last_before("Sign", of="page_path").finding == 'Only 2 people did "Sign": too few for a finding.'
    assert few.only("b").last_before("Sign", of="page_path").finding == (
        'Only 1 person did "Sign": too few for a finding.'
    )
    assert few.where(pl.col("event") == "View").last_before("Sign", of="page_path").finding == 'No one did "Sign".'


def test_the_goal_is_no_finding_as_its_own_predecessor():
    found = [(f"p{at}", minute, "Pay", None) for at in range(40) for minute in (1, 2)]
    j = pages(*found, *[(f"p{at}", 0, "View", None) for at in range(15)])
    result = j.last_before("Pay", of="event", occurrence="last")
    assert result.table.rows()[0][:2] == ("Pay", 40)
    assert result.finding == (
        'Apart from "Pay" itself, no event came last before "Pay" for the 40 people: pass it over with skip=.'
    )
    assert j.last_before("Pay", of="event", occurrence="last", skip=["Pay", "View"]).finding == (
        'The 40 people had no event before "Pay".'
    )
    others = pages(*found, *[(f"p{at}", 3, name, None) for at in range(15) for name in ("View", "Pay")])
    listed = others.last_before("Pay", of="event", occurrence="last", top=1)
    assert listed.finding == (
        'Apart from "Pay" itself, only values that are not listed (see top=) came last before "Pay" for the 40 people: '
        "pass it over with skip=."
    )


def test_a_column_named_like_one_of_the_table():
    log = frame([("a", 0, "View", "x"), ("a", 1, "Sign", None)]).rename({"campaign": "share"})
    assert jn.Journeys.from_table(log).last_before("Sign", of="share").table.columns[0] == "of_share"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": "page"}, "of: no column 'page'; did you mean 'page_path'"),
        ({"of": []}, r"of: \[\] must be a column or a list of different columns"),
        ({"of": "page_path", "skip": "/sing"}, "skip: no value '/sing'"),
        ({"of": "page_path", "within": "3"}, "within: '3' is not a valid duration; write 'session' or a duration"),
        ({"of": "page_path", "gap": "0m"}, "gap: '0m' must be longer than zero"),
        ({"of": "page_path", "within": "-3d"}, "within: '-3d' is not a valid duration"),
        ({"of": "page_path", "then_within": "3d"}, "then_within: there is nothing to go on to"),
        ({"of": "page_path", "occurrence": "some"}, "occurrence: 'some' is none of 'first', 'last', 'each'"),
        ({"of": "page_path", "top": 0}, "top: 0 must be at least 1"),
        ({"of": "page_path", "event": "Veiw"}, "event: no event 'Veiw'; did you mean 'View'"),
        ({"of": "list"}, "of: column 'list' is List"),
    ],
)
def test_arguments_that_are_refused(options, message):
    log = frame([("a", 0, "View", "/x"), ("a", 1, "Sign", None)]).rename({"campaign": "page_path"})
    j = jn.Journeys.from_table(log.with_columns(list=pl.lit([1])))
    with pytest.raises(jn.JourneysError, match=message):
        j.last_before("Sign", **options)


def test_all_problems_are_reported_together():
    with pytest.raises(jn.ArgumentError) as error:
        pages(("a", 0, "View", "/x")).last_before("Sign", of="page", within="3", top=0)
    assert len(str(error.value).splitlines()) == 4


def test_rows_that_do_not_exist():
    result = pages(("a", 0, "View", "/x"), ("a", 1, "Sign", None)).last_before("Sign", of="page_path")
    with pytest.raises(jn.UnknownNameError, match="value: no value '/y'"):
        result.people("/y")
    with pytest.raises(jn.ArgumentError, match="went_on: nothing was asked"):
        result.people("/x", went_on=True)


def test_the_sample_no_longer_answers_with_the_form():
    from journeys import samples

    j = samples.load_journeys()
    result = j.last_before("Signed Up", of="page_path", skip=["/signup", "/invite"], within="30d")
    assert result.table["people"].sum() == 1217
    assert not {"/signup", "/invite"} & set(result.table["page_path"])
    assert result.trait(name="last_page").height == 1217 - result.people("(none)").people.height


@pytest.mark.parametrize("goal", ["X", ["X", "C"], pl.col("event") == "X"])
def test_a_store_in_parts_gives_the_same_table(goal, monkeypatch, tmp_path):
    found = [(f"p{k % 40}", k * 7 % 90, "XABC"[k * k * k % 11 % 4], [None, "ads", "mail"][k % 3]) for k in range(400)]
    asked = {"of": "campaign", "skip": ["mail"], "within": "20m", "then": ["A", "B"], "then_within": "9m"}
    j = jn.Journeys.from_table(frame(found))
    some = pl.col("event").is_in(["X", "C", "A"])
    whole, part = j.last_before(goal, **asked).table, j.where(some).last_before(goal, **asked).table
    assert whole.filter(pl.col("campaign") == "ads")["people"].item() > 10
    monkeypatch.setattr("journeys.analyses.last_before.count._PART_ROWS", 30)
    j.save(tmp_path / "store", shards=2)
    store = jn.open(tmp_path / "store")
    assert store.last_before(goal, **asked).table.equals(whole)
    assert store.where(some).last_before(goal, **asked).table.equals(part)


@pytest.mark.parametrize("value", ["(none)", "(other)"])
def test_a_value_that_is_spelled_like_a_label_is_quoted_once(value):
    rows = [
        (f"p{n}", at, name, value if at == 0 else None) for n in range(40) for at, name in enumerate(("mail", "pay"))
    ]
    j = jn.Journeys.from_table(frame(rows))
    assert j.last_before("pay", of="campaign").finding.startswith(f'"{value}" came last before "pay"')
    m = j.messages(by="campaign", stages={"delivered": "mail"})
    assert m.finding == f'40 people got a message of campaign "{value}".'
