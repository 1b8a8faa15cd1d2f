"""The Sankey of a flow: which way do they really go, column by column?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import label, lines_of
from journeys.charts.sankey_layout import Layout, Link, Node, lay_out
from journeys.charts.theme import CONTINUES, DROP_OFF, Colours, colours, event_colours, finish, nothing, rgba
from journeys.display import duration, number, percent, plural

__all__ = ["draw"]

THICK = 13
FAINT, FULL = 0.38, 0.85
SAYS_NOTHING = 0.05
SMALLEST = 0.002
FEW = 20


def draw(
    table: pl.DataFrame,
    *,
    goal: str | None = None,
    nodes: pl.DataFrame | None = None,
    colour: Literal["event", "goal"] = "event",
    colour_of: Mapping[str, str] | None = None,
    path: Sequence[str] | None = None,
    heads: Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    width: int = 1080,
    smallest: float = SMALLEST,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a flow's links as a Sankey in true columns.

    Parameters
    ----------
    table
        `position, source, target, people`, and if known `median_time` and `conversion_rate` of each link.
    goal
        The event that has the accent; it stands on top of its columns.
    nodes
        `position, node` and if known `conversion_rate, ci_low, ci_high, phi` of those who pass there.
    colour
        Whether a colour is an event, or how passing goes with reaching the goal, by the sign of the `phi` of links and
        nodes: better, worse, or grey where it is below 0.05 in size.
    colour_of
        A colour by event name, the same in all charts of a report; else by people in this flow.
    path
        The events of the way to set off; else the widest way to the goal.
    heads
        A head for each column; else "First touch", "Step 2", …
    title, subtitle
        The finding and the definition.
    width
        The width in pixels that names are cut for; the figure still fits its place.
    smallest
        Where more than 20 links have a smaller share of the fullest column they are folded: they keep their place, so
        that every node is as high as its people, but no ribbon is drawn, and the subtitle says how many they are.
    dark, narrow
        For a dark page; for a telephone, where the page scrolls the picture sideways.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0, 0], "source": ["Visit", "Visit"], "target": ["Sign up", "(drop-off)"],
    ...     "people": [20, 80]})
    >>> fig = draw(table, goal="Sign up")
    >>> fig.data[0].type, list(fig.data[0].link.value)
    ('sankey', [20, 80])
    """
    rows = table.to_dicts()
    laid = lay_out([(r["position"], r["source"], r["target"], r["people"]) for r in rows], goal=goal)
    if not laid.links:
        return nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    if colour_of is None:
        ranked = sorted(laid.nodes, key=lambda one: (-one.people, one.name))
        special = {DROP_OFF, CONTINUES, "(other)"}
        names = [one.name for one in ranked if one.name not in special]
        colour_of = event_colours(names, goal=goal, dark=dark)
    shade = {one.key: colour_of.get(one.name, theme.rest) for one in laid.nodes}
    known = {} if nodes is None else {(r["position"], r["node"]): r for r in nodes.to_dicts()}
    ribbons = {link.row: shade[link.source.key] for link in laid.links}
    if colour == "goal":
        for one in laid.nodes:
            if one.leaving_from is None and one.name != goal:
                shade[one.key] = _related(known.get((one.position, one.name), {}).get("phi"), theme)
        ribbons = {row: _related(rows[row].get("phi"), theme) for row in ribbons}
    width = min(width, 760) if narrow else width
    first = min(one.position for one in laid.nodes)
    across = _across(laid, first, width)
    on_way = _way(laid, goal, path)
    folded = _folded(laid, smallest, on_way)
    if folded:
        subtitle = f"{subtitle} {_told(laid, folded)}".strip()
    number_of = {one.key: i for i, one in enumerate(laid.nodes)}
    fig = go.Figure(
        go.Sankey(
            arrangement="fixed",
            domain={"x": [0, 1], "y": [1 - laid.scaled / laid.height, 1]},
            # Names are set as annotations, which can be cut, isolated and moved; these stay for the reader of the data.
            textfont={"size": 1, "color": "rgba(0,0,0,0)", "shadow": "none"},
            node={
                "label": [label(one.name, 80) for one in laid.nodes],
                "x": [across[one.key] for one in laid.nodes],
                "y": [one.middle / laid.scaled for one in laid.nodes],
                "color": [shade[one.key] for one in laid.nodes],
                "line": {"width": 0},
                "pad": 0,
                "thickness": THICK,
                "align": "left",
                "sort": "input",
                "customdata": [
                    _node_words(one, laid, known.get((one.position, one.name), {}), goal) for one in laid.nodes
                ],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            link={
                "source": [number_of[link.source.key] for link in laid.links],
                "target": [number_of[link.target.key] for link in laid.links],
                "value": [link.people for link in laid.links],
                "color": [
                    rgba(theme.paper, 0) if link.row in folded else _tint(link, ribbons[link.row], on_way, theme)
                    for link in laid.links
                ],
                "hovercolor": [rgba(ribbons[link.row], FULL) for link in laid.links],
                "sort": "input",
                "customdata": [_link_words(link, rows[link.row], goal) for link in laid.links],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        )
    )
    loud = {link.source.key for link in laid.links if _on(link, on_way)}
    # Set at once: adding annotations one by one copies all of them each time.
    notes = _names(laid, across, width=width, loud=loud, theme=theme)
    notes += _heads(laid, across, first=first, heads=heads, goal=goal, theme=theme)
    fig.update_layout(annotations=notes)
    return finish(
        fig,
        title=title,
        subtitle=subtitle,
        dark=dark,
        narrow=narrow,
        height=round(laid.height) + 40,
        margin={"t": 30, "b": 10, "l": 8, "r": 8},
    )


def _across(laid: Layout, first: int, width: int) -> dict[tuple[int, str, str], float]:
    """Return each node's centre as a share of the width: never 0, which Plotly takes for missing."""
    edge = (THICK / 2 + 1) / width
    # The last column's names stand to its right as everywhere, but inside the plot.
    right = edge + _room(laid, width) / width if laid.columns > 1 else edge
    step = (1 - edge - right) / max(1, laid.columns - 1)
    places = {}
    for one in laid.nodes:
        x = edge + (one.position - first) * step
        places[one.key] = x + (THICK + 5) / width if one.leaving_from is not None else x
    return places


def _room(laid: Layout, width: int) -> float:
    """Return the pixels from one column to the next that a name may take."""
    return width / (laid.columns + (1 if laid.columns > 6 else 0.5))


def _way(laid: Layout, goal: str | None, path: Sequence[str] | None) -> set[tuple[int, str, str]]:
    """Return the links (position, source, target) to set off: the path given, else the widest way to the goal."""
    if path is not None:
        return {(i, a, b) for i, (a, b) in enumerate(pairwise(path))}
    if goal is None:
        return set()
    best: dict[tuple[int, str, str], tuple[float, tuple[tuple[int, str, str], ...]]] = {}
    reached: list[tuple[float, int, tuple[tuple[int, str, str], ...]]] = []
    for link in sorted(laid.links, key=lambda link: (link.source.position, link.source.name, link.target.name)):
        if link.target.leaving_from is not None:
            continue
        width, way = best.get(link.source.key, (float("inf"), ()))
        here = (min(width, link.people), (*way, (link.source.position, link.source.name, link.target.name)))
        if link.target.name == goal:
            reached.append((here[0], -len(here[1]), here[1]))
        elif here[0] > best.get(link.target.key, (0.0, ()))[0]:
            best[link.target.key] = here
    return set(max(reached)[2]) if reached else set()


def _folded(laid: Layout, smallest: float, way: set[tuple[int, str, str]]) -> set[int]:
    """Return the rows of the links whose hairs would only be a haze; never one of the way that is set off."""
    within: dict[int, float] = {}
    for link in laid.links:
        within[link.source.position] = within.get(link.source.position, 0) + link.people
    least = smallest * max(within.values())
    small = {link.row for link in laid.links if link.people < least and not _on(link, way)}
    return small if len(small) > FEW else set()


def _told(laid: Layout, folded: set[int]) -> str:
    small = [link.people for link in laid.links if link.row in folded]
    share = sum(small) / sum(link.people for link in laid.links)
    most = number(max(small))
    return f"{plural(len(small), 'link')} of at most {most}, {percent(share)} of all steps, left undrawn."


def _tint(link: Link, ribbon: str, way: set[tuple[int, str, str]], theme: Colours) -> str:
    if link.target.leaving_from is not None:
        return rgba(theme.drop, 0.55)
    return rgba(ribbon, FULL if _on(link, way) else FAINT)


def _related(phi: float | None, theme: Colours) -> str:
    """Choose the colour of how passing goes with reaching the goal: grey where it says next to nothing."""
    if phi is None or abs(phi) < SAYS_NOTHING:
        return theme.other
    return theme.better if phi > 0 else theme.worse


def _on(link: Link, way: set[tuple[int, str, str]]) -> bool:
    return (link.source.position, link.source.name, link.target.name) in way


def _names(
    laid: Layout,
    across: Mapping[tuple[int, str, str], float],
    *,
    width: int,
    loud: set[tuple[int, str, str]],
    theme: Colours,
) -> list[dict[str, Any]]:
    """Set each node's name and people to its right."""
    room = _room(laid, width)
    size = 12 if room > 130 else 11 if room > 100 else 10
    halo = ", ".join([f"0 0 2px {theme.paper}"] * 4)
    notes = []
    stubs: dict[tuple[int, str, str], float] = {}
    for one in laid.nodes:
        if one.leaving_from is not None:
            key = (one.position, one.leaving_from, "")
            stubs[key] = min(stubs.get(key, one.top), one.top)
    for one in laid.nodes:
        if one.leaving_from is not None:
            continue
        y = one.middle if one.height < 2 * size else one.top + size * 0.85
        beside = one.key in stubs and stubs[one.key] < y + size * 0.6
        shift = THICK / 2 + 4 + (THICK + 5 if beside else 0)
        # Where columns are close the name needs the room more than its number, which the hover label has.
        count = number(one.people) if room > 125 else ""
        signs = int((room - THICK - shift) / (size * 0.54)) - len(count)
        notes.append(
            {
                "text": f"{label(one.name, max(6, signs))} <span style='color:{theme.muted}'>{count}</span>".strip(),
                "hovertext": label(one.name, 200),
                "x": across[one.key],
                "y": 1 - y / laid.height,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "middle",
                "xshift": shift,
                "showarrow": False,
                "bgcolor": rgba(theme.paper, 0.78) if one.key in loud else "rgba(0,0,0,0)",
                "borderpad": 1,
                # A halo in the paper's colour keeps names readable on top of ribbons.
                "font": {"size": size, "color": theme.ink, "shadow": halo},
            }
        )
    return notes


def _heads(
    laid: Layout,
    across: Mapping[tuple[int, str, str], float],
    *,
    first: int,
    heads: Sequence[str] | None,
    goal: str | None,
    theme: Colours,
) -> list[dict[str, Any]]:
    notes = []
    for column in range(laid.columns):
        inside = [one for one in laid.nodes if one.position == first + column and one.leaving_from is None]
        if not inside:
            continue
        said = "First touch" if column == 0 else f"Step {first + column + 1}"
        if heads is not None and column < len(heads):
            said = heads[column]
        elif goal is not None and column > 0 and all(one.name == goal for one in inside):
            said = goal
        notes.append(
            {
                "text": f"<b>{label(said, 20)}</b>" if said == goal else label(said, 20),
                "x": across[inside[0].key],
                "y": 1,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "xshift": -THICK / 2,
                "yanchor": "bottom",
                "yshift": 6,
                "showarrow": False,
                "font": {"size": 11 if laid.columns > 8 else 12, "color": theme.goal if said == goal else theme.muted},
            }
        )
    return notes


def _link_words(link: Link, row: dict[str, Any], goal: str | None) -> str:
    people = plural(link.people, "person", "people")
    share = percent(link.people / link.source.people) if link.source.people else "–"
    where = link.source.name
    if link.target.name == DROP_OFF:
        told = f"{people} left after {where}: {share} of those there"
    elif link.target.name == CONTINUES:
        told = f"{people} went on from {where}, beyond the columns shown: {share} of those there"
    else:
        told = f"{people} went from {where} to {link.target.name}: {share} of those at {where}"
    rate, time = row.get("conversion_rate"), row.get("median_time")
    if rate is not None and goal is not None and link.target.name not in {goal, DROP_OFF}:
        told += f"; {percent(rate)} of them reached {goal}"
    if time is not None:
        told += f"; median {duration(time)}"
    return lines_of(told + ".", 52)


def _node_words(one: Node, laid: Layout, known: Mapping[str, Any], goal: str | None) -> str:
    people = plural(one.people, "person", "people")
    if one.name == DROP_OFF:
        return lines_of(f"{people} left after {one.leaving_from}.", 52)
    if one.name == CONTINUES:
        return lines_of(f"{people} went on from {one.leaving_from}, beyond the columns shown.", 52)
    left = sum(link.people for link in laid.links if link.source is one and link.target.name == DROP_OFF)
    gone = f"; {number(left)} of them left there ({percent(left / one.people)})" if left else ""
    rate, low, high = (known.get(name) for name in ("conversion_rate", "ci_low", "ci_high"))
    if rate is not None and low is not None and high is not None and goal is not None and one.name != goal:
        gone += f"; {percent(rate)} of all who pass here reached {goal} ({percent(low)} to {percent(high)})"
    return lines_of(f"{people} at {one.name}, step {one.position + 1}{gone}.", 52)
