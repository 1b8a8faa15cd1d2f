"""An answer with and without stitching: two dots per row."""

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_full_name, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import choose_form, format_count, format_number

_MOST = 15  # rows: those that differ most, in the table's order


def draw_stitching_impact(
    table: pl.DataFrame,
    *,
    number_format: Callable[[float | None], str] = format_number,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw each row as a filled dot (with stitching) and a hollow one (without), with the numbers beside them.

    Parameters
    ----------
    table
        `name`, `with`, `without`, `difference`.
    number_format
        The function that writes a number as text.

    Examples
    --------
    >>> table = pl.DataFrame({"name": ["Buy"], "with": [20.0], "without": [5.0], "difference": [15.0]})
    >>> [list(trace.x) for trace in draw_stitching_impact(table).data]
    [[5.0, 20.0], [5.0], [20.0]]
    """
    changed = table.filter(pl.any_horizontal(pl.col("with", "without").is_finite())).with_row_index("at")
    if not changed.height:
        return draw_nothing("There is nothing to compare.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    size = pl.col("difference").abs().fill_null(0)
    rows = changed.sort(size, "at", descending=[True, False]).head(_MOST).sort("at").to_dicts()
    left = changed.height - len(rows)
    notes = [subtitle, "Filled: with stitching; hollow: without."]
    notes += (
        [f"{format_count(left, 'row')} that {choose_form(left, 'differs less is', 'differ less are')} left out."]
        if left
        else []
    )
    theme = choose_theme(dark=dark)
    fig = Chart()
    for place, row in enumerate(rows):
        ends = [row["without"], row["with"]]
        both = None not in ends
        fig.add_trace(
            go.Scatter(
                x=ends if both else [],
                y=[-place] * 2 if both else [],
                mode="lines",
                line={"color": theme.other, "width": 2},
                hoverinfo="skip",
            )
        )
        rising = not both or row["with"] >= row["without"]
        hover = f"{row['name']}: {number_format(row['with'])} with stitching, {number_format(row['without'])} without"
        for value, filled in zip(ends, (False, True), strict=True):
            words = write_label(number_format(value))
            fig.add_trace(
                go.Scatter(
                    x=[value],
                    y=[-place],
                    mode="markers+text",
                    marker={
                        "size": 11,
                        "color": theme.goal if filled else theme.paper,
                        "line": {"color": theme.goal if filled else theme.muted, "width": 2},
                    },
                    text=f"  <b>{words}</b>  " if filled else f"  {words}  ",
                    textposition="middle right" if filled is rising else "middle left",
                    textfont={"size": 13, "color": theme.ink if filled else theme.muted},
                    cliponaxis=False,
                    hovertext=wrap_sentence(hover, 50) if len(hover) < 400 else write_full_name(hover),
                    hoverinfo="text",
                )
            )
        if narrow and row["name"]:
            fig.add_annotation(
                text=write_label(row["name"], 40),
                x=0,
                xref="paper",
                xanchor="left",
                y=-place + 0.22,
                yref="y",
                yanchor="bottom",
                showarrow=False,
                font={"size": 13, "color": theme.ink},
            )
    values = [value for row in rows for value in (row["with"], row["without"]) if value is not None]
    low, high = min(0.0, *values), max(0.0, *values)
    # room for the numbers at either side
    room = ((high - low) or 1.0) * (0.3 if narrow else 0.12)
    fig.update_xaxes(visible=False, range=[low - room, high + room], fixedrange=True)
    fig.update_yaxes(range=[-len(rows) + 0.5, 0.8 if narrow else 0.5], fixedrange=True)
    if narrow:
        # above its dots, a name has the whole width
        fig.update_yaxes(visible=False)
    else:
        names = [f"{write_label(row['name'], 44)} " if row["name"] else "" for row in rows]
        fig.update_yaxes(tickvals=[-place for place in range(len(rows))], ticktext=names)
        fig.update_yaxes(tickfont={"size": 13, "color": theme.ink})
    height = 24 + (52 if narrow else 34) * len(rows)
    words = ". ".join(one.removesuffix(".") for one in notes if one) + "."
    return apply_theme(fig, title=title, subtitle=words, dark=dark, narrow=narrow, height=height)
