"""The theme of all charts: colours, fonts, margins, titles.

The goal and "better" are blue, "worse" is orange. Events have seven quieter colours, found by a search that maximised
their smallest distance under protanopia, deuteranopia and tritanopia; what is not an event is grey. Marks have a
contrast of at least 3 : 1 to the background, text 4.5 : 1.

Nothing is set globally: each figure has its own template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from textwrap import wrap
from typing import Any, Literal

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from journeys.charts.figure import Chart, set_titles
from journeys.charts.labels import write_sentence
from journeys.display import adapt_words
from journeys.display.options import is_dark

FEW = 30
"""A rate or a curve of fewer people is drawn hollow, grey, thin or dotted, and sets no scale."""
MOST_BANDS = 3
"""With more curves in one picture no intervals are drawn: they would cover each other."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_BUTTONS = ["toimage", "zoom", "pan", "select", "lasso", "zoomin", "zoomout", "autoscale", "resetscale", "reset"]
_BUTTONS += ["resetviews", "sendChartToCloud"]
Scale = Literal["sequence", "diverging"]
DROP_OFF, OTHER, CONTINUES = "(drop-off)", "(other)", "(continues)"


@dataclass(frozen=True, slots=True)
class Colours:
    """The colour of each role. No two roles of a theme share a colour, so that a drawn chart can be recoloured."""

    paper: str
    ink: str
    muted: str
    grid: str
    goal: str
    worse: str
    drop: str
    other: str
    rest: str
    events: tuple[str, ...]
    sequence: tuple[str, ...]
    diverging: tuple[str, ...]

    @property
    def better(self) -> str:
        """The colour of the goal."""
        return self.goal


LIGHT = Colours(
    paper="#ffffff",
    ink="#1b1f24",
    muted="#59616c",
    grid="#e2e5e9",
    goal="#0b57d0",
    worse="#b8500a",
    drop="#868b93",
    other="#6e747d",
    rest="#7c7568",
    events=("#295935", "#be8041", "#611986", "#0093d3", "#786e05", "#9a5d68", "#4e1c0b"),
    sequence=("#f0f4fb", "#bfd3f4", "#6f9fe8", "#1f62cf", "#0a3580"),
    diverging=("#a34405", "#e3a877", "#f3f4f5", "#93b6ee", "#0d4fbd"),
)
DARK = Colours(
    paper="#16181d",
    ink="#e8eaed",
    muted="#a5adb8",
    grid="#2f343c",
    goal="#7db4ff",
    worse="#f39a56",
    drop="#7c828b",
    other="#9aa1ac",
    rest="#a79f90",
    events=("#5aee9e", "#eb761d", "#8457b0", "#a3f5fa", "#eac916", "#dc9cb1", "#c24510"),
    sequence=("#1d2430", "#2b4468", "#3f70b3", "#78b0fb", "#d6e6ff"),
    diverging=("#f09850", "#85552f", "#262a31", "#35588a", "#7ab2fe"),
)


def choose_theme(*, dark: bool = False) -> Colours:
    """Return the colours of a theme: the dark one where it is asked for, or is that of the notebook."""
    return DARK if dark or is_dark() else LIGHT


def map_light_to_dark() -> dict[str, str]:
    """Map each colour of the light theme to its partner in the dark one, to recolour a drawn chart.

    Examples
    --------
    >>> map_light_to_dark()["#ffffff"]
    '#16181d'
    """
    pairs: dict[str, str] = {}
    for field in fields(Colours):
        light, dark = getattr(LIGHT, field.name), getattr(DARK, field.name)
        pairs |= {light: dark} if isinstance(light, str) else dict(zip(light, dark, strict=True))
    return pairs


def add_opacity(colour: str, alpha: float) -> str:
    """Give a colour an opacity.

    Examples
    --------
    >>> add_opacity("#0b57d0", 0.4)
    'rgba(11,87,208,0.4)'
    """
    red, green, blue = hex_to_rgb(colour)
    return f"rgba({red},{green},{blue},{alpha:g})"


def choose_text_colour(place: float, *, scale: Scale, theme: Colours) -> str:
    """Choose the colour of a text on a cell of a heatmap: the ink or the paper, whichever is easier to read.

    A report recolours its charts for the dark theme, so what counts is the lower contrast of the two themes.

    Examples
    --------
    >>> [choose_text_colour(place, scale="sequence", theme=LIGHT) == LIGHT.ink for place in (0, 0.5, 0.65, 1)]
    [True, True, False, False]
    """
    contrasts: dict[str, list[float]] = {"ink": [], "paper": []}
    for one in (LIGHT, DARK):
        shades = getattr(one, scale)
        at = min(max(place, 0.0), 1.0) * (len(shades) - 1)
        lower = min(int(at), len(shades) - 2)
        ends = zip(hex_to_rgb(shades[lower]), hex_to_rgb(shades[lower + 1]), strict=True)
        cell = "#" + "".join(f"{round(low + (high - low) * (at - lower)):02x}" for low, high in ends)
        for name, found in contrasts.items():
            found.append(compute_contrast(getattr(one, name), cell))
    return theme.ink if min(contrasts["ink"]) >= min(contrasts["paper"]) else theme.paper


