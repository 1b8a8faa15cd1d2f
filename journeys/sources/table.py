"""Any table with a time, an event and identifiers: `read_table`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message
from journeys.events import CAMPAIGN_COLUMNS, PAGE_COLUMNS, Events
from journeys.events.batches import translate_source_errors
from journeys.events.events import TRAIT
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
from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable, Source, load_source, parse_json_columns
from journeys.sources.reading.json_schema import DType
from journeys.sources.reading.row_store import flatten_column
from journeys.sources.table_arguments import check_arguments, find_type_problems

# Names of columns → the canonical column that each is read as.
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
        What numbers in `timestamp` count: "s", "ms", "us" or "ns" since 1970, "mixed" where some count one of these
        and some another, or "days", the serial dates of a spreadsheet (46082.5 is noon on 1 March 2026, in
        `time_zone`). Fractions may have a decimal comma.
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
    meanings = columns or {}
    check_arguments(
        ids=ids,
        links=links or {},
        properties=properties,
        timestamp=timestamp,
        event=event,
        message_id=message_id,
        name=name,
        columns=meanings,
        decimal_comma=decimal_comma,
    )
    times = TimeParser(unit=unit, time_zone=time_zone, format=format, day_first=day_first)
    id_columns = dict(ids) if isinstance(ids, Mapping) else {column: column for column in ids}
    link_columns = parse_link_columns(links or {})
    date_columns = dict(timestamp) if isinstance(timestamp, Mapping) else {}
    named = {
        "timestamp": [timestamp] if isinstance(timestamp, str) else [*date_columns.values()],
        "event": [event] if isinstance(event, str) else [],
        "ids": list(id_columns.values()),
        "links": list(link_columns),
        "message_id": [message_id] if message_id else [],
        "properties": list(properties or []),
        "columns": list(meanings.values()),
        "decimal_comma": list(decimal_comma),
    }
    keys = [*id_columns.values(), *link_columns, *named["message_id"]]
    raw = _add_nested_fields(load_source(source, text_columns=keys), [c for columns in named.values() for c in columns])
    schema = raw.schema
    available = [column for column in schema if column not in READING]
    raise_all(_find_unknown_names(named, meanings, available=available), UnknownNameError)
    raise_all(
        _find_wrong_columns(id_columns, link_columns, meanings, schema=schema, available=available), ArgumentError
    )
    raw = _keep_own_time(unpivot_dates(raw, date_columns) if date_columns else raw)
    value_of = {column: pl.col(OWN_TIME if column == TIME else column) for column in schema}
    time_column = DATE if date_columns else named["timestamp"][0]
    time, time_type = (pl.col(DATE), raw.schema[DATE]) if date_columns else (value_of[time_column], schema[time_column])
    time_names = ", ".join(named["timestamp"])
    sample = _first_times(raw, time_column)
    if unit is not None:
        check_unit_fits(sample, column=time_names, unit=unit)
    used = {*named["timestamp"], *named["event"], *keys}
    kept = None if properties is None else {*named["properties"], *meanings.values(), *decimal_comma}
    rest = [c for c in available if c not in used and (kept is None or c in kept)]
    recognised = _recognise_columns(rest, meanings)
    renamed = {recognised.pop(one): one for one in _OTHER_MEANINGS if one in recognised}
    event_name = pl.col(EVENT) if event is None else value_of[event] if isinstance(event, str) else event
    numbers = [*keys, *([recognised["group_id"]] if "group_id" in recognised else [])]
    mapping = ColumnMapping(
        timestamp=times.parse(time, time_type, column=time_names),
        time_text=time,
        is_date_only=times.is_date_only(time, time_type),
        event=normalise_names(event_name.cast(pl.String)),
        ids={id_type: as_id(value_of[column], schema[column]) for id_type, column in id_columns.items()},
        problem=times.explain(time, pl.col(TIME), time_type, column=time_names),
        fields={
            canonical: (as_id if canonical == "group_id" else as_text)(value_of[column], schema[column])
            for canonical, column in recognised.items()
        },
        inexact=[one for column in numbers for one in inexact_ids(value_of[column], schema[column])],
    )
    if all(schema[column] == pl.String or schema[column].is_integer() for column in id_columns.values()):
        texts = {id_type: value_of[column] for id_type, column in id_columns.items() if schema[column] == pl.String}
        mapping.as_read = {"event": event_name.cast(pl.String), **texts}
    build_links = None
    if link_columns:
        mapping.hidden = {f"_link_{place}": as_id(value_of[c], schema[c]) for place, c in enumerate(link_columns)}
        stated = dict(zip(mapping.hidden, link_columns.values(), strict=True))
        kinds = [pl.when(mapping.hidden[c].is_not_null()).then(pl.lit(kind)) for c, (_, kind) in stated.items()]
        mapping.kind = pl.when(mapping.event.fill_null("").str.strip_chars() == "").then(pl.coalesce(kinds))
        build_links = build_column_links(list(id_columns), stated)
    if message_id:
        mapping.fields["message_id"] = as_id(value_of[message_id], schema[message_id])
    # What is left becomes properties, amounts with a decimal comma as numbers.
    value_of |= {c: read_decimal_comma(value_of[c], schema[c]) for c in decimal_comma}
    types = {**schema, **dict.fromkeys(decimal_comma, pl.Float64())}
    others = {c: value_of[c] for c in rest if c not in recognised.values()}
    mapping.properties = _map_properties(
        {renamed.get(c, c): (value, types[c]) for c, value in others.items()},
        casts=dict(properties) if isinstance(properties, Mapping) else {},
        used={*used, *meanings.values()},
    )
    events = map_events(
        raw,
        mapping,
        name=name or raw.name,
        links=build_links,
        drop_exact=drop_duplicates,
        notes=times.note_assumptions(sample),
    )
    return replace(events, exclusive=next(iter(id_columns), None))


def _find_unknown_names(
    named: Mapping[str, Sequence[str]], meanings: Iterable[str], *, available: Sequence[str]
) -> list[str]:
    """List the columns that are not there, by argument, and the meanings that do not exist."""
    missing = {argument: [c for c in columns if c not in available] for argument, columns in named.items()}
    problems = [
        unknown_message(argument, c, available=available, what="column") for argument, c in missing.items() if c
    ]
    known = [*dict.fromkeys([*RECOGNISED.values(), *_OTHER_MEANINGS])]
    unknown = [one for one in meanings if one not in known]
    return problems + ([unknown_message("columns", unknown, available=known, what="meaning")] if unknown else [])


def _find_wrong_columns(
    id_columns: Mapping[str, str],
    links: Mapping[str, tuple[str, str]],
    meanings: Iterable[str],
    *,
    schema: pl.Schema,
    available: Sequence[str],
) -> list[str]:
    """List identifiers that have the name of another column, or are not single values, and meanings that are there."""
    wrong = find_type_problems(id_columns, links, columns=available)
    wrong += [f"columns: the table has a column {one!r} of its own." for one in meanings if one in available]
    return wrong + [
        f"ids: the column {column!r} holds {schema[column]}, not single values; name one of its fields, such as "
        f"{column + '.id'!r}, or take one value out of each."
        for column in id_columns.values()
        if schema[column].is_nested()
    ]


def _map_properties(
    columns: Mapping[str, tuple[pl.Expr, pl.DataType]], *, casts: Mapping[str, pl.DataType], used: Collection[str]
) -> Named:
    """Make properties of columns; of objects, of each field that is not used as an identifier, time or event."""
    found: Named = []
    for column, (value, dtype) in columns.items():
        # Columns of facts have this prefix in Events.
        prefix = f"property_{column}" if column.startswith(TRAIT) else column
        if column in casts:
            found.append((prefix, value.cast(casts[column], strict=False)))
        else:
            flat = {name.replace(".", "_") for name in used if name.startswith(f"{column}.")}
            leaves = flatten_column(value, dtype, prefix=prefix, rename=str)
            found += [leaf for leaf in leaves if leaf[0] not in flat]
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
    return raw.with_rows(raw.rows.with_columns(found))


def _keep_own_time(raw: RawTable) -> RawTable:
    """Copy the table's column of the name that the parsed time will have."""
    if TIME not in raw.schema:
        return raw
    return raw.with_rows(raw.rows.with_columns(pl.col(TIME).alias(OWN_TIME)))


def _first_times(raw: RawTable, column: str) -> pl.Series:
    with translate_source_errors(raw.name):
        return raw.rows.select(column).drop_nulls().head(1000).collect().to_series()


def _recognise_columns(columns: Sequence[str], meanings: Mapping[str, str]) -> dict[str, str]:
    """Find the column of each canonical meaning: as `meanings` state it, else by its canonical name, else a synonym."""
    found = dict(meanings)
    for column in columns:
        canonical = RECOGNISED.get(column)
        if canonical is not None and canonical not in meanings and (canonical not in found or column == canonical):
            found[canonical] = column
    return found
