"""Two groups' flows: one Sankey of the differences, or both on one scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence
from journeys.charts.sankey.draw import (
    FAINT,
    FULL,
    MOST,
    add_legend,
    choose_margins,
    choose_outlines,
    colour_nodes,
    count_names,
)
from journeys.charts.sankey.labels import Swatch, label_columns, label_nodes, label_ribbons, list_swatches
from journeys.charts.sankey.layout import Key, SankeyLayout, SankeyLink, SankeyNode, lay_out
from journeys.charts.sankey.render import SIDE_MARGIN, VERTICAL_LAYOUT, Canvas, width_for
from journeys.charts.sankey.ribbons import (
    PathLinks,
    Ribbon,
    collapse_small_nodes,
    list_path_links,
    list_path_nodes,
    split_ribbons,
)
from journeys.charts.theme import CONTINUES, DROP_OFF, Colours, add_opacity, apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_number, format_percent, format_points, quote_label, quote_labels

_MOST_LINKS = 60
_HEIGHT, _GAP = 300.0, 64.0
"""Pixels that all who start take in each of two flows, and those between the two."""
SHARES = ("share_of_start", "against_share_of_start", "difference")


def draw_flow_difference(
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

    Each name, and each of the widest links where there is room, has the difference in percentage points.

    Parameters
    ----------
    table
        `position`, `source`, `target`, `share_of_start`, `against_share_of_start`, `difference`, and if known
        `difference_low`, `difference_high`, `q_value`: what may be chance is pale.
    nodes
        `position`, `node` and the same numbers; else they are counted from the links, which journeys that begin and
        end at the goal do not have.
    goal
        The event that is reached.
    headings
        A heading for each column; else "First touch", "Step 2", …
    dark, narrow
        For a dark page; for a phone, where columns follow each other downwards with their three largest nodes.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0], "source": ["Visit"], "target": ["Buy"], "share_of_start": [0.3],
    ...     "against_share_of_start": [0.5], "difference": [-0.2]})
    >>> list(draw_flow_difference(table).data[0].link.value)
    [0.2]
    """
    theme = choose_theme(dark=dark)
    collapsed = collapse_small_nodes(
        table.sort("position", "source", "target").to_dicts(), most=count_names(MOST, narrow=narrow), goal=goal,
        add=("difference", *SHARES[:2]), nodes=_list_nodes(nodes),
    )  # fmt: skip
    known = {(row["position"], row["node"]): row for row in collapsed.nodes}
    if nodes is None:
        known = _count_nodes(collapsed.rows)
    moves = [row for row in collapsed.rows if abs(row["difference"] or 0) > 1e-12]
    at_goal = {key: abs(row["difference"] or 0) for key, row in known.items() if key[1] == goal}
    if not moves and not any(at_goal.values()):
        return draw_nothing(
            "The two groups take the same paths.", title=title, subtitle=subtitle, dark=dark, narrow=narrow
        )
    links = sorted(moves, key=lambda row: -abs(row["difference"]))[:_MOST_LINKS]
    layout = _lay_rows(links, "difference", goal=goal, sizes=at_goal, narrow=narrow)
    canvas = _stack_layouts([layout], narrow=narrow)[0]
    # the height of a node is how much differs there, which has no meaning of its own: nodes are neutral
    inner = [node for node in layout.nodes if not node.is_stub]
    stubs = [node for node in layout.nodes if node.is_stub]
    node_colours = {node.key: theme.goal if node.name == goal else theme.rest for node in inner}
    node_colours |= {node.key: theme.paper if node.name == CONTINUES else theme.drop for node in stubs}
    node_outlines = choose_outlines(stubs, theme)
    is_tested = "q_value" in table.columns
    outline = {n: _outline_link(row, theme, is_tested=is_tested) for n, row in enumerate(links)}
    traces = canvas.draw_traces(
        colours=node_colours,
        fill=lambda link: _fill_link(links[link.row], theme, is_tested=is_tested),
        hover_fill=lambda link: add_opacity(theme.better if links[link.row]["difference"] > 0 else theme.worse, 0.85),
        outline=lambda link: outline[link.row],
        node_outlines=node_outlines,
        node_text=lambda node: _describe_node(node, known),
        link_text=lambda link: _describe_link(links[link.row]),
    )
    fig = Chart(traces)
    canvas.set_axes(fig)
    labels = label_nodes(
        canvas, figure_of=lambda node: _signed_points(known.get(node.key[:2], {})), backed=(), theme=theme
    )
    if not narrow:
        labels += label_ribbons(
            canvas, names=labels, figure_of=lambda link: _signed_points(links[link.row]), theme=theme
        )
    labels += label_columns(canvas, headings=headings, goal=goal, theme=theme)
    has_pale = any(not _is_significant(row, is_tested=is_tested) for row in links)
    labels.append(_label_key(has_pale=has_pale, theme=theme, narrow=narrow))
    shapes = canvas.outline_links(lambda link: outline[link.row]) + canvas.outline_nodes(node_outlines)
    fig.update_layout(shapes=shapes, annotations=labels)
    swatches = list_swatches(stubs, goal=None, theme=theme)
    if inner:
        swatches = [Swatch(theme.rest, "node: its size is what differs there"), *swatches]
    add_legend(fig, swatches, vertical=narrow)
    undrawn = len(moves) - len(links)
    notes = (subtitle, collapsed.note, f"{undrawn} smaller differences not drawn." if undrawn else "")
    width = None if narrow else width_for(canvas.columns)
    return apply_theme(
        fig, title=title, subtitle=" ".join(note for note in notes if note), dark=dark, narrow=narrow,
        **choose_margins(canvas.total, width=width, extra_top=52 if narrow else 24),
    )  # fmt: skip


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
        As in `draw_flow_difference`; links of either group.
    nodes
        As in `draw_flow_difference`: how many are at each node, also those without a link.
    goal
        The event with the accent.
    colour_of
        A colour by name, the same in all charts of a report; else by size in the two flows.
    paths
        The path to highlight in each flow: the column of its first node, and its nodes.
    path_people
        How many of the `sizes` took all of it: only that much of its ribbons is highlighted; else all of each.
    sizes, unit
        How many start in each, and what they are: names then have these numbers, else shares.
    headings
        A heading for each column; else "First touch", "Step 2", …
    dark, narrow
        For a dark page; for a phone, where columns follow each other downwards with their three largest nodes.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0], "source": ["Visit"], "target": ["Buy"], "share_of_start": [0.3],
    ...     "against_share_of_start": [0.5], "difference": [-0.2]})
    >>> len(draw_both(table).data)
    2
    """
    theme = choose_theme(dark=dark)
    both = pl.col(SHARES[0]).fill_null(0) + pl.col(SHARES[1]).fill_null(0)
    rows = table.with_columns(both=both).sort("position", "source", "target").to_dicts()
    keep = {node for begins, path in paths for node in list_path_nodes(path, begins)}
    collapsed = collapse_small_nodes(
        rows, most=count_names(MOST, narrow=narrow), keep=keep, goal=goal, add=("both", *SHARES),
        nodes=_list_nodes(nodes),
    )  # fmt: skip
    # nodes have one order and one colour in both
    node_sizes = {group: collapsed.measure_nodes(group) for group in ("both", *SHARES[:2])}
    union = _lay_rows(collapsed.rows, "both", goal=goal, sizes=node_sizes["both"], narrow=narrow)
    if not union.nodes:
        return draw_nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    order = [node.key for node in union.nodes]
    node_colours = colour_nodes(union, colour_of=colour_of, goal=goal, dark=dark)
    outlines = choose_outlines(union.nodes, theme)
    path_links = [list_path_links(path, begins) for begins, path in paths] + [frozenset[Key]()] * 2
    path_shares = [people / size if size else 0.0 for people, size in zip(path_people, sizes, strict=False)]
    ribbons = [
        split_ribbons(collapsed.rows, size=group, path=links, path_people=share)
        for group, links, share in zip(SHARES[:2], path_links, [*path_shares, None, None], strict=False)
    ]
    # a share is equally wide in both: on a phone as wide as the fuller of the two allows
    scale = _HEIGHT
    if narrow:
        fits = [
            _lay_rows(collapsed.rows, group, order=order, sizes=node_sizes[group], narrow=True).scale
            for group in SHARES[:2]
        ]
        scale = min([fit for fit in fits if fit] or [_HEIGHT])
    layouts = [
        lay_out(
            [ribbon.link for ribbon in own], order=order, scale=scale, sizes=node_sizes[group],
            **(VERTICAL_LAYOUT if narrow else {}),
        )
        for group, own in zip(SHARES[:2], ribbons, strict=True)
    ]  # fmt: skip
    canvases = _stack_layouts(layouts, narrow=narrow)
    fig = Chart()
    labels: list[dict[str, Any]] = []
    for which, (canvas, name) in enumerate(zip(canvases, ("Here", "The others"), strict=True)):
        size = sizes[which] if which < len(sizes) else None
        labels.append(_label_group(canvas, name, size=size, unit=unit, theme=theme))
        if canvas.layout.nodes:
            traces, names = _draw_group(
                canvas,
                ribbons[which],
                path=path_links[which],
                size=size,
                node_colours=node_colours,
                outlines=outlines,
                theme=theme,
            )
            fig.add_traces(traces)
            labels += [*names, *label_columns(canvas, headings=headings, goal=goal, theme=theme)]
    canvases[0].set_axes(fig)
    shapes = [shape for canvas in canvases for shape in canvas.outline_nodes(outlines)]
    fig.update_layout(annotations=labels, shapes=shapes)
    add_legend(fig, list_swatches(union.nodes, goal=goal, theme=theme), vertical=narrow)
    width = None if narrow else width_for(canvases[0].columns)
    return apply_theme(
        fig, title=title, subtitle=" ".join(note for note in (subtitle, collapsed.note) if note), dark=dark,
        narrow=narrow, **choose_margins(canvases[0].total, width=width, extra_top=26),
    )  # fmt: skip


def _lay_rows(
    rows: Sequence[Mapping[str, Any]],
    size: str,
    *,
    goal: str | None = None,
    order: Sequence[Key] | None = None,
    sizes: Mapping[tuple[int, str], float],
    narrow: bool,
) -> SankeyLayout:
    """Lay out links that are as wide as one of their numbers is large."""
    links = [(row["position"], row["source"], row["target"], abs(row[size] or 0)) for row in rows]
    return lay_out(links, goal=goal, order=order, sizes=sizes, **(VERTICAL_LAYOUT if narrow else {}))


def _stack_layouts(layouts: Sequence[SankeyLayout], *, narrow: bool) -> list[Canvas]:
    """Place layouts one above the other, with their columns aligned."""
    positions = [node.position for layout in layouts for node in layout.nodes if not node.is_stub]
    first, columns = min(positions), max(positions) - min(positions) + 1
    tops, top = [], 0.0
    for layout in layouts:
        tops.append(top)
        top += Canvas.measure_height(layout, columns=columns, vertical=narrow) + _GAP
    across = max(layout.height for layout in layouts)
    return [
        Canvas(
            layout, width_for(columns) - 2 * SIDE_MARGIN, first, columns, top=at, total=top - _GAP, vertical=narrow,
            across=across,
        )
        for layout, at in zip(layouts, tops, strict=True)
    ]  # fmt: skip


def _draw_group(
    canvas: Canvas,
    ribbons: Sequence[Ribbon],
    *,
    path: PathLinks,
    size: int | None,
    node_colours: Mapping[Key, str],
    outlines: Mapping[Key, str],
    theme: Colours,
) -> tuple[list[go.Sankey | go.Scatter], list[dict[str, Any]]]:
    """Draw one of the two flows with its path highlighted; return its traces and the labels of its nodes."""

    def choose_fill(link: SankeyLink) -> str:
        if link.target.is_stub:
            return add_opacity(theme.drop, 0.55)
        return add_opacity(node_colours[link.source.key], FULL if ribbons[link.row].is_highlighted else FAINT)

    def format_node(node: SankeyNode) -> str:
        return format_percent(node.people) if size is None else format_number(round(node.people * size))

    traces = canvas.draw_traces(
        colours=node_colours,
        fill=choose_fill,
        hover_fill=lambda link: add_opacity(node_colours[link.source.key], FULL),
        node_outlines=outlines,
        node_text=lambda node: wrap_sentence(
            f"{_name_node(node)}: {format_percent(node.people)} of all who start.", 60
        ),
        link_text=lambda link: _describe_link(ribbons[link.row].row),
    )
    on_path = {end.key for link in canvas.layout.links if link.key in path for end in (link.source, link.target)}
    return traces, label_nodes(canvas, figure_of=format_node, backed=on_path, theme=theme)


def _label_group(canvas: Canvas, name: str, *, size: int | None, unit: str, theme: Colours) -> dict[str, Any]:
    """Label a flow with the name of its group."""
    return {
        "text": f"<b>{name}</b>" + ("" if size is None else f": {format_count(size, unit)}"),
        "x": 0, "y": 1 - canvas.top / canvas.total, "xref": "paper", "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "yshift": 4 if canvas.vertical else 26, "showarrow": False,
        "font": {"size": 13, "color": theme.ink},
    }  # fmt: skip


def _name_node(node: SankeyNode) -> str:
    if node.leaving_from is None:
        return quote_label(node.name)
    return f"{'left' if node.name == DROP_OFF else 'went on'} after {quote_label(node.leaving_from)}"


def _list_nodes(nodes: pl.DataFrame | None) -> list[dict[str, Any]]:
    """List the nodes in a fixed order, with the sum of both groups."""
    if nodes is None:
        return []
    both = pl.col(SHARES[0]).fill_null(0) + pl.col(SHARES[1]).fill_null(0)
    return nodes.with_columns(both=both).sort("position", "node").to_dicts()


def _count_nodes(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    """Count from the links who is at each node: all who leave it, or who arrive where these are more."""
    into: dict[Key, float] = defaultdict(float)
    out: dict[Key, float] = defaultdict(float)
    for row in rows:
        for group in SHARES[:2]:
            out[row["position"], row["source"], group] += row[group] or 0
            if row["target"] not in {DROP_OFF, CONTINUES}:
                into[row["position"] + 1, row["target"], group] += row[group] or 0
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for position, name, _ in {**into, **out}:
        here, there = (max(into[position, name, group], out[position, name, group]) for group in SHARES[:2])
        found[position, name] = dict(zip(SHARES, (here, there, here - there), strict=True))
    return found


def _signed_points(row: Mapping[str, Any]) -> str:
    """Write the difference in points with its sign; nothing where it would be a zero."""
    gap = row.get("difference") or 0
    return format_points(gap).removesuffix(" points") if abs(gap) >= 0.0005 else ""


def _fill_link(row: Mapping[str, Any], theme: Colours, *, is_tested: bool) -> str:
    """Fill links that more take here; links that fewer take are hollow, so that they differ in greyscale, too."""
    if row["difference"] > 0:
        return add_opacity(theme.better, 0.75 if _is_significant(row, is_tested=is_tested) else 0.3)
    return add_opacity(theme.worse, 0.14 if _is_significant(row, is_tested=is_tested) else 0.04)


def _outline_link(row: Mapping[str, Any], theme: Colours, *, is_tested: bool) -> tuple[str, float]:
    if row["difference"] > 0:
        return add_opacity(theme.better, 0), 0.0
    return add_opacity(theme.worse, 1 if _is_significant(row, is_tested=is_tested) else 0.5), 1.2


def _is_significant(row: Mapping[str, Any], *, is_tested: bool) -> bool:
    """Return whether a difference is beyond chance; merged rows have no test."""
    q = row.get("q_value")
    return not is_tested if q is None else q < 0.05


def _label_key(*, has_pale: bool, theme: Colours, narrow: bool) -> dict[str, Any]:
    """Explain the colours of links."""
    meanings = [(theme.better, "■", "more go this way here"), (theme.worse, "□", "fewer here than among the others")]
    texts = [f"<span style='color:{colour}'><b>{sign}</b></span> {text}" for colour, sign, text in meanings]
    texts += ["pale: may be chance"] if has_pale else []
    texts += ["numbers: points of all who start"]
    return {
        "text": "<br>".join([*texts[:2], " · ".join(texts[2:])]) if narrow else "   ".join(texts),
        "x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom",
        "yshift": 2 if narrow else 26, "align": "left", "showarrow": False,
        "font": {"size": 11 if narrow else 12, "color": theme.ink},
    }  # fmt: skip


def _describe_link(row: Mapping[str, Any]) -> str:
    return _describe_difference(quote_labels([row["source"], row["target"]]), row)


def _describe_node(node: SankeyNode, known: Mapping[tuple[int, str], Mapping[str, Any]]) -> str:
    row = known.get((node.position, node.name)) if not node.is_stub else None
    return wrap_sentence(_name_node(node), 60) if row is None else _describe_difference(_name_node(node), row)


def _describe_difference(name: str, row: Mapping[str, Any]) -> str:
    shares = (
        f"{format_percent(row['share_of_start'])} here, {format_percent(row['against_share_of_start'])} of the others"
    )
    difference = format_points(row["difference"], row.get("difference_low"), row.get("difference_high"))
    return wrap_sentence(f"{name}: {shares}; {difference}.", 60)
