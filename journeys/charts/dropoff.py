"""Where journeys end without the goal: people lost at each event, and how that compares with who was there."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label, lines_of
from journeys.charts.theme import colours, finish, nothing
from journeys.display import number, percent, the_count

__all__ = ["draw"]


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
        `event`, `people`, `passed`, `loss_rate`, and if known `last_steps` and `instead`.
    title, subtitle
        The finding and the definition.
    top
        How many bars.
    dark, narrow
        For a dark page; for a telephone.

    Examples
    --------
    >>> table = pl.DataFrame({"event": ["Help"], "people": [3], "passed": [4], "loss_rate": [0.75]})
    >>> draw(table).data[0].text[0]
    '3 · 75 % of those there'
    """
    rows = table.head(top).to_dicts()
    if not rows:
        return nothing("Nobody is lost.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    places = [-place for place in range(len(rows))]
    fig = go.Figure(
        go.Bar(
            x=[row["people"] for row in rows],
            y=places,
            orientation="h",
            marker={"color": theme.drop},
            text=[
                f"{number(row['people'])} · {percent(row['loss_rate'])}" + ("" if narrow else " of those there")
                for row in rows
            ],
            textposition="outside",
            cliponaxis=False,
            hovertext=[_words(row) for row in rows],
            hoverinfo="text",
        )
    )
    fig.update_yaxes(tickvals=places, ticktext=[label(row["event"], 18 if narrow else 34) for row in rows])
    fig.update_xaxes(visible=False, range=[0, 1.35 * max(row["people"] for row in rows)])
    return finish(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140 + 30 * len(rows))


def _words(row: dict[str, object]) -> str:
    told = f"{number(row['people'])} of {the_count(row['passed'], 'person')} at {row['event']} ended there."  # type: ignore[arg-type]
    steps = row.get("last_steps")
    if isinstance(steps, list):
        told += f" Most often after: {' → '.join(steps)}."
    if row.get("instead"):
        told += f" Those who went on did mostly {row['instead']}."
    return lines_of(told, 60) if len(told) < 400 else full(told)
