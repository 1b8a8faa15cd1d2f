"""The labels of a Sankey: names and numbers of nodes, numbers of the widest ribbons, headings of columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from journeys.charts.labels import write_label
from journeys.charts.sankey.layout import Key, SankeyLink, SankeyNode, place_targets
from journeys.charts.sankey.render import THICKNESS, VERTICAL_PITCH, Canvas
from journeys.charts.text_width import break_text, fit_text, measure_text
from journeys.charts.theme import CONTINUES, DROP_OFF, OTHER, Colours, add_opacity

SIZE, SMALL_SIZE = 12, 11
"""The height of letters, and that of vertical names and of numbers on ribbons."""
BESIDE = THICKNESS / 2 + 4
"""The pixels from the middle of a bar to the name beside it."""
_MIN_NAME = 46
"""A name that would have fewer pixels goes without its number, which the hover text has."""
_MOST_COLUMNS = 2
"""A label runs on over at most so many columns, so that the labels of a column are about as long as each other."""
_MOST_RIBBONS = 8
Box = tuple[float, float, float, float]
"""Left, right, top and bottom, in pixels."""
Taken = list[tuple[SankeyNode, float, float]]
"""Nodes, each with the top and the bottom of its label."""


def label_nodes(
    canvas: Canvas, *, figure_of: Callable[[SankeyNode], str], backed: Collection[Key], theme: Colours
) -> list[dict[str, Any]]:
    """Label each node with its name and number: to its right, or in a vertical drawing above it.

    Nodes that are `backed` have a background, so that their names are readable on a highlighted ribbon.
    """
    names = _list_values({node.name for node in canvas.layout.nodes if not node.is_stub})
    if canvas.vertical:
        return [
            _label_above(canvas, node, name=names.get(node.name, node.name), count=figure_of(node), theme=theme)
            | _label_style(node, SMALL_SIZE, backed, theme)
            for column in canvas.list_columns()
            for node in column
        ]
    stubs = {(node.position, node.leaving_from or "", ""): node for node in canvas.layout.nodes if node.is_stub}
    columns: list[list[dict[str, Any]]] = []
    taken: Taken = []
    # from the last column to the first: a label may run on to where those of later columns are
    for column in reversed(canvas.list_columns()):
        ys = [node.middle if node.height < 2 * SIZE else node.top + SIZE * 0.85 for node in column]
        # the names of a column begin at one edge
        stub = next((stubs[node.key] for node in column if node.key in stubs), None)
        here: Taken = []
        notes = []
        for node, y, below in zip(column, ys, [*ys[1:], canvas.layout.height][: len(ys)], strict=True):
            note, bottom = _label_beside(
                node,
                canvas=canvas,
                stub=stub,
                taken=taken,
                name=names.get(node.name, node.name),
                y=y,
                below=below,
                count=figure_of(node),
                theme=theme,
            )
            notes.append(note | _label_style(node, SIZE, backed, theme))
            here.append((node, y - SIZE * 0.7, bottom))
        columns.append(notes)
        taken = here + taken
    return [note for notes in reversed(columns) for note in notes]


def _list_values(names: Collection[str]) -> dict[str, str]:
    """List what to call nodes that are one event by the values of a column: by the value alone.

    Examples
    --------
    >>> _list_values(["Loaded a Page: /pricing", "Loaded a Page: /", "Error: full", "Signed Up"])
    {'Loaded a Page: /pricing': '/pricing', 'Loaded a Page: /': '/'}
    """
    parts = {name: name.partition(": ")[::2] for name in names}
    events = [event for event, value in parts.values() if value.strip()]
    return {name: value for name, (event, value) in parts.items() if value.strip() and events.count(event) > 1}


class Swatch(NamedTuple):
    """An entry of the legend."""

    colour: str
    text: str
    outline: str | None = None


def list_swatches(nodes: Collection[SankeyNode], *, goal: str | None, theme: Colours) -> list[Swatch]:
    """List the legend's entries: the colours of the goal, of stubs and of "(other)", as far as they are drawn."""
    ends = {node.name for node in nodes if node.is_stub}
    names = {node.name for node in nodes if not node.is_stub}
    swatches = [Swatch(theme.goal, write_label(goal, 40))] if goal is not None and goal in names else []
    swatches += [Swatch(theme.drop, "stub: dropped off")] if DROP_OFF in ends else []
    swatches += [Swatch(theme.paper, "stub: went on beyond the last column", theme.other)] if CONTINUES in ends else []
    swatches += [Swatch(theme.other, "(other): small ones together", theme.ink)] if OTHER in names else []
    return swatches


