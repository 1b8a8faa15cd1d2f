"""SQLite has no types of columns, only of values: each keeps what it is. And a question changes nothing."""

import sqlite3

import pytest

import journeys as jn
from journeys.sources import sql

ASKED = {"timestamp": "t", "event": "e", "ids": ["u"]}


@pytest.fixture
def database():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table log(t,e,u,n)")
        yield connection
    connection.close()


def ids(database, *users, asked="select * from log"):
    rows = [("2026-03-01", "A", user, user) for user in users]
    database.executemany("insert into log values(?,?,?,?)", rows)
    events = jn.read_sql(asked, connection=database, **ASKED)
    assert events.issues.quarantined == 0
    return events.table.collect()["u"].to_list()


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ((7, "007", b"\x01"), ["7", "007", "01"]),
        ((7, b"\xff"), ["7", "ff"]),
        ((b"\xff", b"\x01", "x"), ["ff", "01", "x"]),
        ((1234567890123456789, 5.5), ["1234567890123456789", "5.5"]),
        ((7, 5.5), ["7", "5.5"]),
    ],
)
def test_values_of_several_types_are_what_they_were(database, monkeypatch, batch, users, expected):
    monkeypatch.setattr(sql, "BATCH", batch)
    assert ids(database, *users) == expected


def test_a_row_factory_of_the_connection_does_not_matter(database):
    database.row_factory = lambda cursor, row: dict(zip([one[0] for one in cursor.description], row, strict=True))
    assert ids(database, 7) == ["7"]


def test_two_columns_of_one_name_are_refused(database):
    with pytest.raises(jn.SourceError, match="several columns of the answer are called 't'; give them different names"):
        ids(database, 7, asked="select *, t from log")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("delete from log", "it begins with 'delete' and is not a query; give one"),
        (" -- all\n/* of it */ UPDATE log set u = 1", "it begins with 'UPDATE'"),
        ("insert into log values (1,2,3,4) returning *", "it begins with 'insert'"),
        ("attach 'other.db' as other", "it begins with 'attach'"),
        ("with x as (select 1) delete from log", "attempt to write a readonly database"),
        ("with x as (select 1) insert into log select 1, 2, 3, 4", "attempt to write a readonly database"),
        ("select 1; drop table log", "one statement at a time"),
        ("explain analyze create or replace view x as select 1", "syntax error"),
        ("with x as (select 1) update log as l set u = 1", "attempt to write a readonly database"),
        ("  ", "it is empty"),
    ],
)
def test_what_changes_a_database_is_refused(database, query, said):
    database.execute("insert into log values('2026-03-01','A',7,7)")
    with pytest.raises(jn.JourneysError, match="query: .*" + said):
        jn.read_sql(query, connection=database, **ASKED)
    assert database.execute("select count(*) from log where u = 7").fetchone() == (1,)
    database.execute("update log set u = 8")  # the connection itself can write as before
    assert database.execute("select count(*) from log where u = 8").fetchone() == (1,)


@pytest.mark.parametrize("in_transaction", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        "delete from log",
        "select E'\\'; delete from log; --'",
        "select 1; delete from log",
        "select 1; commit; delete from log",
        "with x as (select 1) delete from log",
        "explain analyze delete from log",
        "with gone as (delete from log returning *) select * from gone",
    ],
)
def test_duckdb_is_not_changed(in_transaction, query):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.execute("create table log as select timestamp '2026-03-01' as t, 'A' as e, 7 as u")
        if in_transaction:
            connection.execute("begin")
        with pytest.raises(jn.JourneysError):
            jn.read_sql(query, connection=connection, **ASKED)
        if in_transaction:
            connection.execute("commit")
        assert jn.read_sql("select * from log", connection=connection, **ASKED).issues.kept == 1
        connection.execute("insert into log select * from log")
        assert jn.read_sql("from log", connection=connection, **ASKED).issues.kept == 2


def test_an_engine_of_sqlalchemy_is_not_changed(tmp_path):
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'app.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("create table log as select '2026-03-01' as t, 'A' as e, 7 as u")
    with pytest.raises(jn.SourceError, match="readonly"):
        jn.read_sql("with x as (select 1) delete from log", connection=engine, **ASKED)
    assert jn.read_sql("select * from log", connection=engine, **ASKED).issues.kept == 1
    with engine.connect() as connection:
        assert jn.read_sql("select * from log", connection=connection, **ASKED).issues.kept == 1
        connection.exec_driver_sql("delete from log")
        connection.commit()
    assert jn.read_sql("select * from log", connection=engine, **ASKED).issues.read == 0
    engine.dispose()


@pytest.mark.parametrize(
    "query",
    [
        "select * from log;",
        'select *, 1 as "drop", 2 as created from log',
        "/* who; did what */ select t, e, u from log where e <> 'delete from it; now'",
        'with "update x set" as (select * from log) select * from "update x set" -- into it',
    ],
)
def test_questions_are_asked(database, query):
    assert ids(database, 7, asked=query) == ["7"]
