"""Two groups' flows: one Sankey of the differences, or both on one scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import lines_of, plain
from journeys.charts.sankey.drawing import FAINT, FULL, MOST, margins, most_names, shades_of
from journeys.charts.sankey.fold import fold, place_of
from journeys.charts.sankey.layout import Layout, Link, Node, lay_out
from journeys.charts.sankey.names import heads_of, names_of
from journeys.charts.sankey.numbers import numbers_of
from journeys.charts.sankey.parts import Part, Way, parts_of, way_of
from journeys.charts.sankey.stage import PITCH, ROOM, SIDE, Stage, width_for
from journeys.charts.theme import CONTINUES, DROP_OFF, Colours, apply_theme, colours, nothing, rgba
from journeys.display import number, percent, plural, points

__all__ = ["draw", "draw_both"]

SHOWN = 60
TALL, BETWEEN = 300.0, 64.0
"""Pixels that all who start take in each of two flows, and between the two."""
SHARES = ("share_of_start", "against_share_of_start", "difference")


def draw(
    table: pl.DataFrame,
    *,
    nodes: pl.DataFrame | None = None,
    goal: str | None = None,
    headings: Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the difference: links as wide as it is, full and blue where more go here, hollow and orange where fewer do.

    Beside each name, and on the widest links where there is room, it stands as a signed number of percentage points.

    Parameters
    ----------
    table
        `position`, `source`, `target`, `share_of_start`, `against_share_of_start`, `difference`, and if known
        `difference_low`, `difference_high`, `q_value`: what may be chance is pale.
    nodes
        `position`, `node` and the same numbers; else counted from the links, in which those are missing whose journey
        begins and ends at the goal.
    goal
        The event that is reached.
    headings
        A head for each column; else "First touch", "Step 2", …
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a telephone, where columns follow each other downwards with their three largest nodes.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0], "source": ["Visit"], "target": ["Buy"], "share_of_start": [0.3],
    ...     "against_share_of_start": [0.5], "difference": [-0.2]})
    >>> list(draw(table).data[0].link.value)
    [0.2]
    """
    theme = colours(dark=dark)
    folded = fold(
        table.sort("position", "source", "target").to_dicts(), most=most_names(MOST, narrow=narrow), goal=goal,
        add=("difference", *SHARES[:2]), nodes=_rows(nodes),
    )  # fmt: skip
    known_nodes = {(r["position"], r["node"]): r for r in folded.nodes} if nodes is not None else _counted(folded.rows)
    moves = [row for row in folded.rows if abs(row["difference"] or 0) > 1e-12]
    alone = {key: abs(row["difference"] or 0) for key, row in known_nodes.items() if key[1] == goal}
    if not moves and not any(alone.values()):
        return nothing("The two groups go the same ways.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    links = sorted(moves, key=lambda row: -abs(row["difference"]))[:SHOWN]
    left = len(moves) - len(links)
    laid = _lay(links, "difference", goal=goal, there=alone, narrow=narrow)
    stage = _stages([laid], narrow=narrow)[0]
    # The height of a node is how much differs there, which has no meaning of its own: nodes are neutral.
    shades = {
        one.key: theme.drop if one.leaving_from is not None else theme.goal if one.name == goal else theme.rest
        for one in laid.nodes
    }
    known = "q_value" in table.columns
    traces = stage.traces(
        shades=shades,
        tint=lambda link: _shade(links[link.row], theme, known=known),
        loud=lambda link: rgba(theme.better if links[link.row]["difference"] > 0 else theme.worse, 0.85),
        edge=lambda link: _edge(links[link.row], theme, known=known),
        node_says=lambda one: _node_words(one, known_nodes),
        link_says=lambda link: _words(links[link.row]),
    )
    fig = go.Figure(traces)
    stage.axes(fig)
    notes = names_of(stage, figure_of=lambda one: _signed(known_nodes.get(one.key[:2], {})), loud=(), theme=theme)
    if not narrow:
        notes += numbers_of(stage, names=notes, figure_of=lambda link: _signed(links[link.row]), theme=theme)
    notes += heads_of(stage, headings=headings, goal=goal, theme=theme)
    pale = any(not _holds(row, known=known) for row in links)
    outlines = stage.outlines(lambda link: _edge(links[link.row], theme, known=known))
    fig.update_layout(shapes=outlines, annotations=[*notes, _key(pale=pale, theme=theme, narrow=narrow)])
    told = (subtitle, folded.told, f"{left} smaller differences left undrawn." if left else "")
    said = " ".join(part for part in told if part)
    place = margins(stage.total, width=None if narrow else width_for(stage.columns), more=52 if narrow else 24)
    return apply_theme(fig, title=title, subtitle=said, dark=dark, narrow=narrow, **place)


def draw_both(
    table: pl.DataFrame,
    *,
    nodes: pl.DataFrame | None = None,
    goal: str | None = None,
    colour_of: Mapping[str, str] | None = None,
    paths: Sequence[tuple[int, Sequence[str]]] = (),
    path_people: Sequence[int] = (),
    sizes: Sequence[int] = (),
    unit: str = "person",
    headings: Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw both flows, one above the other, as shares of all who start in each.

    Parameters
    ----------
    table
        As in `draw`; links of either group.
    nodes
        As in `draw`: how many are at each node, also those without a link.
    goal
        The event with the accent.
    colour_of
        A colour by name, the same in all charts of a report; else by size in the two flows.
    paths
        The way to set off in each flow: the column of its first node, and its nodes.
    path_people
        How many of the `sizes` went all of it: only so much of its ribbons is set off; else all of each.
    sizes, unit
        How many start in each, and what they are: then names have numbers of these, else shares.
    headings
        A head for each column; else "First touch", "Step 2", …
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a telephone, where columns follow each other downwards with their three largest nodes.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0], "source": ["Visit"], "target": ["Buy"], "share_of_start": [0.3],
    ...     "against_share_of_start": [0.5], "difference": [-0.2]})
    >>> len(draw_both(table).data)
    2
    """
    theme = colours(dark=dark)
    both = pl.col(SHARES[0]).fill_null(0) + pl.col(SHARES[1]).fill_null(0)
    rows = table.with_columns(both=both).sort("position", "source", "target").to_dicts()
    keep = {place for begins, path in paths for place in place_of(path, begins)}
    folded = fold(
        rows, most=most_names(MOST, narrow=narrow), keep=keep, goal=goal, add=("both", *SHARES), nodes=_rows(nodes)
    )
    # Nodes stand in one order in both, and have one colour.
    there = {part: folded.there(part) for part in ("both", *SHARES[:2])}
    union = _lay(folded.rows, "both", goal=goal, there=there["both"], narrow=narrow)
    if not union.nodes:
        return nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    order = [one.key for one in union.nodes]
    shade = shades_of(union, colour_of=colour_of, goal=goal, dark=dark)
    # A share is equally wide in both: on a telephone as wide as the fuller of the two allows.
    ways = [way_of(path, begins) for begins, path in paths] + [frozenset[tuple[int, str, str]]()] * 2
    shares = [many / of if of else 0.0 for many, of in zip(path_people, sizes, strict=False)]
    split = [
        parts_of(folded.rows, size=part, way=way, path_people=share)
        for part, way, share in zip(SHARES[:2], ways, [*shares, None, None], strict=False)
    ]
    fits = [_lay(folded.rows, part, order=order, there=there[part], narrow=narrow).scale for part in SHARES[:2]]
    scale = min([one for one in fits if one] or [TALL]) if narrow else TALL
    laid = [
        _placed([one.link for one in parts], order=order, scale=scale, there=there[part], narrow=narrow)
        for part, parts in zip(SHARES[:2], split, strict=True)
    ]
    stages = _stages(laid, narrow=narrow)
    fig = go.Figure()
    notes: list[dict[str, Any]] = []
    for which, (stage, name) in enumerate(zip(stages, ("Here", "The others"), strict=True)):
        everyone = sizes[which] if which < len(sizes) else None
        notes.append(_head(stage, name, everyone=everyone, unit=unit, theme=theme))
        if stage.laid.nodes:
            traces, words = _flow(stage, split[which], way=ways[which], everyone=everyone, shade=shade, theme=theme)
            fig.add_traces(traces)
            notes += [*words, *heads_of(stage, headings=headings, goal=goal, theme=theme)]
    stages[0].axes(fig)
    fig.update_layout(annotations=notes)
    said = " ".join(part for part in (subtitle, folded.told) if part)
    place = margins(stages[0].total, width=None if narrow else width_for(stages[0].columns), more=26)
    return apply_theme(fig, title=title, subtitle=said, dark=dark, narrow=narrow, **place)


def _lay(
    rows: Sequence[Mapping[str, Any]],
    size: str,
    *,
    goal: str | None = None,
    order: Sequence[tuple[int, str, str]] | None = None,
    scale: float | None = None,
    there: Mapping[tuple[int, str], float] | None = None,
    narrow: bool = False,
) -> Layout:
    """Lay links out, each as wide as one of its numbers is large."""
    links = [(row["position"], row["source"], row["target"], abs(row[size] or 0)) for row in rows]
    return _placed(links, goal=goal, order=order, scale=scale, there=there, narrow=narrow)


def _placed(
    links: Sequence[tuple[int, str, str, float]],
    *,
    goal: str | None = None,
    order: Sequence[tuple[int, str, str]] | None = None,
    scale: float | None = None,
    there: Mapping[tuple[int, str], float] | None = None,
    narrow: bool = False,
) -> Layout:
    if narrow:
        return lay_out(links, goal=goal, order=order, scale=scale, there=there, room=ROOM, pitch=PITCH)
    return lay_out(links, goal=goal, order=order, scale=scale, there=there)


def _stages(laid: Sequence[Layout], *, narrow: bool) -> list[Stage]:
    """Put layouts one above the other, their columns one below the other."""
    places = [one.position for flow in laid for one in flow.nodes if one.leaving_from is None]
    first, columns = min(places), max(places) - min(places) + 1
    tops, top = [], 0.0
    for flow in laid:
        tops.append(top)
        top += Stage.height_of(flow, columns=columns, upright=narrow) + BETWEEN
    across = max(flow.height for flow in laid)
    return [
        Stage(
            flow,
            width_for(columns) - 2 * SIDE,
            first,
            columns,
            top=at,
            total=top - BETWEEN,
            upright=narrow,
            across=across,
        )
        for flow, at in zip(laid, tops, strict=True)
    ]


def _flow(
    stage: Stage,
    parts: Sequence[Part],
    *,
    way: Way,
    everyone: int | None,
    shade: Mapping[tuple[int, str, str], str],
    theme: Colours,
) -> tuple[list[go.Sankey | go.Scatter], list[dict[str, Any]]]:
    """Draw one of the two flows, its most travelled way set off; return its traces and its names."""

    def on(link: Link) -> bool:
        return (link.source.position, link.source.name, link.target.name) in way

    def tint(link: Link) -> str:
        if link.target.leaving_from is not None:
            return rgba(theme.drop, 0.55)
        return rgba(shade[link.source.key], FULL if parts[link.row].set_off else FAINT)

    def figure(one: Node) -> str:
        return percent(one.people) if everyone is None else number(round(one.people * everyone))

    traces = stage.traces(
        shades=shade,
        tint=tint,
        loud=lambda link: rgba(shade[link.source.key], FULL),
        node_says=lambda one: lines_of(f"{_named(one)}: {percent(one.people)} of all who start.", 60),
        link_says=lambda link: _words(parts[link.row].row),
    )
    loud = {end.key for link in stage.laid.links if on(link) for end in (link.source, link.target)}
    return traces, names_of(stage, figure_of=figure, loud=loud, theme=theme)


def _head(stage: Stage, name: str, *, everyone: int | None, unit: str, theme: Colours) -> dict[str, Any]:
    """Say above a flow whose it is."""
    text = f"<b>{name}</b>" + ("" if everyone is None else f": {plural(everyone, unit)}")
    return {
        "text": text, "x": 0, "y": 1 - stage.top / stage.total, "xref": "paper", "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "yshift": 4 if stage.upright else 26, "showarrow": False,
        "font": {"size": 13, "color": theme.ink},
    }  # fmt: skip


def _named(one: Node) -> str:
    if one.leaving_from is None:
        return plain(one.name)
    return f"{'left' if one.name == DROP_OFF else 'went on'} after {plain(one.leaving_from)}"


def _rows(nodes: pl.DataFrame | None) -> list[dict[str, Any]]:
    """Read the nodes in a fixed order, with what both groups are together."""
    if nodes is None:
        return []
    both = pl.col(SHARES[0]).fill_null(0) + pl.col(SHARES[1]).fill_null(0)
    return nodes.with_columns(both=both).sort("position", "node").to_dicts()


def _counted(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    """Count from the links who is at each node: all who leave it, or who come where they are more."""
    into: dict[tuple[int, str, str], float] = defaultdict(float)
    out: dict[tuple[int, str, str], float] = defaultdict(float)
    for row in rows:
        for part in SHARES[:2]:
            out[row["position"], row["source"], part] += row[part] or 0
            if row["target"] not in {DROP_OFF, CONTINUES}:
                into[row["position"] + 1, row["target"], part] += row[part] or 0
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for position, name, _ in {**into, **out}:
        here, there = (max(into[position, name, part], out[position, name, part]) for part in SHARES[:2])
        found[position, name] = dict(zip(SHARES, (here, there, here - there), strict=True))
    return found


def _signed(row: Mapping[str, Any]) -> str:
    """Say by how many points it differs: with its sign, and nothing where that would be a zero."""
    gap = row.get("difference") or 0
    return points(gap).removesuffix(" points") if abs(gap) >= 0.0005 else ""


def _shade(row: Mapping[str, Any], theme: Colours, *, known: bool) -> str:
    """Fill a link of which there is more here; of which there is less it is hollow, so that greys tell them apart."""
    if row["difference"] > 0:
        return rgba(theme.better, 0.75 if _holds(row, known=known) else 0.3)
    return rgba(theme.worse, 0.14 if _holds(row, known=known) else 0.04)


def _edge(row: Mapping[str, Any], theme: Colours, *, known: bool) -> tuple[str, float]:
    if row["difference"] > 0:
        return rgba(theme.better, 0), 0.0
    return rgba(theme.worse, 1 if _holds(row, known=known) else 0.5), 1.2


def _holds(row: Mapping[str, Any], *, known: bool) -> bool:
    """Say whether a difference is beyond chance; of what was put together nobody knows."""
    q = row.get("q_value")
    return not known if q is None else q < 0.05


def _key(*, pale: bool, theme: Colours, narrow: bool) -> dict[str, Any]:
    """Say in words, beside their colours, what links are."""
    told = [(theme.better, "■", "more go this way here"), (theme.worse, "□", "fewer here than among the others")]
    words = [f"<span style='color:{colour}'><b>{sign}</b></span> {text}" for colour, sign, text in told]
    words += ["pale: may be chance"] if pale else []
    words += ["numbers: points of all who start"]
    return {
        "text": "<br>".join([words[0], words[1], " · ".join(words[2:])]) if narrow else "   ".join(words),
        "x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom",
        "yshift": 2 if narrow else 26, "align": "left", "showarrow": False,
        "font": {"size": 11 if narrow else 12, "color": theme.ink},
    }  # fmt: skip


def _words(row: Mapping[str, Any]) -> str:
    return _compared(f"{plain(row['source'])} → {plain(row['target'])}", row)


def _node_words(one: Node, known: Mapping[tuple[int, str], Mapping[str, Any]]) -> str:
    row = known.get((one.position, one.name)) if one.leaving_from is None else None
    return lines_of(_named(one), 60) if row is None else _compared(_named(one), row)


def _compared(what: str, row: Mapping[str, Any]) -> str:
    told = f"{what}: {percent(row['share_of_start'])} here, {percent(row['against_share_of_start'])} of the others; "
    told += points(row["difference"], row.get("difference_low"), row.get("difference_high"))
    return lines_of(told + ".", 60)