def _label_beside(
    node: SankeyNode,
    *,
    canvas: Canvas,
    stub: SankeyNode | None,
    taken: Taken,
    name: str,
    y: float,
    below: float,
    count: str,
    theme: Colours,
) -> tuple[dict[str, Any], float]:
    """Place a label to the right of its node, in full where there is room, and return its bottom."""
    start = stub or node

    def measure_room(lines: int) -> float:
        """Return the pixels per line that a label of that many lines has."""
        free = _find_free_edge(canvas, taken, high=y - SIZE * 0.7, low=y + SIZE * (0.6 + 1.2 * (lines - 1)))
        end = min(free, canvas.find_centre(node) - THICKNESS / 2 + _MOST_COLUMNS * canvas.column_width)
        return end - canvas.find_centre(start) - BESIDE - 5

    beside = measure_text(f" {count}", SIZE) if count else 0.0
    free = measure_room(1)
    lines = [fit_text(name, free - beside, size=SIZE)]
    if below - y > 2.9 * SIZE and measure_text(name, SIZE) > free - beside:
        lines = break_text(name, measure_room(2), size=SIZE, tail=count)
    elif free - beside < _MIN_NAME:
        lines, count = [fit_text(name, free, size=SIZE)], ""
    # the number may have a line of its own
    text = "<br>".join(write_label(line) if line else "" for line in lines)
    text = f"{text}{' ' if lines[-1] else ''}<span style='color:{theme.muted}'>{count}</span>" if count else text
    middle = y + SIZE * 0.6 * (len(lines) - 1)
    note = canvas.write_note(
        node, middle, text=text, xshift=BESIDE, yanchor="middle", align="left", hovertext=write_label(node.name, 200)
    )
    return note | {"x": canvas.locate_beside(start, middle)[0]}, y + SIZE * (0.6 + 1.2 * (len(lines) - 1))


def _label_above(canvas: Canvas, node: SankeyNode, *, name: str, count: str, theme: Colours) -> dict[str, Any]:
    """Place a label above its node, the number below the name."""
    lines = [write_label(line) for line in break_text(name, max(node.height, VERTICAL_PITCH - 4), size=SMALL_SIZE)]
    text = "<br>".join([*lines, f"<span style='color:{theme.ink}'>{count}</span>"] if count else lines)
    settings: dict[str, Any] = {"yshift": THICKNESS / 2 + 1, "xshift": -1, "yanchor": "bottom", "align": "left"}
    return canvas.write_note(node, node.top, text=text, hovertext=write_label(node.name, 200), **settings)


def _label_style(node: SankeyNode, size: int, backed: Collection[Key], theme: Colours) -> dict[str, Any]:
    # a halo in the background's colour keeps names readable on ribbons
    halo = ", ".join([f"0 0 2px {theme.paper}"] * 4)
    return {
        "bgcolor": add_opacity(theme.paper, 0.78) if node.key in backed else "rgba(0,0,0,0)",
        "borderpad": 1,
        "font": {"size": size, "color": theme.ink, "shadow": halo},
    }


def _find_free_edge(canvas: Canvas, taken: Taken, *, high: float, low: float) -> float:
    """Return how far a label may go: to the next column, or further where nothing is at its height."""
    return min(
        (
            canvas.find_centre(other) - THICKNESS / 2
            for other, top, bottom in taken
            if min(other.top, top) < low and max(other.top + other.height, bottom) > high
        ),
        default=canvas.width,
    )


