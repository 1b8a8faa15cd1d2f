"""The words of a Sankey: each node's name and number beside it, and a head over each column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from textwrap import wrap
from typing import Any

from journeys.charts.labels import label, plain
from journeys.charts.sankey.layout import Node
from journeys.charts.sankey.stage import PITCH, THICK, Stage
from journeys.charts.theme import Colours, rgba
from journeys.display import shorten

__all__ = ["heads_of", "names_of"]

LETTER = 0.54
"""How wide a letter is, as a share of its height."""
UPRIGHT, UPRIGHT_LETTER = 11, 6.6
"""How high a letter is upright, and the pixels that it may take: there a name ends where the next begins."""
Key = tuple[int, str, str]


def names_of(
    stage: Stage, *, figure_of: Callable[[Node], str], loud: Collection[Key], theme: Colours
) -> list[dict[str, Any]]:
    """Set each node's name and its number: to its right, or upright above it."""
    if stage.upright:
        return [
            _above(stage, one, count=figure_of(one), theme=theme) | _face(one, UPRIGHT, loud, theme)
            for column in stage.by_column()
            for one in column
        ]
    size = 12 if stage.room > 130 else 11 if stage.room > 100 else 10
    stubs: dict[Key, float] = {}
    for one in stage.laid.nodes:
        if one.leaving_from is not None:
            key = (one.position, one.leaving_from, "")
            stubs[key] = min(stubs.get(key, one.top), one.top)
    columns = stage.by_column()
    middle = {
        one.key: one.middle if one.height < 2 * size else one.top + size * 0.85 for column in columns for one in column
    }
    notes = []
    for number, column in enumerate(columns):
        for place, one in enumerate(column):
            below = middle[column[place + 1].key] if place + 1 < len(column) else stage.laid.height
            notes.append(
                _beside(
                    one,
                    stage=stage,
                    onward=[(other, middle[other.key]) for later in columns[number + 1 :] for other in later],
                    y=middle[one.key],
                    below=below,
                    stub=stubs.get(one.key, float("inf")),
                    size=size,
                    count=figure_of(one),
                    theme=theme,
                )
                | _face(one, size, loud, theme)
            )
    return notes


def _beside(
    one: Node,
    *,
    stage: Stage,
    onward: Sequence[tuple[Node, float]],
    y: float,
    below: float,
    stub: float,
    size: int,
    count: str,
    theme: Colours,
) -> dict[str, Any]:
    """Set a name to the right of its node: whole where there is room for it, in two lines where one will not do."""

    def room(lines: int) -> tuple[float, float]:
        """Return where a name of so many lines begins beside its node, and how many letters a line has."""
        foot = y + size * (0.6 + 1.2 * (lines - 1))
        shift = THICK / 2 + 4 + (THICK + 5 if stub < foot else 0)
        end = _free(stage, onward, high=y - size * 0.7, low=foot)
        return shift, (end - stage.along(one) - shift - 4) / (size * LETTER)

    # Where columns are close the name needs the room more than its number, which the hover label has.
    shift, signs = room(1)
    count = count if stage.room > 125 or signs > 25 else ""
    lines = _lines(one.name, int(signs) - (len(count) + 1 if count else 0), most=1)
    if below - y > 2.9 * size and len(lines[0]) < len(plain(one.name)):
        shift, signs = room(2)
        lines = _lines(one.name, int(signs), most=2)
        y += size * 0.6 * (len(lines) - 1)
    text = "<br>".join(label(line) for line in lines)
    text = f"{text} <span style='color:{theme.muted}'>{count}</span>" if count else text
    return stage.note(one, y, text=text, xshift=shift, yanchor="middle", align="left", hovertext=label(one.name, 200))


def _above(stage: Stage, one: Node, *, count: str, theme: Colours) -> dict[str, Any]:
    """Set a name above its node, its number below it."""
    room = max(one.height, PITCH - 4)
    lines = [label(line) for line in _lines(one.name, max(8, int(room / UPRIGHT_LETTER)), most=2)]
    text = "<br>".join([*lines, f"<span style='color:{theme.muted}'>{count}</span>"] if count else lines)
    settings: dict[str, Any] = {"yshift": THICK / 2 + 1, "xshift": -1, "yanchor": "bottom", "align": "left"}
    return stage.note(one, one.top, text=text, hovertext=label(one.name, 200), **settings)


def _face(one: Node, size: int, loud: Collection[Key], theme: Colours) -> dict[str, Any]:
    # A halo in the paper's colour keeps names readable on top of ribbons.
    halo = ", ".join([f"0 0 2px {theme.paper}"] * 4)
    return {
        "bgcolor": rgba(theme.paper, 0.78) if one.key in loud else "rgba(0,0,0,0)",
        "borderpad": 1,
        "font": {"size": size, "color": theme.ink, "shadow": halo},
    }


def _lines(name: str, signs: int, *, most: int) -> list[str]:
    """Break a name into at most so many lines, cut in its middle where it needs more."""
    flat, signs = plain(name), max(6, signs)
    if most == 1:
        return [shorten(flat, signs)]
    # A word that is too long for a line is cut by itself first: "Received / Annou…ment".
    lines = wrap(" ".join(shorten(word, signs) for word in flat.split()), signs, break_on_hyphens=False)
    for fewer in range(most * signs, 2, -1):
        if len(lines) <= most:
            break
        lines = wrap(shorten(flat, fewer), signs, break_on_hyphens=False)
    return lines[:most]


def _free(stage: Stage, onward: Sequence[tuple[Node, float]], *, high: float, low: float) -> float:
    """Say up to which pixel a name may go: to the next column, or further where nothing stands at its height."""
    for other, name in onward:
        if min(other.top, name - 8) < low and max(other.top + other.height, name + 8) > high:
            return stage.along(other) - THICK / 2
    return stage.width


def heads_of(stage: Stage, *, heads: Sequence[str] | None, goal: str | None, theme: Colours) -> list[dict[str, Any]]:
    """Set a head over each column: the one given, the goal where nobody is elsewhere, else the step's number."""
    notes = []
    for column, inside in enumerate(stage.by_column()):
        if not inside:
            continue
        said = "First touch" if column == 0 and stage.first == 0 else f"Step {stage.first + column + 1}"
        if heads is not None and stage.first + column < len(heads):
            said = heads[stage.first + column]
        elif goal is not None and column > 0 and all(one.name == goal for one in inside):
            said = goal
        text = f"<b>{label(said, 20)}</b>" if said == goal else label(said, 20)
        font = {"size": 11 if stage.columns > 8 else 12, "color": theme.goal if said == goal else theme.muted}
        x, y = stage.at(inside[0], 0.0)
        place: dict[str, Any] = {"y": y, "xshift": -THICK / 2, "yanchor": "bottom", "yshift": 6}
        if stage.upright:
            # Above the names of its row, on paper: ribbons pass below it.
            place = {"y": y, "x": 0, "yanchor": "bottom", "yshift": 57, "bgcolor": rgba(theme.paper, 0.78)}
        notes.append(stage.note(inside[0], 0.0, text=text, font=font) | {"x": x} | place)
    return notes
