"""Trends: a line per series or group, or bars of one series; periods that are not complete are dotted, or pale.

Rates have their interval. An earlier period that each is compared with is drawn in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_labels, write_quoted_name
from journeys.charts.line_names import MOST_LINES, assign_line_colours, name_lines
from journeys.charts.theme import FEW, MOST_BANDS, Colours, add_opacity, apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import place_percent_ticks, place_period_ticks
from journeys.display import adapt_words, format_day, format_interval, format_number, format_percent, format_ratio


def draw_trend(
    table: pl.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    value: str = "rate",
    has_bars: bool = False,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a value by period.

    Parameters
    ----------
    table
        `period` (Date), the column of the value, `complete` (Boolean); of a rate also `entered`, `converted`, `ci_low`,
        `ci_high`; with an earlier period to compare with, `previous`; the columns of `by`.
    by
        The columns of groups or series; each is a line, at most eight of the largest.
    value
        The column that is drawn; "rate" is a share of `entered`.
    has_bars
        Whether a single series is drawn as bars.

    Examples
    --------
    >>> from datetime import date
    >>> days = [date(2026, 3, 1), date(2026, 3, 2)]
    >>> table = pl.DataFrame({"period": days, "entered": [50, 60], "converted": [10, 15],
    ...     "rate": [0.2, 0.25], "ci_low": [0.11, 0.16], "ci_high": [0.33, 0.37], "complete": [True, False]})
    >>> [trace.line.dash for trace in draw_trend(table).data]
    [None, None, 'dot', None]
    """
    known = table.filter(pl.col(value).is_not_null())
    is_rate = value == "rate"
    if not known.height:
        reason = "No one entered." if is_rate else "There is nothing to count."
        return draw_nothing(reason, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    groups = [by] if isinstance(by, str) else list(by or ())
    series = _split_series(table, groups, value=value)
    shown = dict(list(series.items())[:MOST_LINES])
    if len(shown) < len(series):
        subtitle = f"{subtitle}; the {MOST_LINES} largest of {len(series)}" if subtitle else ""
    rows = [row for part in shown.values() for row in part if row[value] is not None]
    has_band = is_rate and len(shown) <= MOST_BANDS
    fig = Chart()
    colours = assign_line_colours(shown, theme=theme)
    for label, (name, part) in zip(write_labels(list(shown), 30), shown.items(), strict=True):
        colour = colours[name] if len(shown) > 1 else theme.goal
        if len(shown) == 1 and has_bars:
            _add_bars(fig, part, value=value, colour=colour, theme=theme)
            continue
        if len(shown) == 1:
            _add_previous(fig, part, theme=theme)
        _add_line(fig, part, name=name, label=label, value=value, colour=colour, paper=theme.paper, has_band=has_band)
    fig.update_xaxes(**place_period_ticks(table["period"].unique().sort().to_list(), most=4 if narrow else 9))
    if is_rate:
        sure = [row for row in rows if row["entered"] >= FEW]
        if len(sure) < len(rows) and subtitle:
            subtitle = f"{subtitle}; hollow: fewer than {FEW} {adapt_words('people')}"
        ends = ("rate", "ci_high") if has_band else ("rate",)
        ticks = place_percent_ticks([row[end] for row in sure or rows for end in ends])
        scale = (0.0, max(ticks["tickvals"][-1], 1e-9))
        fig.update_yaxes(**ticks, range=list(scale), showgrid=True)
    else:
        values = [row[value] for row in rows]
        scale = (min(0.0, *values), max(0.0, *values))
        fig.update_yaxes(rangemode="tozero", showgrid=True, tickformat=",~r" if scale[1] >= 10 else None)
        if all(float(one).is_integer() for one in values) and scale[1] - scale[0] < 6:
            fig.update_yaxes(dtick=1)
    last = {name: [row[value] for row in part if row[value] is not None][-1] for name, part in shown.items()}
    size = name_lines(fig, last, scale=scale, dark=dark, narrow=narrow)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, **size)