def label_columns(
    canvas: Canvas, *, headings: Sequence[str] | None, goal: str | None, theme: Colours
) -> list[dict[str, Any]]:
    """Label each column with the heading given, with the goal where all are there, else with the step's number."""
    notes = []
    for column, inside in enumerate(canvas.list_columns()):
        if not inside:
            continue
        heading = "First touch" if column == 0 and canvas.first == 0 else f"Step {canvas.first + column + 1}"
        if headings is not None and canvas.first + column < len(headings):
            heading = headings[canvas.first + column]
        elif goal is not None and column > 0 and all(node.name == goal for node in inside):
            heading = goal
        short = write_label(fit_text(heading, 200 if canvas.vertical else canvas.column_width * 0.9, size=SIZE))
        text = f"<b>{short}</b>" if heading == goal else short
        font = {"size": SIZE, "color": theme.goal if heading == goal else theme.muted}
        x, y = canvas.locate_beside(inside[0], 0.0)
        place: dict[str, Any] = {"y": y, "xshift": -THICKNESS / 2, "yanchor": "bottom", "yshift": 6}
        if canvas.vertical:
            # above the names of its row, with a background: ribbons pass below it
            place = {"y": y, "x": 0, "yanchor": "bottom", "yshift": 57, "bgcolor": add_opacity(theme.paper, 0.78)}
        notes.append(canvas.write_note(inside[0], 0.0, text=text, font=font) | {"x": x} | place)
    return notes


def label_ribbons(
    canvas: Canvas, *, names: Sequence[Mapping[str, Any]], figure_of: Callable[[SankeyLink], str], theme: Colours
) -> list[dict[str, Any]]:
    """Label the widest ribbons with their numbers, before the nodes where they arrive and where nothing else is.

    Parameters
    ----------
    canvas
        The layout in its figure.
    names
        The labels of its nodes, which stay free.
    figure_of
        The number of a ribbon.
    theme
        The colours of the page.
    """
    taken = [_find_box(canvas, name) for name in names]
    ends = place_targets(canvas.layout.links)
    wide = sorted(
        (n for n, link in enumerate(canvas.layout.links) if not link.target.is_stub),
        key=lambda n: (-canvas.layout.links[n].people, n),
    )
    notes: list[dict[str, Any]] = []
    for n in wide[:_MOST_RIBBONS]:
        link, (top, bottom) = canvas.layout.links[n], ends[n]
        text = figure_of(link)
        right = canvas.find_centre(link.target) - THICKNESS / 2 - 4
        middle = canvas.top + (top + bottom) / 2
        box = (right - measure_text(text, SMALL_SIZE), right, middle - SMALL_SIZE * 0.6, middle + SMALL_SIZE * 0.6)
        if bottom - top < SMALL_SIZE or any(_boxes_overlap(box, other) for other in taken):
            continue
        taken.append(box)
        place = {
            "xanchor": "right",
            "yanchor": "middle",
            "xshift": -THICKNESS / 2 - 3,
            "bgcolor": add_opacity(theme.paper, 0.7),
        }
        font = {"size": SMALL_SIZE, "color": theme.ink}
        notes.append(canvas.write_note(link.target, (top + bottom) / 2, text=text, font=font, **place))
    return notes


def _find_box(canvas: Canvas, name: Mapping[str, Any]) -> Box:
    """Return the box that a label takes."""
    text = str(name["text"]).split("<span")[0]
    tail = " +00.0" if "<span" in name["text"] else ""
    lines = f"{text}{tail}".split("<br>")
    left = name["x"] * canvas.width + name["xshift"]
    middle, half = (1 - name["y"]) * canvas.total, 7.5 * len(lines)
    return left, left + max(map(measure_text, lines)), middle - half, middle + half


def _boxes_overlap(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
