"""Whole paths, one per line: the names in order, and how many take each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_full_name, write_label
from journeys.charts.text_width import break_text, measure_text
from journeys.charts.theme import Colours, add_opacity, apply_theme, assign_event_colours, choose_theme, draw_nothing
from journeys.display import format_duration, format_interval, format_number, format_percent, quote_labels
from journeys.display.options import get_cell_width

_ENOUGH = 30  # of fewer no rate is shown
_MOST = 8  # nodes of a path; of a longer one the first and the last


def draw_paths(
    table: pl.DataFrame,
    *,
    goal: str | None = None,
    colour_of: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
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

    Examples
    --------
    >>> fig = draw_paths(pl.DataFrame({"path": [["Visit", "Sign up"]], "people": [3]}))
    >>> len(fig.layout.shapes)
    2
    """
    rows = table.to_dicts()
    if not rows:
        return draw_nothing("No paths to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    most = 3 if narrow else _MOST
    weights: dict[str, int] = {}
    for row in rows:
        for name in set(row["path"]):
            weights[name] = weights.get(name, 0) + row["people"]
    names = sorted(weights, key=lambda name: (-weights[name], name))
    chosen = dict(colour_of or assign_event_colours(names, goal=goal, dark=dark))
    paths = [_shorten_path(row["path"], most) for row in rows]
    columns = max(3 if narrow else 6, *map(len, paths))
    # on a phone rate and interval are two lines below the people
    row_height = 52 if narrow and any(map(_write_rate, rows)) else 42
    left = max(_measure_figures(row, narrow=narrow) for row in rows) + 14
    # the pixels of a column where the figure is no wider than a notebook cell, or a phone
    unit = ((350 if narrow else get_cell_width() or 900) - 20 - left) / columns
    size = 10 if narrow else 11
    shapes, annotations = [], []
    for place, (row, path) in enumerate(zip(rows, paths, strict=True)):
        annotations.append(
            {
                "x": 0, "y": -place, "text": _write_figures(row, theme=theme, narrow=narrow), "showarrow": False,
                "xanchor": "right", "xshift": -6, "align": "right", "font": {"size": 12, "color": theme.ink},
            }
        )  # fmt: skip
        for column, name in enumerate(path):
            annotations.append(_label_node(name, column=column, place=place, width=unit, size=size, theme=theme))
            if name is not None:
                shapes.append(
                    {
                        "type": "rect",
                        "x0": column,
                        "x1": column + 0.96,
                        "y0": -place - 0.41,
                        "y1": -place + 0.41,
                        "fillcolor": add_opacity(chosen.get(name, theme.rest), 0.3),
                        "line": {"width": 0},
                        "layer": "below",
                    }
                )
    fig = Chart(
        go.Scatter(
            x=[-0.1] * len(rows),
            y=[-place for place in range(len(rows))],
            mode="markers",
            marker={"size": 1, "color": theme.paper},
            hovertext=[_hover_text(row) for row in rows],
            hoverinfo="text",
        )
    )
    # set at once: adding shapes and annotations one by one copies and checks all of them each time
    fig.update_layout(shapes=shapes, annotations=annotations)
    fig.update_xaxes(visible=False, range=[-left / unit, columns])
    fig.update_yaxes(visible=False, range=[-len(rows) + 0.4, 0.6])
    return apply_theme(
        fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=30 + row_height * len(rows)
    )


def _label_node(
    name: str | None, *, column: int, place: int, width: float, size: int, theme: Colours
) -> dict[str, Any]:
    """Label one node of a path, in at most two lines; None stands for the nodes that are left out."""
    if name is None:
        text, hover = "…", ""
    else:
        lines = break_text(name, 0.88 * width, size=size)
        text, hover = "<br>".join(write_label(line) for line in lines if line), write_full_name(name)
    return {
        "x": column + (0.48 if name is None else 0.05), "y": -place, "text": text, "hovertext": hover,
        "showarrow": False, "xanchor": "center" if name is None else "left", "align": "left",
        "font": {"size": size, "color": theme.ink},
    }  # fmt: skip


def _shorten_path(path: Sequence[str], most: int) -> list[str | None]:
    """Keep the first and the last nodes of a long path, with None between them."""
    if len(path) <= most:
        return list(path)
    return [*path[: most - most // 2 - 1], None, *path[-(most // 2) :]]


def _write_figures(row: dict[str, Any], *, theme: Colours, narrow: bool) -> str:
    """Write how many took the path and, below, in small, how many arrive."""
    people, of, below = _split_figures(row, narrow=narrow)
    small = f"<br><span style='font-size:{10 if narrow else 11}px;color:{theme.muted}'>{'<br>'.join(below)}</span>"
    return f"<b>{people}</b>{of}{small if below else ''}"


def _measure_figures(row: dict[str, Any], *, narrow: bool) -> float:
    """Return the pixels that the figures of a path take."""
    people, of, below = _split_figures(row, narrow=narrow)
    lines = [measure_text(line, 10 if narrow else 11) for line in below]
    return max(measure_text(people) * 1.12 + measure_text(of), *lines, 0)


def _split_figures(row: dict[str, Any], *, narrow: bool) -> tuple[str, str, list[str]]:
    """Return how many took the path, of how many who took the same route to whatever end, and how many arrive."""
    people = format_number(row["people"])
    rate = _write_rate(row)
    if not rate:
        return people, "", []
    passed = row.get("passed")
    of = ""
    if passed is not None:
        of = f" of {format_number(passed)}" if narrow else f" of the {format_number(passed)} who went this way"
    if narrow:
        first, _, rest = rate.partition(" (")
        return people, of, [f"{first} arrive", *([f"({rest}"] if rest else [])]
    return people, of, [f"of {'all who went this way' if passed is None else 'these'} {rate} arrive"]


def _write_rate(row: dict[str, Any]) -> str:
    """Write how many of those who took the same route arrive, with the interval; nothing for a handful."""
    rate, passed = row.get("conversion_rate"), row.get("passed")
    if rate is None or (passed is not None and passed < _ENOUGH):
        return ""
    within = format_interval(row.get("ci_low"), row.get("ci_high"))
    return f"{format_percent(rate)} ({within})" if within else format_percent(rate)


def _hover_text(row: dict[str, Any]) -> str:
    text = f"{format_number(row['people'])} took {quote_labels(row['path'])}"
    if row.get("median_time") is not None:
        text += f"; median {format_duration(row['median_time'])}"
    rate = _write_rate(row)
    if rate:
        passed = row.get("passed")
        everyone = "all who" if passed is None else f"all {format_number(passed)} who"
        text += f"; of {everyone} went this way, the end itself aside, {rate} arrive"
    return wrap_sentence(text[:700] + ".", 70)
