"""Names in a Sankey end before the next column begins, whatever they are written in."""

from __future__ import annotations

import re

import polars as pl
import pytest

from journeys.charts import flow_difference, sankey
from journeys.charts.text_width import break_text, fit_text, measure_text
from journeys.exports import to_image
from tests.charts import frames

USUAL = ["Loaded a Page", "Connected Integration", "Added Payment Method", "Upgraded Plan", "Signed Up"]
SHAPES = {
    "usual": USUAL,
    "emoji": ["😀" * 20, "🎉" * 30, "👍🏽" * 12],
    "wide": ["お支払い方法を追加しました" * 2, "新しいプロジェクトを作成する人々", "登録"],
    "long": ["Loaded a Page /blog/how-to-plan-a-launch-with-few-people", "W" * 60],
}


def links(names, columns):
    gaps = range(columns - 1)
    rows = [(p, f"{a}{n}", f"{b}{n}", 900 - 40 * n) for p in gaps for n in range(3) for a in names for b in names]
    return frames.links([*rows, *((p, f"{names[0]}{n}", "(drop-off)", 30) for p in gaps for n in range(3))])


def boxes(fig):
    """Return where names stand in a lying Sankey, in pixels: left, right, top, foot."""
    room = fig.layout.width - fig.layout.margin.l - fig.layout.margin.r
    high = fig.layout.height - fig.layout.margin.t - fig.layout.margin.b
    for note in fig.layout.annotations:
        if "<span" not in note.text:
            continue
        lines = [re.sub("<span.*?>|</span>", "", line) for line in note.text.split("<br>")]
        left, middle = note.x * room + note.xshift, (1 - note.y) * high
        tall = 14.4 * len(lines)
        yield left, left + max(map(measure_text, lines)), middle - tall / 2, middle + tall / 2


@pytest.mark.parametrize("columns", [2, 6, 12])
@pytest.mark.parametrize("shape", SHAPES)
def test_names_and_numbers_end_before_what_follows(shape, columns):
    fig = sankey.draw_sankey(links(SHAPES[shape], columns), title="T", subtitle="S" * 30)
    room = fig.layout.width - 16
    placed = list(boxes(fig))
    assert not any("(no name)" in note.text for note in fig.layout.annotations)
    assert len(placed) == 3 * len(SHAPES[shape]) * columns, "every name has its number"
    bars = {round(x * room, 2) - 6.5 for x, name in zip(fig.data[0].node.x, fig.data[0].node.label, strict=True)
            if not name.startswith("(")}  # fmt: skip
    for left, right, top, foot in placed:
        assert right <= room
        following = min((bar for bar in bars if bar > left), default=room)
        if right > following:
            # It may run on only where nothing stands at its height.
            assert all(b < top + 3 or t > foot - 3 for x, _, t, b in placed if x > following and x < right + 160)


def test_no_long_name_runs_past_the_next_column_but_one():
    rows = [(p, f"{'very ' * 30}{n}", f"{'very ' * 30}{n}", 90 - 9 * p) for p in range(7) for n in range(25 - 3 * p)]
    fig = sankey.draw_sankey(frames.links(rows), width=800)
    room = (800 - 16) / 8.5
    assert all(right - left < 2 * room for left, right, _, _ in boxes(fig))


def test_a_figure_is_as_wide_as_its_columns_need_and_exported_so():
    widths = [sankey.draw_sankey(links(USUAL, columns)).layout.width for columns in (3, 6, 12)]
    assert widths == [760, 1056, 2016]
    assert sankey.draw_sankey(links(USUAL, 3), width=900).layout.width == 900
    assert sankey.draw_sankey(links(USUAL, 3), narrow=True).layout.width is None
    table = pl.DataFrame({"position": range(9), "source": ["A"] * 9, "target": ["B"] * 9, "share_of_start": [0.3] * 9,
        "against_share_of_start": [0.5] * 9, "difference": [-0.2] * 9})  # fmt: skip
    assert [draw(table).layout.width for draw in (flow_difference.draw_flow_difference, flow_difference.draw_both)] == [
        1696,
        1696,
    ]


def test_words_are_as_wide_as_their_letters():
    assert measure_text("😀" * 4) > 1.9 * measure_text("aaaa")
    assert measure_text("登録") > 1.5 * measure_text("aa")
    assert measure_text("e\u0301") == measure_text("e")
    assert measure_text(fit_text("😀" * 40, 100)) <= 100
    assert break_text("Received Announcement", 70) == ["Received", "Ann…ment"]
    assert fit_text("", 80) == "(no name)"


def test_a_picture_is_written_as_wide_as_it_needs_and_shrinks_as_a_whole(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("journeys.exports.results.find_spec", lambda name: True)
    monkeypatch.setattr("plotly.graph_objects.Figure.write_image", lambda _, place, **size: asked.append(size))
    wide, fluid = sankey.draw_sankey(links(USUAL, 12)), sankey.draw_sankey(links(USUAL, 12), narrow=True)
    for figure in (wide, fluid):
        for size in ({}, {"width": 504}, {"width": 504, "height": 300}):
            to_image(figure, path=tmp_path / "a.png", **size)
    assert asked[:3] == [{}, {"scale": 0.25}, {"scale": 0.25, "height": 1200}]
    assert asked[3:] == [{"width": 1080}, {"width": 504}, {"width": 504, "height": 300}]
