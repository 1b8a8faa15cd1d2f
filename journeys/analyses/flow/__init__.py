"""Flows: which way do they really go?"""

from journeys.analyses.flow.compare import ComparedFlow, ask_against
from journeys.analyses.flow.result import Flow, ask
from journeys.analyses.flow.spec import FlowSpec, ask_flow, told_words

__all__ = ["ComparedFlow", "Flow", "FlowSpec", "ask", "ask_against", "ask_flow", "told_words"]
