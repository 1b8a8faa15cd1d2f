"""The names of lines: beside their ends where there is room, below the plot on a phone; and their colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

import plotly.graph_objects as go

from journeys.charts.labels import write_labels
from journeys.charts.text_width import measure_text
from journeys.charts.theme import OTHER, Colours, choose_theme

MOST_LINES = 8

_HEIGHT, _LABEL = 420, 17  # pixels: of the figure, and of a label beside the end of a line
_MARGINS = 60  # pixels above and below the lines, at least


def assign_line_colours(names: Iterable[str], *, theme: Colours) -> dict[str, str]:
    """Return the colour of each line, another one for each of eight; the rest is grey."""
    colours = cycle((*theme.events, theme.muted))
    return {name: theme.other if name == OTHER else next(colours) for name in names}


def name_lines(
    fig: go.Figure, ends: Mapping[str, float], *, scale: tuple[float, float], dark: bool, narrow: bool
) -> dict[str, Any]:
    """Name the lines of a figure, and return the size that it needs for `apply_theme`.

    Parameters
    ----------
    fig
        The figure; it is changed.
    ends
        The last value of each line, by its name, in the order of their colours. A single line needs no name.
    scale
        The lowest and the highest value of the axis.
    dark, narrow
        For a dark page; for a phone, where a legend below names the lines.
    """
    is_named = len(ends) > 1
    fig.update_layout(showlegend=is_named and narrow, legend={"y": -0.18, "yanchor": "top"})
    if is_named and narrow:
        lines = -(-len(ends) // 2)
        return {"height": _HEIGHT + 20 * lines, "margin": {"b": 56 + 20 * lines}}
    if not is_named:
        return {"height": _HEIGHT}
    colours, height = assign_line_colours(ends, theme=choose_theme(dark=dark)), (scale[1] - scale[0]) or 1.0
    places = _move_apart([(end - scale[0]) / height for end in ends.values()])
    labels = write_labels(list(ends), 24)
    for name, label, place in zip(ends, labels, places, strict=True):
        fig.add_annotation(
            text=label,
            x=1,
            y=place,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="middle",
            xshift=10,
            showarrow=False,
            font={"size": 12, "color": colours[name]},
        )
    return {"height": _HEIGHT, "margin": {"r": 20 + round(max(measure_text(label) for label in labels))}}


def _move_apart(places: Sequence[float]) -> list[float]:
    """Move labels, given as shares of the height, so far apart that none covers another, and none leaves the plot.

    For instance, with labels of a tenth of the height, 0.5, 0.5 and 0.0 become 0.5, 0.4 and 0.0.
    """
    least = _LABEL / (_HEIGHT - _MARGINS)
    order = sorted(range(len(places)), key=lambda at: -places[at])
    moved = [0.0] * len(places)
    top = 1.0
    for at in order:
        moved[at] = min(places[at], top)
        top = moved[at] - least
    bottom = 0.0
    for at in reversed(order):
        moved[at] = max(moved[at], bottom)
        bottom = moved[at] + least
    return moved
