"""Segment and RudderStack: spec JSON and warehouse tables → Events."""

from journeys.sources.segment.read import read_rudderstack, read_segment

__all__ = ["read_rudderstack", "read_segment"]
