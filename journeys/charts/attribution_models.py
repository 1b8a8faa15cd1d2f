"""Attribution models side by side: a row per touchpoint, a dot and an interval per model."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import label_rows, place_percent_ticks
from journeys.display import format_interval, format_number, format_percent

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross", "star")
_MOST = 10  # touchpoints


def draw_attribution_models(
    table: pl.DataFrame,
    *,
    touch: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the share of each touchpoint under each model.

    Parameters
    ----------
    table
        The touchpoint's column, `model`, `credit`, `share`, `ci_low`, `ci_high`; its order is kept.
    touch
        The name of the touchpoint's column.

    Examples
    --------
    >>> table = pl.DataFrame({"campaign": ["spring"], "model": ["last"], "credit": [2.0], "share": [1.0],
    ...     "ci_low": [1.0], "ci_high": [1.0]})
    >>> draw_attribution_models(table, touch="campaign").data[0].x
    (1.0,)
    """
    known = table.filter(pl.col("share").is_not_null())
    names = known[touch].unique(maintain_order=True).head(_MOST).to_list()
    if not names:
        return draw_nothing("No conversion, no credit.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    models = known["model"].unique(maintain_order=True).to_list()
    place = {name: -at for at, name in enumerate(names)}
    fig = Chart()
    for at, model in enumerate(models):
        own = [row for row in known.filter(pl.col("model") == model).to_dicts() if row[touch] in place]
        low = [row["share"] if row["ci_low"] is None else min(row["ci_low"], row["share"]) for row in own]
        high = [row["share"] if row["ci_high"] is None else max(row["ci_high"], row["share"]) for row in own]
        colour = theme.events[at % len(theme.events)]
        fig.add_scatter(
            x=[row["share"] for row in own],
            # the models of a touchpoint are spread over two thirds of its row, the first at the top
            y=[place[row[touch]] + (0.33 - 0.66 * (at + 0.5) / len(models)) for row in own],
            mode="markers",
            name=write_label(model.replace("_", " ")),
            marker={"color": colour, "size": 8, "symbol": _SYMBOLS[at // len(theme.events) % len(_SYMBOLS)]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [end - row["share"] for end, row in zip(high, own, strict=True)],
                "arrayminus": [row["share"] - end for end, row in zip(low, own, strict=True)],
                "color": theme.muted,
                "thickness": 1,
                "width": 0,
            },
            hovertext=[
                f"<b>{write_full_name(row[touch])}</b>, {write_label(model.replace('_', ' '))}<br>"
                f"{format_percent(row['share'])} ({format_interval(row['ci_low'], row['ci_high'])})"
                + ("" if row.get("value") is None else f"<br>value {format_number(row['value'])}")
                for row in own
            ],
            hoverinfo="text",
        )
    ends = known.filter(pl.col(touch).is_in(names)).select("share", "ci_low", "ci_high")
    fig.update_xaxes(**place_percent_ticks([0.0, *pl.concat(ends.get_columns()).drop_nulls().to_list()]), showgrid=True)
    labels = [write_label(name, 18 if narrow else 34) + "  " for name in names]
    fig.update_yaxes(**label_rows(labels, colour=theme.ink), showgrid=False)
    height = max(46, 11 * len(models)) * len(names) + 130
    fig.update_layout(showlegend=True, legend={"y": -40 / height, "yanchor": "top"})
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height)
