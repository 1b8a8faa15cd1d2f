"""The words of a Sankey: each node's name and number beside it, and a head over each column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from journeys.charts.labels import label
from journeys.charts.sankey.layout import Node
from journeys.charts.sankey.stage import PITCH, THICK, Stage
from journeys.charts.text_width import break_text, fit_text, measure_text
from journeys.charts.theme import Colours, rgba

__all__ = ["heads_of", "names_of"]

SIZE, UPRIGHT = 12, 11
"""How high letters are."""
BESIDE = THICK / 2 + 4
"""The pixels from the middle of a bar to the name beside it."""
LEAST = 46
"""A name that would have fewer pixels than these has them without its number, which the hover label says."""
Key = tuple[int, str, str]
Taken = list[tuple[Node, float, float]]
"""Nodes, each with the top and the foot of its name."""


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
    stubs = {(one.position, one.leaving_from or "", ""): one for one in stage.laid.nodes if one.leaving_from}
    columns: list[list[dict[str, Any]]] = []
    taken: Taken = []
    # From the last column to the first: a name must know where those of later columns stand.
    for column in reversed(stage.by_column()):
        ys = [one.middle if one.height < 2 * SIZE else one.top + SIZE * 0.85 for one in column]
        # The names of a column begin at one edge.
        stub = next((stubs[one.key] for one in column if one.key in stubs), None)
        here: Taken = []
        notes = []
        for one, y, below in zip(column, ys, [*ys[1:], stage.laid.height][: len(ys)], strict=True):
            note, foot = _beside(
                one, stage=stage, stub=stub, taken=taken, y=y, below=below, count=figure_of(one), theme=theme
            )
            notes.append(note | _face(one, SIZE, loud, theme))
            here.append((one, y - SIZE * 0.7, foot))
        columns.append(notes)
        taken = here + taken
    return [note for notes in reversed(columns) for note in notes]


def _beside(
    one: Node,
    *,
    stage: Stage,
    stub: Node | None,
    taken: Taken,
    y: float,
    below: float,
    count: str,
    theme: Colours,
) -> tuple[dict[str, Any], float]:
    """Set a name to the right of its node, whole where there is room for it, and say where its foot is."""
    start = stub or one

    def room(lines: int) -> float:
        """Return the pixels that a name of so many lines has in each."""
        end = _free(stage, taken, high=y - SIZE * 0.7, low=y + SIZE * (0.6 + 1.2 * (lines - 1)))
        return end - stage.along(start) - BESIDE - 5

    beside = measure_text(f" {count}", SIZE) if count else 0.0
    free = room(1)
    lines = [fit_text(one.name, free - beside, size=SIZE)]
    if below - y > 2.9 * SIZE and measure_text(one.name, SIZE) > free - beside:
        lines = break_text(one.name, room(2), size=SIZE, tail=count)
    elif free - beside < LEAST:
        lines, count = [fit_text(one.name, free, size=SIZE)], ""
    # The number may stand in a line of its own.
    text = "<br>".join(label(line) if line else "" for line in lines)
    text = f"{text}{' ' if lines[-1] else ''}<span style='color:{theme.muted}'>{count}</span>" if count else text
    middle = y + SIZE * 0.6 * (len(lines) - 1)
    note = stage.note(
        one, middle, text=text, xshift=BESIDE, yanchor="middle", align="left", hovertext=label(one.name, 200)
    )
    return note | {"x": stage.at(start, middle)[0]}, y + SIZE * (0.6 + 1.2 * (len(lines) - 1))


def _above(stage: Stage, one: Node, *, count: str, theme: Colours) -> dict[str, Any]:
    """Set a name above its node, its number below it."""
    lines = [label(line) for line in break_text(one.name, max(one.height, PITCH - 4), size=UPRIGHT)]
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


def _free(stage: Stage, taken: Taken, *, high: float, low: float) -> float:
    """Say up to which pixel a name may go: to the next column, or further where nothing stands at its height."""
    return min(
        (
            stage.along(other) - THICK / 2
            for other, top, foot in taken
            if min(other.top, top) < low and max(other.top + other.height, foot) > high
        ),
        default=stage.width,
    )


def heads_of(stage: Stage, *, headings: Sequence[str] | None, goal: str | None, theme: Colours) -> list[dict[str, Any]]:
    """Set a head over each column: the one given, the goal where nobody is elsewhere, else the step's number."""
    notes = []
    for column, inside in enumerate(stage.by_column()):
        if not inside:
            continue
        said = "First touch" if column == 0 and stage.first == 0 else f"Step {stage.first + column + 1}"
        if headings is not None and stage.first + column < len(headings):
            said = headings[stage.first + column]
        elif goal is not None and column > 0 and all(one.name == goal for one in inside):
            said = goal
        short = label(fit_text(said, 200 if stage.upright else stage.room * 0.9, size=SIZE))
        text = f"<b>{short}</b>" if said == goal else short
        font = {"size": SIZE, "color": theme.goal if said == goal else theme.muted}
        x, y = stage.at(inside[0], 0.0)
        place: dict[str, Any] = {"y": y, "xshift": -THICK / 2, "yanchor": "bottom", "yshift": 6}
        if stage.upright:
            # Above the names of its row, on paper: ribbons pass below it.
            place = {"y": y, "x": 0, "yanchor": "bottom", "yshift": 57, "bgcolor": rgba(theme.paper, 0.78)}
        notes.append(stage.note(inside[0], 0.0, text=text, font=font) | {"x": x} | place)
    return notes
