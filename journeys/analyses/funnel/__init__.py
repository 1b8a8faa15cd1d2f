"""Funnels: how many people get how far along given steps, in the exact meaning that was asked for."""

from journeys.analyses.funnel.ask import build_spec
from journeys.analyses.funnel.count import count
from journeys.analyses.funnel.question import ask
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import summarise

__all__ = ["Funnel", "FunnelSpec", "ask", "build_spec", "count", "summarise"]
