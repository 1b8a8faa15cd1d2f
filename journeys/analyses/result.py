"""What every answer is: a table, what was asked, a picture when wanted, and the way back to its people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from journeys.log import Log, View
from journeys.log.core import Size

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.api import Journeys

__all__ = ["Asked", "Result"]


class Asked(Protocol):
    """The side of `Journeys` that an analysis needs: run a count, select people, know the log."""

    @property
    def log(self) -> Log:
        """The whole log, as it was before any selection."""

    @property
    def size(self) -> Size:
        """People, events and time span of the selection."""

    @property
    def watched(self) -> tuple[datetime | None, datetime | None]:
        """The moments from and up to which people were watched."""

    @property
    def until(self) -> datetime | None:
        """The moment up to which people were watched."""

    def run(self, count: Callable[[View, Any], pl.DataFrame], spec: object) -> pl.DataFrame:
        """Count every shard; the counts come one under the other."""

    def select(self, choose: Callable[[View, Any], pl.Series], spec: object) -> Journeys:
        """Keep the people whose codes `choose` returns, with all their events."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Result:
    """The answer to one question about journeys.

    Attributes
    ----------
    table : pl.DataFrame
        The numbers, unrounded, in a fixed order.
    settings : mapping of str to object
        What was asked, of how many people and events, over which time.
    """

    table: pl.DataFrame
    settings: Mapping[str, Any]
    asked: Asked = field(repr=False)

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        raise NotImplementedError

    def plot(self, *, dark: bool = False) -> go.Figure:
        """Draw the table."""
        raise NotImplementedError

    def equals(self, other: Result) -> bool:
        """Say whether another result has the same table, value for value."""
        return type(self) is type(other) and self.table.equals(other.table)

    def shown(self) -> pl.DataFrame:
        """Return the columns of the table that the notebook shows."""
        return self.table

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.finding}\n{self.table}"

    def _repr_html_(self) -> str:
        from journeys.display import card

        return card(type(self).__name__, sentence=self.finding, settings=self.settings, table=self.shown())


def settings_of(asked: Asked, **options: Any) -> dict[str, Any]:
    """Put together what was asked and of whom.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from journeys.log.core import Size
    >>> asked = SimpleNamespace(size=Size(2, 5, None, None), log=SimpleNamespace(unit="person"))
    >>> settings_of(asked, within="14d")
    {'within': '14d', 'people': 2, 'events': 5, 'first': None, 'last': None}
    """
    unit = {} if asked.log.unit == "person" else {"unit": asked.log.unit}
    return {**options, **unit, **asked.size._asdict()}
