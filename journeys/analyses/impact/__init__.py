"""Impact: what people do after they first use something, against matched people who have not used it."""

from journeys.analyses.impact.result import Impact
from journeys.analyses.impact.run import impact

__all__ = ["Impact", "impact"]
