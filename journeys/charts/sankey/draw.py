"""A flow as a Sankey: nodes in the colours of their events, the most-travelled path highlighted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.sankey.hover_text import ENOUGH, describe_link, describe_node
from journeys.charts.sankey.labels import Swatch, label_columns, label_nodes, list_swatches
from journeys.charts.sankey.layout import Key, SankeyLayout, SankeyLink, SankeyNode, lay_out
from journeys.charts.sankey.render import OUTLINE, SIDE_MARGIN, VERTICAL_LAYOUT, Canvas, width_for
from journeys.charts.sankey.ribbons import (
    PathLinks,
    collapse_small_nodes,
    list_path_links,
    list_path_nodes,
    split_ribbons,
)
from journeys.charts.theme import (
    CONTINUES,
    DROP_OFF,
    OTHER,
    Colours,
    add_opacity,
    apply_theme,
    assign_event_colours,
    choose_theme,
    draw_nothing,
)
from journeys.display import format_count, format_number, format_percent

FAINT, FULL = 0.38, 0.85
SMALLEST_PHI = 0.05
_SMALLEST_SHARE = 0.002
_FEW_LINKS = 20
MOST, _MOST_VERTICAL = 50, 3


def draw_sankey(
    table: pl.DataFrame,
    *,
    goal: str | None = None,
    nodes: pl.DataFrame | None = None,
    colour: Literal["event", "goal"] = "event",
    colour_of: Mapping[str, str] | None = None,
    path: Sequence[str] = (),
    begins: int = 0,
    path_people: int | None = None,
    headings: Sequence[str] | None = None,
    unit: str = "person",
    title: str = "",
    subtitle: str = "",
    width: int | None = None,
    smallest: float = _SMALLEST_SHARE,
    most: int = MOST,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a flow's links as a Sankey in true columns.

    Parameters
    ----------
    table
        `position, source, target, people`, and if known of each link `median_time` and of all who pass it
        `passed`, `converted`, `conversion_rate`, `ci_low`, `ci_high`.
    goal
        The event that has the accent; it is on top of its columns.
    nodes
        `position, node` and if known `people`, which is more than links bring and take where journeys begin and end at
        the goal; the same columns of those who pass there; and `phi`.
    colour
        Whether a colour stands for an event, or for how passing goes with reaching the goal, by the sign of the `phi`
        of links and nodes: better, worse, or grey where it is below 0.05 in size or fewer than 30 pass.
    colour_of
        A colour by event name, the same in all charts of a report; else by people in this flow.
    path, begins
        The nodes of the path to highlight, and the column of the first.
    path_people
        How many took all of that path: only that much of its ribbons is highlighted; else all of each.
    headings
        A heading for each column; else "First touch", "Step 2", …
    unit
        What is counted: "person", "session" or "entry".
    width
        The figure's width in pixels; else as wide as the names of its columns need, at least 760. A figure for a
        phone fits its place.
    smallest
        Where more than 20 links have a smaller share of the fullest column, they keep their place, so that every
        node is as high as its people, but are not drawn; the subtitle says how many they are.
    most
        How many nodes of a column are drawn under their own names; the rest is merged, and the subtitle says so.
    dark, narrow
        For a dark page; for a phone, where columns follow each other downwards with their three largest nodes.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0, 0], "source": ["Visit", "Visit"], "target": ["Sign up", "(drop-off)"],
    ...     "people": [20, 80]})
    >>> fig = draw_sankey(table, goal="Sign up")
    >>> fig.data[0].type, list(fig.data[0].link.value)
    ('sankey', [20, 80])
    """
    collapsed = collapse_small_nodes(
        table.sort("position", "source", "target").to_dicts(), most=count_names(most, narrow=narrow),
        keep=list_path_nodes(path, begins), goal=goal, add=["people"],
        nodes=[] if nodes is None else nodes.sort("position", "node").to_dicts(),
    )  # fmt: skip
    path_links = list_path_links(path, begins)
    ribbons = split_ribbons(collapsed.rows, size="people", path=path_links, path_people=path_people)
    rows = [ribbon.row for ribbon in ribbons]
    layout = lay_out(
        [ribbon.link for ribbon in ribbons],
        goal=goal,
        sizes=collapsed.measure_nodes("people"),
        **(VERTICAL_LAYOUT if narrow else {}),
    )
    if not layout.nodes:
        return draw_nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    node_colours = colour_nodes(layout, colour_of=colour_of, goal=goal, dark=dark)
    known = {(row["position"], row["node"]): row for row in collapsed.nodes}
    ribbon_colours = {link.row: node_colours[link.source.key] for link in layout.links}
    if colour == "goal":
        for node in layout.nodes:
            if not node.is_stub and node.name != goal:
                node_colours[node.key] = _colour_by_phi(known.get((node.position, node.name), {}), theme)
        ribbon_colours = {row: _colour_by_phi(rows[row], theme) for row in ribbon_colours}
    figure_width = width or width_for(layout.columns)
    canvas = Canvas(
        layout,
        figure_width - 2 * SIDE_MARGIN,
        first=min(node.position for node in layout.nodes),
        columns=layout.columns,
        total=Canvas.measure_height(layout, columns=layout.columns, vertical=narrow),
        vertical=narrow,
    )
    undrawn = _list_undrawn(layout, smallest, path_links)

    def fill_link(link: SankeyLink) -> str:
        if link.row in undrawn:
            return add_opacity(theme.paper, 0)
        if link.target.is_stub:
            return add_opacity(theme.drop, 0.55)
        return add_opacity(ribbon_colours[link.row], FULL if ribbons[link.row].is_highlighted else FAINT)

    def describe(link: SankeyLink) -> str:
        """Describe both parts of a split ribbon as the whole link."""
        whole = replace(link, people=rows[link.row]["people"])
        on_path = path_people if path_people is not None and link.key in path_links else None
        return describe_link(whole, rows[link.row], goal=goal, unit=unit, path_people=on_path)

    outlines = choose_outlines(layout.nodes, theme)
    traces = canvas.draw_traces(
        colours=node_colours,
        fill=fill_link,
        hover_fill=lambda link: add_opacity(ribbon_colours[link.row], FULL),
        node_outlines=outlines,
        node_text=lambda node: describe_node(
            node, layout, known.get((node.position, node.name), {}), goal=goal, unit=unit
        ),
        link_text=describe,
    )
    fig = Chart(traces)
    canvas.set_axes(fig)
    on_path = {end.key for link in layout.links if link.key in path_links for end in (link.source, link.target)}
    labels = label_nodes(canvas, figure_of=lambda node: format_number(node.people), backed=on_path, theme=theme)
    labels += label_columns(canvas, headings=headings, goal=goal, theme=theme)
    # set at once: adding annotations one by one copies all of them each time
    fig.update_layout(annotations=labels, shapes=canvas.outline_nodes(outlines))
    if colour == "event":
        add_legend(fig, list_swatches(layout.nodes, goal=goal, theme=theme), vertical=narrow)
    notes = [subtitle, collapsed.note, _describe_undrawn(layout, undrawn) if undrawn else ""]
    return apply_theme(
        fig, title=title, subtitle=" ".join(note for note in notes if note), dark=dark, narrow=narrow,
        **choose_margins(canvas.total, width=None if narrow else figure_width),
    )  # fmt: skip


