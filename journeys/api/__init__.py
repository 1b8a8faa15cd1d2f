"""Class `Journeys`: everybody's timeline, what can be selected from it and what can be asked of it."""

from journeys.api.journeys import Journeys, open_journeys, stitch
from journeys.display.options import options

__all__ = ["Journeys", "open_journeys", "options", "stitch"]
