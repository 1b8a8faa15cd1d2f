"""The questions about correlations that journeys can be asked."""

from __future__ import annotations

from journeys.journeys.selection import Selection

__all__ = ["AsksCorrelations"]


class AsksCorrelations(Selection):
    """Thin methods: check the words, count, summarise."""
