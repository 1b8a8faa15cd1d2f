"""What the identity report lists, and what stitching is said to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError, UnknownNameError
from journeys.identity import IdentityRules
from journeys.identity.rules import placeholder_reason
from journeys.identity.stitching_impact import compare_answers
from tests.twins.identity import Row, as_events


def test_a_mailbox_is_shared_and_the_identifiers_seen_with_it_are_not() -> None:
    rows = [Row(at, {"email": "info@acme.com", "anonymous_id": f"a{at}"}) for at in range(2)]
    identity = jn.stitch(as_events(rows)).identity
    assert identity.shared.rows() == [("email", "info@acme.com", 2, 0)]
    assert identity.figure("shared identifiers") == 1


def test_every_pattern_of_placeholders_has_a_reason_in_words() -> None:
    rules = [IdentityRules(), IdentityRules.segment(), IdentityRules.posthog()]
    patterns = {pattern for one in rules for pattern in one.junk}
    assert [pattern for pattern in sorted(patterns) if pattern in placeholder_reason(pattern)] == []
    identity = jn.stitch(as_events([Row(0, {"user_id": "null", "anonymous_id": "a"})])).identity
    assert identity.junk["reason"].to_list() == ["a word for no value"]


def test_hashed_placeholder_addresses_do_not_show() -> None:
    rows = [Row(0, {"email": "test@test.com", "anonymous_id": "a"}), Row(1, {"email": "null", "anonymous_id": "a"})]
    identity = jn.stitch(as_events(rows), rules=IdentityRules(hash_emails=True, salt="pepper")).identity
    assert "@" not in str(identity.junk.rows())
    assert "null" in identity.junk["id"]
    with pytest.raises(UnknownNameError, match="'Test@test.com' identifies nobody"):
        identity.explain("Test@test.com", "a")


def test_an_unknown_figure_is_refused() -> None:
    identity = jn.stitch(as_events([Row(0, {"user_id": "u"})])).identity
    with pytest.raises(UnknownNameError, match="measure: no figure 'people '; did you mean 'people'"):
        identity.figure("people ")


def test_stitching_impact_needs_a_question() -> None:
    identity = jn.stitch(as_events([Row(0, {"user_id": "u"})])).identity
    with pytest.raises(ArgumentError, match=r"ask: expected a function that takes journeys, such as .*, got 3\."):
        identity.compare_unstitched(3)


STEPS = {"step": [1, 2, 3], "name": ["Visit", "Sign up", "Buy"]}
STITCHED = pl.DataFrame({**STEPS, "people": [80, 40, 20], "rate_from_start": [1.0, 0.5, 0.25], "ci_low": [None] * 3})
UNSTITCHED = pl.DataFrame({**STEPS, "people": [100, 0, 20], "rate_from_start": [1.0, 0.0, 0.2], "ci_low": [None] * 3})


def test_stitching_impact_names_the_largest_difference_and_shows_what_differs() -> None:
    impact = compare_answers(STITCHED, UNSTITCHED)
    assert impact.finding == "Sign up: rate from start 50% with stitching, 0% without (+50.0 points)."
    assert impact.changes.rows() == [
        (1, "Visit", "people", 80.0, 100.0, -20.0),
        (2, "Sign up", "people", 40.0, 0.0, 40.0),
        (2, "Sign up", "rate_from_start", 0.5, 0.0, 0.5),
        (3, "Buy", "rate_from_start", 0.25, 0.2, 0.25 - 0.2),
    ]
    html = impact._repr_html_()
    assert "+50.0 points" in html
    assert "ci low" not in html.split("<details>")[0]
    assert impact.plot().layout.title.text.startswith("<b>Sign up: rate from start")
    of_people = impact.plot(measure="people", narrow=True).layout.title.text.replace("<br>", " ")
    assert of_people.startswith("<b>Sign up: people 40 with stitching, 0 without (+40)")
    assert "People; without stitching every identifier is a person of its own" in of_people
    with pytest.raises(UnknownNameError, match="measure: no column of numbers 'peple'; did you mean 'people'"):
        impact.plot(measure="peple")


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (np.int64(3), np.int64(1), 2.0),
        (np.float16(3), 1, 2.0),
        (np.uint8(1), np.float32(1.5), -0.5),
        (np.bool_(1), np.bool_(1), None),
        (Decimal("1.5"), Decimal("0.25"), 1.25),
        (Fraction(1, 2), 0.25, 0.25),
        (np.timedelta64(3, "s"), timedelta(seconds=1), 2e6),
    ],
)
def test_stitching_impact_of_every_kind_of_number(one, other, difference) -> None:
    impact = compare_answers(one, other)
    assert impact.stitched is one
    assert impact.changes["difference"].to_list() == ([difference] if difference is not None else [])


@pytest.mark.parametrize("answer", [np.str_("3"), np.datetime64("2026-03-01"), 3j, np.complex64(3)])
def test_stitching_impact_of_an_answer_that_is_not_a_number(answer) -> None:
    with pytest.raises(ArgumentError, match=f"expected a result, a table or a number .*, got {type(answer).__name__}"):
        compare_answers(answer, answer)


def test_stitching_impact_matches_behaviours_whose_strength_it_changes() -> None:
    stated = {"behaviour": ["Signed In"], "kind": ["event"], "value": ["Signed In"]}
    one = pl.DataFrame({**stated, "phi": [0.4], "strength": ["strong"], "note": ["few"], "rate_with": [0.5]})
    other = pl.DataFrame({**stated, "phi": [0.05], "strength": ["negligible"], "note": [None], "rate_with": [0.25]})
    impact = compare_answers(one, other)
    assert impact.finding == "Signed In: phi 0.40 with stitching, 0.05 without (+0.35)."
    assert impact.table.height == 1
    nearly = compare_answers(one, one.with_columns(phi=0.399))
    assert nearly.finding == "Signed In: phi 0.40 with stitching, 0.40 without (0.00)."
    assert impact.plot().layout.yaxis.ticktext == ("Signed In ",)
    notes = pl.DataFrame({"note": ["a", "b"], "people": [3, 2]})
    assert (
        compare_answers(notes, notes.with_columns(people=pl.lit(1))).finding
        == "a: people 3 with stitching, 1 without (+2)."
    )
    rate = impact.plot(measure="rate_with").layout
    assert "Signed In: conversion rate with it 50% with stitching, 25% without" in rate.title.text.replace("<br>", " ")
    assert "Conversion rate with it; without stitching" in rate.title.text.replace("<br>", " ")


def test_stitching_impact_of_numbers_equal_answers_and_rows_without_names() -> None:
    one = compare_answers(2, 5)
    assert one.finding == "Value 2 with stitching, 5 without (−3)."
    assert one.changes.rows() == [("value", 2.0, 5.0, -3.0)]
    assert one.plot().data
    same = compare_answers(STITCHED, STITCHED)
    assert same.finding == "Stitching changes nothing in this answer."
    assert same.changes.height == 0
    assert same.plot().data
    loose = compare_answers(pl.DataFrame({"n": [1, 2]}), pl.DataFrame({"n": [3]}))
    assert "cannot be matched" in loose.finding
    assert loose.changes.height == 0
    assert "nothing to compare" in str(loose.plot().layout.annotations)
    only = compare_answers(pl.DataFrame({"name": ["a"], "n": [1]}), pl.DataFrame({"name": ["b"], "n": [1]}))
    assert only.finding == "a: n 1 with stitching, – without."


def test_sizes_have_a_finding_of_their_own() -> None:
    rows = [Row(0, {"user_id": "u", "anonymous_id": "a"}), Row(1, {"user_id": "v"}), Row(2, {"user_id": "w"})]
    fig = jn.stitch(as_events(rows)).identity.plot_sizes()
    assert "33% of people have several identifiers, at most 2" in fig.layout.title.text.replace("\u00a0", " ")
    assert "linked" not in fig.layout.title.text


def test_one_giant_of_all_identifiers_is_suspicious() -> None:
    table = pl.DataFrame({"at": ["2026-03-01"] * 40, "email": ["none@none.example"] * 40, "cookie": range(1, 41)})
    j = jn.stitch(jn.read_table(table, timestamp="at", event=pl.lit("x"), ids=["email", "cookie"]))
    assert j.identity.giants.select("identifiers", "email", "cookie").rows() == [(41, 1, 40)]
    few = jn.stitch(jn.read_table(table[:5], timestamp="at", event=pl.lit("x"), ids=["email", "cookie"]))
    assert few.identity.giants.height == 0


def test_folded_tables_are_styled_as_the_card_is() -> None:
    frame = pl.DataFrame({"at": ["2026-03-01"], "user_id": ["u"]})
    j = jn.stitch(jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["user_id"]))
    for html in (
        j.identity._repr_html_(),
        j.identity.compare_unstitched(lambda one: one.people.select("person"))._repr_html_(),
    ):
        before, folded, _ = html.partition("<details>")
        assert not folded or before.endswith('<div class="jn">')
        assert html.count("<style>") == 1


def test_a_type_named_like_a_column_of_giants_is_renamed():
    days = ["2026-03-01"] * 40 + ["2026-03-02"] * 3
    ids = {"user_id": ["ann"] * 40 + ["bob", "cid", "dan"], "identifiers": [f"c{at}" for at in range(43)]}
    table = pl.DataFrame({"at": days, **ids})
    j = jn.stitch(jn.read_table(table, timestamp="at", event=pl.lit("Visit"), ids=list(ids), name="app"))
    giants = j.identity.giants
    assert giants.columns == ["person", "identifiers", "user_id", "identifiers ids"]
    assert giants.drop("person").rows() == [(41, 1, 40)]


def test_a_store_has_the_links_in_one_order() -> None:
    rows = [Row(at, {"user_id": f"u{at % 7}", "anonymous_id": f"a{at % 13}"}) for at in range(40)]
    identity = jn.stitch(as_events(rows)).identity
    graph = identity._graph
    mixed = replace(identity, _graph=replace(graph, evidence=graph.evidence.sample(fraction=1, shuffle=True, seed=3)))
    assert not mixed._graph.evidence.equals(graph.evidence)
    assert mixed._to_frames()["evidence"].equals(identity._to_frames()["evidence"])


def test_placeholder_values_with_two_reasons_have_an_order() -> None:
    rules = IdentityRules(junk=("^A", "^a"), hash_emails=True, salt="s")
    rows = [Row(at, {"user_id": f"{'Aa'[at % 2]}{at // 2}@x.org", "anonymous_id": "d"}) for at in range(200)]
    junk = jn.stitch(as_events(rows), rules=rules).identity.junk
    assert junk["id"].n_unique() == 100
    assert junk.select("id", "reason").rows() == sorted(junk.select("id", "reason").rows())


def test_identity_and_its_answers_are_used_as_results_are() -> None:
    rows = [Row(0, {"user_id": "u", "anonymous_id": "a"}), Row(1, {"anonymous_id": "a"})]
    identity = jn.stitch(as_events(rows)).identity
    for result in (identity, identity.explain("u", "a"), identity.compare_unstitched(lambda one: one.size.people)):
        assert result.to_pandas().columns.to_list() == result.table.columns
        assert result.finding
        assert result.settings
        assert result.plot().layout.title.text
    assert identity.settings["people"] == 1
    assert identity.settings["events"] == 2
    assert identity.settings["sources"] == ["web"]
