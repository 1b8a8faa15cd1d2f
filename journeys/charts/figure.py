"""A figure with the finding as its title and the definition as its subtitle, wrapped for its width."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from journeys.charts.labels import write_sentence
from journeys.display import keep_units_together
from journeys.display.options import get_cell_width

PICTURE_WIDTH, _PHONE_WIDTH = 1080, 390
_TEXT_WIDTH, _PHONE_TEXT_WIDTH, _MOST_TEXT = 760, 350, 1440
"""Pixels for text where the width of the cell is not known, on a phone, and at most: longer lines are hard to read."""
_BUTTONS = 140
"""Pixels of the buttons that a page shows beside the title."""
_BOLD, _SMALL = 0.62, 0.55
"""Width of a letter of the title and of the subtitle, in its font size, in the widest of the usual fonts."""
_SUBTITLE_SIZE = 13


class Chart(go.Figure):  # type: ignore[misc]
    """A Plotly figure that fits its cell in a notebook, and is 1,080 pixels wide in a picture."""

    def write_image(self, file: Any, format: str | None = None, **options: Any) -> None:  # noqa: A002
        """Write a picture, as `plotly.graph_objects.Figure.write_image` does, with titles as wide as the picture."""
        fig, size = self._fit_picture(options)
        go.Figure.write_image(fig, file, **({"format": format} if format else {}), **size)

    def to_image(self, format: str | None = None, **options: Any) -> bytes:  # noqa: A002
        """Return a picture, as `plotly.graph_objects.Figure.to_image` does, with titles as wide as the picture."""
        fig, size = self._fit_picture(options)
        picture: bytes = go.Figure.to_image(fig, **({"format": format} if format else {}), **size)
        return picture

    def _fit_picture(self, options: dict[str, Any]) -> tuple[go.Figure, dict[str, Any]]:
        """Return the figure as it is drawn in a picture, and the picture's size."""
        meta = self.layout.meta or {}
        if self.layout.width is None and options.get("width") is None:
            options = {**options, "width": _PHONE_WIDTH if meta.get("narrow") else PICTURE_WIDTH}
        if not meta.get("head") or self.layout.title.text != meta["text"]:
            return self, options  # without a title, or with one of the reader's own
        width = self.layout.width or options["width"]
        said = {key: meta[key] for key in ("title", "subtitle", "narrow")}
        return set_titles(Chart(self), **said, width=width, picture=True), options


def set_titles(
    fig: go.Figure, *, title: str, subtitle: str, narrow: bool, width: float | None = None, picture: bool = False
) -> go.Figure:
    """Write title and subtitle and make as much room for them as they need.

    In a picture they are as wide as it is; on a page the title leaves the buttons free. Without a `width` the figure
    fits its cell, which may be as narrow as 700 pixels.
    """
    meta = fig.layout.meta or {}
    size = 16 if narrow else 18
    known = width or (None if narrow else get_cell_width())
    room = min(known or (_PHONE_TEXT_WIDTH if narrow else _TEXT_WIDTH), _MOST_TEXT) - 16
    beside = 0 if known is None or picture else _BUTTONS
    lines = _wrap_lines(title.removesuffix("."), (room - beside) / (_BOLD * size))
    small = _wrap_lines(subtitle, room / (_SMALL * _SUBTITLE_SIZE))
    head = round(len(lines) * size * 1.3 + len(small) * _SUBTITLE_SIZE * 1.35 + (22 if lines or small else 0))
    more = head - meta.get("head", 0)
    said = "<br>".join(write_sentence(line) for line in lines)
    below = "<br>".join(write_sentence(line) for line in small)
    muted = fig.layout.template.layout.title.subtitle.font.color
    tail = f'<br><span style="font-size:{_SUBTITLE_SIZE}px;color:{muted}">{below}</span>' if small else ""
    text = f"<b>{said}</b>{tail}" if said else tail.removeprefix("<br>")
    settings: dict[str, Any] = {
        "text": text,
        "font": {"size": size},
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "pad": {"l": 8, "t": size + 2},
        "automargin": False,
    }
    return fig.update_layout(
        height=fig.layout.height + more,
        margin={"t": fig.layout.margin.t + more},
        # the report replaces title and subtitle by its own headings
        meta={**meta, "head": head, "title": title, "subtitle": subtitle, "narrow": narrow, "text": text},
        **({"title": settings} if head else {}),
    )


def remove_titles(fig: go.Figure) -> go.Figure:
    """Remove title and subtitle with their space, for a page that has both in its own headings."""
    head = int((fig.layout.meta or {}).get("head", 0))
    if head:
        margin = {"t": fig.layout.margin.t - head}
        fig.update_layout(
            title={"text": ""}, height=fig.layout.height - head, margin=margin, meta={**fig.layout.meta, "head": 0}
        )
    return fig


def _wrap_lines(text: str, letters: float) -> list[str]:
    """Wrap text, but never between a number and its unit."""
    return wrap(keep_units_together(text), int(letters))
