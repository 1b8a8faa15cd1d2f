"""The questions about funnels that journeys can be asked."""

from __future__ import annotations

from journeys.journeys.selection import Selection

__all__ = ["AsksFunnels"]


class AsksFunnels(Selection):
    """Thin methods: check the words, count, summarise."""
