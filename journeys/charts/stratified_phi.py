"""Two phis a behaviour: with and without the groups, or of two groups; and one behaviour over its groups."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_label, write_sentence
from journeys.charts.theme import Colours, apply_theme, choose_symbol, choose_theme, draw_nothing, write_note
from journeys.charts.ticks import label_rows
from journeys.display import adapt_words, format_number, format_ratio, format_signed, quote_label


def draw_within(
    table: pl.DataFrame, *, groups: str, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw what is left of each phi within the groups: from everybody together (hollow) to within (filled).

    Parameters
    ----------
    table
        `behaviour`, `phi`, `phi_within`, `verdict`.
    groups
        What the groups are, such as "within first_campaign".

    Examples
    --------
    >>> table = pl.DataFrame({"behaviour": ["a"], "phi": [0.4], "phi_within": [-0.1], "verdict": ["reversed"]})
    >>> len(draw_within(table, groups="within first_campaign").data)
    3
    """
    rows = [
        (row["behaviour"], row["phi_within"], row["phi"], row["verdict"] or "")
        for row in table.to_dicts()
        if row["phi"] is not None and row["phi_within"] is not None
    ]
    words = (groups, adapt_words("everybody together"))
    return _draw_dumbbells(rows, words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)


def draw_pairs(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw the phis of two groups of people for each behaviour: this one filled, the other hollow.

    Parameters
    ----------
    table
        `behaviour`, `phi`, `phi_other`, `difference`, `q_value`.

    Examples
    --------
    >>> table = {"behaviour": ["a"], "phi": [0.4], "phi_other": [0.1], "difference": [0.3], "q_value": [0.01]}
    >>> len(draw_pairs(pl.DataFrame(table)).data)
    3
    """
    rows = [
        (
            row["behaviour"],
            row["phi"],
            row["phi_other"],
            format_signed(row["difference"], form=format_ratio)
            + ("" if row["q_value"] <= 0.05 else ", could be chance"),
        )
        for row in table.to_dicts()
        if row["difference"] is not None
    ]
    return _draw_dumbbells(rows, ("this group", "the other"), title=title, subtitle=subtitle, dark=dark, narrow=narrow)


def _draw_dumbbells(
    rows: Sequence[tuple[str, float, float, str]], words: tuple[str, str], *, dark: bool, narrow: bool, **heads: Any
) -> go.Figure:
    """Draw one row per behaviour: a line from the hollow dot to the filled one, and a remark at the right."""
    if not rows:
        return draw_nothing("No behaviour can be compared.", dark=dark, narrow=narrow, **heads)
    theme = choose_theme(dark=dark)
    places = [-place for place in range(len(rows))]
    fig = Chart()
    x: list[float | None] = []
    y: list[float | None] = []
    for (_, filled, hollow, _), place in zip(rows, places, strict=True):
        x += [hollow, filled, None]
        y += [place, place, None]
    fig.add_scatter(x=x, y=y, mode="lines", line={"color": theme.other, "width": 2}, hoverinfo="skip")
    tints = [theme.better if filled >= 0 else theme.worse for _, filled, _, _ in rows]
    said = [
        wrap_sentence(
            f"{quote_label(name)}: phi {format_ratio(filled)} {words[0]}, {format_ratio(hollow)} {words[1]}. {remark}",
            60,
        )
        for name, filled, hollow, remark in rows
    ]
    marker: dict[str, Any] = {"size": 9, "color": theme.paper, "line": {"color": theme.other, "width": 2}}
    fig.add_scatter(
        x=[row[2] for row in rows], y=places, mode="markers", marker=marker, hovertext=said, hoverinfo="text"
    )
    fig.add_scatter(
        x=[row[1] for row in rows],
        y=places,
        mode="markers",
        marker={"size": 11, "color": tints, "symbol": [choose_symbol(row[1]) for row in rows]},
        hovertext=said,
        hoverinfo="text",
    )
    if not narrow:
        for row, place in zip(rows, places, strict=True):
            fig.add_annotation(
                text=write_label(row[3], 30) if row[3] else "",
                x=1,
                xref="paper",
                xanchor="right",
                y=place,
                showarrow=False,
                font={"size": 12, "color": theme.muted},
            )
    reach = min(1.05, max(0.3, 1.15 * max(max(abs(row[1]), abs(row[2])) for row in rows)))
    fig.update_xaxes(
        range=[-reach, reach],
        domain=[0, 1 if narrow else 0.76],
        side="top",
        showgrid=True,
        zeroline=True,
        zerolinecolor=theme.muted,
        zerolinewidth=1,
        fixedrange=True,
    )
    labels = [_tick_label(row[0], row[3], theme=theme, narrow=narrow) for row in rows]
    fig.update_yaxes(**label_rows(labels, colour=theme.ink, margin=0.7))
    # On a phone there is room for a few words beside the names only.
    sides = [
        f"{sign} {'<br>'.join(write_sentence(line) for line in wrap(said, 30 if narrow else 72))}"
        for sign, said in zip("●○", words, strict=True)
    ]
    key = ("<br>" if narrow else "   ").join(sides)
    write_note(fig, key, size=12, colour=theme.muted)
    foot = 18 * (key.count("<br>") + 1)
    margin = {"t": 30, "b": 16 + foot, "l": 8}
    height = (42 if narrow else 30) * len(rows) + 52 + foot
    return apply_theme(fig, dark=dark, narrow=narrow, height=height, margin=margin, **heads)


def _tick_label(name: str, remark: str, *, theme: Colours, narrow: bool) -> str:
    """Write the name beside a row; on a phone the remark stands below it, for there is no room at the right."""
    if not narrow:
        return write_label(name, 36) + "  "
    small = f"<br><span style='font-size:11px;color:{theme.muted}'>{write_label(remark, 24)}  </span>" if remark else ""
    return f"{write_label(name, 18)}  {small}"


def draw_groups(
    strata: pl.DataFrame,
    *,
    over_time: bool = False,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw one behaviour's phi in each group with its interval; in order of time, as a line with its band.

    Parameters
    ----------
    strata
        `stratum`, `phi`, `ci_low`, `ci_high`, `both`, `behaviour_only`; its order is kept.
    over_time
        Whether the groups are periods; then `stratum` is a date.

    Examples
    --------
    >>> strata = pl.DataFrame({"stratum": ["ads", "mail"], "phi": [0.1, 0.4], "ci_low": [0.0, 0.2],
    ...     "ci_high": [0.2, 0.6], "both": [5, 9], "behaviour_only": [5, 1]})
    >>> draw_groups(strata).data[0].x
    (0.1, 0.4)
    """
    rows = strata.filter(pl.col("phi").is_not_null()).to_dicts()
    if not rows:
        words = "In no group can the behaviour be compared."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    said = [
        wrap_sentence(
            f"{quote_label(row['stratum'])}: phi {format_ratio(row['phi'])} ({format_ratio(row['ci_low'])} "
            f"to {format_ratio(row['ci_high'])}), "
            f"{format_number(row['both'] + row['behaviour_only'])} did it",
            60,
        )
        for row in rows
    ]
    phis = [row["phi"] for row in rows]
    heads: dict[str, Any] = {"title": title, "subtitle": subtitle}
    if over_time:
        moments = [row["stratum"] for row in rows]
        band = moments + moments[::-1]
        edge = [row["ci_high"] for row in rows] + [row["ci_low"] for row in rows][::-1]
        fig = Chart(
            go.Scatter(
                x=band, y=edge, fill="toself", mode="lines", fillcolor=theme.grid, line={"width": 0}, hoverinfo="skip"
            )
        )
        line = {"color": theme.goal, "width": 2}
        fig.add_scatter(x=moments, y=phis, mode="lines+markers", line=line, hovertext=said, hoverinfo="text")
        fig.update_yaxes(title="phi", showgrid=True, zeroline=True, zerolinecolor=theme.muted, zerolinewidth=1)
        margin = {"l": 8, "b": 34}
        return apply_theme(fig, dark=dark, narrow=narrow, height=320, margin=margin, **heads)
    places = [-place for place in range(len(rows))]
    fig = Chart(
        go.Scatter(
            x=phis,
            y=places,
            mode="markers",
            marker={
                "size": 10,
                "color": [theme.better if phi >= 0 else theme.worse for phi in phis],
                "symbol": [choose_symbol(phi) for phi in phis],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row["ci_high"] - row["phi"] for row in rows],
                "arrayminus": [row["phi"] - row["ci_low"] for row in rows],
                "color": theme.muted,
                "thickness": 1.4,
                "width": 0,
            },
            hovertext=said,
            hoverinfo="text",
        )
    )
    fig.update_xaxes(
        range=[-1.04, 1.04], side="top", showgrid=True, zeroline=True, zerolinecolor=theme.muted, zerolinewidth=1
    )
    fig.update_yaxes(
        tickvals=places,
        ticktext=[write_label(row["stratum"], 18 if narrow else 36) + "  " for row in rows],
        tickfont={"size": 13, "color": theme.ink},
        range=[places[-1] - 0.7, 0.7],
    )
    margin = {"t": 30, "l": 8}
    return apply_theme(fig, dark=dark, narrow=narrow, height=30 * len(rows) + 50, margin=margin, **heads)
