"""The timeline of one person: a table and a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Timeline(JourneysResult[J]):
    """What did this person do, and when?

    Attributes
    ----------
    table : pl.DataFrame
        `timestamp`, `event`, `since_previous` (Duration, null at first), `session` (Int64, from 1), then `source`,
        `replay_url` and every property that this person has a value of.
    settings : mapping
        The person, and the pause that separates sessions.
    identified : tuple of (datetime, str)
        When the person became known by a further type of identifier, and by which.
    """

    identified: tuple[tuple[datetime, str], ...]
    _gap: int = field(repr=False)

    @property
    def finding(self) -> str:
        """How much happened in how long, as one sentence."""
        from journeys.display import adapt_words, format_count, format_duration

        if self.table.is_empty():
            return f"{adapt_words('Person')} {self.settings['person']} has no selected event."
        took = self.table["timestamp"][-1] - self.table["timestamp"][0]
        sessions = int(self.table["session"].max())  # type: ignore[arg-type]
        return (
            f"{adapt_words('Person')} {self.settings['person']}: {format_count(self.table.height, 'event')} "
            f"in {format_count(sessions, 'session')}{f' over {format_duration(took)}' * bool(took)}."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the events in order, with one lane per source."""
        from journeys.charts.theme import assign_event_colours
        from journeys.charts.timeline import draw_timeline
        from journeys.display import format_duration

        subtitle = f"Every selected event; a pause of {format_duration(self._gap)} or more starts a session."
        return draw_timeline(
            self.table,
            identified=self.identified,
            colour_of=assign_event_colours(self._journeys._log.ranked, dark=dark),
            title=self.finding,
            subtitle=subtitle,
            dark=dark,
            narrow=narrow,
        )

    def _repr_html_(self) -> str:
        from journeys.display import render_card, render_html_table

        table = render_html_table(self.table, rows=50, links=["replay_url"], style=False)
        return render_card("Timeline", sentence=self.finding, settings=self.settings, table=table)
