"""Sessions in which a database refuses to be changed: SQLite, DuckDB and PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from journeys.errors import ArgumentError

QUERIES = (
    "select", "with", "from", "values", "table", "show", "describe", "desc", "explain", "summarize", "pivot", "unpivot",
)  # fmt: skip
COMMENTS = re.compile(r"(?:[\s\ufeff;(]|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
SAVEPOINT = "journeys_read_sql"


def check_query(query: str) -> None:
    r"""Refuse a statement that does not begin like a query; the database itself makes sure that it changes nothing.

    Raises
    ------
    ArgumentError
        The statement begins with another word.

    Examples
    --------
    >>> check_query("-- what happened\nselect 'delete from' as what")
    >>> check_query("delete from log")
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: query: it begins with 'delete' and is not a query; give one of select, with, from,
    values, table, show, describe, desc, explain, summarize, pivot, unpivot.
    """
    start = COMMENTS.match(query)
    found = re.match(r"\w*", query[start.end() if start else 0 :])
    word = found[0] if found else ""
    if word.lower() not in QUERIES:
        problem = f"it begins with {word!r} and is not a query" if word else "it is empty"
        raise ArgumentError(f"query: {problem}; give one of {', '.join(QUERIES)}.")


def database_of(connection: Any) -> str:
    """Name the database behind a connection of any library: "sqlite", "duckdb", "postgresql", or another name."""
    dialect = getattr(connection, "dialect", None) or getattr(getattr(connection, "engine", None), "dialect", None)
    if dialect is not None:
        return str(dialect.name)
    module = type(connection).__module__
    vendor = getattr(connection, "adbc_get_info", None)
    name = str(vendor().get("vendor_name", "")) if callable(vendor) else module
    known = {"psycopg": "postgresql", "pg8000": "postgresql", "postgres": "postgresql"}
    known |= {database: database for database in ("duckdb", "sqlite")}
    return next((database for word, database in known.items() if word in name.lower()), name.partition(".")[0].lower())


def is_psycopg(connection: Any) -> bool:
    """Return whether this is psycopg, which fetches the whole answer at once unless the cursor has a name."""
    return type(connection).__module__.partition(".")[0] in ("psycopg", "psycopg2")


@contextmanager
def read_only_session(query: str, connection: Any) -> Iterator[None]:
    """Let the database refuse all changes while a query runs; afterwards the connection is as it was before.

    Cursors, and databases other than SQLite, DuckDB and PostgreSQL, are used as they are.

    Raises
    ------
    ArgumentError
        Several statements of DuckDB, or a connection to DuckDB that is in a transaction.
    """
    database = database_of(connection)
    if not hasattr(connection, "cursor") and not hasattr(connection, "exec_driver_sql"):
        yield
    elif database == "sqlite":
        with _sqlite_session(_make_executor(connection)):
            yield
    elif database == "duckdb" and hasattr(connection, "extract_statements"):
        with _duckdb_session(query, connection):
            yield
    elif database == "postgresql":
        with _postgresql_session(_make_executor(connection)):
            yield
    else:
        yield


def _make_executor(connection: Any) -> Callable[[str], Any]:
    """Return a function that runs a statement and returns the first value of its answer, if there is one."""

    def run_command(statement: str) -> Any:
        if hasattr(connection, "exec_driver_sql"):  # SQLAlchemy
            answer = connection.exec_driver_sql(statement)
            return answer.scalar() if answer.returns_rows else None
        with closing(connection.cursor()) as cursor:
            if type(connection).__module__.startswith("sqlite3"):
                cursor.row_factory = None  # rows as tuples, whatever the connection makes of them
            cursor.execute(statement)
            row = cursor.fetchone() if statement.startswith("pragma") and cursor.description else None
            return row[0] if row else None

    return run_command


@contextmanager
def _sqlite_session(run: Callable[[str], Any]) -> Iterator[None]:
    before = run("pragma query_only")
    run("pragma query_only = on")
    try:
        yield
    finally:
        if not before:
            run("pragma query_only = off")


@contextmanager
def _duckdb_session(query: str, connection: Any) -> Iterator[None]:
    """Run in a read-only transaction; several statements are refused, since one of them could end it."""
    if len(connection.extract_statements(query)) > 1:
        raise ArgumentError("query: it holds several statements; read_sql runs one query.")
    # Without an explicit transaction, each statement is one, with a number of its own.
    first, second = (connection.execute("select txid_current()").fetchall() for _ in range(2))
    if first == second:
        raise ArgumentError(
            "connection: it is in a transaction, within which DuckDB cannot be made read-only; commit the transaction "
            "first, or roll it back."
        )
    connection.execute("begin transaction read only")
    try:
        yield
    finally:
        connection.execute("rollback")


@contextmanager
def _postgresql_session(run: Callable[[str], Any]) -> Iterator[None]:
    """Run in a read-only part of the open transaction; with autocommit, in a read-only transaction."""
    try:
        run(f"savepoint {SAVEPOINT}")
        is_own = False
    except Exception:  # noqa: BLE001  (each driver has its own: with autocommit there is no transaction to save)
        is_own = True
    run("begin read only" if is_own else "set transaction read only")
    try:
        yield
    finally:
        run("rollback" if is_own else f"rollback to savepoint {SAVEPOINT}")
