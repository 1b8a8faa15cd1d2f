"""Account activity: a dot per account, its members against its active days."""

from __future__ import annotations

from collections import Counter
from math import log10
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.text_width import measure_text
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_duration, format_number

_MOST_NAMED = 20
_MARGIN = 0.1  # decades of members left and right of the dots
_WIDEST = 0.07  # decades by which a dot may be moved
_MANY = 300
_LINE, _DOT = 14, 8  # pixels


def draw_activity(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw members (logarithmic) against active days; blue where an account fits, hollow where it wanes.

    Accounts with equal numbers are drawn side by side, so that none hides another.

    Parameters
    ----------
    table
        `account`, `members`, `active_members`, `active_days`, `events`, `silent_for`, `fit`, `state`; the first 20
        accounts are named (6 on a phone), where there is room.

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
    theme = choose_theme(dark=dark)
    rows = table.to_dicts()
    named = 6 if narrow else _MOST_NAMED
    by_condition = table["fit"].dtype == pl.Boolean
    known = [row["fit"] for row in rows if row["fit"] is not None]
    middle = None if by_condition or not known else sorted(known)[len(known) // 2]
    places = _spread_equal_dots(rows, narrow=narrow)
    labels = _place_labels(rows, places, most=named, narrow=narrow)
    most, longest = max(row["members"] for row in rows), max(row["active_days"] for row in rows)
    fig = Chart()
    # what fits is drawn last, above the others, and named first
    groups = {"fit unknown": theme.other, "not fit": theme.drop, "fit": theme.goal}
    shown = {"fit": "fit above the median", "not fit": "fit at or below the median"} if middle is not None else {}
    for rank, (name, colour) in enumerate(groups.items()):
        own = [(at, row) for at, row in enumerate(rows) if _name_group(row["fit"], middle) == name]
        if not own:
            continue
        fig.add_scatter(
            x=[places[at] for at, _ in own],
            y=[row["active_days"] for _, row in own],
            mode="markers+text",
            name=shown.get(name, name),
            legendrank=1000 - rank,
            text=[write_label(str(row["account"]), 18) if at in labels else "" for at, row in own],
            textposition=[labels.get(at, "top center") for at, _ in own],
            textfont={"size": 11, "color": theme.muted},
            marker={
                "size": 9 if len(rows) <= _MANY else 7,
                "color": [theme.paper if row["state"] == "waning" else colour for _, row in own],
                "line": {"color": colour, "width": 2},
            },
            hovertext=[_hover_text(row) for _, row in own],
            hoverinfo="text",
        )
    ticks = [tick for power in range(7) for tick in (10**power, 2 * 10**power, 5 * 10**power) if tick <= 2 * most]
    fig.update_xaxes(
        type="log", title="members", tickvals=ticks, ticktext=[format_number(tick) for tick in ticks], fixedrange=True,
        range=_range_of_members(rows),
    )  # fmt: skip
    fig.update_yaxes(
        title="active days", range=[-0.05 * max(longest, 1), 1.1 * max(longest, 1)], showgrid=True, fixedrange=True
    )
    has_fit = any(row["fit"] is not None for row in rows)
    fig.update_layout(showlegend=has_fit, legend={"y": -0.2, "yanchor": "top"})
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=420)


def _range_of_members(rows: list[dict[str, Any]]) -> list[float]:
    """Return both ends of the axis of members, as logarithms."""
    members = [row["members"] for row in rows]
    return [log10(min(members)) - _MARGIN, log10(max(members)) + _MARGIN]


def _spread_equal_dots(rows: list[dict[str, Any]], *, narrow: bool) -> list[float]:
    """Return where on the axis of members each account is drawn: those with equal numbers side by side.

    For instance, of three accounts with 2 members and 5 active days, one is drawn left of 2, one at 2, one right of it;
    many of them are drawn closer together, so that none seems to have another number of members.
    """
    low, high = _range_of_members(rows)
    step = (high - low) / (30 if narrow else 90)
    equal = Counter((row["members"], row["active_days"]) for row in rows)
    before: Counter[tuple[int, int]] = Counter()
    places = []
    for row in rows:
        place = row["members"], row["active_days"]
        width = min(2 * _WIDEST, step * equal[place])
        shift = ((before[place] + 0.5) / equal[place] - 0.5) * width
        before[place] += 1
        places.append(row["members"] * 10**shift)
    return places


def _place_labels(rows: list[dict[str, Any]], places: list[float], *, most: int, narrow: bool) -> dict[int, str]:
    """Return on which side of its dot each of the first accounts is named, if a name there covers nothing else.

    For instance, of three dots side by side the left one is named on its left, the right one on its right, and the
    middle one above, unless another dot is just above it.
    """
    low, high = _range_of_members(rows)
    wide, tall = (270, 300) if narrow else (960, 300)
    longest = max([row["active_days"] for row in rows] + [1])
    dots = [
        ((log10(place) - low) / (high - low) * wide, row["active_days"] / longest * tall)
        for place, row in zip(places, rows, strict=True)
    ]
    # middle, height above the axis, half of the width and of the height of what must not be covered, in pixels
    taken = [(x, y, _DOT / 2, _DOT / 2) for x, y in dots]
    labels: dict[int, str] = {}
    for at, row in enumerate(rows[:most]):
        half = measure_text(write_label(str(row["account"]), 18), 11) / 2
        x, y = dots[at]
        aside = half + _DOT
        sides = {"top center": (x, y + _LINE), "middle right": (x + aside, y), "middle left": (x - aside, y)}
        for side, (middle, level) in sides.items():
            is_inside = half <= middle <= wide - half
            if is_inside and all(
                abs(middle - other) > half + width or abs(level - own) > _LINE / 2 + height
                for other, own, width, height in taken
            ):
                taken.append((middle, level, half, _LINE / 2))
                labels[at] = side
                break
    return labels


def _name_group(fit: float | None, middle: float | None) -> str:
    if fit is None:
        return "fit unknown"
    return "fit" if (fit if middle is None else fit > middle) else "not fit"


def _hover_text(row: dict[str, object]) -> str:
    """Say size, activity and state of an account."""
    silent = row["silent_for"]
    quiet = "" if silent is None else f"<br>silent for {format_duration(silent)}"  # type: ignore[arg-type]
    return (
        f"<b>{write_full_name(str(row['account']))}</b> ({row['state']})<br>{format_count(row['members'], 'member')}, "  # type: ignore[arg-type]
        f"{format_number(row['active_members'])} active on {format_count(row['active_days'], 'day')}, "  # type: ignore[arg-type]
        f"{format_count(row['events'], 'event')}{quiet}"  # type: ignore[arg-type]
    )
