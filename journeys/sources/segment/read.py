"""Segment and RudderStack, as spec JSON or as warehouse tables: `read_segment`, `read_rudderstack`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from journeys.errors import SourceError
from journeys.events import Events
from journeys.sources.reading import (
    RawTable,
    Source,
    SourceFile,
    find_files,
    load_files,
    load_nested,
    load_source,
    parse_json_columns,
    table_name,
)
from journeys.sources.reading.files import is_lake
from journeys.sources.registry import wrong_system_error
from journeys.sources.segment.spec_calls import map_spec_calls
from journeys.sources.segment.warehouse import map_warehouse, name_base_table

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
        tables, each file (or folder of parts) named after its table; what an unload in parts appends to the name
        (`pages_0_0_0.csv`) is ignored. Or a mapping from table name to frame.
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
    return _read_calls(source, name=name, page_event=page_event, screen_event=screen_event)


def read_rudderstack(
    source: Source | Mapping[str, pl.DataFrame | pl.LazyFrame],
    *,
    name: str = "rudderstack",
    page_event: str = PAGE,
    screen_event: str = SCREEN,
) -> Events:
    """Read what RudderStack recorded: its events or its warehouse tables, which have Segment's mapping.

    Parameters, result and errors are those of `read_segment`. Columns about loading (`uuid_ts`,
    `context_destination_type`) are left out of a warehouse's properties.

    Examples
    --------
    >>> import polars as pl
    >>> pages = pl.DataFrame({"id": ["m1"], "anonymous_id": ["a1"], "timestamp": ["2026-03-01T10:00:00Z"]})
    >>> read_rudderstack({"pages": pages}).table.select("event", "source").collect().rows()
    [('Loaded a Page', 'rudderstack')]
    """
    return _read_calls(source, name=name, page_event=page_event, screen_event=screen_event)


def _read_calls(
    source: Source | Mapping[str, pl.DataFrame | pl.LazyFrame], *, name: str, page_event: str, screen_event: str
) -> Events:
    """Detect whether a source holds calls of the spec or warehouse tables, and map them."""
    names = {"name": name, "page_event": page_event, "screen_event": screen_event}
    if isinstance(source, Mapping):
        return map_warehouse({key.lower(): RawTable(frame.lazy(), key) for key, frame in source.items()}, **names)
    if lakes := _load_lakes(source):
        return map_warehouse(lakes, **names)
    if isinstance(source, str | Path | list | tuple) and not is_lake(source):
        files = find_files(source)
        formats = {found.format for found in files}
        if len(formats) > 1 and "ndjson" in formats:
            raise SourceError(
                f"source: {source!s} holds both JSON (Segment's spec) and {', '.join(sorted(formats - {'ndjson'}))} "
                "(warehouse tables); read them one after the other, and stitch both."
            )
        if formats != {"ndjson"}:
            tables = _load_tables(files, source)
            only = next(iter(tables.values()))
            if len(tables) > 1 or "type" not in only.schema:
                return map_warehouse(tables, **names)
            return map_spec_calls(parse_json_columns(only, *OBJECTS), **names)
    raw = load_nested(source, text=IDS, objects=OBJECTS)
    if "type" not in raw.schema:
        columns = {column.lower() for column in raw.schema}
        if "event" in columns and "id" in columns:
            return map_warehouse({"tracks": raw}, **names)
        ids = ["messageId", "anonymousId", "userId"]
        missing = ["type", *(ids if raw.schema.keys().isdisjoint(ids) else [])]
        raise wrong_system_error("Segment", raw, missing=missing)
    return map_spec_calls(raw, **names)


def _load_tables(files: Sequence[SourceFile], source: object) -> dict[str, RawTable]:
    """Load each table, putting its parts together."""
    groups: dict[str, list[SourceFile]] = {}
    for found in files:
        table = name_base_table(table_name(found))
        if PARTS.match(table):
            table = name_base_table(found.path.parent.name.lower())
        groups.setdefault(table, []).append(found)
    full = {table: [found for found in parts if found.size] for table, parts in groups.items()}
    tables = {table: load_files(parts, name=table, text_columns=IDS) for table, parts in full.items() if parts}
    if not tables:
        raise SourceError(f"source: {source!s} is empty (0 bytes).")
    return tables


def _load_lakes(source: object) -> dict[str, RawTable]:
    """Load the tables of a folder in which each is the folder of a lake's table."""
    if not isinstance(source, str | Path) or not Path(source).expanduser().is_dir() or is_lake(source):
        return {}
    inside = sorted(path for path in Path(source).expanduser().iterdir() if is_lake(path))
    return {path.name.lower(): load_source(path) for path in inside}


# Snowflake's name for the parts of a table that has a folder of its own.
PARTS = re.compile(r"^data(?:[-_]\d+)*$")
OBJECTS = ("properties", "context", "traits")
IDS = (
    "id", "anonymous_id", "user_id", "previous_id", "group_id",
    "anonymousId", "userId", "messageId", "previousId", "groupId",
    "ID", "ANONYMOUS_ID", "USER_ID", "PREVIOUS_ID", "GROUP_ID", "context.groupId",
)  # fmt: skip
