"""Funnels: how many people get how far along given steps, in the exact meaning that was asked for."""

from journeys.analyses.funnel.result import Funnel
from journeys.analyses.funnel.run import funnel

__all__ = ["Funnel", "funnel"]
