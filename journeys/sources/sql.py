"""Any database that Python can query: `read_sql`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import polars as pl

from journeys.errors import ArgumentError, JourneysError, SourceError, first_line
from journeys.events import Events
from journeys.sources.read_only import check_query, database_of, is_psycopg, read_only_session
from journeys.sources.reading import concat_rows
from journeys.sources.reading.json_schema import FLOAT_LIMIT
from journeys.sources.reading.row_store import SpillBuffer
from journeys.sources.table import read_table

BATCH = 100_000
# Types of DuckDB that Polars does not have: such a column is taken as the text that it is shown as.
FOREIGN = re.compile(r"\b(INTERVAL|UNION)\b")


def read_sql(
    query: str,
    *,
    connection: Any,
    timestamp: str,
    event: str | pl.Expr,
    ids: Sequence[str] | Mapping[str, str],
    message_id: str | None = None,
    name: str = "database",
    properties: Sequence[str] | Mapping[str, pl.DataType] | None = None,
    unit: str | None = None,
    time_zone: str | None = None,
    format: str | None = None,  # noqa: A002
    day_first: bool | None = None,
    drop_duplicates: bool = False,
) -> Events:
    """Read events out of a database or a lake with an SQL query.

    Parameters
    ----------
    query
        One query, such as a SELECT. Let the database choose columns and rows. The answer is fetched at once, a batch
        at a time: up to 64 MB of it stay in memory, the rest is written to the folder for temporary files.
    connection
        An open connection: DuckDB, SQLite, PostgreSQL (psycopg), ADBC, SQLAlchemy or any other that follows the DBAPI.
    timestamp, event, ids, message_id, name, properties, unit, time_zone, format, day_first, drop_duplicates
        As in `read_table`.

    Returns
    -------
    Events

    Raises
    ------
    ArgumentError
        Not a connection, or a statement that is not a query.
    SourceError
        The database refuses the query, for instance because it would change something; the database's own words are
        in the message. Or a column has a type that cannot be read.

    Notes
    -----
    SQLite, DuckDB and PostgreSQL run the query in a read-only session, so that nothing can be changed. For other
    databases, connect as a user who may only read.

    A Delta or Iceberg table needs no query: `read_table` takes its folder, or `pl.scan_delta` and `pl.scan_iceberg`.
    SQLAlchemy fetches in batches only with `connection.execution_options(stream_results=True)`. ADBC's driver for
    PostgreSQL gives a uuid as bytes: where it has to match another system's, ask for `id::text`.

    Examples
    --------
    >>> import sqlite3
    >>> database = sqlite3.connect(":memory:")
    >>> _ = database.execute("create table log as select 7 as person, '2026-03-01 10:00:00' as at, 'Signed Up' as what")
    >>> ids = {"user_id": "person"}
    >>> events = read_sql("select * from log", connection=database, timestamp="at", event="what", ids=ids)
    >>> events.table.select("event", "user_id").collect().rows()
    [('Signed Up', '7')]
    >>> database.close()
    """
    if not any(hasattr(connection, method) for method in ("cursor", "execute", "sql", "connect")):
        raise ArgumentError(
            f"connection: {type(connection).__name__} is not an open connection; give what the database's library "
            "returns, such as sqlite3.connect('app.db') or duckdb.connect('app.duckdb')."
        )
    if isinstance(query, str):
        check_query(query)
    try:
        frame = _run_query(query, connection)
    except pl.exceptions.PanicException as error:
        raise SourceError(
            "query: the answer has a type that cannot be read; cast that column to text in the query: "
            f"{first_line(error)}."
        ) from error
    except JourneysError:
        raise
    except Exception as error:  # every driver has errors of its own
        raise SourceError(f"query: the database refuses it: {first_line(error)}.") from error
    return read_table(
        frame,
        timestamp=timestamp,
        event=event,
        ids=ids,
        message_id=message_id,
        name=name,
        properties=properties,
        unit=unit,
        time_zone=time_zone,
        format=format,
        day_first=day_first,
        drop_duplicates=drop_duplicates,
    )


def _run_query(query: str, connection: Any) -> pl.LazyFrame:
    """Fetch the answer in batches; what does not fit into a little memory is written to files."""
    if hasattr(connection, "connect") and hasattr(connection, "dialect"):  # an engine of SQLAlchemy
        with connection.connect() as opened:
            return _run_query(query, opened)
    spill: SpillBuffer[pl.Schema] = SpillBuffer()
    with read_only_session(query, connection):
        for batch in _read_batches(query, connection):
            frame = batch.select(_cast_foreign(batch.get_column(name)) for name in batch.columns)
            spill.add_rows(frame, mark=frame.schema)
        # Each batch has types of its own; where they differ, the column becomes one that holds them all.
        found = spill.list_tables()
        if not found:
            # No rows may come in no batch: then only the whole answer, which is empty, names the columns.
            whole = pl.DataFrame(_select_readable(connection.sql(query))) if _is_duckdb(connection) else None
            return (pl.read_database(query, connection) if whole is None else whole).lazy()
    texts = {name for schema, _ in found for name, dtype in schema.items() if dtype not in (pl.Binary, pl.Null)}
    return concat_rows(
        [_write_hex(table, [n for n in schema if schema[n] == pl.Binary and n in texts]) for schema, table in found]
    )


def _read_batches(query: str, connection: Any) -> Iterator[pl.DataFrame]:
    if _is_duckdb(connection):
        # Polars would ask over a connection of its own, which sees neither temporary tables nor registered frames.
        relation = _select_readable(connection.sql(query))
        read = relation.to_arrow_reader if hasattr(relation, "to_arrow_reader") else relation.fetch_arrow_reader
        for batch in read(BATCH):
            yield pl.DataFrame(batch)
        return
    if type(connection).__module__.partition(".")[0] == "sqlite3":
        yield from _sqlite_batches(query, connection)
        return
    with _server_side_cursor(connection) as cursor:
        options: dict[str, Any] = {"iter_batches": True, "batch_size": BATCH, "infer_schema_length": None}
        yield from pl.read_database(query, cursor, **options)


def _sqlite_batches(query: str, connection: Any) -> Iterator[pl.DataFrame]:
    """Fetch from SQLite, where each value has a type of its own: Polars would use that of the first for all."""
    with closing(connection.cursor() if hasattr(connection, "cursor") else connection.connection.cursor()) as cursor:
        cursor.row_factory = None
        cursor.execute(query)
        names = [column[0] for column in cursor.description or ()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SourceError(
                f"query: several columns of the answer are called {twice[0]!r}; give them different names (as …)."
            )
        while rows := cursor.fetchmany(BATCH):
            yield pl.DataFrame(
                [_build_series(name, values) for name, values in zip(names, zip(*rows, strict=True), strict=True)]
            )


def _build_series(name: str, values: Sequence[Any]) -> pl.Series:
    """Build a column; of values of several types it is text, and bytes are written as hexadecimal digits."""
    types = set(map(type, values)) - {type(None)}
    loses_digits = types == {int, float} and any(isinstance(one, int) and abs(one) >= FLOAT_LIMIT for one in values)
    if len(types) < 2 or (types == {int, float} and not loses_digits):
        return pl.Series(name, values, strict=False)
    texts = [None if one is None else one.hex() if isinstance(one, bytes) else str(one) for one in values]
    return pl.Series(name, texts, dtype=pl.String)


def _write_hex(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Write bytes as text where other batches have text or numbers."""
    return rows.with_columns(pl.col(column).bin.encode("hex") for column in columns)


