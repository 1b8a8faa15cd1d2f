"""The two public readers: which of the two shapes lies there, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from journeys.errors import SourceError
from journeys.events import Events
from journeys.sources.keyed import json_columns
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Raw, Source, find_files, load, load_files, table_name
from journeys.sources.segment.spec import spec_events
from journeys.sources.segment.warehouse import warehouse_events

__all__ = ["read_rudderstack", "read_segment"]

PAGE, SCREEN = "Loaded a Page", "Viewed a Screen"


def read_segment(
    source: Source | Mapping[str, pl.DataFrame | pl.LazyFrame],
    *,
    name: str = "segment",
    page_event: str = PAGE,
    screen_event: str = SCREEN,
) -> Events:
    """Read what Segment recorded: its spec JSON (archive, webhook) or its warehouse tables.

    Parameters
    ----------
    source
        A file, glob or folder. NDJSON (gzip or not) is read as calls of the Segment spec; CSV and Parquet as warehouse
        tables, each file (or folder of parts) named after its table. Or a mapping from table name to frame.
    name
        What to write into the column `source`.
    page_event, screen_event
        The event that a page or screen call becomes; the page's own name is kept in the property `page_name`.

    Returns
    -------
    Events
        track, page and screen calls are events, identify and group calls are facts, alias calls are links. Identifiers:
        `user_id`, `email` (from traits), `anonymous_id`. `message_id` is the call's message id.

    Raises
    ------
    SourceError
        No such file, or a file of another system (the message says which one it looks like).

    Notes
    -----
    Time is `timestamp`; where it is missing it is rebuilt as receivedAt − (sentAt − originalTimestamp), which corrects
    a wrong device clock under the assumption that sending took no time; else `originalTimestamp`, else `receivedAt`.
    In a warehouse, `tracks` holds every event without properties and each event's own table holds them: the own table
    is read where it exists, `tracks` only for the rest. Names are written in snake_case in both shapes, so that JSON
    and warehouse give the same columns. Source: Segment's documentation of its spec and of its warehouse schemas.

    Examples
    --------
    >>> import polars as pl
    >>> pages = pl.DataFrame({"id": ["m1"], "anonymous_id": ["a1"],
    ...     "timestamp": ["2026-03-01T10:00:00Z"], "path": ["/"]})
    >>> events = read_segment({"pages": pages})
    >>> events.table.select("event", "anonymous_id", "page_path").collect().rows()
    [('Loaded a Page', 'a1', '/')]
    """
    return _read(source, name=name, page_event=page_event, screen_event=screen_event)


def read_rudderstack(
    source: Source | Mapping[str, pl.DataFrame | pl.LazyFrame],
    *,
    name: str = "rudderstack",
    page_event: str = PAGE,
    screen_event: str = SCREEN,
) -> Events:
    """Read what RudderStack recorded: its events or its warehouse tables, which have Segment's shape.

    Parameters, result and errors are those of `read_segment`. What tells of loading and not of behaviour (`uuid_ts`,
    `context_destination_type`) is kept out of a warehouse's properties.

    Examples
    --------
    >>> import polars as pl
    >>> pages = pl.DataFrame({"id": ["m1"], "anonymous_id": ["a1"], "timestamp": ["2026-03-01T10:00:00Z"]})
    >>> read_rudderstack({"pages": pages}).table.select("event", "source").collect().rows()
    [('Loaded a Page', 'rudderstack')]
    """
    return _read(source, name=name, page_event=page_event, screen_event=screen_event)


def _read(
    source: Source | Mapping[str, pl.DataFrame | pl.LazyFrame], *, name: str, page_event: str, screen_event: str
) -> Events:
    if isinstance(source, Mapping):
        tables = {key.lower(): Raw(frame.lazy(), key) for key, frame in source.items()}
        return warehouse_events(tables, name=name, page_event=page_event, screen_event=screen_event)
    if isinstance(source, str | Path | list | tuple):
        files = find_files(source)
        kinds = {found.format for found in files}
        if len(kinds) > 1 and "ndjson" in kinds:
            raise SourceError(
                f"source: {source!s} holds both JSON (Segment's spec) and {', '.join(sorted(kinds - {'ndjson'}))} "
                "(warehouse tables); read them one after the other, and stitch both"
            )
        if kinds != {"ndjson"}:
            groups: dict[str, list[int]] = {}
            for place, found in enumerate(files):
                groups.setdefault(table_name(found), []).append(place)
            full = {key: [files[i] for i in places if files[i].size] for key, places in groups.items()}
            tables = {key: load_files(some, name=key, text=IDS) for key, some in full.items() if some}
            if not tables:
                raise SourceError(f"source: {source!s} is empty (0 bytes)")
            if len(tables) == 1 and "type" in next(iter(tables.values())).schema:
                raw = json_columns(next(iter(tables.values())), *OBJECTS)
                return spec_events(raw, name=name, page_event=page_event, screen_event=screen_event)
            return warehouse_events(tables, name=name, page_event=page_event, screen_event=screen_event)
    raw = load(source, text=IDS)
    if "type" not in raw.schema:
        if "event" in raw.schema and "id" in raw.schema:
            return warehouse_events({"tracks": raw}, name=name, page_event=page_event, screen_event=screen_event)
        raise wrong_system("Segment", raw, missing=["type"])
    return spec_events(json_columns(raw, *OBJECTS), name=name, page_event=page_event, screen_event=screen_event)


OBJECTS = ("properties", "context", "traits")
IDS = (
    "id",
    "anonymous_id",
    "user_id",
    "previous_id",
    "group_id",
    "anonymousId",
    "userId",
    "messageId",
    "previousId",
    "groupId",
)
