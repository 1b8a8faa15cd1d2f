"""Funnels: how many people get how far along given steps, in the exact meaning that was asked for."""

from journeys.analyses.funnel.result import Funnel
from journeys.analyses.funnel.run import funnel
from journeys.analyses.funnel.summarise import find_worst_step

__all__ = ["Funnel", "find_worst_step", "funnel"]
