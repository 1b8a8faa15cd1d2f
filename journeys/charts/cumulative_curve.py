"""The share that has converted by each time: a step curve with its interval, one per group."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label
from journeys.charts.theme import FEW, MOST_BANDS, add_opacity, apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import choose_time_unit, place_percent_ticks
from journeys.display import choose_form, format_count, format_duration, format_interval, format_percent

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
"""Line styles; the next one is used when the colours start over."""


def draw_cumulative_curve(
    table: pl.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw what share has converted by when.

    Parameters
    ----------
    table
        `time` (Duration), `at_risk`, `converted`, `share`, `ci_low`, `ci_high`; the columns of `by` first.
    by
        The group columns.

    Examples
    --------
    >>> from datetime import timedelta
    >>> table = pl.DataFrame({"time": [timedelta(days=3)], "at_risk": [2], "converted": [1], "share": [0.5],
    ...     "ci_low": [0.1], "ci_high": [0.9]})
    >>> [float(x) for x in draw_cumulative_curve(table).data[-1].x]
    [0.0, 3.0]
    """
    if not table.height:
        return draw_nothing("No one has converted.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    groups = [by] if isinstance(by, str) else list(by or ())
    parts = table.partition_by(groups, maintain_order=True) if groups else [table]
    size, unit = choose_time_unit(int(table["time"].to_physical().to_numpy().max()))
    fig = Chart()
    sizes = [max(part["at_risk"]) for part in parts]
    for place, (part, most) in enumerate(zip(parts, sizes, strict=True)):
        colour = theme.events[place % len(theme.events)] if groups else theme.goal
        time = [0.0, *(micro / size for micro in part["time"].to_physical().to_list())]
        hidden = {"line": {"width": 0, "shape": "hv"}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
        if len(parts) <= MOST_BANDS:
            fig.add_scatter(x=time, y=[0.0, *part["ci_high"].fill_null(strategy="forward")], **hidden)
            low = [0.0, *part["ci_low"].fill_null(strategy="forward")]
            fig.add_scatter(x=time, y=low, fill="tonexty", fillcolor=add_opacity(colour, 0.12), **hidden)
        name = " · ".join(str(part[group][0]) for group in groups)
        hover_texts = [
            f"{format_percent(row['share'])} ({format_interval(row['ci_low'], row['ci_high'])}) "
            f"within {format_duration(row['time'])}"
            f"<br>{format_count(row['at_risk'], 'person')} {choose_form(row['at_risk'], 'was', 'were')} still observed"
            for row in part.to_dicts()
        ]
        fig.add_scatter(
            x=time,
            y=[0.0, *part["share"]],
            name=write_label(name, 30),
            mode="lines",
            line={
                "color": colour,
                "width": 2 if most >= FEW else 1,
                "shape": "hv",
                "dash": _DASHES[place // len(theme.events) % len(_DASHES)],
            },
            hovertext=["", *hover_texts],
            hoverinfo="text",
            showlegend=bool(groups),
        )
    many = [part for part, most in zip(parts, sizes, strict=True) if most >= FEW] or parts
    shown = pl.concat(many)
    ticks = place_percent_ticks([*shown["share"], *(shown["ci_high"] if len(parts) <= MOST_BANDS else ())])
    fig.update_yaxes(**ticks, range=[0, ticks["tickvals"][-1]], showgrid=True)
    fig.update_xaxes(title=unit)
    # Below the axis, where any number of groups has room; the theme shows no legend by itself.
    fig.update_layout(showlegend=bool(groups), legend={"y": -0.18, "yanchor": "top"})
    rows = -(-len(parts) // (2 if narrow else 5)) if groups else 0
    margin = {"b": 56 + 20 * rows} if groups else None
    height = 420 + 20 * rows
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin)
