"""Overlap: how many people are in which segments at once."""

from journeys.analyses.overlap.result import Overlap
from journeys.analyses.overlap.run import overlap

__all__ = ["Overlap", "overlap"]
