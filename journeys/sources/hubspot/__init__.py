"""HubSpot: property history (lifecycle stages), webhooks, e-mail events, lists of contacts and companies."""

from journeys.sources.hubspot.read import read_hubspot

__all__ = ["read_hubspot"]
