"""One person's timeline: everything they did, from every system, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.log.expressions import starts_session

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Timeline", "make_timeline"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Timeline:
    """What did this person do, and when?

    Attributes
    ----------
    table : pl.DataFrame
        `timestamp`, `event`, `since_previous` (Duration, null at first), `session` (Int64, from 1), then `source`,
        `replay_url` and every property that this person has a value of.
    settings : mapping
        The person and the pause that parts sessions.
    bridges : tuple of (datetime, str)
        When the person became known by a further identifier, and by which.
    ranked : tuple of str
        All events of the log, the most frequent first: they give an event its colour.
    """

    table: pl.DataFrame
    settings: Mapping[str, Any]
    bridges: tuple[tuple[datetime, str], ...] = ()
    ranked: tuple[str, ...] = ()

    @property
    def finding(self) -> str:
        """How much happened in how long, as one sentence."""
        from journeys.display import duration, plural

        if self.table.is_empty():
            return f"Person {self.settings['person']} did nothing that is selected."
        took = self.table["timestamp"][-1] - self.table["timestamp"][0]
        sessions = int(self.table["session"].max())  # type: ignore[arg-type]
        return (
            f"Person {self.settings['person']}: {plural(self.table.height, 'event')} in {plural(sessions, 'session')} "
            f"over {duration(took)}."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw one lane a source."""
        from journeys.charts.theme import event_colours
        from journeys.charts.timeline import draw

        colour_of = event_colours(self.ranked, dark=dark) if self.ranked else None
        words: dict[str, Any] = {"title": self.finding, "subtitle": self._definition(), "dark": dark, "narrow": narrow}
        return draw(self.table, bridges=self.bridges, colour_of=colour_of, **words)

    def _definition(self) -> str:
        from journeys.display import duration
        from journeys.steps import duration_us

        pause = duration(duration_us(self.settings["gap"], argument="gap"))
        return f"Every selected event; a pause of {pause} or more starts a session."

    def __repr__(self) -> str:
        return f"Timeline: {self.finding}\n{self.table}"

    def _repr_html_(self) -> str:
        from journeys.display import card, html_table

        table = html_table(self.table, rows=50, links=["replay_url"], style=False)
        return card("Timeline", sentence=self.finding, settings=self.settings, table=table)


def make_timeline(
    events: pl.DataFrame,
    *,
    gap: int,
    settings: Mapping[str, Any],
    bridges: tuple[tuple[datetime, str], ...],
    ranked: tuple[str, ...] = (),
) -> Timeline:
    """Put the rows of one person, which are in log order, into a timeline."""
    filled = [name for name in events.columns if name not in ("person", "timestamp", "event")]
    filled = [name for name in filled if events[name].null_count() < events.height]
    first = [name for name in ("source", "replay_url") if name in filled]
    table = events.select(
        "timestamp",
        pl.col("event").cast(pl.String),
        pl.col("timestamp").diff().alias("since_previous"),
        starts_session(gap).cast(pl.Int64).cum_sum().alias("session"),
        *first,
        *(name for name in filled if name not in first),
    )
    return Timeline(table=table, settings=settings, bridges=bridges, ranked=ranked)
