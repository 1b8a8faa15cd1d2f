"""What every answer is: a table, its settings, a finding, a chart, and the way back to its people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, cast

import polars as pl

from journeys.analyses.protocol import J
from journeys.analyses.sample_size import NoFinding
from journeys.errors import describe_wrong_number, raise_all

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


def _check_size(name: str, size: object) -> list[str]:
    """Return what is wrong with the rows or the width (pixels) of a picture; nothing where they are fine."""
    if name == "rows":
        return describe_wrong_number(name, size)
    return describe_wrong_number(name, size, least=10, most=100_000, otherwise="None for that of the page")


def _speak_of_unit(write: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method write its texts about accounts where these were asked, about people otherwise."""
    if hasattr(write, "__wrapped__"):
        return write

    @wraps(write)
    def write_about_unit(result: Result[Any], *arguments: Any, **options: Any) -> Any:
        from journeys.display import adapt_pronouns, use_unit
        from journeys.display.options import is_narrow

        if write.__name__ == "plot" and is_narrow():
            options.setdefault("narrow", True)
        raise_all([text for name in ("rows", "width") if name in options for text in _check_size(name, options[name])])
        unit = result._journeys._log.unit
        with use_unit(unit):
            written = write(result, *arguments, **options)
            if unit == "person" or write.__name__ not in ("finding", "plot"):
                return written
            names = [name for name in result._journeys._log.names if "who" in name.lower()]
            if write.__name__ == "finding":
                adapted = adapt_pronouns(written, names=names)
                return written.rewrite(adapted) if isinstance(written, NoFinding) else adapted
            layout = written.layout
            layout.title.text = adapt_pronouns(layout.title.text or "", names=names)
            if layout.meta and "subtitle" in layout.meta:
                layout.meta = {**layout.meta, "subtitle": adapt_pronouns(layout.meta["subtitle"], names=names)}
            return written

    return write_about_unit


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Result(Generic[J]):
    """The answer to one question about journeys.

    Attributes
    ----------
    table : pl.DataFrame
        The numbers, unrounded and explicitly sorted.
    settings : mapping of str to object
        What was asked, of how many people and events, over which period.
    """

    table: pl.DataFrame
    settings: Mapping[str, Any]
    _journeys: J = field(repr=False)

    def __init_subclass__(cls, **options: Any) -> None:
        super(Result, cls).__init_subclass__(**options)  # without arguments it names the class before it has slots
        for name, written in list(vars(cls).items()):
            if isinstance(written, property):
                setattr(cls, name, property(_speak_of_unit(cast("Any", written.fget)), doc=written.__doc__))
            elif name.startswith("plot") or name == "_repr_html_":
                setattr(cls, name, _speak_of_unit(written))

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
        from journeys.display import as_pandas

        return as_pandas(self.table)

    def equals(self, other: Result[Any]) -> bool:
        """Return whether another result has the same table, value for value."""
        return type(self) is type(other) and self.table.equals(other.table)

    def _displayed_table(self) -> pl.DataFrame:
        """Return the columns of the table that a notebook shows."""
        return self.table

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.finding}\n{self.table}"

    def _repr_html_(self) -> str:
        from journeys.display import render_card, use_unit

        with use_unit(self._journeys._log.unit):
            return render_card(
                type(self).__name__, sentence=self.finding, settings=self.settings, table=self._displayed_table()
            )
