"""Identifiers → people: the graph, the rules, the explanation."""

from journeys.identity.report import Identity
from journeys.identity.rules import IdentityRules
from journeys.identity.stitching import Stitched, stitch_events

__all__ = ["Identity", "IdentityRules", "Stitched", "stitch_events"]
