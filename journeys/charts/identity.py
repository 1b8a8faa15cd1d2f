"""Identity in pictures: what the bridge reached, how many identifiers people have, and why two are one person."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import label, lines_of
from journeys.charts.theme import colours, finish, nothing
from journeys.display import compact, day, number, percent, plural

__all__ = ["draw_bridge", "draw_chain", "draw_sizes"]


def draw_bridge(
    figures: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw whose events they are: of somebody named in them, of somebody known through the bridge, of nobody known.

    Parameters
    ----------
    figures
        `measure`, `count`; needed are "events", "events that name nobody" and "of these bridged to a known person".
    title, subtitle, dark, narrow
        As everywhere.

    Examples
    --------
    >>> names = ["events", "events that name nobody", "of these bridged to a known person"]
    >>> fig = draw_bridge(pl.DataFrame({"measure": names, "count": [100, 60, 20]}))
    >>> [bar.x[0] for bar in fig.data]
    [40, 20, 40]
    """
    count = dict(figures.select("measure", "count").iter_rows())
    total = count.get("events", 0)
    if not total:
        return nothing("There are no events.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    silent = count.get("events that name nobody", 0)
    bridged = count.get("of these bridged to a known person", 0)
    parts = (
        ("name somebody", total - silent, theme.other),
        ("name nobody, bridged to somebody known", bridged, theme.goal),
        ("name nobody, and nobody is known", silent - bridged, theme.drop),
    )
    fig = go.Figure()
    for row, (name, events, colour) in enumerate(parts):
        told = f"{plural(events, 'event')} {name}: {percent(events / total)}"
        fig.add_trace(
            go.Bar(
                x=[events],
                y=[-row],
                orientation="h",
                width=0.36,
                marker={"color": colour},
                hovertext=lines_of(told, 50),
                hoverinfo="text",
                text=f"  <b>{percent(events / total)}</b>  {number(events)}",
                textposition="outside",
                cliponaxis=False,
            )
        )
        fig.add_annotation(
            text=f"Events that {name}",
            x=0,
            xref="paper",
            xanchor="left",
            y=-row + 0.22,
            yref="y",
            yanchor="bottom",
            showarrow=False,
            font={"size": 13, "color": theme.ink},
        )
    most = max(events for _, events, _ in parts)
    fig.update_xaxes(visible=False, range=[0, most * (1.5 if narrow else 1.2)], fixedrange=True)
    fig.update_yaxes(visible=False, range=[-2.4, 0.75], fixedrange=True)
    fig.update_layout(barmode="overlay")
    return finish(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=200)


def draw_sizes(
    sizes: pl.DataFrame, *, finding: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw how many identifiers people have: `identifiers`, `people`.

    Examples
    --------
    >>> draw_sizes(pl.DataFrame({"identifiers": [1, 2], "people": [30, 4]})).data[0].type
    'bar'
    """
    rows = sizes.sort("identifiers").to_dicts()
    if not rows:
        return nothing("There are no identifiers.", title=finding, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    ticks = [str(row["identifiers"]) for row in rows]
    fig = go.Figure(
        go.Bar(
            x=list(range(len(rows))),
            y=[row["people"] for row in rows],
            marker={"color": theme.other},
            text=[compact(row["people"]) for row in rows],
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"{plural(row['people'], 'person', 'people')} with {plural(row['identifiers'], 'identifier')}"
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    step = max(1, -(-len(rows) // (8 if narrow else 24)))
    fig.update_xaxes(
        tickvals=list(range(0, len(rows), step)),
        ticktext=ticks[::step],
        title="identifiers of one person",
        fixedrange=True,
    )
    fig.update_yaxes(visible=False, fixedrange=True)
    return finish(
        fig,
        title=finding,
        subtitle=subtitle or "How many people have so many identifiers",
        dark=dark,
        narrow=narrow,
        height=260,
        margin={"t": 26, "b": 8},
    )


def draw_chain(
    table: pl.DataFrame, *, finding: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw a chain of evidence from one identifier to another; a refused link is dashed.

    Parameters
    ----------
    table
        `id_type_a, id_a, id_type_b, id_b, kind, first_seen, rows, source, event, reason`, link by link.
    finding
        The answer in a sentence.

    Examples
    --------
    >>> from datetime import datetime
    >>> link = {"id_type_a": "user_id", "id_a": "u1", "id_type_b": "email", "id_b": "a@b.example", "kind": "row",
    ...     "first_seen": datetime(2026, 3, 1), "rows": 2, "source": "segment", "event": None, "reason": None}
    >>> [len(trace.x) for trace in draw_chain(pl.DataFrame([link])).data]
    [2, 2]
    """
    rows = table.to_dicts()
    if not rows:
        return nothing("Nothing links them.", title=finding, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    # A chain reads downwards, so that each link has a line for its evidence at any width.
    places: dict[tuple[str, str], int] = {}
    for row in rows:
        for end in ((row["id_type_a"], row["id_a"]), (row["id_type_b"], row["id_b"])):
            places.setdefault(end, -len(places))
    fig = go.Figure()
    for row in rows:
        top, foot = places[row["id_type_a"], row["id_a"]], places[row["id_type_b"], row["id_b"]]
        refused = row["reason"] is not None
        bow = 0.0 if abs(top - foot) == 1 else -0.03 * abs(top - foot)
        fig.add_trace(
            go.Scatter(
                x=[0, bow, 0] if bow else [0, 0],
                y=[top, (top + foot) / 2, foot] if bow else [top, foot],
                mode="lines",
                line={
                    "color": theme.worse if refused else theme.other,
                    "width": 2,
                    "dash": "dot" if refused else "solid",
                    "shape": "spline" if bow else "linear",
                },
                hoverinfo="skip",
            )
        )
        fig.add_annotation(
            text=label(_evidence(row), 46 if narrow else 120),
            x=0.05,
            y=(top + foot) / 2,
            xanchor="left",
            showarrow=False,
            font={"size": 12, "color": theme.worse if refused else theme.muted},
        )
    fig.add_trace(
        go.Scatter(
            x=[0] * len(places),
            y=list(places.values()),
            mode="markers+text",
            marker={"size": 13, "color": theme.goal},
            text=[f"   <b>{label(value, 28 if narrow else 60)}</b>  {label(kind)}" for kind, value in places],
            textposition="middle right",
            textfont={"size": 13, "color": theme.ink},
            hovertext=[f"{label(kind)}: {label(value, 160)}" for kind, value in places],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    fig.update_xaxes(visible=False, range=[-0.15, 1], fixedrange=True)
    fig.update_yaxes(visible=False, range=[-len(places) + 0.5, 0.5], fixedrange=True)
    height = len(places) * 62 + 10
    return finish(fig, title=finding, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


def _evidence(row: dict[str, Any]) -> str:
    often = plural(row["rows"], "row") if row["kind"] == "row" else f"{row['kind']}"
    event = f", first {row['event']}" if row.get("event") else ""
    told = f"{often} of {row['source']} since {day(row['first_seen'])}{event}"
    return f"refused: {row['reason']} ({told})" if row["reason"] is not None else told
