"""Flows: which paths people take, column by column."""

from journeys.analyses.flow.comparison import ComparedFlow
from journeys.analyses.flow.path_results import Paths, Sequences
from journeys.analyses.flow.result import Flow
from journeys.analyses.flow.run import flow

__all__ = ["ComparedFlow", "Flow", "Paths", "Sequences", "flow"]
