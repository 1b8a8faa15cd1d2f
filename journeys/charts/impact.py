"""Impact: the means of both sides before and after the first use."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.theme import add_opacity, apply_theme, choose_theme, draw_nothing
from journeys.display import adapt_words, format_interval, format_ratio


def draw_impact(
    table: pl.DataFrame,
    *,
    unit: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw two lines by relative period; the one of those who use it with its interval.

    Parameters
    ----------
    table
        `relative_period`, `people`, `mean`, `ci_low`, `ci_high`, `others_mean`.
    unit
        What a period is called, such as "day".

    Examples
    --------
    >>> table = pl.DataFrame({"relative_period": [-1, 0], "people": [50, 50], "mean": [1.0, 2.0],
    ...     "ci_low": [0.8, 1.7], "ci_high": [1.2, 2.3], "others_mean": [1.0, 1.1]})
    >>> [trace.name for trace in draw_impact(table, unit="day").data]
    [None, 'others', 'after first use']
    """
    rows = table.filter(pl.col("mean").is_not_null()).to_dicts()
    if not rows:
        return draw_nothing("No one can be compared.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    x = [row["relative_period"] for row in rows]
    fig = Chart(
        go.Scatter(
            x=[*x, *x[::-1]],
            y=[*(row["ci_high"] for row in rows), *(row["ci_low"] for row in rows[::-1])],
            fill="toself",
            fillcolor=add_opacity(theme.goal, 0.15),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
        )
    )
    for column, name, colour in (("others_mean", "others", theme.other), ("mean", "after first use", theme.goal)):
        fig.add_scatter(
            x=x,
            y=[row[column] for row in rows],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 5, "color": colour},
            hovertext=[
                f"{unit} {row['relative_period']:+d}: {format_ratio(row['mean'])} {adapt_words('per person')} "
                f"({format_interval(row['ci_low'], row['ci_high'], form=format_ratio)})<br>others "
                f"{format_ratio(row['others_mean'])}"
                for row in rows
            ],
            hoverinfo="text",
            showlegend=False,
            cliponaxis=False,
        )
    fig.add_vline(
        x=-0.5,
        line={"color": theme.muted, "width": 1, "dash": "dot"},
        annotation={"text": "first use", "font": {"size": 12, "color": theme.muted}, "yshift": 8},
        annotation_position="top right",
    )
    # counts are never negative, whatever the interval of their mean says
    fig.update_yaxes(rangemode="nonnegative", showgrid=True)
    step = max(1, -(-len(x) // (6 if narrow else 15)))
    title_of_axis = f"{unit}s since the first use" if " " not in unit else f"periods of {unit} since the first use"
    fig.update_xaxes(title=title_of_axis, tick0=0, dtick=step, zeroline=False)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, margin={"b": 48, "t": 24})
