"""What an analyst sets once for a session: the theme of charts, and the width of the cells that show them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

from journeys.errors import ArgumentError

Theme = Literal["auto", "light", "dark"]
_THEMES = ("auto", "light", "dark")
_NARROW = 560
_SETTINGS = Path("lab", "user-settings", "@jupyterlab", "apputils-extension", "themes.jupyterlab-settings")
_drawn_as: ContextVar[Theme | None] = ContextVar("drawn_as", default=None)


class Options:
    """Settings of this session: `jn.options.theme = "dark"`, `jn.options.width = 1_400`.

    Attributes
    ----------
    theme : {"auto", "light", "dark"}
        How charts are drawn where `dark=` is not given. "auto", the default, follows the theme that is chosen in
        JupyterLab, and is light elsewhere.
    width : int, optional
        How wide the cells of the notebook are, in pixels. A chart fits its cell by itself, but titles are wrapped when
        it is drawn: for cells of 700 pixels and more if not set. Below 560, charts take the form for a phone.

    Raises
    ------
    ArgumentError
        When a theme is none of these, or a width is not from 300 to 4,000.

    Examples
    --------
    >>> from journeys.display.options import options
    >>> options
    Options(theme='auto', width=None)
    """

    __slots__ = ("_theme", "_width")

    def __init__(self) -> None:
        self._theme: Theme = "auto"
        self._width: int | None = None

    @property
    def theme(self) -> Theme:
        """The theme of charts."""
        return self._theme

    @theme.setter
    def theme(self, value: Theme) -> None:
        if value not in _THEMES:
            raise ArgumentError(f"theme: {value!r} must be 'auto', 'light' or 'dark'.")
        self._theme = value

    @property
    def width(self) -> int | None:
        """The width of cells in pixels, where it is set."""
        return self._width

    @width.setter
    def width(self, value: int | None) -> None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 300 <= value <= 4_000):
            raise ArgumentError(f"width: {value!r} must be a number of pixels from 300 to 4,000, or None.")
        self._width = value

    def __repr__(self) -> str:
        return f"Options(theme={self._theme!r}, width={self._width!r})"


options = Options()


def is_dark() -> bool:
    """Return whether charts are dark where nothing else is asked for."""
    theme = _drawn_as.get() or options.theme
    return _notebook_is_dark() if theme == "auto" else theme == "dark"


def get_cell_width() -> int | None:
    """Return the width of cells in pixels, where it is set and charts are drawn for a notebook."""
    return options.width if _drawn_as.get() is None else None


def is_narrow() -> bool:
    """Return whether charts have the form for a phone where nothing else is asked for."""
    return (get_cell_width() or _NARROW) < _NARROW


@contextmanager
def use_theme(theme: Theme) -> Iterator[None]:
    """Draw in one theme and for any width, whatever the options say."""
    token = _drawn_as.set(theme)
    try:
        yield
    finally:
        _drawn_as.reset(token)


def _notebook_is_dark() -> bool:
    """Return whether the theme chosen in JupyterLab is a dark one, by its settings file (JSON with comments)."""
    if "ipykernel" not in sys.modules:
        return False
    base = os.environ.get("JUPYTERLAB_SETTINGS_DIR")
    home = Path(os.environ.get("JUPYTER_CONFIG_DIR") or Path.home() / ".jupyter")
    file = Path(base, *_SETTINGS.parts[2:]) if base else home / _SETTINGS
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    uncommented = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", text, flags=re.DOTALL | re.MULTILINE)
    chosen = re.findall(r'"theme"\s*:\s*"([^"]*)"', uncommented)
    return bool(chosen) and "dark" in chosen[-1].lower()
