"""Value per person over age: what people are worth so long after their start."""

from journeys.analyses.value.result import Value
from journeys.analyses.value.run import value

__all__ = ["Value", "value"]
