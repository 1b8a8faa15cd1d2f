"""Whole paths, one a line: the names in order as chips, and how many take each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label, lines_of, plain
from journeys.charts.text_width import break_text, measure_text
from journeys.charts.theme import Colours, apply_theme, colours, event_colours, nothing, rgba
from journeys.display import duration, interval, number, percent

__all__ = ["draw"]

FEW = 30


def draw(
    table: pl.DataFrame,
    *,
    goal: str | None = None,
    colour_of: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    most: int = 8,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw whole paths.

    Parameters
    ----------
    table
        `path` (lists of names), `people`, and if known `conversion_rate`, `ci_low`, `ci_high`, `passed` and
        `median_time`.
    goal
        The event with the accent.
    colour_of
        A colour by name, the same in all charts of a report; else by people on these paths.
    title, subtitle
        The finding and the definition.
    most
        How many nodes of a path are drawn; of a longer one the first and the last.
    dark, narrow
        For a dark page; for a telephone.

    Examples
    --------
    >>> fig = draw(pl.DataFrame({"path": [["Visit", "Sign up"]], "people": [3]}))
    >>> len(fig.layout.shapes)
    2
    """
    rows = table.to_dicts()
    if not rows:
        return nothing("No paths to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    most = 3 if narrow else most
    names = sorted({name for row in rows for name in row["path"]}, key=lambda n: (-_weight(rows, n), n))
    shades = dict(colour_of or event_colours(names, goal=goal, dark=dark))
    fig = go.Figure(
        go.Scatter(
            x=[-0.1] * len(rows),
            y=[-place for place in range(len(rows))],
            mode="markers",
            marker={"size": 1, "color": theme.paper},
            hovertext=[_words(row) for row in rows],
            hoverinfo="text",
        )
    )
    columns = max(3 if narrow else 6, *(len(_short(row["path"], most)) for row in rows))
    left = max(_width(row, narrow=narrow) for row in rows) + 14
    # Pixels of a column where the figure is no wider than a cell of a notebook, or a telephone.
    unit = ((350 if narrow else 900) - 20 - left) / columns
    size = 10 if narrow else 11
    for place, row in enumerate(rows):
        fig.add_annotation(
            x=0,
            y=-place,
            text=_figures(row, theme=theme, narrow=narrow),
            showarrow=False,
            xanchor="right",
            xshift=-6,
            align="right",
            font={"size": 12, "color": theme.ink},
        )
        for column, name in enumerate(_short(row["path"], most)):
            shade = shades.get(name or "", theme.rest)
            if name is not None:
                fig.add_shape(
                    type="rect",
                    x0=column,
                    x1=column + 0.96,
                    y0=-place - 0.41,
                    y1=-place + 0.41,
                    fillcolor=rgba(shade, 0.3),
                    line={"width": 0},
                    layer="below",
                )
            fig.add_annotation(
                x=column + 0.48 if name is None else column + 0.05,
                y=-place,
                text="…" if name is None else "<br>".join(map(label, _lines(name, 0.88 * unit, size))),
                hovertext="" if name is None else full(name),
                showarrow=False,
                xanchor="center" if name is None else "left",
                align="left",
                font={"size": size, "color": theme.ink},
            )
    fig.update_xaxes(visible=False, range=[-left / unit, columns])
    fig.update_yaxes(visible=False, range=[-len(rows) + 0.4, 0.6])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=30 + 42 * len(rows))


def _lines(name: str, pixels: float, size: int) -> list[str]:
    """Break a name into the two lines of a chip."""
    return [line for line in break_text(name, pixels, size=size) if line]


def _short(path: list[str], most: int) -> list[str | None]:
    if len(path) <= most:
        return list(path)
    return [*path[: most - most // 2 - 1], None, *path[-(most // 2) :]]


def _weight(rows: list[dict[str, Any]], name: str) -> int:
    return sum(int(row["people"]) for row in rows if name in row["path"])


def _figures(row: dict[str, Any], *, theme: Colours, narrow: bool) -> str:
    """Set how many took the path and, below, in small, how many arrive."""
    people, told, below = _told(row, narrow=narrow)
    small = f"<br><span style='font-size:{10 if narrow else 11}px;color:{theme.muted}'>{'<br>'.join(below)}</span>"
    return f"<b>{people}</b>{told}{small if below else ''}"


def _width(row: dict[str, Any], *, narrow: bool) -> float:
    """Say how many pixels the figures of a path take."""
    people, told, below = _told(row, narrow=narrow)
    lines = [measure_text(line, 10 if narrow else 11) for line in below]
    return max(measure_text(people) * 1.12 + measure_text(told), *lines, 0)


def _told(row: dict[str, Any], *, narrow: bool) -> tuple[str, str, list[str]]:
    """Say how many took the path and, below, of how many who went this way, to whatever end, how many arrive."""
    people, told = number(row["people"]), ""
    rate = _rate(row)
    if not rate:
        return people, told, []
    passed = row.get("passed")
    if passed is not None:
        told = f" of {number(passed)}" if narrow else f" of the {number(passed)} who went this way"
    if narrow:
        first, _, rest = rate.partition(" (")
        return people, told, [f"{first} arrive", *([f"({rest}"] if rest else [])]
    return people, told, [f"of {'all who went this way' if passed is None else 'these'} {rate} arrive"]


def _rate(row: dict[str, Any]) -> str:
    """Say how many of those who went this way arrive, with the interval; of a handful the rate says nothing."""
    rate, passed = row.get("conversion_rate"), row.get("passed")
    if rate is None or (passed is not None and passed < FEW):
        return ""
    within = interval(row.get("ci_low"), row.get("ci_high"))
    return f"{percent(rate)} ({within})" if within else percent(rate)


def _words(row: dict[str, Any]) -> str:
    told = f"{number(row['people'])} took {' → '.join(map(plain, row['path']))}"
    if row.get("median_time") is not None:
        told += f"; median {duration(row['median_time'])}"
    rate = _rate(row)
    if rate:
        passed = row.get("passed")
        everyone = "all who" if passed is None else f"all {number(passed)} who"
        told += f"; of {everyone} went this way, the end itself aside, {rate} arrive"
    return lines_of(told[:700] + ".", 70)
