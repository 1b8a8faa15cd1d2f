"""Mosaic: the four counts of a behaviour and a conversion as areas."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import adapt_words, format_count, format_number, format_percent, quote_label


def draw_mosaic(
    table: pl.DataFrame,
    *,
    goal: str = "converted",
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw one 2×2 table: width is how many did it, filled height how many of them converted.

    Parameters
    ----------
    table
        One row: `behaviour`, `both`, `behaviour_only`, `conversion_only`, `neither`.
    goal
        What converting is called.

    Examples
    --------
    >>> table = {"behaviour": ["a"], "both": [3], "behaviour_only": [1], "conversion_only": [1], "neither": [5]}
    >>> [bar.y[0] for bar in draw_mosaic(pl.DataFrame(table)).data][:2]
    [0.75, 0.16666666666666666]
    """
    row = table.row(0, named=True)
    sides = (("did it", row["both"], row["behaviour_only"]), ("did not", row["conversion_only"], row["neither"]))
    everybody = sum(yes + no for _, yes, no in sides)
    if everybody == 0:
        return draw_nothing("There is no one to compare.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    # A side of few people keeps a width on which its numbers can be read; the widths are then said to be approximate.
    widths = [max((yes + no) / everybody, 0.12 if yes + no else 0.0) for _, yes, no in sides]
    widths = [width / sum(widths) for width in widths]
    fig = Chart()
    left = 0.0
    gap = 0.012
    for (words, yes, no), width in zip(sides, widths, strict=True):
        people = yes + no
        if people == 0:
            continue
        share = yes / people
        middle = left + width / 2
        # A tick's label is left out where two come close; these two must both be read.
        first = left == 0 and width < 0.5
        fig.add_annotation(
            text=f"<b>{words}</b><br>{format_count(people, 'person')}",
            x=left if first else middle,
            xanchor="left" if first else "center",
            align="left" if first else "center",
            y=0,
            yanchor="top",
            yshift=-4,
            showarrow=False,
            font={"size": 12},
        )
        who = adapt_words(f"{format_number(people)} who")
        said = (
            (share, 0.0, theme.goal, f"{format_number(yes)} of {who} {words} reached {quote_label(goal)}"),
            (1 - share, share, theme.grid, f"{format_number(no)} of {who} {words} did not reach {quote_label(goal)}"),
        )
        for height, base, colour, sentence in said:
            fig.add_bar(
                x=[middle],
                y=[height],
                base=[base],
                width=[width - gap],
                marker={"color": colour, "line": {"width": 0}},
                hovertext=[wrap_sentence(sentence, 50)],
                hoverinfo="text",
            )
        inside = share > 0.12
        fig.add_annotation(
            x=middle,
            y=share / 2 if inside else share,
            yanchor="middle" if inside else "bottom",
            text=f"<b>{format_percent(share)}</b><br>{format_number(yes)}",
            showarrow=False,
            font={"size": 13, "color": theme.paper if inside else theme.ink},
        )
        left += width
    fig.data = tuple(sorted(fig.data, key=lambda bar: bar.marker.color != theme.goal))
    fig.update_layout(barmode="overlay")
    fig.update_xaxes(visible=False, range=[0, 1], fixedrange=True)
    fig.update_yaxes(visible=False, range=[0, 1.02], fixedrange=True)
    fig.add_annotation(
        text=f"filled: reached {write_label(goal, 30)}",
        x=1,
        xref="paper",
        xanchor="right",
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": theme.muted},
    )
    margin = {"t": 26, "b": 44, "l": 12}
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=340, margin=margin)
