"""Class `Journeys`: everybody's timeline, what can be selected from it and what can be asked of it."""

from journeys.api.journeys import Journeys, open_journeys, stitch

__all__ = ["Journeys", "open_journeys", "stitch"]
