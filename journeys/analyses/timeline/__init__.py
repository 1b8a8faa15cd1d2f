"""Timelines: everything that one person did, from every system, in order."""

from journeys.analyses.timeline.result import Timeline
from journeys.analyses.timeline.run import timeline

__all__ = ["Timeline", "timeline"]
