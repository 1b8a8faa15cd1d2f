"""One flow as a Sankey: nodes in the colours of their events, the way most travelled set off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import plotly.graph_objects as go
import polars as pl

from journeys.charts.sankey.fold import fold, place_of
from journeys.charts.sankey.layout import PITCH as LABEL
from journeys.charts.sankey.layout import Layout, Link, lay_out
from journeys.charts.sankey.names import heads_of, names_of
from journeys.charts.sankey.parts import Way, parts_of, way_of
from journeys.charts.sankey.stage import PITCH, ROOM, SIDE, Stage, width_for
from journeys.charts.sankey.words import ENOUGH, link_words, node_words
from journeys.charts.theme import (
    CONTINUES,
    DROP_OFF,
    OTHER,
    Colours,
    apply_theme,
    colours,
    event_colours,
    nothing,
    rgba,
)
from journeys.display import number, percent, plural

__all__ = ["FAINT", "FULL", "MOST", "draw", "margins", "most_names", "shades_of"]

FAINT, FULL = 0.38, 0.85
SAYS_NOTHING = 0.05
SMALLEST = 0.002
FEW = 20
MOST, UPRIGHT_MOST = 50, 3


def draw(
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
    smallest: float = SMALLEST,
    most: int = MOST,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a flow's links as a Sankey in true columns.

    Parameters
    ----------
    table
        `position, source, target, people`, and if known of each link `median_time` and of all who go that way
        `passed`, `converted`, `conversion_rate`, `ci_low`, `ci_high`.
    goal
        The event that has the accent; it stands on top of its columns.
    nodes
        `position, node` and if known `people`, who are more than links bring and take where journeys begin and end at
        the goal; the same of those who pass there; and `phi`.
    colour
        Whether a colour is an event, or how passing goes with reaching the goal, by the sign of the `phi` of links and
        nodes: better, worse, or grey where it is below 0.05 in size or fewer than 30 pass.
    colour_of
        A colour by event name, the same in all charts of a report; else by people in this flow.
    path, begins
        The nodes of the way to set off, and the column of the first.
    path_people
        How many went all of that way: only so much of its ribbons is set off; else all of each.
    headings
        A head for each column; else "First touch", "Step 2", …
    unit
        What is counted: "person", "session" or "entry".
    title, subtitle
        The finding and the definition.
    width
        The figure's width in pixels; else as wide as the names of its columns need, at least 760. A figure for a
        telephone fits its place.
    smallest
        Where more than 20 links have a smaller share of the fullest column they are folded: they keep their place, so
        that every node is as high as its people, but no ribbon is drawn, and the subtitle says how many they are.
    most
        How many nodes of a column are drawn under their own names; the rest is one, and the subtitle says so.
    dark, narrow
        For a dark page; for a telephone, where columns follow each other downwards with their three largest nodes.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0, 0], "source": ["Visit", "Visit"], "target": ["Sign up", "(drop-off)"],
    ...     "people": [20, 80]})
    >>> fig = draw(table, goal="Sign up")
    >>> fig.data[0].type, list(fig.data[0].link.value)
    ('sankey', [20, 80])
    """
    kept = place_of(path, begins)
    folded_nodes = fold(
        table.sort("position", "source", "target").to_dicts(), most=most_names(most, narrow=narrow), keep=kept,
        goal=goal, add=["people"], nodes=[] if nodes is None else nodes.sort("position", "node").to_dicts(),
    )  # fmt: skip
    on_way = way_of(path, begins)
    parts = parts_of(folded_nodes.rows, size="people", way=on_way, path_people=path_people)
    rows = [part.row for part in parts]
    laid = lay_out(
        [part.link for part in parts],
        goal=goal,
        room=ROOM if narrow else None,
        pitch=PITCH if narrow else LABEL,
        there=folded_nodes.there("people"),
    )
    if not laid.nodes:
        return nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    shade = shades_of(laid, colour_of=colour_of, goal=goal, dark=dark)
    known = {(r["position"], r["node"]): r for r in folded_nodes.nodes}
    ribbons = {link.row: shade[link.source.key] for link in laid.links}
    if colour == "goal":
        for one in laid.nodes:
            if one.leaving_from is None and one.name != goal:
                shade[one.key] = _related(known.get((one.position, one.name), {}), theme)
        ribbons = {row: _related(rows[row], theme) for row in ribbons}
    first = min(one.position for one in laid.nodes)
    total = Stage.height_of(laid, columns=laid.columns, upright=narrow)
    wide = width or width_for(laid.columns)
    stage = Stage(laid, wide - 2 * SIDE, first, laid.columns, total=total, upright=narrow)
    hairs = _hairs(laid, smallest, on_way)
    told = [subtitle, folded_nodes.told, _told(laid, hairs) if hairs else ""]

    def tint(link: Link) -> str:
        if link.row in hairs:
            return rgba(theme.paper, 0)
        if link.target.leaving_from is not None:
            return rgba(theme.drop, 0.55)
        return rgba(ribbons[link.row], FULL if parts[link.row].set_off else FAINT)

    def says(link: Link) -> str:
        """Say the same of both parts of a ribbon: of all who go there, and how many of them go the whole way."""
        every = replace(link, people=rows[link.row]["people"])
        whole = path_people if path_people is not None and _on(link, on_way) else None
        return link_words(every, rows[link.row], goal=goal, unit=unit, whole=whole)

    traces = stage.traces(
        shades=shade,
        tint=tint,
        loud=lambda link: rgba(ribbons[link.row], FULL),
        node_says=lambda one: node_words(one, laid, known.get((one.position, one.name), {}), goal=goal, unit=unit),
        link_says=says,
    )
    fig = go.Figure(traces)
    stage.axes(fig)
    loud = {end.key for link in laid.links if _on(link, on_way) for end in (link.source, link.target)}
    # Set at once: adding annotations one by one copies all of them each time.
    notes = names_of(stage, figure_of=lambda one: number(one.people), loud=loud, theme=theme)
    notes += heads_of(stage, headings=headings, goal=goal, theme=theme)
    fig.update_layout(annotations=notes)
    said = " ".join(part for part in told if part)
    place = margins(total, width=None if narrow else wide)
    return apply_theme(fig, title=title, subtitle=said, dark=dark, narrow=narrow, **place)


