"""Any table with a time, an event and identifiers: `read_table`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message
from journeys.events import CAMPAIGN_COLUMNS, PAGE_COLUMNS, Events
from journeys.events.batches import translate_source_errors
from journeys.events.core import TRAIT
from journeys.events.placeholder_values import normalise_names
from journeys.events.times import TimeParser, check_unit_fits
from journeys.sources.campaign import UTM
from journeys.sources.column_mapping import (
    TIME,
    ColumnMapping,
    Named,
    as_id,
    as_text,
    build_column_links,
    inexact_ids,
    map_events,
    parse_link_columns,
    read_decimal_comma,
)
from journeys.sources.date_columns import DATE, EVENT, unpivot_dates
from journeys.sources.nested_columns import parse_json_columns
from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable, Source, load_source
from journeys.sources.reading.json_schema import DType
from journeys.sources.reading.row_store import flatten_column
from journeys.sources.table_arguments import check_arguments, find_type_problems

# A column's name → the canonical column that it is taken for.
RECOGNISED = {
    **{column: column for column in (*CAMPAIGN_COLUMNS, *PAGE_COLUMNS, "group_id", "replay_url")},
    **{utm: column for column, utm in UTM.items()},
    "url": "page_url",
}
# Properties that questions look for by name.
_OTHER_MEANINGS = ("currency",)
# Columns that reading adds, and the one of a table without any column.
READING = (PROBLEM, PLACE, RAW, "_nothing")
OWN_TIME = "_own_time"


def read_table(
    source: Source,
    *,
    timestamp: str | Mapping[str, str],
    event: str | pl.Expr | None = None,
    ids: Sequence[str] | Mapping[str, str],
    links: Mapping[str, str | tuple[str, str]] | None = None,
    message_id: str | None = None,
    name: str | None = None,
    properties: Sequence[str] | Mapping[str, pl.DataType] | None = None,
    unit: str | None = None,
    time_zone: str | None = None,
    format: str | None = None,  # noqa: A002
    day_first: bool | None = None,
    drop_duplicates: bool = False,
    columns: Mapping[str, str] | None = None,
    decimal_comma: Sequence[str] = (),
) -> Events:
    """Read events from any table: who did what when, in a file or a frame that no other reader knows.

    Parameters
    ----------
    source
        A path, a glob, a folder or a list of them (CSV, TSV, NDJSON, Parquet, Arrow; gzip or zstd), a DataFrame, a
        LazyFrame, or any Arrow-compatible object (pandas, DuckDB, PyArrow). The folder of a Delta or Iceberg table
        is read in its current version (`pip install 'journeys[lakes]'`), and so is the table's own object.
    timestamp
        The column of times. Numbers need a `unit`; times without zone are read in `time_zone`, else as UTC. Here and
        below, "user.id" is the field `id` of the objects in the column `user`. Of a table with a date for each stage,
        a mapping from event to the column of its date, `{"Lead": "Lead Date", "Won": "Closed Won Date"}`: a row is an
        event for each date that it has.
    event
        The column of event names, or an expression such as `pl.lit("Upgraded Plan")`; none where `timestamp` names the
        events.
    ids
        The identifier columns, which are also the identifier types, the most trusted first; or a mapping from type to
        column. 123, 123.0 and "123" are the same identifier. A person has one value of the first, unless a source has
        a `user_id` or the rules of stitching say otherwise.
    links
        Columns that hold another identifier of the same person, as an alias or a merge states it, each with the type of
        this identifier: `{"previous_id": "anonymous_id"}`. It is linked with the row's most trusted identifier, even
        where each person can have only one value of both. `("user_id", "merge")` is a merge instead of an alias, which
        some rules treat differently. A row without an event that has such a value only links.
    message_id
        A column that is unique for each event: of equal ones the first to arrive is kept.
    name
        What to write into the column `source`; else the file's name.
    properties
        The other columns to keep (all of them, when not given), or a mapping from column to type.
    unit
        What numbers in `timestamp` count: "s", "ms", "us" or "ns" since 1970, or "days", the serial dates of a
        spreadsheet (46082.5 is noon on 1 March 2026, in `time_zone`). Fractions may have a decimal comma.
    time_zone
        The zone of times that name none, such as "Europe/Berlin".
    format
        How times are written in text, as in `strptime`: "%d.%m.%y %H:%M". ISO 8601 and the dates of spreadsheets are
        read without it.
    day_first
        Whether 03/04/2026 is 3 April (True) or March 4 (False). Without it, dates that could be either are set apart.
    drop_duplicates
        Without a `message_id`: drop rows that equal an earlier one of this call in every column. Else they are counted
        and kept. Over several calls only equal message ids are one message: give files that overlap as one list.
    columns
        Columns whose names do not say what they hold, by the canonical name: `{"campaign": "Kampagne"}`.
    decimal_comma
        Columns of text that are numbers with a decimal comma, such as "1.234,50 €"; what is none is null.

    Returns
    -------
    Events
        Lazy. `utm_*` columns, page columns (`page_url` or `url`, `page_path`, …), `group_id` and `replay_url` are
        recognised by their names (`group_id` is an identifier: 42.0 is "42"); nested columns are flattened; all else
        is a property.

    Raises
    ------
    SourceError
        No such file, an empty one, or numbers that cannot be times in this unit.
    ArgumentError
        An argument that does not name columns; no `event`, unless `timestamp` names the events; identifiers that are
        not single values, or whose type (of `ids` or `links`) has the name of a column of the log.
    UnknownNameError
        Columns that are not there, all reported together, with the closest; no such canonical name.

    Examples
    --------
    >>> import polars as pl
    >>> visits = pl.DataFrame({"at": ["2026-03-01 10:00:00", None], "what": ["Signed Up", "Left"], "user": [7, 8]})
    >>> events = read_table(visits, timestamp="at", event="what", ids={"user_id": "user"}, name="app")
    >>> events
    Events from app: 1 event of 2 rows (1 in quarantine), 1 March 2026 to 1 March 2026; ids user_id
    WARNING: 50% of the rows of app are in quarantine (no time); see issues.quarantine.
    >>> events.table.select("timestamp", "event", "user_id").collect().row(0)
    (datetime.datetime(2026, 3, 1, 10, 0, tzinfo=zoneinfo.ZoneInfo(key='UTC')), 'Signed Up', '7')
    """
    check_arguments(
        ids=ids,
        links=links or {},
        properties=properties,
        timestamp=timestamp,
        event=event,
        message_id=message_id,
        name=name,
        columns=columns or {},
        decimal_comma=decimal_comma,
    )
    said = columns or {}
    times = TimeParser(unit=unit, time_zone=time_zone, format=format, day_first=day_first)
    types = dict(ids) if isinstance(ids, Mapping) else {column: column for column in ids}
    dates = dict(timestamp) if isinstance(timestamp, Mapping) else {}
    stated = parse_link_columns(links or {})
    asked = {
        "timestamp": [timestamp] if isinstance(timestamp, str) else [*dates.values()],
        "event": [event] if isinstance(event, str) else [],
        "ids": list(types.values()),
        "links": list(stated),
        "message_id": [message_id] if message_id else [],
        "properties": list(properties or []),
        "columns": list(said.values()),
        "decimal_comma": list(decimal_comma),
    }
    keys = [*types.values(), *stated, *asked["message_id"]]
    raw = _add_nested_fields(load_source(source, text_columns=keys), [c for columns in asked.values() for c in columns])
    schema = raw.schema
    available = [column for column in schema if column not in READING]
    raise_all(_find_unknown_names(asked, said, available=available), UnknownNameError)
    raise_all(_find_wrong_columns(types, stated, said, schema=schema, available=available), ArgumentError)
    raw = _keep_own_time(unpivot_dates(raw, dates) if dates else raw)
    at = DATE if dates else asked["timestamp"][0]
    shown = ", ".join(asked["timestamp"])
    sample = _first_times(raw, at)
    if unit is not None:
        check_unit_fits(sample, column=shown, unit=unit)
    column_of = {column: pl.col(OWN_TIME if column == TIME else column) for column in schema}
    used = {*asked["timestamp"], *asked["event"], *keys}
    kept = None if properties is None else {*asked["properties"], *said.values(), *decimal_comma}
    rest = [c for c in available if c not in used and (kept is None or c in kept)]
    recognised = _recognise_columns(rest, said)
    renamed = {recognised.pop(one): one for one in _OTHER_MEANINGS if one in recognised}
    time, time_type = (pl.col(DATE), raw.schema[DATE]) if dates else (column_of[at], schema[at])
    what = pl.col(EVENT) if event is None else column_of[event] if isinstance(event, str) else event
    numbers = [*keys, *([recognised["group_id"]] if "group_id" in recognised else [])]
    mapping = ColumnMapping(
        timestamp=times.parse(time, time_type, column=shown),
        time_text=time,
        is_date_only=times.is_date_only(time, time_type),
        event=normalise_names(what.cast(pl.String)),
        ids={id_type: as_id(column_of[column], schema[column]) for id_type, column in types.items()},
        problem=times.explain(time, pl.col(TIME), time_type, column=shown),
        fields={
            canonical: (as_id if canonical == "group_id" else as_text)(column_of[column], schema[column])
            for canonical, column in recognised.items()
        },
        inexact=[one for column in numbers for one in inexact_ids(column_of[column], schema[column])],
    )
    if all(schema[column] == pl.String or schema[column].is_integer() for column in types.values()):
        texts = {id_type: column_of[column] for id_type, column in types.items() if schema[column] == pl.String}
        mapping.as_read = {"event": what.cast(pl.String), **texts}
    build = None
    if stated:
        mapping.hidden = {f"_link_{place}": as_id(column_of[c], schema[c]) for place, c in enumerate(stated)}
        hidden = dict(zip(mapping.hidden, stated.values(), strict=True))
        kinds = [pl.when(mapping.hidden[c].is_not_null()).then(pl.lit(kind)) for c, (_, kind) in hidden.items()]
        mapping.kind = pl.when(mapping.event.fill_null("").str.strip_chars() == "").then(pl.coalesce(kinds))
        build = build_column_links(list(types), hidden)
    if message_id:
        mapping.fields["message_id"] = as_id(column_of[message_id], schema[message_id])
    casts = dict(properties) if isinstance(properties, Mapping) else {}
    column_of |= {c: read_decimal_comma(column_of[c], schema[c]) for c in decimal_comma}
    schema = pl.Schema({**schema, **{c: pl.Float64() for c in decimal_comma}})
    others = {renamed.get(c, c): column_of[c] for c in rest if c not in recognised.values()}
    schema = pl.Schema({**schema, **{new: schema[old] for old, new in renamed.items()}})
    mapping.properties = _map_properties(others, schema, casts=casts, used={*used, *said.values()})
    events = map_events(
        raw,
        mapping,
        name=name or raw.name,
        links=build,
        drop_exact=drop_duplicates,
        notes=times.note_assumptions(sample),
    )
    return replace(events, exclusive=next(iter(types), None))


def _find_unknown_names(
    asked: Mapping[str, Sequence[str]], meanings: Iterable[str], *, available: Sequence[str]
) -> list[str]:
    """List the columns that are not there, by argument, and what is no meaning of a column."""
    missing = {argument: [c for c in columns if c not in available] for argument, columns in asked.items()}
    problems = [
        unknown_message(argument, c, available=available, what="column") for argument, c in missing.items() if c
    ]
    known = [*dict.fromkeys([*RECOGNISED.values(), *_OTHER_MEANINGS])]
    unknown = [one for one in meanings if one not in known]
    return problems + ([unknown_message("columns", unknown, available=known, what="meaning")] if unknown else [])


def _find_wrong_columns(
    types: Mapping[str, str],
    links: Mapping[str, tuple[str, str]],
    meanings: Iterable[str],
    *,
    schema: pl.Schema,
    available: Sequence[str],
) -> list[str]:
    """List identifiers that have the name of another column, or are not single values, and meanings that are there."""
    wrong = find_type_problems(types, links, columns=available)
    wrong += [f"columns: the table has a column {one!r} of its own." for one in meanings if one in available]
    return wrong + [
        f"ids: the column {column!r} holds {schema[column]}, not single values; name one of its fields, such as "
        f"{column + '.id'!r}, or take one value out of each."
        for column in types.values()
        if schema[column].is_nested()
    ]


def _map_properties(
    columns: Mapping[str, pl.Expr], schema: pl.Schema, *, casts: Mapping[str, pl.DataType], used: Collection[str]
) -> Named:
    """Make properties of columns; of objects, of each field that is not used as an identifier, time or event."""
    found: Named = []
    for column, value in columns.items():
        # Columns of facts have this prefix in Events.
        prefix = f"property_{column}" if column.startswith(TRAIT) else column
        if column in casts:
            found.append((prefix, value.cast(casts[column], strict=False)))
        else:
            named = {name.replace(".", "_") for name in used if name.startswith(f"{column}.")}
            leaves = flatten_column(value, schema[column], prefix=prefix, rename=str)
            found += [leaf for leaf in leaves if leaf[0] not in named]
    return found


def _add_nested_fields(raw: RawTable, names: Iterable[str]) -> RawTable:
    """Add each field of an object that is asked for, such as "user.id", as a column of that name."""
    paths = {name: name.split(".") for name in names if "." in name and name not in raw.schema}
    roots = {path[0] for path in paths.values() if path[0] in raw.schema}
    if not roots:
        return raw
    raw = parse_json_columns(raw, *sorted(roots))
    found = []
    for name, (root, *fields) in paths.items():
        dtype: DType | None = raw.schema.get(root)
        value = pl.col(root)
        for field in fields:
            inner = {one.name: one.dtype for one in dtype.fields} if isinstance(dtype, pl.Struct) else {}
            dtype, value = inner.get(field), value.struct.field(field)
        if dtype is not None:
            found.append(value.alias(name))
    return RawTable(raw.rows.with_columns(found), raw.name, raw.notes, in_memory=raw.in_memory)


def _keep_own_time(raw: RawTable) -> RawTable:
    """Copy the table's column of the name that the parsed time will have."""
    if TIME not in raw.schema:
        return raw
    return RawTable(raw.rows.with_columns(pl.col(TIME).alias(OWN_TIME)), raw.name, raw.notes, in_memory=raw.in_memory)


def _first_times(raw: RawTable, column: str) -> pl.Series:
    with translate_source_errors(raw.name):
        return raw.rows.select(column).drop_nulls().head(1000).collect().to_series()


def _recognise_columns(columns: Sequence[str], said: Mapping[str, str]) -> dict[str, str]:
    """Find the column of each canonical meaning; what is `said` wins, then the canonical name over another word."""
    found = dict(said)
    for column in columns:
        canonical = RECOGNISED.get(column)
        if canonical is not None and canonical not in said and (canonical not in found or column == canonical):
            found[canonical] = column
    return found
