"""Transitions: which events directly follow which, over whole journeys."""

from journeys.analyses.transitions.result import Transitions
from journeys.analyses.transitions.run import transitions

__all__ = ["Transitions", "transitions"]
