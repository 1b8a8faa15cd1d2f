"""Retention: which share of each cohort comes back, period after period."""

from journeys.analyses.retention.result import Retention
from journeys.analyses.retention.run import retention

__all__ = ["Retention", "retention"]
