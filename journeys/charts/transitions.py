"""Transitions and step matrices as heatmaps, and transitions as a graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, hypot, pi, sin
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label, write_quoted_name
from journeys.charts.theme import (
    DROP_OFF,
    OTHER,
    Colours,
    Scale,
    add_opacity,
    apply_theme,
    assign_event_colours,
    choose_text_colour,
    choose_theme,
    draw_nothing,
)
from journeys.display import format_count, format_number, format_percent, format_points

REACHED = "(reached)"
_MOST = 25  # rows and columns of a matrix, the largest first; the subtitle says of how many
_MOST_EVENTS = 14  # of the graph, the most frequent first
_MOST_PRINTED = 150


def draw_transitions(
    matrix: pl.DataFrame,
    *,
    title: str = "",
    subtitle: str = "",
    total: tuple[int, int] | None = None,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the transition matrix: one row per event, one column per event that came next.

    Parameters
    ----------
    matrix
        `source`, then a column of shares for each target.
    total
        How many rows and columns there are in all, without drop-off, where the matrix has fewer.

    Examples
    --------
    >>> fig = draw_transitions(pl.DataFrame({"source": ["Visit"], "Read": [0.4], "(drop-off)": [0.6]}))
    >>> fig.data[0].type, fig.data[0].z[0][1]
    ('heatmap', 0.6)
    """
    if matrix.is_empty():
        return draw_nothing("No event follows another.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    # more columns have no room for their names on a phone
    most = 11 if narrow else _MOST
    targets = matrix.columns[1:]
    stops = [name for name in targets if name == DROP_OFF]
    kept = [name for name in targets if name != DROP_OFF][:most] + stops
    table = matrix.head(most)
    rows, columns = total or (matrix.height, len([name for name in targets if name != DROP_OFF]))
    if rows > table.height or columns > len(kept) - len(stops):
        subtitle += (
            f" Drawn: the {table.height} largest of {format_count(rows, 'row')} and "
            f"the {min(most, columns)} largest of "
            f"{format_count(columns, 'column')}; what is missing from 100% of a row went elsewhere."
        )
    return _draw_heatmap(
        table["source"].to_list(),
        kept,
        [[row[name] for name in kept] for row in table.to_dicts()],
        sentence="{value} of what came after {row} was {column}",
        title=title,
        subtitle=subtitle,
        dark=dark,
        narrow=narrow,
    )


def draw_steps(
    matrix: pl.DataFrame,
    *,
    against: pl.DataFrame | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the step matrix: one row per node, one column per step.

    Parameters
    ----------
    matrix
        `node`, then a column of shares for each step.
    against
        The step matrix of another group: the differences to it are drawn, in percentage points.

    Examples
    --------
    >>> fig = draw_steps(pl.DataFrame({"node": ["Visit"], "1": [1.0], "2": [0.2]}))
    >>> list(fig.data[0].x)
    [0, 1]
    """
    if matrix.is_empty() or (against is not None and against.is_empty()):
        return draw_nothing("No journeys to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    if against is not None:
        matrix = _subtract_steps(matrix, against)
        subtitle = f"{subtitle} Numbers: percentage points of all who start.".strip()
    gone = pl.col("node").is_in([REACHED, DROP_OFF])
    nodes = matrix.filter(~gone)
    table = pl.concat([nodes.head(_MOST), matrix.filter(gone)])
    if nodes.height > _MOST:
        subtitle = f"{subtitle} Drawn: the {_MOST} largest of {format_count(nodes.height, 'node')}.".strip()
    columns = matrix.columns[1:]
    return _draw_heatmap(
        table["node"].to_list(),
        columns,
        [[row[name] for name in columns] for row in table.to_dicts()],
        sentence="{value} were at {row} at step {column}" if against is None else "{row} at step {column}: {value}",
        are_steps=True,
        is_difference=against is not None,
        title=title,
        subtitle=subtitle,
        dark=dark,
        narrow=narrow,
    )


def _subtract_steps(matrix: pl.DataFrame, against: pl.DataFrame) -> pl.DataFrame:
    """Subtract the shares of another group; the nodes with most people of both come first, "(other)" last."""
    both = pl.concat([matrix.with_columns(sign=pl.lit(1.0)), against.with_columns(sign=pl.lit(-1.0))])
    steps = pl.col(matrix.columns[1:])
    found = both.group_by("node").agg((steps * pl.col("sign")).sum(), total=pl.sum_horizontal(steps.sum()))
    found = found.sort(pl.col("node") == OTHER, "total", "node", descending=[False, True, False])
    return found.select(matrix.columns)


def _draw_heatmap(
    rows: list[str],
    columns: list[str],
    values: list[list[float]],
    *,
    sentence: str,
    are_steps: bool = False,
    is_difference: bool = False,
    title: str,
    subtitle: str,
    dark: bool,
    narrow: bool,
) -> go.Figure:
    """Draw a value for each row and column, written into the cells where they are few and large enough.

    `are_steps` says that the columns are the numbers of steps, not events.
    """
    theme = choose_theme(dark=dark)
    top = max((abs(value) for line in values for value in line), default=0.0) or 1.0
    shades = theme.diverging if is_difference else theme.sequence
    write_value = format_points if is_difference else format_percent
    column_names = columns if are_steps else list(map(write_quoted_name, columns))
    hover = [
        [
            sentence.format(value=write_value(value), row=write_quoted_name(row), column=column)
            for column, value in zip(column_names, line, strict=True)
        ]
        for row, line in zip(rows, values, strict=True)
    ]
    is_printed = len(rows) * len(columns) <= _MOST_PRINTED and not (narrow and len(columns) > 6)
    key_values = [-top, 0.0, top] if is_difference else [0.0, top / 2, top]
    fig = Chart(
        go.Heatmap(
            z=values,
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            colorscale=[[i / (len(shades) - 1), colour] for i, colour in enumerate(shades)],
            zmin=-top if is_difference else 0,
            zmax=top,
            showscale=not is_printed,
            colorbar=_draw_key(key_values, write_value=write_value, theme=theme, narrow=narrow),
            xgap=1,
            ygap=1,
            hovertext=hover,
            hoverinfo="text",
        )
    )  # fmt: skip
    # where differences have no room for their values, the sign alone tells what fewer do here, without colour
    if is_difference:
        values = [[round(value if is_printed else min(value, 0.0), 3) for value in line] for line in values]
    if is_printed or is_difference:
        write_cell = write_value if is_printed else lambda _: "−"
        scale: Scale = "diverging" if is_difference else "sequence"
        fig.update_layout(annotations=_print_values(values, top=top, write_value=write_cell, scale=scale, theme=theme))
    fig.update_xaxes(
        tickvals=list(range(len(columns))),
        ticktext=[f"Step {name}" if are_steps else write_label(name, 20) for name in columns],
        side="top" if are_steps else "bottom",
        tickangle=0 if are_steps else -40,
        range=[-0.5, len(columns) - 0.5],
    )
    # plotly puts the first row at the bottom
    fig.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[write_label(name, 16 if narrow else 28) for name in rows],
        autorange="reversed",
    )
    height = 190 + 26 * len(rows) + (0 if are_steps else 60)
    # room between the subtitle and the headings of steps
    margin = {"t": 30 if are_steps else 10}
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin)


def _draw_key(
    values: list[float], *, write_value: Callable[[float], str], theme: Colours, narrow: bool
) -> dict[str, Any]:
    """Explain the colours, where no value is printed."""
    font = {"size": 10 if narrow else 12, "color": theme.muted}
    words = [write_value(value).removesuffix(" points") for value in values]
    return {
        "tickvals": values, "ticktext": words, "tickfont": font, "ticks": "",
        "thickness": 10, "len": 200, "lenmode": "pixels", "y": 1, "yanchor": "top", "outlinewidth": 0, "xpad": 8,
        "title": {"text": "Share" if write_value is format_percent else "Points", "font": font},
    }  # fmt: skip


def _print_values(
    values: list[list[float]], *, top: float, write_value: Callable[[float], str], scale: Scale, theme: Colours
) -> list[dict[str, Any]]:
    """Print the values, each in the colour that is legible on its cell."""
    start, length = (-top, 2 * top) if scale == "diverging" else (0.0, top)
    return [
        {
            "x": x, "y": y, "text": write_value(value).removesuffix(" points"), "showarrow": False,
            "font": {"size": 11, "color": choose_text_colour((value - start) / length, scale=scale, theme=theme)},
        }
        for y, line in enumerate(values)
        for x, value in enumerate(line)
        if value
    ]  # fmt: skip


def draw_graph(
    table: pl.DataFrame,
    *,
    min_share: float = 0.1,
    colour_of: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the transitions as a graph: events on a circle, arrows as wide as the transition is frequent.

    Parameters
    ----------
    table
        `source`, `target`, `moves`, `share`.
    min_share
        Leave out smaller shares.
    colour_of
        A colour by name, the same in all charts of a report; else by moves.

    Examples
    --------
    >>> table = pl.DataFrame({"source": ["Visit"], "target": ["Read"], "moves": [4], "share": [0.8]})
    >>> len(draw_graph(table).data)
    1
    """
    moves = table.filter((pl.col("target") != DROP_OFF) & (pl.col("share") >= min_share))
    ends = pl.concat([moves.select(name="source", moves="moves"), moves.select(name="target", moves="moves")])
    sizes = (
        ends.group_by("name")
        .agg(pl.col("moves").sum())
        .sort("moves", "name", descending=[True, False])
        .head(_MOST_EVENTS)
    )
    if sizes.is_empty():
        return draw_nothing("No transition is that frequent.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    names: list[str] = sizes["name"].to_list()
    theme = choose_theme(dark=dark)
    shades = dict(colour_of or assign_event_colours(names, dark=dark)) | {OTHER: theme.other}
    drawn = moves.filter(
        pl.col("source").is_in(names), pl.col("target").is_in(names), pl.col("source") != pl.col("target")
    )
    everywhere = table.filter(pl.col("target") != DROP_OFF)
    events = pl.concat([everywhere["source"], everywhere["target"]]).n_unique()
    if drawn.height < everywhere.height or drawn.height < table.height:
        subtitle += (
            f" Drawn: {format_number(drawn.height)} of {format_count(everywhere.height, 'transition')} "
            f"between {len(names)} of "
            f"{format_count(events, 'event')}, each at least {format_percent(min_share)} "
            "of what follows; without drop-off."
        )
    at = {name: (sin(2 * pi * i / len(names)), cos(2 * pi * i / len(names))) for i, name in enumerate(names)}
    fig = Chart(
        go.Scatter(
            x=[at[name][0] for name in names],
            y=[at[name][1] for name in names],
            mode="markers+text",
            marker={"size": 14, "color": [shades.get(name, theme.rest) for name in names]},
            text=[write_label(name, 13 if narrow else 22) for name in names],
            textposition=[
                "middle right"
                if at[n][0] > 0.2
                else "middle left"
                if at[n][0] < -0.2
                else "top center"
                if at[n][1] > 0
                else "bottom center"
                for n in names
            ],
            hovertext=[f"{write_quoted_name(name)}: {format_number(size)} moves shown" for name, size in sizes.rows()],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    # set at once: adding annotations one by one copies all of them each time
    arrows = [
        _draw_arrow(at[row["source"]], at[row["target"]], row, colour=shades.get(row["source"], theme.rest))
        for row in drawn.to_dicts()
    ]
    fig.update_layout(annotations=arrows)
    edge = 2.5 if narrow else 1.9
    fig.update_xaxes(visible=False, range=[-edge, edge])
    fig.update_yaxes(visible=False, range=[-1.25, 1.25])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=620)


def _draw_arrow(
    start: tuple[float, float], end: tuple[float, float], row: dict[str, object], *, colour: str
) -> dict[str, Any]:
    """Draw one arrow a little beside the straight line, so that the arrow back is beside it."""
    share = float(row["share"])  # type: ignore[arg-type]
    along = (end[0] - start[0], end[1] - start[1])
    length = hypot(*along) or 1.0
    unit = (along[0] / length, along[1] / length)
    near = (start[0] + 0.07 * unit[0] + 0.018 * unit[1], start[1] + 0.07 * unit[1] - 0.018 * unit[0])
    far = (end[0] - 0.07 * unit[0] + 0.018 * unit[1], end[1] - 0.07 * unit[1] - 0.018 * unit[0])
    source, target = (write_quoted_name(str(row[name])) for name in ("source", "target"))
    return {
        "x": far[0], "y": far[1], "ax": near[0], "ay": near[1],
        "xref": "x", "yref": "y", "axref": "x", "ayref": "y",
        "text": "",
        "hovertext": f"{source} → {target}: {format_percent(share)}",
        "showarrow": True, "arrowhead": 2, "arrowsize": 0.8, "arrowwidth": 1 + 7 * share,
        "arrowcolor": add_opacity(colour, 0.6 + 0.4 * share),
    }  # fmt: skip
