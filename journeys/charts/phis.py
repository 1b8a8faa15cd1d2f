"""Behaviours × conversions: phi as a heatmap with its values printed."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label
from journeys.charts.theme import colours, finish, nothing
from journeys.display import ratio

__all__ = ["draw"]


def draw(
    matrix: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw which behaviours go with which conversions.

    Parameters
    ----------
    matrix
        `behaviour`, then a column of phi for each conversion; the first row is drawn on top.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a telephone.

    Examples
    --------
    >>> draw(pl.DataFrame({"behaviour": ["a", "b"], "Upgraded": [0.4, None]})).data[0].z
    ([None], [0.4])
    """
    goals = [name for name in matrix.columns if name != "behaviour"]
    if matrix.is_empty() or not goals:
        words = "No behaviour can be compared with any of the conversions."
        return nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    rows = matrix.reverse().to_dicts()  # the first row of a heatmap lies at the bottom
    values = [[row[goal] for goal in goals] for row in rows]
    known = [abs(value) for line in values for value in line if value is not None]
    reach = max([0.2, *known])
    fig = go.Figure(
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
                [f"{full(row['behaviour'])} and {full(goal)}:<br>phi {ratio(row[goal])}" for goal in goals]
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    if len(rows) * len(goals) <= 150:
        for y, line in enumerate(values):
            for x, value in enumerate(line):
                if value is not None:
                    strong = abs(value) > 0.65 * reach
                    fig.add_annotation(
                        x=x,
                        y=y,
                        text=ratio(value),
                        showarrow=False,
                        font={"size": 12, "color": theme.paper if strong else theme.ink},
                    )
    fig.update_xaxes(
        side="top",
        tickvals=list(range(len(goals))),
        ticktext=[label(goal, 12 if narrow else 22) for goal in goals],
        tickfont={"color": theme.ink},
        fixedrange=True,
    )
    fig.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[label(row["behaviour"], 18 if narrow else 40) + " " for row in rows],
        tickfont={"size": 13, "color": theme.ink},
        fixedrange=True,
    )
    height, margin = 28 * len(rows) + 40, {"t": 34, "l": 8}
    return finish(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin)
