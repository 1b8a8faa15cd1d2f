"""Any table with a time, an event and identifiers: `read_table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.events import CAMPAIGN_COLUMNS, PAGE_COLUMNS, Events
from journeys.events.below import from_below
from journeys.events.core import TRAIT
from journeys.events.epochs import check_unit_fits
from journeys.events.tidy import tidy_names
from journeys.events.times import TimeParser
from journeys.sources.arguments import check_arguments, wrong_types
from journeys.sources.campaign import UTM
from journeys.sources.links import read_stated, stated_links
from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable, Source, load_source
from journeys.sources.reading.flat_columns import flatten
from journeys.sources.shape import TIME, Shape, as_id, as_text, rounded, to_events

__all__ = ["read_table"]

KNOWN = {**{column: column for column in (*CAMPAIGN_COLUMNS, *PAGE_COLUMNS, "group_id", "replay_url")}} | {
    utm: column for column, utm in UTM.items()
}

# What reading adds, and what it makes of a table without any column.
READING = (PROBLEM, PLACE, RAW, "_nothing")
OWN_TIME = "_own_time"


def read_table(
    source: Source,
    *,
    timestamp: str,
    event: str | pl.Expr,
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
) -> Events:
    """Read events from any table: who did what when, in a file or a frame that no other reader knows.

    Parameters
    ----------
    source
        A path, a glob, a folder or a list of them (CSV, TSV, NDJSON, Parquet, Arrow; gzip or zstd), a DataFrame, a
        LazyFrame, or any object that speaks Arrow (pandas, DuckDB, PyArrow). The folder of a Delta or Iceberg table
        is read as that table now stands (`pip install 'journeys[lakes]'`); the table's own object will do, too.
    timestamp
        The column of times. Numbers need a `unit`; times without zone are read in `time_zone`, else as UTC.
    event
        The column of event names, or an expression such as `pl.lit("Upgraded Plan")`.
    ids
        The identifier columns, which are also the identifier types, the most trusted first; or a mapping from type to
        column. 123, 123.0 and "123" are the same identifier.
    links
        Columns that hold another identifier of the same person, as an alias or a merge states it, each with the type of
        this identifier: `{"previous_id": "anonymous_id"}`. It is joined with the row's most trusted identifier, even
        where a person has one value of both. `("user_id", "merge")` is a merge instead of an alias, of which some rules
        think otherwise. A row without an event that has such a value only links.
    message_id
        A column that is unique for each event: of equal ones the first to arrive is kept.
    name
        What to write into the column `source`; else the file's name.
    properties
        The other columns to keep (all of them, when not given), or a mapping from column to type.
    unit
        What numbers in `timestamp` count: "s", "ms", "us" or "ns".
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

    Returns
    -------
    Events
        Lazy. `utm_*` columns, page columns (`page_url`, `page_path`, …), `group_id` and `replay_url` are recognised by
        their names (`group_id` is an identifier: 42.0 is "42"); nested columns are flattened; all else is a property.

    Raises
    ------
    SourceError
        No such file, an empty one, or numbers that cannot be times in this unit.
    ArgumentError
        What names no columns; identifiers that are no single values, or whose type (of `ids` or `links`) is called like
        a column of the log.
    UnknownNameError
        Columns that are not there, all of them at once, with the closest.

    Examples
    --------
    >>> import polars as pl
    >>> visits = pl.DataFrame({"at": ["2026-03-01 10:00:00", None], "what": ["Signed Up", "Left"], "user": [7, 8]})
    >>> events = read_table(visits, timestamp="at", event="what", ids={"user_id": "user"}, name="app")
    >>> events
    Events from app: 1 event of 2 rows (1 in quarantine), 1 March 2026 to 1 March 2026; ids user_id
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
    )
    times = TimeParser(unit=unit, time_zone=time_zone, format=format, day_first=day_first)
    types = dict(ids) if isinstance(ids, Mapping) else {column: column for column in ids}
    keys = [message_id] if message_id else []
    stated = read_stated(links or {})
    raw = load_source(source, text_columns=[*types.values(), *stated, *keys])
    schema = raw.schema
    available = [column for column in schema if column not in READING]
    chosen = list(properties) if properties is not None else []
    asked = {
        "timestamp": [timestamp],
        "event": [event] if isinstance(event, str) else [],
        "ids": list(types.values()),
        "links": list(stated),
        "message_id": keys,
        "properties": chosen,
    }
    missing = {argument: [c for c in columns if c not in available] for argument, columns in asked.items()}
    problems = [unknown(argument, c, available=available, what="column") for argument, c in missing.items() if c]
    raise_all(problems, UnknownNameError)
    wrong = wrong_types(types, stated, columns=available)
    wrong += [
        f"ids: the column {column!r} holds {schema[column]}, no identifiers; take one value out of each."
        for column in types.values()
        if schema[column].is_nested()
    ]
    raise_all(wrong, ArgumentError)
    used = {timestamp, *types.values(), *stated, *keys, *([event] if isinstance(event, str) else [])}
    rest = [c for c in available if c not in used and (properties is None or c in chosen)]
    named = [column for column in rest if column == "group_id"]
    sample = _first_times(raw, timestamp)
    if unit is not None:
        check_unit_fits(sample, column=timestamp, unit=unit)
    if TIME in schema:  # the time that is read will be called so
        raw = RawTable(
            raw.rows.with_columns(pl.col(TIME).alias(OWN_TIME)), raw.name, raw.notes, in_memory=raw.in_memory
        )
    column_of = {column: pl.col(OWN_TIME if column == TIME else column) for column in schema}
    when = column_of[timestamp]
    what = column_of[event] if isinstance(event, str) else event
    casts = dict(properties) if isinstance(properties, Mapping) else {}
    shape = Shape(
        timestamp=times.parse(when, schema[timestamp], column=timestamp),
        timed=(as_text(when, schema[timestamp]) if schema[timestamp] == pl.String else when).is_not_null(),
        event=tidy_names(what.cast(pl.String)),
        ids={kind: as_id(column_of[column], schema[column]) for kind, column in types.items()},
        problem=times.explain(when, pl.col(TIME), schema[timestamp], column=timestamp),
        fields={KNOWN[c]: (as_id if KNOWN[c] == "group_id" else as_text)(pl.col(c), schema[c]) for c in _known(rest)},
        rounded=[one for c in [*types.values(), *stated, *keys, *named] for one in rounded(column_of[c], schema[c])],
    )
    if all(schema[column] == pl.String or schema[column].is_integer() for column in types.values()):
        texts = {kind: column_of[column] for kind, column in types.items() if schema[column] == pl.String}
        shape.untidied = {"event": what.cast(pl.String), **texts}
    made = None
    if stated:
        shape.hidden = {f"_link_{at}": as_id(column_of[one], schema[one]) for at, one in enumerate(stated)}
        hidden = dict(zip(shape.hidden, stated.values(), strict=True))
        told = [pl.when(shape.hidden[one].is_not_null()).then(pl.lit(how)) for one, (_, how) in hidden.items()]
        shape.kind = pl.when(shape.event.fill_null("").str.strip_chars() == "").then(pl.coalesce(told))
        made = stated_links(list(types), hidden)
    if message_id:
        shape.fields["message_id"] = as_id(column_of[message_id], schema[message_id])
    for column in rest:
        if column in KNOWN and KNOWN[column] in shape.fields and column in _known(rest):
            continue
        # Columns of facts are called so in Events.
        called = f"property_{column}" if column.startswith(TRAIT) else column
        if column in casts:
            shape.properties.append((called, column_of[column].cast(casts[column], strict=False)))
        else:
            shape.properties += flatten(column_of[column], schema[column], prefix=called, rename=str)
    notes = times.note_assumptions(sample)
    return to_events(raw, shape, name=name or raw.name, links=made, drop_exact=drop_duplicates, notes=notes)


def _first_times(raw: RawTable, column: str) -> pl.Series:
    with from_below(raw.name):
        return raw.rows.select(column).drop_nulls().head(1000).collect().to_series()


def _known(columns: Sequence[str]) -> list[str]:
    """Find the columns with a canonical meaning; the canonical name itself wins over its utm_* synonym."""
    found: dict[str, str] = {}
    for column in columns:
        if column in KNOWN and (KNOWN[column] not in found or column == KNOWN[column]):
            found[KNOWN[column]] = column
    return list(found.values())
