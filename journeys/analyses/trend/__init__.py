"""Trends: events, people, sessions or sums per day, week or month."""

from journeys.analyses.trend.result import Trend
from journeys.analyses.trend.run import trend

__all__ = ["Trend", "trend"]
