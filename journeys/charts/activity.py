"""Account activity: a dot per account, its members against its active days."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full_name, write_label
from journeys.charts.theme import apply_theme, draw_nothing, theme_colours
from journeys.display import format_count, format_duration, format_number

_MOST_NAMED = 20


def draw_activity(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw members (logarithmic) against active days; blue where an account fits, hollow where it wanes.

    Parameters
    ----------
    table
        `account`, `members`, `active_members`, `active_days`, `events`, `silent_for`, `fit`, `state`; the first 20
        accounts are named (6 on a phone).
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.

    Examples
    --------
    >>> from datetime import timedelta
    >>> table = pl.DataFrame({"account": ["acme"], "members": [5], "active_members": [2], "active_days": [9],
    ...     "events": [40], "silent_for": [timedelta(days=1)], "fit": [True], "state": ["active"]})
    >>> draw_activity(table).data[0].y
    (9,)
    """
    if not table.height:
        return draw_nothing("There are no accounts.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    rows = table.to_dicts()
    named = 6 if narrow else _MOST_NAMED
    by_condition = table["fit"].dtype == pl.Boolean
    known = [row["fit"] for row in rows if row["fit"] is not None]
    middle = None if by_condition or not known else sorted(known)[len(known) // 2]
    fig = go.Figure()
    groups = {"fit": theme.goal, "not fit": theme.drop, "fit unknown": theme.other}
    for name, colour in groups.items():
        own = [(at, row) for at, row in enumerate(rows) if _name_group(row["fit"], middle) == name]
        if not own:
            continue
        fig.add_scatter(
            x=[row["members"] for _, row in own],
            y=[row["active_days"] for _, row in own],
            mode="markers+text",
            name=name if middle is None else name.replace("fit", "fit above the median"),
            text=[write_label(str(row["account"]), 18) if at < named else "" for at, row in own],
            textposition="top center",
            textfont={"size": 11, "color": theme.muted},
            marker={
                "size": 9,
                "color": [theme.paper if row["state"] == "waning" else colour for _, row in own],
                "line": {"color": colour, "width": 2},
            },
            hovertext=[_hover_text(row) for _, row in own],
            hoverinfo="text",
        )
    most = max(row["members"] for row in rows)
    ticks = [tick for power in range(7) for tick in (10**power, 2 * 10**power, 5 * 10**power) if tick <= 2 * most]
    fig.update_xaxes(
        type="log", title="members", tickvals=ticks, ticktext=[format_number(tick) for tick in ticks], fixedrange=True
    )
    fig.update_yaxes(title="active days", rangemode="tozero", showgrid=True, fixedrange=True)
    has_fit = any(row["fit"] is not None for row in rows)
    fig.update_layout(showlegend=has_fit, legend={"y": -0.2, "yanchor": "top"})
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=420)


def _name_group(fit: float | None, middle: float | None) -> str:
    if fit is None:
        return "fit unknown"
    return "fit" if (fit if middle is None else fit > middle) else "not fit"


def _hover_text(row: dict[str, object]) -> str:
    """Say size, activity and state of an account."""
    silent = row["silent_for"]
    quiet = "" if silent is None else f"<br>silent for {format_duration(silent)}"  # type: ignore[arg-type]
    return (
        f"<b>{full_name(str(row['account']))}</b> ({row['state']})<br>{format_count(row['members'], 'member')}, "  # type: ignore[arg-type]
        f"{format_number(row['active_members'])} active on {format_count(row['active_days'], 'day')}, "  # type: ignore[arg-type]
        f"{format_count(row['events'], 'event')}{quiet}"  # type: ignore[arg-type]
    )
