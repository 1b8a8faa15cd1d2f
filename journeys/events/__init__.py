"""The canonical event table that every reader builds: its columns, its checks, its quarantine."""

from journeys.events.build import build_events
from journeys.events.core import CAMPAIGN_COLUMNS, LINK_SCHEMA, PAGE_COLUMNS, Events
from journeys.events.issues import Issues

__all__ = ["CAMPAIGN_COLUMNS", "LINK_SCHEMA", "PAGE_COLUMNS", "Events", "Issues", "build_events"]
