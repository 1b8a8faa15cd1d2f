"""Where journeys end without the goal: people lost at each event, and how that compares with who was there."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label, lines_of, plain
from journeys.charts.theme import apply_theme, colours, nothing
from journeys.display import interval, number, percent, plural, the_count

__all__ = ["draw"]

ENOUGH = 30
"""Of fewer no rate is said."""


def draw(
    table: pl.DataFrame,
    *,
    title: str = "",
    subtitle: str = "",
    top: int = 12,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the people lost at each event as bars; beside each its share of those who were there.

    Parameters
    ----------
    table
        `event`, `people`, `passed`, `loss_rate`, and if known `ci_low`, `ci_high`, `last_steps` and `instead`.
    title, subtitle
        The finding and the definition.
    top
        How many bars; the subtitle says of how many.
    dark, narrow
        For a dark page; for a telephone.

    Examples
    --------
    >>> table = pl.DataFrame({"event": ["Help"], "people": [30], "passed": [40], "loss_rate": [0.75]})
    >>> draw(table).data[0].text[0]
    '30 · 75% of those there'
    """
    rows = table.head(top).to_dicts()
    if not rows:
        return nothing("Nobody is lost.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    few = any(row["passed"] < ENOUGH for row in rows)
    told = [f"the {len(rows)} that lose most of {plural(table.height, 'event')}"] if table.height > len(rows) else []
    told += [f"hollow: fewer than {ENOUGH} were there"] if few else []
    if told:
        subtitle = f"{subtitle}; {'; '.join(told)}" if subtitle else "; ".join(told)
    places = [-place for place in range(len(rows))]
    fig = go.Figure(
        go.Bar(
            x=[row["people"] for row in rows],
            y=places,
            orientation="h",
            marker={
                "color": [theme.drop if row["passed"] >= ENOUGH else theme.paper for row in rows],
                "line": {"color": theme.drop, "width": 1},
            },
            text=[_figures(row, narrow=narrow) for row in rows],
            textfont={"size": 12},
            textposition="outside",
            cliponaxis=False,
            hovertext=[_words(row) for row in rows],
            hoverinfo="text",
        )
    )
    fig.update_yaxes(tickvals=places, ticktext=[label(row["event"], 18 if narrow else 34) for row in rows])
    fig.update_xaxes(visible=False, range=[0, (3.1 if narrow else 1.6) * max(row["people"] for row in rows)])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140 + 30 * len(rows))


def _figures(row: dict[str, Any], *, narrow: bool) -> str:
    """Say how many were lost, and what share of those there that is, with its interval; of a few no share."""
    if row["passed"] < ENOUGH:
        return f"{number(row['people'])} of {number(row['passed'])}" + ("" if narrow else " there")
    within = interval(row.get("ci_low"), row.get("ci_high"))
    told = f"{number(row['people'])} · {percent(row['loss_rate'])}" + (f" ({within})" if within else "")
    return told + ("" if narrow else " of those there")


def _words(row: dict[str, Any]) -> str:
    told = f"{number(row['people'])} of {the_count(row['passed'], 'person')} at {plain(row['event'])} ended there."
    steps = row.get("last_steps")
    if isinstance(steps, list):
        told += f" Most often after: {' → '.join(map(plain, steps))}."
    if row.get("instead"):
        told += f" Those who went on did mostly {plain(row['instead'])}."
    return lines_of(told, 60) if len(told) < 400 else full(told)
