"""Identifiers → people: the graph, the rules, the explanation."""

from journeys.identity.identity import Identity, Stitched
from journeys.identity.rules import IdentityRules
from journeys.identity.stitch import redact_emails, stitch_events

__all__ = ["Identity", "IdentityRules", "Stitched", "redact_emails", "stitch_events"]
