"""What a team has agreed on, in `journeys.toml`: sources, names, steps, segments, funnels and a report."""

from journeys.definition_file.check import DefinitionsCheck
from journeys.definition_file.definitions import Definitions, definitions
from journeys.definition_file.draft import Draft, draft_definitions
from journeys.definition_file.segment import Segment
from journeys.definition_file.source import SYSTEMS, Source, find_source_problems, read_sources

__all__ = [
    "SYSTEMS",
    "Definitions",
    "DefinitionsCheck",
    "Draft",
    "Segment",
    "Source",
    "definitions",
    "draft_definitions",
    "find_source_problems",
    "read_sources",
]
