"""Which campaign brings them: the credit that each touch earns for conversions."""

from journeys.analyses.attribution.counting import AttributionSpec, count, touched
from journeys.analyses.attribution.models import MODELS
from journeys.analyses.attribution.summary import Attribution, summarise

__all__ = ["MODELS", "Attribution", "AttributionSpec", "count", "summarise", "touched"]
