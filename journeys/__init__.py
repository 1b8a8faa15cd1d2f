"""Journey analytics in Jupyter: one timeline a person, and honest numbers about it."""

from journeys import exports, naming
from journeys.analyses.correlation.behaviours import Behaviour, at_least, sequence, values
from journeys.errors import ArgumentError, JourneysError, SourceError, StoreError, UnknownNameError
from journeys.events import Events, Issues
from journeys.identity import IdentityRules
from journeys.journeys import Journeys, stitch
from journeys.journeys import open_journeys as open  # noqa: A004  # jn.open reads as the pair of j.save
from journeys.sources import (
    check,
    read_amplitude,
    read_customerio,
    read_ga4,
    read_hubspot,
    read_mixpanel,
    read_posthog,
    read_rudderstack,
    read_segment,
    read_snowplow,
    read_sql,
    read_table,
)  # fmt: skip
from journeys.steps import Step, any_order, never, step

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "Behaviour",
    "Events",
    "IdentityRules",
    "Issues",
    "Journeys",
    "JourneysError",
    "SourceError",
    "Step",
    "StoreError",
    "UnknownNameError",
    "any_order",
    "at_least",
    "check",
    "exports",
    "naming",
    "never",
    "open",
    "read_amplitude",
    "read_customerio",
    "read_ga4",
    "read_hubspot",
    "read_mixpanel",
    "read_posthog",
    "read_rudderstack",
    "read_segment",
    "read_snowplow",
    "read_sql",
    "read_table",
    "sequence",
    "step",
    "stitch",
    "values",
]
