"""Which behaviours go with converting: the 2×2 table of each, with everything that could make it lie."""

from journeys.analyses.correlation.answer import correlate
from journeys.analyses.correlation.behaviours import Behaviour, at_least, sequence, values
from journeys.analyses.correlation.question import BehaviourLike
from journeys.analyses.correlation.result import Correlation

__all__ = ["Behaviour", "BehaviourLike", "Correlation", "at_least", "correlate", "sequence", "values"]
