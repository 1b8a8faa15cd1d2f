"""Lifecycle: new, returning, resurrecting and dormant people per period."""

from journeys.analyses.lifecycle.result import Lifecycle
from journeys.analyses.lifecycle.run import lifecycle

__all__ = ["Lifecycle", "lifecycle"]
