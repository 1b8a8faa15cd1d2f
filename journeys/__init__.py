"""Journey analytics in Jupyter: one timeline per person, and honest numbers about it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journeys import exports, naming, report, samples
    from journeys.analyses.correlation.spec import Behaviour, at_least, sequence, values
    from journeys.analyses.overlap import overlap
    from journeys.api import Journeys, options, stitch
    from journeys.api import open_journeys as open  # noqa: A004  # jn.open reads as the pair of j.save
    from journeys.definition_file import Definitions, definitions
    from journeys.errors import ArgumentError, JourneysError, SourceError, StoreError, UnknownNameError
    from journeys.events import Events, Issues
    from journeys.identity import IdentityRules
    from journeys.sources import (
        check,
        read_amplitude,
        read_customerio,
        read_ga4,
        read_hubspot,
        read_mixpanel,
        read_posthog,
        read_rudderstack,
        read_segment,
        read_snowplow,
        read_sql,
        read_table,
    )
    from journeys.steps import Step, any_order, did, never, step

__version__ = "0.1.0"

__all__ = [
    "ArgumentError", "Behaviour", "Definitions", "Events", "IdentityRules", "Issues", "Journeys", "JourneysError",
    "SourceError", "Step", "StoreError", "UnknownNameError", "any_order", "at_least", "check", "definitions", "did",
    "exports", "naming", "never", "open", "options", "overlap", "read_amplitude", "read_customerio", "read_ga4",
    "read_hubspot", "read_mixpanel", "read_posthog", "read_rudderstack", "read_segment", "read_snowplow", "read_sql",
    "read_table", "report", "samples", "sequence", "step", "stitch", "values",
]  # fmt: skip

# a module loads when its first name is used: an import stays quick, and the command can be interrupted while it loads
_LATER = {
    "journeys.analyses.correlation.spec": {"Behaviour", "at_least", "sequence", "values"},
    "journeys.analyses.overlap": {"overlap"},
    "journeys.api": {"Journeys", "options", "stitch"},
    "journeys.definition_file": {"Definitions", "definitions"},
    "journeys.errors": {"ArgumentError", "JourneysError", "SourceError", "StoreError", "UnknownNameError"},
    "journeys.events": {"Events", "Issues"},
    "journeys.identity": {"IdentityRules"},
    "journeys.sources": {name for name in __all__ if name.startswith("read_")} | {"check"},
    "journeys.steps": {"Step", "any_order", "did", "never", "step"},
}
_MODULES = (
    "api",
    "display",
    "errors",
    "events",
    "exports",
    "identity",
    "naming",
    "report",
    "samples",
    "sources",
    "steps",
)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"journeys.{name}")
    if name == "open":
        return globals().setdefault(name, import_module("journeys.api").open_journeys)
    for module, names in _LATER.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(module), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
