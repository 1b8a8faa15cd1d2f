"""Each answer draws itself for a telephone when asked, and says there what it says on a wide page."""

from __future__ import annotations

import polars as pl
import pytest

import journeys as jn


@pytest.fixture(scope="module")
def j():
    rows = []
    for person in range(60):
        rows.append((person, 1 + person % 9, "Loaded a Page", "spring_giveaway" if person % 2 else "brand_search"))
        if person % 3:
            rows.append((person, 10 + person % 5, "Connected Calendar of the whole team", None))
        if person % 3 and person % 4:
            rows.append((person, 20 + person % 5, "Upgraded Plan", None))
    frame = pl.DataFrame(rows, schema=["person", "day", "event", "campaign"], orient="row")
    return jn.Journeys.from_table(frame.with_columns(timestamp=pl.datetime(2026, 3, pl.col("day"))).drop("day"))


STEPS = ["Loaded a Page", "Connected Calendar of the whole team", "Upgraded Plan"]


def answers(j):
    funnel, found = j.funnel(STEPS), j.correlation("Upgraded Plan", min_people=1)
    yield "funnel", funnel.plot
    yield "groups", j.funnel(STEPS, by="first_campaign").plot
    yield "differences", j.funnel(STEPS, by="first_campaign").compare().plot
    yield "times", funnel.time_to_convert().plot
    yield "within", funnel.converted_within().plot
    yield "trend", funnel.trend(every="1w").plot
    yield "next", funnel.next_after_drop().plot
    yield "credit", j.attribution("Upgraded Plan").plot
    yield "models", j.attribution("Upgraded Plan").compare_models(["first", "last", "markov"], draws=20).plot
    yield "dots", found.plot
    yield "volcano", lambda **options: found.plot(kind="volcano", **options)
    yield "mosaic", lambda **options: found.plot_mosaic(STEPS[1], **options)
    yield "strata", found.by("first_campaign").plot
    yield "matrix", j.correlations(["Upgraded Plan", STEPS[1]], min_people=1).plot
    yield "pairs", found.compare(j).plot


def said(figure):
    return " ".join(figure.layout.title.text.replace("<br>", " ").split())


def test_every_answer_has_a_form_for_a_telephone(j):
    for name, plot in answers(j):
        wide, narrow = plot(), plot(narrow=True)
        assert said(wide).split("<span")[0].strip() == said(narrow).split("<span")[0].strip(), name
        assert narrow.layout.title.text.count("<br>") >= wide.layout.title.text.count("<br>"), name
        assert narrow.layout.title.font.size < wide.layout.title.font.size, name


def test_the_text_below_the_dots_is_complete_on_a_phone(j):
    fig = j.correlation("Upgraded Plan", min_people=1).plot(narrow=True)
    below = fig.layout.annotations[-1].text.replace("\u00a0", " ").replace("<br>", " ")
    assert "it is the conversion itself" in " ".join(below.split())
    assert all(len(line) <= 62 for line in fig.layout.annotations[-1].text.split("<br>"))


def test_heads_of_a_heatmap_stand_upright_where_there_is_no_room():
    from journeys.charts.phi_heatmap import draw_phi_heatmap

    goals = {f"Became a rather long conversion {n}": [0.2, -0.1] for n in range(6)}
    table = pl.DataFrame({"behaviour": ["a", "b"], **goals})
    wide, narrow = draw_phi_heatmap(table), draw_phi_heatmap(table, narrow=True)
    assert wide.layout.xaxis.tickangle == 0
    assert narrow.layout.xaxis.tickangle == -90
    assert narrow.layout.margin.t > 100


def test_the_sign_is_visible_without_colour():
    from journeys.charts.phi_heatmap import draw_phi_heatmap

    few = draw_phi_heatmap(pl.DataFrame({"behaviour": ["a", "b"], "x": [0.2, -0.1]}))
    assert list(few.data[1].text) == ["−0.10", "+0.20"]
    many = draw_phi_heatmap(pl.DataFrame({"behaviour": [f"b{n:03}" for n in range(200)], "x": [-0.1, 0.2] * 100}))
    assert set(many.data[1].text) == {"−"}
    assert len(many.data[1].text) == 100


def test_panels_of_few_groups_keep_their_distance(j):
    drawn = j.funnel(STEPS, by="first_campaign").plot(narrow=True).layout
    inside = drawn.height - drawn.margin.t - drawn.margin.b
    assert (drawn.yaxis.domain[0] - drawn.yaxis2.domain[1]) * inside >= 50
