"""Conversion over time: the trend of a funnel, by the period in which people enter."""

from journeys.analyses.funnel.trend.result import FunnelTrend
from journeys.analyses.funnel.trend.run import trend

__all__ = ["FunnelTrend", "trend"]