def _split_series(table: pl.DataFrame, groups: Sequence[str], *, value: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each line in order of time; first the line with the largest sum of values (rates: of people).

    A line without any value is left out.
    """
    size = "entered" if value == "rate" else value
    series: dict[str, list[dict[str, Any]]] = {}
    for row in table.sort("period", maintain_order=True).to_dicts():
        series.setdefault(" · ".join(str(row[group]) for group in groups), []).append(row)
    sums = {name: [row[size] for row in part if row[value] is not None] for name, part in series.items()}
    return {name: series[name] for name in sorted(series, key=lambda one: (-sum(sums[one]), one)) if sums[name]}


def _add_line(
    fig: go.Figure,
    rows: list[dict[str, Any]],
    *,
    name: str,
    label: str,
    value: str,
    colour: str,
    paper: str,
    has_band: bool,
) -> None:
    """Draw one series: a whole line, and a dotted one next to incomplete periods; each has gaps where the other is."""
    few = [value == "rate" and row["rate"] is not None and row["entered"] < FEW for row in rows]
    near = [any(not row["complete"] for row in rows[max(at - 1, 0) : at + 2]) for at in range(len(rows))]
    complete = [row if row["complete"] and not little else None for row, little in zip(rows, few, strict=True)]
    incomplete = [row if close and not little else None for row, close, little in zip(rows, near, few, strict=True)]
    x = [row["period"] for row in rows]
    group = str(len(fig.data))
    if has_band:
        band = [
            (None, None) if little else (row["ci_low"], row["ci_high"]) for row, little in zip(rows, few, strict=True)
        ]
        hidden = {"line": {"width": 0}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
        fig.add_scatter(x=x, y=[high for _, high in band], **hidden)
        fig.add_scatter(x=x, y=[low for low, _ in band], fill="tonexty", fillcolor=add_opacity(colour, 0.14), **hidden)
    for part, dash in ((incomplete, "dot"), (complete, None)):
        if not any(part):
            continue
        fig.add_scatter(
            x=x,
            y=[row and row[value] for row in part],
            name=label,
            legendgroup=group,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 5, "color": colour if dash is None else paper, "line": {"color": colour, "width": 1.5}},
            hovertext=[None if not row or row[value] is None else _hover_text(row, name, value=value) for row in part],
            hoverinfo="text",
            showlegend=dash is None or not any(complete),
            cliponaxis=False,
        )
    if any(few):
        fig.add_scatter(
            x=[period for period, little in zip(x, few, strict=True) if little],
            y=[row[value] for row, little in zip(rows, few, strict=True) if little],
            legendgroup=group,
            mode="markers",
            marker={"size": 6, "color": paper, "line": {"color": colour, "width": 1}},
            hovertext=[_hover_text(row, name, value=value) for row, little in zip(rows, few, strict=True) if little],
            hoverinfo="text",
            name=label,
            showlegend=all(few),
            cliponaxis=False,
        )


def _add_previous(fig: go.Figure, rows: list[dict[str, Any]], *, theme: Colours) -> None:
    """Draw what each period is compared with as a thin grey line."""
    if any(row.get("previous") is not None for row in rows):
        fig.add_scatter(
            x=[row["period"] for row in rows],
            y=[row["previous"] for row in rows],
            name="before",
            mode="lines",
            line={"color": theme.muted, "width": 1.2},
            hoverinfo="skip",
            showlegend=False,
        )


def _add_bars(fig: go.Figure, rows: list[dict[str, Any]], *, value: str, colour: str, theme: Colours) -> None:
    """Draw one series as bars, pale where a period is not complete; what each is compared with is a grey bar."""
    if any(row.get("previous") is not None for row in rows):
        fig.add_bar(
            x=[row["period"] for row in rows],
            y=[row["previous"] for row in rows],
            marker={"color": add_opacity(theme.other, 0.5)},
            hoverinfo="skip",
            showlegend=False,
        )
    fig.add_bar(
        # a period is named by its first day, and its bar stands over that name
        x=[row["period"] for row in rows],
        y=[row[value] for row in rows],
        marker={"color": colour, "opacity": [1.0 if row["complete"] else 0.45 for row in rows]},
        hovertext=[_hover_text(row, "", value=value) for row in rows],
        hoverinfo="text",
        showlegend=False,
    )
    fig.update_layout(bargap=0.35)


def _hover_text(row: dict[str, Any], group: str, *, value: str) -> str:
    """Compose the hover text of one point."""
    day = format_day(row["period"])
    if value != "rate":
        number = _say_number(row[value])
        before = row.get("previous")
        earlier = "" if before is None else f"<br>{_say_number(before)} before"
        still = "" if row["complete"] else "<br>not complete: the log holds only a part of it"
        return (
            f"{write_full_name(group)}<br>{day}: {number}{earlier}{still}"
            if group
            else f"{day}: {number}{earlier}{still}"
        )
    rate = f"{format_percent(row['rate'])} ({format_interval(row['ci_low'], row['ci_high'])})"
    earlier = "" if row.get("previous") is None else f"<br>{format_percent(row['previous'])} before"
    few = adapt_words(f"<br>fewer than {FEW} people") if row["entered"] < FEW else ""
    still = "" if row["complete"] else "<br>not complete: the log holds a part of it, or some may still convert"
    where = f"{write_quoted_name(group)}, " if group else ""
    counts = f"{format_number(row['converted'])} of {format_number(row['entered'])} converted"
    return f"{where}{day}: {counts}, {rate}{earlier}{still}{few}"


def _say_number(value: float) -> str:
    return format_number(value) if float(value).is_integer() else format_ratio(value)
