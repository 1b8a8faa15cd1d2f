"""Journey analytics in Jupyter: one timeline a person, and honest numbers about it."""

from journeys.errors import ArgumentError, JourneysError, SourceError, StoreError, UnknownNameError
from journeys.journeys import Journeys, stitch
from journeys.journeys import open_journeys as open  # noqa: A004  # jn.open reads as the pair of j.save
from journeys.steps import Step, step

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Journeys",
    "JourneysError",
    "SourceError",
    "Step",
    "StoreError",
    "UnknownNameError",
    "open",
    "step",
    "stitch",
]
