"""Flows: which way do they really go?"""

from journeys.analyses.flow.result import Flow, ask
from journeys.analyses.flow.spec import FlowSpec, ask_flow

__all__ = ["Flow", "FlowSpec", "ask", "ask_flow"]
