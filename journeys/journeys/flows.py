"""The questions about flows that journeys can be asked."""

from __future__ import annotations

from journeys.journeys.selection import Selection

__all__ = ["AsksFlows"]


class AsksFlows(Selection):
    """Thin methods: check the words, count, summarise."""
