"""Colours that everyone can tell apart, and titles that fit."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from journeys.charts.figure import remove_titles
from journeys.charts.labels import write_label
from journeys.charts.theme import (
    DARK,
    LIGHT,
    Colours,
    add_opacity,
    apply_theme,
    assign_event_colours,
    choose_text_colour,
    draw_nothing,
    map_light_to_dark,
)

# Machado, Oliveira and Fernandes 2009, full severity, on linear RGB.
SEEN_AS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def mix(a: str, b: str, share: float) -> str:
    parts = [(int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(low + (high - low) * share):02x}" for low, high in parts)


def linear(colour: str) -> list[float]:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def contrast(a: str, b: str) -> float:
    light = [sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True)) for x in (a, b)]
    return (max(light) + 0.05) / (min(light) + 0.05)


def oklab(rgb: list[float]) -> list[float]:
    r, g, b = (max(0.0, c) for c in rgb)
    cones = [
        (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3),
        (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3),
        (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3),
    ]
    rows = (
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    )
    return [sum(w * c for w, c in zip(row, cones, strict=True)) for row in rows]


def apart(a: str, b: str, matrix=None) -> float:
    rgbs = [linear(x) for x in (a, b)]
    if matrix:
        rgbs = [[sum(w * c for w, c in zip(row, rgb, strict=True)) for row in matrix] for rgb in rgbs]
    one, other = (oklab(rgb) for rgb in rgbs)
    return sum((p - q) ** 2 for p, q in zip(one, other, strict=True)) ** 0.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("scale", ["sequence", "diverging"])
def test_values_are_legible_on_every_cell_of_a_heatmap(theme, scale):
    shades = getattr(theme, scale)
    for step in range(101):
        at = step / 100 * (len(shades) - 1)
        lower = min(int(at), len(shades) - 2)
        cell = mix(shades[lower], shades[lower + 1], at - lower)
        assert contrast(choose_text_colour(step / 100, scale=scale, theme=theme), cell) >= 3.2


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_the_paper(theme):
    for text in (theme.ink, theme.muted, theme.goal, theme.worse):
        assert contrast(text, theme.paper) >= 4.5
    for mark in (*theme.events, theme.goal, theme.drop, theme.other, theme.rest):
        assert contrast(mark, theme.paper) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("seen_as", ["everyone", *SEEN_AS])
def test_events_and_the_goal_differ_for_every_eye(theme, seen_as):
    for a, b in combinations((theme.goal, *theme.events), 2):
        assert apart(a, b, SEEN_AS.get(seen_as)) > 0.06, (a, b)


def test_at_most_eight_colours_are_given_out_and_the_goal_has_its_own():
    names = [f"Event {i}" for i in range(30)]
    chosen = assign_event_colours(names, goal="Event 20")
    assert chosen["Event 20"] == LIGHT.goal
    assert len({chosen[name] for name in names if chosen[name] != LIGHT.rest}) == 8
    assert sum(colour == LIGHT.goal for colour in chosen.values()) == 1


def test_leaving_out_rare_events_repaints_nothing():
    names = [f"Event {i}" for i in range(12)]
    all_of_them, fewer = assign_event_colours(names, goal="Event 3"), assign_event_colours(names[:5], goal="Event 3")
    assert all(all_of_them[name] == fewer[name] for name in names[:5])


def test_another_goal_repaints_no_other_event():
    names = [f"Event {i}" for i in range(12)]
    plain, aimed = assign_event_colours(names), assign_event_colours(names, goal="Event 2")
    assert {name for name in names if plain[name] != aimed[name]} == {"Event 2"}


def test_an_event_called_a_drop_off_does_not_paint_those_who_leave():
    chosen = assign_event_colours(["(drop-off)", "(other)", "A", "(continues)"])
    assert [chosen[name] for name in ("(drop-off)", "(other)", "(continues)")] == [LIGHT.drop, LIGHT.other, LIGHT.other]
    assert chosen["A"] == LIGHT.events[0]


def test_every_colour_has_a_partner_in_the_dark():
    pairs = map_light_to_dark()
    roles = [getattr(LIGHT, f.name) for f in fields(Colours)]
    every = [c for role in roles for c in ([role] if isinstance(role, str) else role)]
    assert sorted(pairs) == sorted(every), "two roles share a colour"
    assert add_opacity(LIGHT.goal, 0.4) == "rgba(11,87,208,0.4)"


def test_nothing_is_set_globally():
    before = pio.templates.default
    apply_theme(go.Figure(), title="x")
    assert pio.templates.default == before


def test_the_button_that_would_upload_the_data_is_gone():
    fig = apply_theme(go.Figure(), title="x")
    assert "sendChartToCloud" in fig.layout.template.layout.modebar.remove


@pytest.mark.parametrize("narrow", [False, True])
def test_a_long_title_gets_lines_and_the_room_for_them(narrow):
    short = apply_theme(go.Figure(), title="Short", narrow=narrow)
    long = apply_theme(go.Figure(), title="many words " * 20, subtitle="and more " * 30, narrow=narrow)
    assert long.layout.title.text.count("<br>") > 4
    assert long.layout.margin.t > short.layout.margin.t + 60
    assert long.layout.height - long.layout.margin.t == short.layout.height - short.layout.margin.t


def test_taking_the_title_off_gives_its_room_back():
    plain = apply_theme(go.Figure(), height=300)
    titled = remove_titles(apply_theme(go.Figure(), title="A title", subtitle="and more", height=300))
    assert (titled.layout.height, titled.layout.margin.t) == (plain.layout.height, plain.layout.margin.t)
    assert not titled.layout.title.text


def test_an_empty_answer_says_so():
    fig = draw_nothing("No one reached the first step.")
    assert [a.text for a in fig.layout.annotations] == ["No one reached the first step."]


def test_names_lose_their_powers():
    assert write_label("<a href='x'>y</a>") == "&lt;a href='x'&gt;y&lt;/a&gt;"
    assert "$" not in write_label("$x$")
    assert "%{" not in write_label("%{x}")
    assert (write_label(""), write_label("  \n ")) == ("(no name)", "(blank)")
    assert write_label("تم").startswith("\u2068")
    assert write_label("a\nb\tc") == "a b c"


def test_on_a_telephone_no_button_lies_on_the_title():
    wide, narrow = (apply_theme(go.Figure(), title="A title " * 9, narrow=form) for form in (False, True))
    assert {"toimage", "zoom", "lasso", "sendChartToCloud"} <= set(narrow.layout.modebar.remove)
    assert wide.layout.modebar.remove is None
    assert all(len(line) <= 33 + len("<b></b>") for line in narrow.layout.title.text.split("<br>"))


def test_a_number_behind_a_right_to_left_name_stays_behind_it():
    fig = apply_theme(go.Figure(), title="Of تم إنشاء المشروع 23% converted, of تم 46%.", subtitle="by تم; n = 3")
    assert "Of \u2068تم إنشاء المشروع\u2069 23" in fig.layout.title.text
    assert "of \u2068تم\u2069 46" in fig.layout.title.text
    assert "by \u2068تم\u2069; n" in fig.layout.title.text
