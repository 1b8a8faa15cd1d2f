"""The data dictionary: which events there are, what they mean, and whether they still arrive."""

from journeys.analyses.dictionary.result import Dictionary
from journeys.analyses.dictionary.run import dictionary

__all__ = ["Dictionary", "dictionary"]
