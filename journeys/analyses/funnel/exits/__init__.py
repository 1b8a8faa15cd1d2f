"""Exits: who left a funnel, where, what they did next, and whether they may be written to."""

from journeys.analyses.funnel.exits.result import Exits

__all__ = ["Exits"]
