"""The options of sessions."""

from __future__ import annotations

from dataclasses import dataclass

from journeys.analyses.breakdown import name_group
from journeys.steps import Step

OWN_GROUPS = ("landing", "exit", "channel", "campaign")
"""Columns of sessions that form groups."""


@dataclass(frozen=True, eq=False, slots=True)
class SessionsSpec:
    """The options of sessions, checked.

    Attributes
    ----------
    gap : int
        The silence that ends a session, in microseconds.
    campaign_columns : tuple of str
        The campaign columns by which sessions start, if asked.
    page_view : Step
        The event that counts as a page view.
    page : str, optional
        The column of the page, for landing and exit pages.
    goal : Step, optional
        The event that makes a session a converting one.
    by : str
        The column of the summary's groups: one of the sessions' columns, or of the log.
    """

    gap: int
    campaign_columns: tuple[str, ...]
    page_view: Step
    page: str | None
    goal: Step | None
    by: str

    @property
    def group(self) -> str:
        """What the column of the groups is called in the tables."""
        return self.by if self.by in OWN_GROUPS else name_group(self.by)
