"""Sessions: one row per visit, and what visits by landing page or channel lead to."""

from journeys.analyses.sessions.result import Sessions
from journeys.analyses.sessions.run import sessions

__all__ = ["Sessions", "sessions"]
