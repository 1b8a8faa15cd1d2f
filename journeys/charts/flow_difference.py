"""Two groups' flows: one Sankey of the differences, or both on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label, lines_of
from journeys.charts.theme import Colours, colours, event_colours, finish, nothing, rgba
from journeys.display import percent, points

__all__ = ["draw", "draw_both"]

SHOWN = 60
PAD = 8
STOPS = ("(drop-off)", "(continues)")


def draw(
    table: pl.DataFrame,
    *,
    goal: str | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the difference: links as wide as it is, blue where more go here, orange where fewer do.

    Parameters
    ----------
    table
        `position`, `source`, `target`, `share_of_start`, `against_share_of_start`, `difference`, and if known
        `difference_low`, `difference_high`, `q_value`: what may be chance is pale.
    goal
        The event that is reached.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a telephone, where the page scrolls the picture sideways.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0], "source": ["Visit"], "target": ["Buy"], "share_of_start": [0.3],
    ...     "against_share_of_start": [0.5], "difference": [-0.2]})
    >>> list(draw(table).data[0].link.value)
    [0.2]
    """
    theme = colours(dark=dark)
    moves = table.filter(pl.col("difference").abs() > 1e-12)
    order = [pl.col("difference").abs(), pl.col("position"), pl.col("source"), pl.col("target")]
    rows = moves.sort(order, descending=[True, False, False, False]).head(SHOWN)
    links = rows.sort("position", "source", "target").to_dicts()
    if not links:
        return nothing("The two groups go the same ways.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    trace = _trace(
        links,
        values=[abs(row["difference"]) for row in links],
        shades=[_shade(row, theme) for row in links],
        nodes={},
        theme=theme,
        goal=goal,
        domain=(0.0, 0.92),
        narrow=narrow,
    )
    fig = go.Figure(trace)
    first, last = links[0]["position"], max(row["position"] for row in links) + 1
    _key(fig, pale=any(not _holds(row) for row in links), theme=theme, narrow=narrow)
    for column in range(first, last + 1):
        fig.add_annotation(
            text="First touch" if column == 0 else f"Step {column + 1}",
            x=_across(column, first, last), y=1, xref="paper", yref="paper", xanchor="left", xshift=-7, yanchor="top",
            showarrow=False, font={"size": 12, "color": theme.muted},
        )  # fmt: skip
    margin = {"t": 44 if narrow else 26}
    return finish(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=640, margin=margin)


