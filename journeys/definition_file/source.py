"""One source of a definition file or of the command line: which reader reads which files, with which options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import polars as pl

from journeys.definition_file.places import name_place
from journeys.errors import JourneysError, SourceError, raise_all, unknown_message
from journeys.events import Events
from journeys.sources import read_any, read_rudderstack, read_table
from journeys.sources.registry import READERS

_READERS = {reader.function.removeprefix("read_"): reader.load_function for reader in READERS}
SYSTEMS = tuple(sorted({*_READERS, "rudderstack", "table"}))
"""What `system` may be: the readers without their "read_"."""


def _reader_of(system: str) -> Any:
    if system == "table":
        return read_table
    return read_rudderstack if system == "rudderstack" else _READERS[system]()


@dataclass(frozen=True, slots=True)
class Source:
    """Files of one system, and the options of its reader.

    Attributes
    ----------
    name
        The value of the column `source`.
    system
        One of `SYSTEMS`; None where it is detected from the columns.
    paths
        Files, folders or globs.
    options
        Options of the reader, by name; of a table also `event_name`, for files of one kind of event.
    place
        Where it is described, for messages.
    """

    name: str | None
    system: str | None
    paths: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""

    def read(self, *, folder: Path | None = None) -> Events:
        """Read the files, relative to a folder.

        Raises
        ------
        SourceError
            The files cannot be read; the message names the source.
        """
        paths = [str(path if "://" in path else (folder or Path()) / Path(path).expanduser()) for path in self.paths]
        files: Any = paths[0] if len(paths) == 1 else paths
        if self.system is None:
            return read_any(files, **self.options)
        read, options = _reader_of(self.system), dict(self.options)
        if "event_name" in options:
            options["event"] = pl.lit(options.pop("event_name"))
        with name_place(self.place, names={"source": "path"}) if self.place else nullcontext():
            return read(files, **options | ({"name": self.name} if self.name else {}))  # type: ignore[no-any-return]


def read_sources(sources: Sequence[Source], *, folder: Path | None = None) -> tuple[Events, ...]:
    """Read all sources, relative to a folder.

    Raises
    ------
    SourceError
        Sources cannot be read; all of them are reported together.
    """
    found, problems = [], []
    for source in sources:
        try:
            found.append(source.read(folder=folder))
        except JourneysError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    raise_all([line.removeprefix("- ") for error in problems for line in str(error).split("\n")], SourceError)
    return tuple(found)


def find_source_problems(source: Source, *, place: str) -> list[str]:
    """List unknown systems and options, and options of tables that are missing."""
    if source.system is None:
        return []
    if source.system not in SYSTEMS:
        return [unknown_message(f"{place}: system", source.system, available=SYSTEMS, what="system")]
    known = [*signature(_reader_of(source.system)).parameters][1:]
    known = [name for name in known if name != "name"]
    problems = []
    if source.system == "table":
        known.append("event_name")
        problems += [f"{place}: a table needs {name!r}." for name in ("timestamp", "ids") if name not in source.options]
        if {"event", "event_name"}.isdisjoint(source.options) and not isinstance(
            source.options.get("timestamp"), Mapping
        ):
            problems.append(
                f"{place}: a table needs 'event' (a column), 'event_name' (the name of all its events), or a "
                "'timestamp' that names the column of each event's date."
            )
    wrong = [name for name in source.options if name not in known]
    return problems + (
        [unknown_message(place, wrong, available=["system", "path", *known], what="key")] if wrong else []
    )
