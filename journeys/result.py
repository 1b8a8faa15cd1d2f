"""What every answer is: a table, what was asked, a finding in one sentence, and a chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

from journeys.errors import describe_wrong_number, raise_all

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    import polars as pl


def _check_size(name: str, size: object) -> list[str]:
    """Return what is wrong with the rows or the width (pixels) of a picture; nothing where they are fine."""
    if name == "rows":
        return describe_wrong_number(name, size)
    return describe_wrong_number(name, size, least=10, most=100_000, otherwise="None for that of the page")


def _fit_page(draw: Callable[..., go.Figure]) -> Callable[..., go.Figure]:
    """Let a method that draws check the size it is given, and draw for a phone where the cell is that narrow."""
    if hasattr(draw, "__wrapped__"):
        return draw
    can_be_narrow = "narrow" in signature(draw).parameters

    @wraps(draw)
    def draw_to_fit(result: Result, *arguments: Any, **options: Any) -> go.Figure:
        from journeys.display.options import is_narrow

        raise_all([text for name in ("rows", "width") if name in options for text in _check_size(name, options[name])])
        if can_be_narrow and is_narrow():
            options.setdefault("narrow", True)
        return draw(result, *arguments, **options)

    return draw_to_fit


class Result:
    """An answer that shows itself: a table, what was asked, a finding and a chart.

    Attributes
    ----------
    table : pl.DataFrame
        The numbers, unrounded and explicitly sorted.
    settings : mapping of str to object
        What was asked, of how many people and events, over which period.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def table(self) -> pl.DataFrame:
            """The numbers."""

        @property
        def settings(self) -> Mapping[str, Any]:
            """What was asked."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, written in list(vars(cls).items()):
            if name.startswith("plot"):
                setattr(cls, name, _fit_page(written))

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        raise NotImplementedError

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the table."""
        raise NotImplementedError

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame (needs pandas).

        Lists become Python lists, durations timedeltas, and text objects.
        """
        from journeys.display import convert_to_pandas

        return convert_to_pandas(self.table)

    def equals(self, other: Result) -> bool:
        """Return whether another result has the same table, value for value."""
        return type(self) is type(other) and self.table.equals(other.table)

    def _displayed_table(self) -> pl.DataFrame:
        """Return the columns of the table that a notebook shows."""
        return self.table

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.finding}\n{self.table}"

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        return render_card(
            type(self).__name__, sentence=self.finding, settings=self.settings, table=self._displayed_table()
        )
