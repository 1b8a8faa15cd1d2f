"""Charts of identity: which events were linked, how many identifiers people have, and why two are one person."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import flatten_name, wrap_sentence, write_label
from journeys.charts.theme import Colours, apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_moment, format_number, format_percent


def draw_linked_events(
    figures: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw how many events name their user, how many were linked to a known person, and how many are unidentified.

    Parameters
    ----------
    figures
        `measure`, `count`; needed are "events", "anonymous events" and "of these linked to a known person".
    title, subtitle, dark, narrow
        As everywhere.

    Examples
    --------
    >>> names = ["events", "anonymous events", "of these linked to a known person"]
    >>> fig = draw_linked_events(pl.DataFrame({"measure": names, "count": [100, 60, 20]}))
    >>> [bar.x[0] for bar in fig.data]
    [40, 20, 40]
    """
    count = dict(figures.select("measure", "count").iter_rows())
    total = count.get("events", 0)
    if not total:
        return draw_nothing("There are no events.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    anonymous = count.get("anonymous events", 0)
    linked = count.get("of these linked to a known person", 0)
    parts = (
        ("Events that name their user", total - anonymous, theme.other),
        ("Anonymous events linked to a known person", linked, theme.goal),
        ("Anonymous events of unidentified people", anonymous - linked, theme.drop),
    )
    fig = Chart()
    for row, (name, events, colour) in enumerate(parts):
        hover = f"{name}: {format_number(events)}, {format_percent(events / total)} of all events"
        fig.add_trace(
            go.Bar(
                x=[events],
                y=[-row],
                orientation="h",
                width=0.36,
                marker={"color": colour},
                hovertext=wrap_sentence(hover, 50),
                hoverinfo="text",
                text=f"  <b>{format_percent(events / total)}</b>  {format_number(events)}",
                textposition="outside",
                cliponaxis=False,
            )
        )
        fig.add_annotation(
            text=name,
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
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=200)


def draw_identifier_counts(
    sizes: pl.DataFrame, *, finding: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw how many identifiers people have: `identifiers`, `people`.

    Examples
    --------
    >>> draw_identifier_counts(pl.DataFrame({"identifiers": [1, 2], "people": [30, 4]})).data[0].type
    'bar'
    """
    rows = _fold_tail(sizes, most=6 if narrow else 16)
    if not rows:
        return draw_nothing("There are no identifiers.", title=finding, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    total = sum(people for _, people in rows)
    fig = Chart(
        go.Bar(
            x=list(range(len(rows))),
            y=[people for _, people in rows],
            marker={"color": theme.other},
            text=[format_number(people) for _, people in rows],
            textposition="outside",
            textangle=0,
            textfont={"size": 11 if narrow else 13},
            constraintext="none",
            cliponaxis=False,
            hovertext=[
                f"{format_count(people, 'person')} ({format_percent(people / total)}) with {ids} "
                f"{'identifier' if ids == '1' else 'identifiers'}"
                for ids, people in rows
            ],
            hoverinfo="text",
        )
    )
    fig.update_xaxes(
        tickvals=list(range(len(rows))),
        ticktext=[ids.replace(" or more", "+") if narrow else ids for ids, _ in rows],
        tickangle=0,
        title="identifiers of one person",
        fixedrange=True,
    )
    fig.update_yaxes(visible=False, fixedrange=True)
    return apply_theme(
        fig,
        title=finding,
        subtitle="How many identifiers people have",
        dark=dark,
        narrow=narrow,
        height=260,
        margin={"t": 26, "b": 8},
    )


def _fold_tail(sizes: pl.DataFrame, *, most: int) -> list[tuple[str, int]]:
    """Count people by identifiers, with the long tail folded into one bar."""
    rows = [(int(ids), int(people)) for ids, people in sizes.sort("identifiers").select("identifiers", "people").rows()]
    shown, tail = (rows, []) if len(rows) <= most + 1 else (rows[:most], rows[most:])
    bars = [(format_number(ids), people) for ids, people in shown]
    return bars + ([(f"{format_number(tail[0][0])} or more", sum(people for _, people in tail))] if tail else [])


def draw_evidence_chain(
    table: pl.DataFrame, *, finding: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw a chain of evidence from one identifier to another; a refused link is dashed.

    Parameters
    ----------
    table
        `id_type_a, id_a, id_type_b, id_b, kind, first_seen, rows, source, event, reason`, link by link; perhaps `call`
        (which first showed it, where it was no event) and `left_out` (how many links before this one are not shown).
    finding
        The answer in a sentence.

    Examples
    --------
    >>> from datetime import datetime
    >>> link = {"id_type_a": "user_id", "id_a": "u1", "id_type_b": "email", "id_b": "a@b.example", "kind": "row",
    ...     "first_seen": datetime(2026, 3, 1), "rows": 2, "source": "segment", "event": None, "reason": None}
    >>> [len(trace.x) for trace in draw_evidence_chain(pl.DataFrame([link])).data]
    [2, 2]
    """
    rows = table.to_dicts()
    if not rows:
        return draw_nothing(
            "Nothing links them.", title=finding, subtitle="Links between them", dark=dark, narrow=narrow
        )
    theme = choose_theme(dark=dark)
    # A chain runs downwards, so that each link has lines for its evidence at any width.
    places: dict[tuple[str, str], float] = {}
    heads: list[tuple[tuple[str, str], float]] = []
    fig = Chart()
    foot = 0.0
    for row in rows:
        ends = (row["id_type_a"], row["id_a"]), (row["id_type_b"], row["id_b"])
        if ends[0] not in places:
            # a gap where links of a long chain are left out
            if heads:
                _draw_gap(fig, row["left_out"], top=foot, theme=theme)
                foot -= _GAP
            places[ends[0]] = foot
            heads.append((ends[0], foot))
        evidence = wrap(flatten_name(_describe_evidence(row)), 44 if narrow else 130)[:_LINES]
        refused = row["reason"] is not None
        if ends[1] not in places:
            foot -= _ROW + _LINE * (len(evidence) - 1)
            places[ends[1]] = foot
            heads.append((ends[1], foot))
        top, low = places[ends[0]], places[ends[1]]
        fig.add_trace(
            go.Scatter(
                x=[0, 0],
                y=[top, low],
                mode="lines",
                line={
                    "color": theme.worse if refused else theme.other,
                    "width": 2,
                    "dash": "dot" if refused else "solid",
                },
                hoverinfo="skip",
            )
        )
        fig.add_annotation(
            text="<br>".join(write_label(line) for line in evidence),
            x=0,
            xshift=22,
            y=(top + low) / 2,
            xanchor="left",
            align="left",
            showarrow=False,
            font={"size": 12, "color": theme.worse if refused else theme.muted},
        )
    fig.add_trace(
        go.Scatter(
            x=[0] * len(heads),
            y=[place for _, place in heads],
            mode="markers+text",
            marker={"size": 13, "color": theme.goal},
            text=[
                f"   <b>{write_label(value, 26 if narrow else 60)}</b>  {write_label(kind, 16)}"
                for (kind, value), _ in heads
            ],
            textposition="middle right",
            textfont={"size": 13, "color": theme.ink},
            hovertext=[f"{write_label(kind)}: {write_label(value, 160)}" for (kind, value), _ in heads],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    fig.update_xaxes(visible=False, range=[-0.06 if narrow else -0.015, 1], fixedrange=True)
    fig.update_yaxes(visible=False, range=[foot - 20, 20], fixedrange=True)
    height = round(40 - foot + 26)
    subtitle = "Each line is a link, with the rows that show it; dotted: refused"
    return apply_theme(fig, title=finding, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


# in pixels: from one identifier to the next, for each further line of evidence, for a gap; and the most lines
_ROW, _LINE, _GAP, _LINES = 58, 16, 46, 6


def _draw_gap(fig: go.Figure, left_out: int, *, top: float, theme: Colours) -> None:
    """Draw three dots where links of a long chain are left out."""
    fig.add_trace(
        go.Scatter(
            x=[0, 0, 0],
            y=[top - _GAP * part for part in (0.35, 0.5, 0.65)],
            mode="markers",
            marker={"size": 3, "color": theme.muted},
            hoverinfo="skip",
        )
    )
    fig.add_annotation(
        text=f"{format_count(left_out, 'more link')}",
        x=0,
        xshift=22,
        y=top - _GAP / 2,
        xanchor="left",
        showarrow=False,
        font={"size": 12, "color": theme.muted},
    )


def _describe_evidence(row: dict[str, Any]) -> str:
    """Describe the rows or the call that show a link."""
    often = format_count(row["rows"], "row") if row["kind"] == "row" else f"{row['kind']}"
    call = f", first by a call of {row['call']}" if row.get("call") else ""
    event = f", first {row['event']}" if row.get("event") else call
    seen = f"{often} of {row['source']} since {format_moment(row['first_seen'])}{event}"
    return f"refused: {row['reason']} ({seen})" if row["reason"] is not None else seen
