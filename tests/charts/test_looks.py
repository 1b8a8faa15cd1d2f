"""What charts look like without being asked: the notebook's theme, few people hollow, values and colours explained."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from time import process_time

import polars as pl
import pytest

import journeys as jn
from journeys.charts import funnel, histogram, paths, sankey, timeline, trend
from journeys.charts.sankey.render import width_for
from journeys.charts.theme import DARK, LIGHT
from journeys.display.options import use_theme
from journeys.errors import ArgumentError
from tests.charts import frames


@pytest.fixture
def theme():
    yield
    jn.options.theme, jn.options.width = "auto", None


def paper(fig) -> str:
    return fig.layout.template.layout.paper_bgcolor


def draw():
    return funnel.draw_funnel(frames.funnel(["A", "B"], [100, 20]))


def test_a_fixed_theme_is_drawn(theme):
    assert paper(draw()) == LIGHT.paper
    jn.options.theme = "dark"
    assert paper(draw()) == DARK.paper
    assert draw().data[0].marker.color[-1] == DARK.goal
    with use_theme("light"):
        assert paper(draw()) == LIGHT.paper
    with pytest.raises(ArgumentError, match="theme: 'drak' must be 'auto', 'light' or 'dark'"):
        jn.options.theme = "drak"


@pytest.mark.parametrize(
    "settings",
    [
        '{\n    // "theme": "x"\n    "theme": "JupyterLab Dark"\n}',
        '{"theme": "JupyterLab Dark"}',
        '{"adaptive-theme": false, "theme":"JupyterLab Dark", "overrides": {}}',
        '{\n    "theme": "JupyterLab Dark",\n    /* "theme": "JupyterLab Light"\n    */\n    // "theme": "x"\n}',
    ],
)
def test_the_notebooks_theme_is_followed(theme, tmp_path, monkeypatch, settings):
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    folder = tmp_path / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    assert paper(draw()) == LIGHT.paper
    (folder / "themes.jupyterlab-settings").write_text(settings)
    assert paper(draw()) == DARK.paper
    jn.options.theme = "light"
    assert paper(draw()) == LIGHT.paper


def test_a_report_is_drawn_light_in_a_dark_notebook(theme):
    jn.options.theme = "dark"
    log = pl.DataFrame({"person": [1, 1, 2], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
        "event": ["A", "B", "A"]})  # fmt: skip
    report = jn.Journeys.from_table(log).report(steps=["A", "B"], sections=["funnel"])
    assert paper(report.sections[0].pictures[0].wide) == LIGHT.paper


TITLE = "Of 1,217 people who signed up in the spring, 22 upgraded their plan within two weeks, and 409 left before that"


def title_lines(fig) -> list[str]:
    return fig.layout.title.text.split("</b>")[0].removeprefix("<b>").split("<br>")


def test_a_page_fits_a_chart_to_its_cell_and_a_picture_has_titles_as_wide_as_it_is(monkeypatch):
    written = []
    monkeypatch.setattr("plotly.graph_objects.Figure.write_image", lambda fig, _, **size: written.append((fig, size)))
    fig = funnel.draw_funnel(frames.funnel(["A", "B"], [100, 20]), title=TITLE, subtitle="By day. " * 30)
    assert fig.layout.width is None
    assert "width:100%" in fig.to_html(include_plotlyjs=False)
    fig.write_image("a.png")
    fig.write_image("a.png", width=400)
    (wide, size), (small, _) = written
    assert size == {"width": 1080}
    assert [len(title_lines(one)) for one in (wide, fig, small)] == [2, 2, 4]
    assert len(title_lines(wide)[0]) > 80
    assert len(title_lines(fig)[0]) <= 66
    assert wide.layout.height - wide.layout.margin.t == fig.layout.height - fig.layout.margin.t
    assert wide.layout.margin.t < fig.layout.margin.t < small.layout.margin.t
    fig.update_layout(title={"text": "My own"}).write_image("a.png")
    assert written[-1][0].layout.title.text == "My own"


def test_charts_are_drawn_for_the_width_of_cells_where_it_is_set(theme):
    def ask():
        log = pl.DataFrame({"person": [1, 1], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["A", "B"]})
        return jn.Journeys.from_table(log).funnel(["A", "B"]).plot()

    def draw():
        return funnel.draw_funnel(frames.funnel(["A", "B"], [100, 20]), title=TITLE)

    assert len(title_lines(draw())) == 2
    jn.options.width = 1_440
    assert len(title_lines(draw())) == 1
    assert not ask().layout.meta["narrow"]
    assert width_for(3) == 1_440
    jn.options.width = 800
    assert width_for(6) == 800
    jn.options.width = 360
    assert ask().layout.meta["narrow"]
    with use_theme("light"):
        assert not ask().layout.meta["narrow"]
    with pytest.raises(ArgumentError, match="width: 'wide' must be a number of pixels from 300 to 4,000, or None"):
        jn.options.width = "wide"


def test_few_people_are_hollow_and_set_no_scale():
    table = pl.DataFrame(
        {
            "period": [date(2026, 3, day) for day in (1, 2, 3)],
            "entered": [5, 100, 200],
            "converted": [5, 20, 30],
            "rate": [1.0, 0.2, 0.15],
            "ci_low": [0.57, 0.13, 0.11],
            "ci_high": [1.0, 0.29, 0.21],
            "complete": [True, True, True],
        }
    )
    fig = trend.draw_trend(table, subtitle="By day")
    assert fig.layout.yaxis.range[1] <= 0.35
    line = next(one for one in fig.data if one.mode == "lines+markers")
    assert line.y[0] is None
    hollow = next(one for one in fig.data if one.mode == "markers")
    assert list(hollow.y) == [1.0]
    assert hollow.marker.color == LIGHT.paper
    assert "fewer than 30 people" in fig.layout.title.text


def test_groups_have_axes_that_a_few_people_do_not_stretch():
    one = frames.funnel(["A", "B"], [1000, 20]).with_columns(source=pl.lit("ads"))
    other = frames.funnel(["A", "B"], [3, 3]).with_columns(source=pl.lit("rare"))
    fig = funnel.draw_funnel(pl.concat([one, other]), by="source")
    assert fig.layout.xaxis.range[1] < 0.1
    assert fig.layout.xaxis.ticktext[0] == "0%"
    assert max(x for trace in fig.data for x in trace.x if x is not None) <= fig.layout.xaxis.range[1]


def test_groups_have_a_finding_of_their_own():
    rows = [(f"a{n}", "A", "ads") for n in range(200)] + [(f"b{n}", "A", "spring") for n in range(200)]
    rows += [(f"a{n}", "B", "ads") for n in range(20)] + [(f"b{n}", "B", "spring") for n in range(100)]
    log = pl.DataFrame(rows, schema=["person", "event", "campaign"], orient="row")
    log = log.with_columns(
        timestamp=pl.when(pl.col("event") == "A").then(pl.lit("2026-03-01")).otherwise(pl.lit("2026-03-02"))
    )
    title = jn.Journeys.from_table(log).funnel(["A", "B"], by="first_campaign").plot().layout.title.text
    finding = '<b>10% of people from "ads" who reached "A" went on to "B"; 50% of everyone else did</b>'
    assert title.replace("<br>", " ").startswith(finding)


def test_bins_have_values_and_edges():
    days = [timedelta(days=n) for n in (0, 5, 10)]
    fig = histogram.draw_histogram(pl.DataFrame({"from": days[:2], "to": days[1:], "people": [3, 1]}))
    assert list(fig.data[0].text) == ["3<br>75%", "1<br>25%"]
    assert list(fig.layout.xaxis.ticktext) == ["0", "5", "10"]


@pytest.mark.parametrize(
    ("hours", "edges"),
    [
        ([5, 30, 50, 80, 100, 130, 160], "0|1|2|3|4|5|6|7"),  # equally wide where that spreads them
        ([121, 122, 122, 123, 124, 125], "121|121.5|122|122.5|123|123.5|124|124.5|125|125.5"),  # in hours
        ([2] * 90 + [7, 30, 700], "2 h|6 h|12 h|1 d|2 d|7 d|14 d|30 d"),
        ([0] + [0.02] * 90 + [30, 7000], "0|1 min|10 min|1 h|6 h|1 d|7 d|30 d|90 d|1 y"),
        ([24], "1|2"),
        ([0, 0], "0|1"),
    ],
)
def test_bins_of_times_have_round_edges_and_values(hours, edges):
    start = datetime(2026, 1, 1)
    rows = [row for n, wait in enumerate(hours) for row in (
        (f"p{n:03d}", start, "A"), (f"p{n:03d}", start + timedelta(hours=wait), "B"))]  # fmt: skip
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    took = jn.Journeys.from_table(log).funnel(["A", "B"], within="400d").time_to_convert()
    bins = took.round_bins
    assert bins["people"].sum() == len(hours)
    assert bins["share"].sum() == pytest.approx(1)
    for row in bins.rows(named=True):
        assert row["people"] == sum(row["from"] <= timedelta(hours=wait) < row["to"] for wait in hours)
    for narrow in (False, True):
        fig = took.plot(narrow=narrow)
        assert list(fig.layout.xaxis.ticktext) == edges.split("|")
        assert len(set(fig.data[0].width)) == 1
        assert len([text for text in fig.data[0].text if text]) >= (bins["people"] > 0).sum()
        assert list(fig.data[0].y) == bins["people"].to_list()


def test_bins_that_were_asked_for_are_drawn_as_they_are():
    start = datetime(2026, 1, 1)
    rows = [(f"p{n}", start + timedelta(hours=h), e) for n in range(9) for h, e in ((0, "A"), (3 * n + 1, "B"))]
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    took = jn.Journeys.from_table(log).funnel(["A", "B"]).time_to_convert(bins=3)
    assert list(took.plot().data[0].y) == took.table["people"].to_list()
    assert took.table.height == 3


def test_a_busy_timeline_is_wider_than_the_page():
    def draw_events(count: int):
        start = date(2026, 3, 1)
        at = [start + timedelta(days=n) for n in range(count)]
        table = pl.DataFrame({"timestamp": at, "event": ["A", "B"] * (count // 2)})
        return timeline.draw_timeline(table.with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC"))))

    assert draw_events(20).layout.width is None
    assert draw_events(400).layout.width > 4000


def test_expanded_nodes_are_named_by_their_value_and_colours_are_explained():
    table = pl.DataFrame(
        {
            "position": [0, 0, 0],
            "source": ["Loaded a Page: /", "Loaded a Page: /pricing", "Loaded a Page: /"],
            "target": ["Sign up", "Sign up", "(drop-off)"],
            "people": [20, 40, 40],
        }
    )
    fig = sankey.draw_sankey(table, goal="Sign up")
    texts = [one.text for one in fig.layout.annotations]
    assert any(text.startswith("/pricing") for text in texts)
    assert [trace.name for trace in fig.data[1:]] == ["Sign up", "stub: dropped off"]
    assert fig.layout.showlegend
    greys = frames.links([(0, "A", "(drop-off)", 9), (0, "A", "(other)", 9), (1, "(other)", "(continues)", 9)])
    for narrow in (False, True):
        drawn = sankey.draw_sankey(greys, narrow=narrow)
        marks = [one.marker for one in drawn.data if one.type == "scatter" and one.showlegend]
        assert [bool(mark.line.width) for mark in marks] == [False, True, True], "greys differ without colour, too"
        assert marks[1].color == LIGHT.paper != marks[2].color
    assert len(sankey.draw_sankey(greys).layout.shapes) == 2
    assert fig.data[0].node.label[1].startswith("Loaded a Page"), "readers of the data have the whole name"
    first = " ".join(fig.data[0].node.customdata[0].split("<br>"))
    assert first.startswith('60 people entered "Loaded a Page: /", step 1; 20 went on, 40 dropped off (67%)')


@pytest.mark.parametrize("narrow", [False, True])
def test_a_picture_is_the_figure_of_the_notebook_with_titles_as_wide_as_itself(monkeypatch, narrow):
    drawn = []
    monkeypatch.setattr("plotly.graph_objects.Figure.write_image", lambda fig, _, **size: drawn.append((fig, size)))
    path = {"path": [["A", "B"], ["B"]], "people": [4, 2]}
    for draw, table in (
        (paths.draw_paths, pl.DataFrame(path)),
        (sankey.draw_sankey, frames.links([(0, "A", "B", 9), (0, "A", "(drop-off)", 4)])),
        (funnel.draw_funnel, frames.funnel(["A", "B"], [100, 20])),
    ):
        fig = draw(table, title="A title that is long enough for two lines of a page. " * 3, narrow=narrow)
        before = fig.to_plotly_json()
        fig.write_image("a.png")
        picture, size = drawn.pop()
        assert fig.to_plotly_json() == before, "the figure itself stays as it is"
        assert fig.layout.width or size["width"] == (390 if narrow else 1_080)
        assert picture.data == fig.data
        one, other = (dict(figure.to_plotly_json()["layout"]) for figure in (picture, fig))
        heads = [one.pop("height") - one["margin"].pop("t"), other.pop("height") - other["margin"].pop("t")]
        assert heads[0] == heads[1], "what is below the titles is as high"
        for layout in (one, other):
            said = layout.pop("title")["text"].replace("<br>", " ")
            assert said.count("A title") == 3
            del layout["meta"]
        assert one == other


def test_paths_are_drawn_in_less_than_half_a_second():
    table = pl.DataFrame({"path": [[f"Event {n}", *"ABCDEFG"] for n in range(20)], "people": [9] * 20})
    taken = []
    for _ in range(3):
        begin = process_time()
        paths.draw_paths(table)
        taken.append(process_time() - begin)
    assert min(taken) < 0.5
