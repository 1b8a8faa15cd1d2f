"""The convention "Verb + Object" for event names: check names, find near-duplicates, suggest, rename.

A name says what somebody did, in the past tense, and to what: "Created Project", "Signed Up", "Loaded a Page". Where it
was done, and how, are properties: "Clicked Button on Pricing Page via Mobile" is "Clicked Button" with two of them.
"""

from journeys.naming.check import NamingCheck, check, suggest
from journeys.naming.mapping import Renamed, apply, load_mapping, save_mapping
from journeys.naming.words import near_duplicates

__all__ = ["NamingCheck", "Renamed", "apply", "check", "load_mapping", "near_duplicates", "save_mapping", "suggest"]