def _is_duckdb(connection: Any) -> bool:
    return database_of(connection) == "duckdb" and hasattr(connection, "sql")


def _select_readable(relation: Any) -> Any:
    """Select columns of types that only DuckDB has (INTERVAL, UNION) as text."""
    foreign = [n for n, dtype in zip(relation.columns, relation.types, strict=True) if FOREIGN.search(str(dtype))]
    if not foreign:
        return relation
    quoted = ['"' + name.replace('"', '""') + '"' for name in foreign]
    return relation.project(f"* replace ({', '.join(f'cast({name} as varchar) as {name}' for name in quoted)})")


@contextmanager
def _server_side_cursor(connection: Any) -> Iterator[Any]:
    """Yield a named cursor of psycopg, which otherwise fetches the whole answer at once; else the connection."""
    if not is_psycopg(connection) or hasattr(connection, "fetchmany"):
        yield connection
        return
    with closing(connection.cursor(name="journeys")) as cursor:
        yield cursor


def _cast_foreign(values: pl.Series) -> pl.Series:
    """Write values of types that Polars does not have (UUIDs, JSON, exact numbers) as text."""
    if values.dtype == pl.Object:
        return pl.Series(values.name, [None if one is None else str(one) for one in values], dtype=pl.String)
    return values.ext.storage() if isinstance(values.dtype, pl.BaseExtension) else values
