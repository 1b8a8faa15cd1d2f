"""Account activity: which accounts are large, fit and active, and which go quiet."""

from journeys.analyses.activity.result import Activity
from journeys.analyses.activity.run import activity

__all__ = ["Activity", "activity"]
