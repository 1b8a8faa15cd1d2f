"""The canonical event table that every reader builds: its columns, its checks, its quarantine."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journeys.events.events import LINK_SCHEMA, PAGE_COLUMNS, Events, build_events
    from journeys.events.issues import Issues

__all__ = ["CAMPAIGN_COLUMNS", "LINK_SCHEMA", "PAGE_COLUMNS", "Events", "Issues", "build_events"]

CAMPAIGN_COLUMNS = ("campaign", "campaign_source", "campaign_medium", "campaign_term", "campaign_content", "channel")
"""The campaign columns, listed once for sources, the log and the analyses; a row with any of them filled is a touch."""

# the log imports only what is above: the rest, and NumPy with it, loads when it is first used
_LAZY = {
    "LINK_SCHEMA": "events",
    "PAGE_COLUMNS": "events",
    "Events": "events",
    "Issues": "issues",
    "build_events": "events",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return globals().setdefault(name, getattr(import_module(f"journeys.events.{_LAZY[name]}"), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
