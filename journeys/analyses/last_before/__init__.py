"""Last before: which page, campaign or article came last before a goal."""

from journeys.analyses.last_before.result import LastBefore
from journeys.analyses.last_before.run import last_before

__all__ = ["LastBefore", "last_before"]
