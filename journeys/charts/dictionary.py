"""The data dictionary: one line of small bars per event, one bar per day."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label, write_quoted_name
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_day

_HEIGHT = 0.8
_UNCHANGED = "as before"
_MOST = 30  # events; those whose state has changed come first


def draw_dictionary(
    table: pl.DataFrame,
    *,
    days: pl.DataFrame,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw how often each event occurred per day, on a line of its own, with its number of people and its state.

    Parameters
    ----------
    table
        `event`, `people`, `state`.
    days
        `event`, `day`, `rows`.

    Examples
    --------
    >>> from datetime import date
    >>> table = pl.DataFrame({"event": ["Help"], "people": [30], "state": ["gone"]})
    >>> days = pl.DataFrame({"event": ["Help", "Help"], "day": [date(2026, 3, 1), date(2026, 3, 2)], "rows": [4, 2]})
    >>> list(draw_dictionary(table, days=days).data[0].y)
    [0.8, 0.4]
    """
    changed_first = table.sort(pl.col("state") == _UNCHANGED, maintain_order=True).head(_MOST)
    rows = changed_first.to_dicts()
    if not rows or not days.height:
        return draw_nothing("There are no events.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    if table.height > len(rows):
        more = f"{len(rows)} of {format_count(table.height, 'event')}, those that changed first"
        subtitle = f"{subtitle}; {more}" if subtitle else more
    theme = choose_theme(dark=dark)
    fig = Chart()
    for place, row in enumerate(rows):
        found = days.filter(pl.col("event") == row["event"])
        counts, most = found["rows"].to_list(), max(found["rows"].to_list(), default=1)
        fig.add_bar(
            x=found["day"].to_list(),
            y=[_HEIGHT * count / most for count in counts],
            base=[-place] * found.height,
            marker={"color": theme.events[0] if row["state"] == _UNCHANGED else theme.drop, "line": {"width": 0}},
            hovertext=[
                f"{write_quoted_name(row['event'])}, {format_day(when)}: {format_count(count, 'row')}"
                for when, count in zip(found["day"], counts, strict=True)
            ],
            hoverinfo="text",
            showlegend=False,
        )
    first, last = days["day"].min(), days["day"].max()
    fig.update_layout(barmode="overlay", bargap=0.15)
    fig.update_xaxes(range=[first, last] if first != last else None, nticks=3 if narrow else 7)
    fig.update_yaxes(
        tickvals=[0.3 - place for place in range(len(rows))],
        ticktext=[_name_event(row, narrow=narrow) for row in rows],
        range=[0.4 - len(rows), 1.1],
        showgrid=False,
    )
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140 + 30 * len(rows))


def _name_event(row: dict[str, object], *, narrow: bool) -> str:
    """Write an event's name, with its state where that has changed."""
    changed = f" · {row['state']}" if row["state"] != _UNCHANGED else ""
    return write_label(str(row["event"]), 16 if narrow else 30) + ("" if narrow else changed)
