"""Drop-off: where journeys end without the goal, and what those who went on did instead."""

from journeys.analyses.dropoff.result import Dropoff
from journeys.analyses.dropoff.run import dropoff

__all__ = ["Dropoff", "dropoff"]
