"""Stickiness: on how many days of a week or month people are active."""

from journeys.analyses.stickiness.result import Stickiness
from journeys.analyses.stickiness.run import stickiness

__all__ = ["Stickiness", "stickiness"]