def add_legend(fig: go.Figure, swatches: Sequence[Swatch], *, vertical: bool) -> None:
    """Explain colours below the drawing, by traces without points."""
    for swatch in swatches:
        line = {"width": OUTLINE if swatch.outline else 0, "color": swatch.outline or swatch.colour}
        marker = {"color": swatch.colour, "symbol": "square", "size": 9, "line": line}
        fig.add_scatter(x=[None], y=[None], mode="markers", marker=marker, name=swatch.text, showlegend=True)
    fig.update_layout(showlegend=bool(swatches), legend={"y": -0.01, "yanchor": "top", "itemclick": False})
    fig.update_layout(legend={"itemdoubleclick": False, "font": {"size": 11}})
    if not vertical:
        fig.update_xaxes(visible=False)
        fig.update_yaxes(visible=False)


def choose_margins(total: float, *, width: int | None, extra_top: int = 0) -> dict[str, Any]:
    """Return the height of the figure, its width unless vertical, and its margins."""
    top = (4 if width is None else 30) + extra_top
    bottom = 96 if width is None else 34
    margin = {"t": top, "b": bottom, "l": SIDE_MARGIN, "r": SIDE_MARGIN}
    return {"height": round(total) + top + bottom, "width": width, "margin": margin}


def count_names(most: int, *, narrow: bool) -> int:
    """Return how many nodes of a column are drawn under their own names."""
    return min(most, _MOST_VERTICAL) if narrow else most


def colour_nodes(
    layout: SankeyLayout, *, colour_of: Mapping[str, str] | None, goal: str | None, dark: bool
) -> dict[Key, str]:
    """Choose each node's colour: the one given for its name, else by people in this layout; "(continues)" is hollow."""
    theme = choose_theme(dark=dark)
    if colour_of is None:
        ranked = sorted(layout.nodes, key=lambda node: (-node.people, node.name))
        colour_of = assign_event_colours([node.name for node in ranked if not node.is_stub], goal=goal, dark=dark)
    stops = {DROP_OFF: theme.drop, CONTINUES: theme.paper}
    return {
        node.key: stops[node.name] if node.is_stub
        else theme.other if node.name == OTHER
        else colour_of.get(node.name, theme.rest)
        for node in layout.nodes
    }  # fmt: skip


def choose_outlines(nodes: Iterable[SankeyNode], theme: Colours) -> dict[Key, str]:
    """Outline "(other)", and the hollow stubs of those who went on: without colour all greys would look alike."""
    return {
        node.key: theme.ink if not node.is_stub else theme.other
        for node in nodes
        if node.name == (OTHER if not node.is_stub else CONTINUES)
    }


def _list_undrawn(layout: SankeyLayout, smallest: float, path: PathLinks) -> set[int]:
    """List the rows of links too thin to see, where there are many; never one of the path."""
    column_people: dict[int, float] = {}
    for link in layout.links:
        column_people[link.source.position] = column_people.get(link.source.position, 0) + link.people
    limit = smallest * max(column_people.values(), default=0)
    thin = {link.row for link in layout.links if link.people < limit and link.key not in path}
    return thin if len(thin) > _FEW_LINKS else set()


def _describe_undrawn(layout: SankeyLayout, undrawn: set[int]) -> str:
    people = [link.people for link in layout.links if link.row in undrawn]
    share = sum(people) / sum(link.people for link in layout.links)
    return (
        f"{format_count(len(people), 'link')} of at most {format_number(max(people))}, "
        f"{format_percent(share)} of all steps, not drawn."
    )


def _colour_by_phi(row: Mapping[str, Any], theme: Colours) -> str:
    """Choose the colour of how passing goes with reaching the goal: grey where it is negligible or unknown."""
    phi, passed = row.get("phi"), row.get("passed")
    if phi is None or abs(phi) < SMALLEST_PHI or (passed is not None and passed < ENOUGH):
        return theme.other
    return theme.better if phi > 0 else theme.worse