def margins(total: float, *, width: int | None, more: int = 0) -> dict[str, Any]:
    """Say how high the figure is, how wide unless upright, and what is around it."""
    top = (4 if width is None else 30) + more
    margin = {"t": top, "b": 10, "l": SIDE, "r": SIDE}
    return {"height": round(total) + top + 10, "width": width, "margin": margin}


def most_names(most: int, *, narrow: bool) -> int:
    """Say how many nodes of a column are drawn under their own names."""
    return min(most, UPRIGHT_MOST) if narrow else most


def shades_of(
    laid: Layout, *, colour_of: Mapping[str, str] | None, goal: str | None, dark: bool
) -> dict[tuple[int, str, str], str]:
    """Give each node its colour: the one given for its name, else by people in this layout."""
    theme = colours(dark=dark)
    if colour_of is None:
        ranked = sorted(laid.nodes, key=lambda one: (-one.people, one.name))
        colour_of = event_colours([one.name for one in ranked if one.leaving_from is None], goal=goal, dark=dark)
    stops = {DROP_OFF: theme.drop, CONTINUES: theme.other}
    return {
        one.key: stops[one.name] if one.leaving_from is not None
        else theme.other if one.name == OTHER
        else colour_of.get(one.name, theme.rest)
        for one in laid.nodes
    }  # fmt: skip


def _hairs(laid: Layout, smallest: float, way: Way) -> set[int]:
    """Return the rows of the links whose hairs would only be a haze; never one of the way that is set off."""
    within: dict[int, float] = {}
    for link in laid.links:
        within[link.source.position] = within.get(link.source.position, 0) + link.people
    least = smallest * max(within.values(), default=0)
    small = {link.row for link in laid.links if link.people < least and not _on(link, way)}
    return small if len(small) > FEW else set()


def _told(laid: Layout, hairs: set[int]) -> str:
    small = [link.people for link in laid.links if link.row in hairs]
    share = sum(small) / sum(link.people for link in laid.links)
    most = number(max(small))
    return f"{plural(len(small), 'link')} of at most {most}, {percent(share)} of all steps, left undrawn."


def _related(row: Mapping[str, Any], theme: Colours) -> str:
    """Choose the colour of how passing goes with reaching the goal: grey where it says next to nothing."""
    phi, passed = row.get("phi"), row.get("passed")
    if phi is None or abs(phi) < SAYS_NOTHING or (passed is not None and passed < ENOUGH):
        return theme.other
    return theme.better if phi > 0 else theme.worse


def _on(link: Link, way: Way) -> bool:
    return (link.source.position, link.source.name, link.target.name) in way
