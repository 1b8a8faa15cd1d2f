"""Behaviours × conversions: phi as a heatmap with its values printed."""

from __future__ import annotations

from textwrap import wrap

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label, write_quoted_name
from journeys.charts.theme import apply_theme, choose_text_colour, choose_theme, draw_nothing
from journeys.display import format_ratio, format_signed, shorten_name


def draw_phi_heatmap(
    matrix: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw which behaviours go with which conversions.

    Parameters
    ----------
    matrix
        `behaviour`, then a column of phi for each conversion; the first row is drawn on top.

    Examples
    --------
    >>> draw_phi_heatmap(pl.DataFrame({"behaviour": ["a", "b"], "Upgraded": [0.4, None]})).data[0].z
    ([None], [0.4])
    """
    goals = [name for name in matrix.columns if name != "behaviour"]
    if matrix.is_empty() or not goals:
        words = "No behaviour can be compared with any of the conversions."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    rows = matrix.reverse().to_dicts()  # the first row of a heatmap is at the bottom
    values = [[row[goal] for goal in goals] for row in rows]
    known = [abs(value) for line in values for value in line if value is not None]
    reach = max([0.2, *known])
    fig = Chart(
        go.Heatmap(
            z=values,
            x=list(range(len(goals))),
            y=list(range(len(rows))),
            zmin=-reach,
            zmax=reach,
            colorscale=[[place / 4, colour] for place, colour in enumerate(theme.diverging)],
            xgap=2,
            ygap=2,
            showscale=False,
            hovertext=[
                [
                    f"{write_quoted_name(row['behaviour'])} and {write_quoted_name(goal)}:<br>"
                    f"phi {format_ratio(row[goal])}"
                    for goal in goals
                ]
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    # Where there are too many for their values, the sign alone tells what goes against, without colour.
    whole = len(rows) * len(goals) <= 150
    cells = [(x, y, value) for y, line in enumerate(values) for x, value in enumerate(line) if value is not None]
    printed = [(x, y, value) for x, y, value in cells if whole or value < 0]
    fig.add_scatter(
        x=[x for x, _, _ in printed],
        y=[y for _, y, _ in printed],
        text=[format_signed(value, form=format_ratio) if whole else "−" for _, _, value in printed],
        mode="text",
        textfont={
            "size": 11 if narrow else 12,
            "color": [
                choose_text_colour(0.5 + value / (2 * reach), scale="diverging", theme=theme) for _, _, value in printed
            ],
        },
        hoverinfo="skip",
    )
    names = 18 if narrow else 40
    longest = max(min(names, len(row["behaviour"])) for row in rows)
    heads, angle, above = _fit_heads(goals, room=((345 if narrow else 1040) - 7.4 * longest) / len(goals))
    fig.update_xaxes(
        side="top",
        tickvals=list(range(len(goals))),
        ticktext=heads,
        tickangle=angle,
        tickfont={"color": theme.ink, "size": 12},
        range=[-0.5, len(goals) - 0.5],
        fixedrange=True,
    )
    fig.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[write_label(row["behaviour"], names) + " " for row in rows],
        tickfont={"size": 13, "color": theme.ink},
        range=[-0.5, len(rows) - 0.5],
        fixedrange=True,
    )
    height, margin = 28 * len(rows) + above + 18, {"t": above, "l": 8}
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin)


def _fit_heads(goals: list[str], *, room: float) -> tuple[list[str], int, int]:
    """Break the heads of columns so many pixels wide into lines, or set them upright; return the room they take."""
    signs = int(room / 6.8)
    lines = (
        [wrap(shorten_name(goal, 36), signs, break_long_words=False) or [goal] for goal in goals] if signs > 3 else []
    )
    if lines and all(len(head) <= 3 and max(map(len, head)) <= signs for head in lines):
        return ["<br>".join(write_label(line) for line in head) for head in lines], 0, 16 * max(map(len, lines)) + 14
    cut = [shorten_name(goal, 24) for goal in goals]
    return [write_label(goal) for goal in cut], -90, round(6.6 * max(map(len, cut))) + 14