def compute_contrast(one: str, other: str) -> float:
    """Compute the contrast of two colours, from 1 to 21 (WCAG 2.2: relative luminance, each plus 0.05).

    Examples
    --------
    >>> compute_contrast("#000000", "#ffffff")
    21.0
    """
    dark, light = sorted(map(_measure_luminance, (one, other)))
    return round((light + 0.05) / (dark + 0.05), 6)


def _measure_luminance(colour: str) -> float:
    """Return the relative luminance of a colour."""
    parts: list[float] = [part / 255 for part in hex_to_rgb(colour)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def choose_symbol(value: float) -> str:
    """Choose a marker by sign, so that the sign is visible without colour: a dot for positive, a diamond for negative.

    Examples
    --------
    >>> choose_symbol(0.3), choose_symbol(-0.3)
    ('circle', 'diamond')
    """
    return "circle" if value >= 0 else "diamond"


def assign_event_colours(
    names_by_rank: Sequence[str], *, goal: str | None = None, dark: bool = False
) -> dict[str, str]:
    """Assign each event its colour, the same in all charts of a report.

    The rank is that over the whole log, so that filtering changes no colour. Nor does another goal: it has the accent
    colour, and its place in the palette stays unused. The seven most frequent events have their own colour, the rest
    share one; what is not an event is grey.

    Examples
    --------
    >>> chosen = assign_event_colours(["Loaded a Page", "Upgraded Plan"], goal="Upgraded Plan")
    >>> chosen["Upgraded Plan"] == LIGHT.goal, chosen["Loaded a Page"] == LIGHT.events[0]
    (True, True)
    """
    theme = choose_theme(dark=dark)
    special = {DROP_OFF: theme.drop, OTHER: theme.other, CONTINUES: theme.other}
    palette = iter(theme.events)
    chosen = {name: next(palette, theme.rest) for name in dict.fromkeys(names_by_rank) if name not in special}
    if goal is not None:
        chosen[goal] = theme.goal
    return chosen | special


@cache
def _build_template(theme: Colours) -> go.layout.Template:
    """Build the Plotly template that all charts of a theme share: fonts, colours, axes, hover texts."""
    axis: dict[str, Any] = {
        "showgrid": False,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "gridcolor": theme.grid,
        "linecolor": theme.muted,
        "tickfont": {"size": 12, "color": theme.muted},
        "title": {"font": {"size": 12, "color": theme.muted}, "standoff": 8},
        "automargin": True,
        "separatethousands": True,
        "ticklabelstandoff": 5,
    }
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": theme.ink},
            "paper_bgcolor": theme.paper,
            "plot_bgcolor": theme.paper,
            "colorway": [theme.goal, *theme.events],
            "title": {"font": {"size": 18, "color": theme.ink}, "subtitle": {"font": {"color": theme.muted}}},
            "xaxis": axis,
            "yaxis": axis,
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {
                "bgcolor": theme.paper,
                "bordercolor": theme.muted,
                "font": {"family": FONT, "size": 13, "color": theme.ink},
                "align": "left",
                "namelength": -1,
            },
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 12}},
            "bargap": 0.4,
            # "Share chart" would send data to a cloud service; with zoom in and out, the buttons would overlap the
            # title.
            "modebar": {
                "remove": ["sendChartToCloud", "lasso2d", "select2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
                "bgcolor": "rgba(0,0,0,0)",
                "color": theme.muted,
                "activecolor": theme.ink,
            },
            "dragmode": False,
        }
    )


def apply_theme(
    fig: go.Figure,
    *,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
    height: int = 420,
    width: int | None = None,
    margin: Mapping[str, int] | None = None,
) -> go.Figure:
    """Apply the theme to a drawn figure, with the finding as its title and the definition as its subtitle.

    Parameters
    ----------
    fig
        The figure; it is changed and returned.
    title, subtitle
        The finding and its definition, as plain text: both are escaped and wrapped.
    dark
        The dark theme.
    narrow
        For a phone, about 360 to 560 pixels wide.
    height
        Of the plot in pixels, without the title.
    width
        Of the figure in pixels, where the drawing needs a fixed one; otherwise it fits its container.
    margin
        Margins around the plot: `t` (below the title), `b`, `l`, `r`.
    """
    theme = choose_theme(dark=dark)
    room = {"t": 10, "b": 16, "l": 4, "r": 16} | dict(margin or {})
    fig.update_layout(template=_build_template(theme), height=height, width=width, margin={**room, "pad": 0})
    if narrow:
        # On a phone the buttons would cover the title, and gestures replace them.
        fig.update_layout(modebar={"remove": _BUTTONS})
    return set_titles(fig, title=title, subtitle=subtitle, narrow=narrow, width=width)


def write_note(fig: go.Figure, text: str, *, size: int, colour: str) -> None:
    """Write lines below the drawing, at its left."""
    fig.add_annotation(
        text=text, x=0, xref="paper", xanchor="left", y=0, yref="paper", yanchor="top", yshift=-8, align="left",
        showarrow=False, font={"size": size, "color": colour},
    )  # fmt: skip


def draw_nothing(
    words: str, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw an empty result: one sentence in place of the chart."""
    fig = Chart()
    fig.add_annotation(
        text="<br>".join(write_sentence(line) for line in wrap(adapt_words(words), 40 if narrow else 80)),
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 14, "color": choose_theme(dark=dark).muted},
    )
    fig.update_xaxes(visible=False)
    fig.update_yaxes(visible=False)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140)
