"""The answer to a question about journeys: a result that writes about people or accounts, and leads back to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, cast

import polars as pl

from journeys.analyses.protocol import J
from journeys.analyses.sample_size import NoFinding
from journeys.result import Result


def _speak_of_unit(write: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method write its texts about accounts where these were asked, about people otherwise."""
    if hasattr(write, "_speaks_of_unit"):
        return write

    @wraps(write)
    def write_about_unit(result: JourneysResult[Any], *arguments: Any, **options: Any) -> Any:
        """Write about the unit; in a finding or a title about accounts, "who" becomes "that"."""
        from journeys.display import adapt_pronouns, use_unit

        unit = result._journeys._log.unit
        with use_unit(unit):
            written = write(result, *arguments, **options)
            if unit == "person" or write.__name__ not in ("finding", "plot"):
                return written
            names = [name for name in result._journeys._log.names if "who" in name.lower()]
            if write.__name__ == "finding":
                adapted = adapt_pronouns(written, names=names)
                return written.rewrite(adapted) if isinstance(written, NoFinding) else adapted
            layout = written.layout
            layout.title.text = adapt_pronouns(layout.title.text or "", names=names)
            if layout.meta and "subtitle" in layout.meta:
                layout.meta = {**layout.meta, "subtitle": adapt_pronouns(layout.meta["subtitle"], names=names)}
            return written

    cast("Any", write_about_unit)._speaks_of_unit = True
    return write_about_unit


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class JourneysResult(Result, Generic[J]):
    """The answer to one question about journeys.

    Attributes
    ----------
    table : pl.DataFrame
        The numbers, unrounded and explicitly sorted.
    settings : mapping of str to object
        What was asked, of how many people and events, over which period.
    """

    table: pl.DataFrame
    settings: Mapping[str, Any]
    _journeys: J = field(repr=False)

    def __init_subclass__(cls, **options: Any) -> None:
        super(JourneysResult, cls).__init_subclass__(
            **options
        )  # without arguments it names the class before it has slots
        for name, written in list(vars(cls).items()):
            if isinstance(written, property):
                setattr(cls, name, property(_speak_of_unit(cast("Any", written.fget)), doc=written.__doc__))
            elif name.startswith("plot") or name == "_repr_html_":
                setattr(cls, name, _speak_of_unit(written))

    def _repr_html_(self) -> str:
        from journeys.display import use_unit

        with use_unit(self._journeys._log.unit):
            return super(JourneysResult, self)._repr_html_()
