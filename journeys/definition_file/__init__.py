"""What a team has agreed on, in `journeys.toml`: sources, names, steps, segments, funnels and a report."""

from journeys.definition_file.check import DefinitionsCheck
from journeys.definition_file.definitions import Definitions, definitions
from journeys.definition_file.segment import Segment
from journeys.definition_file.source import SYSTEMS, Source

__all__ = ["SYSTEMS", "Definitions", "DefinitionsCheck", "Segment", "Source", "definitions"]
