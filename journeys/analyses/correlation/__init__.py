"""Which behaviours go with reaching a goal: the 2×2 table of each, and what could mislead about it."""

from journeys.analyses.correlation.matrix import Correlations
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.correlation.run import correlation, correlations

__all__ = ["Correlation", "Correlations", "correlation", "correlations"]
