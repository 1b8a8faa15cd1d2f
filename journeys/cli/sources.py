"""Read the files that are named on the command line."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING

from journeys.errors import SourceError, unknown
from journeys.sources.registry import READERS

if TYPE_CHECKING:
    from journeys.events import Events


SYSTEMS = tuple(sorted({"rudderstack", *(reader.function.removeprefix("read_") for reader in READERS)}))


def read_sources(options: Namespace) -> list[Events]:
    """Read each file: with the reader that is named, as a table where columns are, else as its columns indicate."""
    import journeys as jn
    from journeys.sources.check import read_any

    shared = {name: given for name in ("unit", "time_zone") if (given := getattr(options, name)) is not None}
    is_table = any((options.timestamp, options.event, options.ids))
    found = []
    for file in options.files:
        system, equals, path = file.partition("=")
        if equals and system in SYSTEMS:
            read: Callable[..., Events] = getattr(jn, f"read_{system}")
            accepted = signature(read).parameters
            found.append(read(path, **{name: value for name, value in shared.items() if name in accepted}))
        elif equals and "://" not in system and not Path(file).exists():
            raise SourceError(f"{unknown('files', system, available=SYSTEMS, what='system')} (in {file!r})")
        elif is_table:
            ids = [name.strip() for name in (options.ids or "user_id").split(",") if name.strip()]
            timestamp, event = options.timestamp or "timestamp", options.event or "event"
            found.append(jn.read_table(file, timestamp=timestamp, event=event, ids=ids, **shared))
        else:
            found.append(read_any(file, **shared))
    return found
