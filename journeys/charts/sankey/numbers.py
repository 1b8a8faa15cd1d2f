"""Numbers on the widest ribbons of a lying Sankey, each where its ribbon arrives and only where nothing stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from journeys.charts.sankey.layout import Link
from journeys.charts.sankey.stage import THICK, Stage
from journeys.charts.sankey.upright import arriving
from journeys.charts.text_width import measure_text
from journeys.charts.theme import Colours, rgba

__all__ = ["numbers_of"]

SIZE, MOST = 11, 8
Box = tuple[float, float, float, float]


def numbers_of(
    stage: Stage, *, names: Sequence[Mapping[str, Any]], figure_of: Callable[[Link], str], theme: Colours
) -> list[dict[str, Any]]:
    """Set the numbers of the widest ribbons before the nodes that they come to.

    Parameters
    ----------
    stage
        The layout on its paper.
    names
        The names of its nodes, which stay free.
    figure_of
        The number of a ribbon.
    theme
        The colours of the page.
    """
    taken = [_box(stage, name) for name in names]
    ends = arriving(stage.laid.links)
    wide = sorted(
        (n for n, link in enumerate(stage.laid.links) if link.target.leaving_from is None),
        key=lambda n: (-stage.laid.links[n].people, n),
    )
    notes: list[dict[str, Any]] = []
    for n in wide[:MOST]:
        link, (top, foot) = stage.laid.links[n], ends[n]
        said = figure_of(link)
        right = stage.along(link.target) - THICK / 2 - 4
        middle = stage.top + (top + foot) / 2
        box = (right - measure_text(said, SIZE), right, middle - SIZE * 0.6, middle + SIZE * 0.6)
        if foot - top < SIZE or any(_touch(box, other) for other in taken):
            continue
        taken.append(box)
        place = {"xanchor": "right", "yanchor": "middle", "xshift": -THICK / 2 - 3, "bgcolor": rgba(theme.paper, 0.7)}
        font = {"size": SIZE, "color": theme.ink}
        notes.append(stage.note(link.target, (top + foot) / 2, text=said, font=font, **place))
    return notes


def _box(stage: Stage, name: Mapping[str, Any]) -> Box:
    """Say from where to where a name goes: left, right, top, foot, in pixels of the paper."""
    text = str(name["text"]).split("<span")[0]
    tail = " +00.0" if "<span" in name["text"] else ""
    lines = f"{text}{tail}".split("<br>")
    left = name["x"] * stage.width + name["xshift"]
    middle, half = (1 - name["y"]) * stage.total, 7.5 * len(lines)
    return left, left + max(map(measure_text, lines)), middle - half, middle + half


def _touch(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