def draw_both(
    table: pl.DataFrame,
    *,
    goal: str | None = None,
    colour_of: Mapping[str, str] | None = None,
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
    goal
        The event with the accent.
    colour_of
        A colour by name, the same in all charts of a report; else by size in the two flows.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a telephone, where the page scrolls the picture sideways.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [0], "source": ["Visit"], "target": ["Buy"], "share_of_start": [0.3],
    ...     "against_share_of_start": [0.5], "difference": [-0.2]})
    >>> len(draw_both(table).data)
    2
    """
    theme = colours(dark=dark)
    links = table.sort("position", "source", "target").to_dicts()
    if not links:
        return nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    sizes = table.group_by("source").agg(pl.col("share_of_start").sum() + pl.col("against_share_of_start").sum())
    sizes = sizes.filter(pl.col("source") != "(other)").sort("share_of_start", "source", descending=[True, False])
    nodes = dict(colour_of or event_colours(sizes["source"].to_list(), goal=goal, dark=dark))
    fig = go.Figure()
    for part, domain, head in (
        ("share_of_start", (0.54, 1.0), "Here"),
        ("against_share_of_start", (0.0, 0.46), "The others"),
    ):
        there = [row for row in links if (row[part] or 0) > 0]
        if not there:
            continue
        shades = [rgba(nodes.get(row["source"], theme.rest), 0.38) for row in there]
        values = [row[part] for row in there]
        fig.add_trace(
            _trace(
                there, values=values, shades=shades, nodes=nodes, theme=theme, goal=goal, domain=domain, narrow=narrow
            )
        )
        fig.add_annotation(
            text=f"<b>{head}</b>", x=0, y=domain[1], xref="paper", yref="paper", xanchor="left", yanchor="bottom",
            showarrow=False, font={"size": 12, "color": theme.muted},
        )  # fmt: skip
    return finish(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=1000)


def _shade(row: dict[str, Any], theme: Colours) -> str:
    return rgba(theme.better if row["difference"] > 0 else theme.worse, 0.75 if _holds(row) else 0.22)


def _holds(row: dict[str, Any]) -> bool:
    return row.get("q_value") is None or row["q_value"] < 0.05


def _key(fig: go.Figure, *, pale: bool, theme: Colours, narrow: bool) -> None:
    """Say in words, beside their colours, what links are."""
    told = [(theme.better, "more go this way here"), (theme.worse, "fewer here than among the others")]
    words = [f"<span style='color:{colour}'>■</span> {text}" for colour, text in told]
    words += ["pale: may be chance"] if pale else []
    fig.add_annotation(
        text="<br>".join([words[0], " · ".join(words[1:])]) if narrow else "   ".join(words),
        x=0, y=1, xref="paper", yref="paper", xanchor="left", yanchor="bottom", yshift=8, align="left",
        showarrow=False, font={"size": 11 if narrow else 12, "color": theme.ink},
    )  # fmt: skip


def _trace(
    links: list[dict[str, Any]],
    *,
    values: list[float],
    shades: list[str],
    nodes: Mapping[str, str],
    theme: Colours,
    goal: str | None,
    domain: tuple[float, float],
    narrow: bool = False,
) -> go.Sankey:
    """Lay one Sankey out in true columns: a node is a place and a name."""
    into: dict[tuple[int, str], float] = {}
    out: dict[tuple[int, str], float] = {}
    for row, value in zip(links, values, strict=True):
        source, target = (row["position"], row["source"]), (row["position"] + 1, row["target"])
        out[source] = out.get(source, 0.0) + value
        into[target] = into.get(target, 0.0) + value
    held = _held(into, out)
    size = {key: max(into.get(key, 0.0), out.get(key, 0.0)) for key in {*into, *out}}
    keys = sorted(size, key=lambda key: (key[0], key[1] in STOPS, key[1] != goal, -size[key], key[1]))
    first, last = keys[0][0], keys[-1][0]
    place = _places(keys, size)
    index = {key: number for number, key in enumerate(keys)}
    # Names end before the next column begins: six pixels a letter; a telephone scrolls the picture sideways.
    signs = max(4, min(22, int(((740 if narrow else 900) * (0.92 / max(1, last - first)) - 20) / 6.2)))
    return go.Sankey(
        arrangement="fixed",
        textfont={"size": 11 if narrow else 12},
        domain={"x": [0, 1], "y": list(domain)},
        valueformat=".1%",
        node={
            "label": [label(name, signs) for _, name in keys],
            "customdata": [full(name) for _, name in keys],
            "x": [_across(position, first, last) for position, _ in keys],
            "y": [place[key] for key in keys],
            "color": [
                theme.drop if name in STOPS else nodes.get(name, theme.goal if name == goal else theme.rest)
                for _, name in keys
            ],
            "thickness": 13,
            "align": "left",
            "pad": PAD,
            "line": {"width": 0},
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        link={
            "source": [index[row["position"], row["source"]] for row in links] + [index[a] for a, _ in held],
            "target": [index[row["position"] + 1, row["target"]] for row in links] + [index[b] for _, b in held],
            "value": [*values, *[1e-12] * len(held)],
            "color": [*shades, *["rgba(0,0,0,0)"] * len(held)],
            "customdata": [_words(row) for row in links] + [""] * len(held),
            "hovertemplate": "%{customdata}<extra></extra>",
        },
    )


def _held(
    into: dict[tuple[int, str], float], out: dict[tuple[int, str], float]
) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    """Tie nodes that nothing leads to to the column before: plotly scales bars by the columns that links make."""
    first = min(position for position, _ in out)
    loose = sorted(key for key in out if key not in into and key[0] > first)
    everyone = sorted({*into, *out})
    before = {key: [other for other in everyone if other[0] == key[0] - 1] for key in loose}
    return [(before[key][0], key) for key in loose if before[key]]


def _across(position: int, first: int, last: int) -> float:
    return 0.008 + 0.92 * (position - first) / max(1, last - first)


def _places(keys: list[tuple[int, str]], size: dict[tuple[int, str], float]) -> dict[tuple[int, str], float]:
    """Stack each column's nodes from the top; the tallest column fills the height."""
    columns: dict[int, list[tuple[int, str]]] = {}
    for key in keys:
        columns.setdefault(key[0], []).append(key)
    # plotly keeps `PAD` pixels between nodes and scales by what is left: the same share here, or bars leave the plot
    gap = PAD / 400
    tallest = max(sum(size[key] for key in column) for column in columns.values()) or 1.0
    most = max(len(column) for column in columns.values())
    scale = max(0.1, 1 - gap * (most - 1)) / tallest
    place = {}
    for column in columns.values():
        top = 0.0
        for key in column:
            height = size[key] * scale
            place[key] = min(max(top + height / 2, 0.001), 0.999)
            top += height + gap
    return place


def _words(row: dict[str, Any]) -> str:
    told = f"{row['source']} → {row['target']}: {percent(row['share_of_start'])} here, "
    told += f"{percent(row['against_share_of_start'])} of the others; "
    told += points(row["difference"], row.get("difference_low"), row.get("difference_high"))
    return lines_of(told + ".", 60)
