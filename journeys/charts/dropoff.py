"""Drop-off: people lost at each event, and their share of those who were there."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_full_name, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import (
    format_count,
    format_definite_count,
    format_interval,
    format_number,
    format_percent,
    quote_label,
    quote_labels,
)

ENOUGH = 30
"""Of fewer no rate is shown."""
_MOST = 12  # bars; the subtitle says of how many


def draw_dropoff(
    table: pl.DataFrame,
    *,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the people lost at each event as bars; beside each its share of those who were there.

    Parameters
    ----------
    table
        `event`, `people`, `passed`, `loss_rate`, and if known `ci_low`, `ci_high`, `last_steps` and `instead`.

    Examples
    --------
    >>> table = pl.DataFrame({"event": ["Help"], "people": [30], "passed": [40], "loss_rate": [0.75]})
    >>> draw_dropoff(table).data[0].text[0]
    '30 · 75% of those there'
    """
    rows = table.head(_MOST).to_dicts()
    if not rows:
        return draw_nothing("No one is lost.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    has_few = any(row["passed"] < ENOUGH for row in rows)
    notes = (
        [f"the {len(rows)} of {format_count(table.height, 'event')} that lose most"] if table.height > len(rows) else []
    )
    notes += [f"hollow: fewer than {ENOUGH} were there"] if has_few else []
    if notes:
        subtitle = f"{subtitle}; {'; '.join(notes)}" if subtitle else "; ".join(notes)
    places = [-place for place in range(len(rows))]
    fig = Chart(
        go.Bar(
            x=[row["people"] for row in rows],
            y=places,
            orientation="h",
            marker={
                "color": [theme.drop if row["passed"] >= ENOUGH else theme.paper for row in rows],
                "line": {"color": theme.drop, "width": 1},
            },
            text=[_bar_label(row, narrow=narrow) for row in rows],
            textfont={"size": 12},
            textposition="outside",
            cliponaxis=False,
            hovertext=[_hover_text(row) for row in rows],
            hoverinfo="text",
        )
    )
    fig.update_yaxes(tickvals=places, ticktext=[write_label(row["event"], 18 if narrow else 34) for row in rows])
    fig.update_xaxes(visible=False, range=[0, (3.1 if narrow else 1.6) * max(row["people"] for row in rows)])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140 + 30 * len(rows))


def _bar_label(row: dict[str, Any], *, narrow: bool) -> str:
    """Write how many were lost, and their share of those there with its interval; of a few no share."""
    if row["passed"] < ENOUGH:
        return f"{format_number(row['people'])} of {format_number(row['passed'])}" + ("" if narrow else " there")
    within = format_interval(row.get("ci_low"), row.get("ci_high"))
    text = f"{format_number(row['people'])} · {format_percent(row['loss_rate'])}" + (f" ({within})" if within else "")
    return text + ("" if narrow else " of those there")


def _hover_text(row: dict[str, Any]) -> str:
    text = (
        f"{format_number(row['people'])} of {format_definite_count(row['passed'], 'person')} at "
        f"{quote_label(row['event'])} ended there."
    )
    steps = row.get("last_steps")
    if isinstance(steps, list):
        text += f" Most often after: {quote_labels(steps)}."
    if row.get("instead"):
        text += f" Those who went on mostly did {quote_label(row['instead'])}."
    return wrap_sentence(text, 60) if len(text) < 400 else write_full_name(text)
