"""Any database that Python can ask: `read_sql`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from journeys.errors import SourceError
from journeys.events import Events
from journeys.sources.table import read_table

__all__ = ["read_sql"]


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
    drop_duplicates: bool = False,
) -> Events:
    """Read events out of a database or a lake with an SQL query.

    Parameters
    ----------
    query
        What to ask: any SELECT. Let the database choose columns and rows; the answer is held in memory.
    connection
        An open connection: DuckDB, SQLite, PostgreSQL (psycopg), ADBC, SQLAlchemy or any other that follows the DBAPI.
    timestamp, event, ids, message_id, name, properties, unit, time_zone, drop_duplicates
        As in `read_table`.

    Returns
    -------
    Events

    Raises
    ------
    SourceError
        The database refuses the query; its own words are in the message.

    Notes
    -----
    A Delta or Iceberg table needs no query: `read_table(pl.scan_delta(path), …)`, and likewise `pl.scan_iceberg`.

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
    try:
        frame = _ask(query, connection)
    except Exception as error:  # every driver has errors of its own
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SourceError(f"query: the database refuses it: {said}") from error
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
        drop_duplicates=drop_duplicates,
    )


def _ask(query: str, connection: Any) -> pl.DataFrame:
    # DuckDB hands its answer over as Arrow; the other drivers hand over rows or Arrow through Polars.
    if type(connection).__module__.partition(".")[0] in ("duckdb", "_duckdb"):
        return pl.DataFrame(connection.sql(query))
    return pl.read_database(query, connection, infer_schema_length=None)
