"""Databases and lakes, the real ones: the same events whoever hands them over, a batch at a time."""

import glob
import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import journeys as jn
from journeys.sources import sql
from journeys.sources.reading import row_store

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
LOG = pl.DataFrame({"at": [AT] * 3, "what": ["Signed Up", "Left", "Left"], "who": [1, 2, 3]})
ASKED = {"timestamp": "at", "event": "what", "ids": {"user_id": "who"}}


def said(events):
    return events.table.select("timestamp", "event", "user_id").collect().rows()


def names(events):
    return events.table.collect().sort("user_id")["event"].to_list()


@pytest.fixture(scope="session")
def postgres():
    """Start a server that only this machine's sockets reach, and stop it afterwards."""
    programs = [shutil.which("initdb"), *sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)]  # noqa: PTH207
    found = next((Path(one).parent for one in programs if one), None)
    if found is None:
        pytest.skip("no PostgreSQL here")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    who = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data, quiet = str(folder / "data"), {"stdout": subprocess.DEVNULL, "cwd": folder, **who}
    subprocess.run([found / "initdb", "-D", data, "-A", "trust", "-U", "tester", "--no-sync"], check=True, **quiet)
    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    log = str(folder / "log")
    subprocess.run([found / "pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "start"], check=True, **quiet)
    yield folder
    subprocess.run([found / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], check=True, **quiet)
    shutil.rmtree(folder)


PEOPLE = """select timestamptz '2026-03-01 10:00:00+00' as at, what, person as who, cost, facts
from (values ('Signed Up', uuid '0188c1c0-0000-7000-8000-000000000001', 1.50::numeric(10,2), '{"plan": "pro"}'::jsonb),
             ('Left', null, null, null), ('Left', '0188c1c0-0000-7000-8000-000000000002', 2, '{"seats": 3}'))
    as log (what, person, cost, facts) where what like '%e%' or true"""
FIRST, SECOND = "0188c1c0-0000-7000-8000-000000000001", "0188c1c0-0000-7000-8000-000000000002"


@pytest.mark.parametrize("autocommit", [False, True])
def test_postgres_through_psycopg(postgres, monkeypatch, autocommit):
    psycopg = pytest.importorskip("psycopg")
    monkeypatch.setattr(sql, "BATCH", 1)
    with psycopg.connect(host=str(postgres), user="tester", dbname="postgres", autocommit=autocommit) as database:
        events = jn.read_sql(PEOPLE, connection=database, **ASKED)
        assert said(events) == [(AT, "Signed Up", FIRST), (AT, "Left", SECOND)]
        assert events.issues.quarantine["reason"].to_list() == ["no id at all"]
        table = events.table.collect()
        assert table["cost"].cast(pl.Float64).to_list() == [1.5, 2]
        assert table["facts_plan"].to_list() == ["pro", None]
        assert jn.read_sql(f"select * from ({PEOPLE}) all_of_it limit 0", connection=database, **ASKED).issues.read == 0
        with pytest.raises(jn.SourceError, match='query: the database refuses it: relation "nowhere" does not exist'):
            jn.read_sql("select * from nowhere", connection=database, **ASKED)


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize(
    "query",
    [
        "with gone as (delete from kept returning *) select * from gone",
        "select E'\\'; delete from kept; --'",
        "select 1; delete from kept",
        "select 1; commit; delete from kept",
        "select setval('counter', 100)",
    ],
)
def test_postgres_is_not_changed(postgres, autocommit, query):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(host=str(postgres), user="tester", dbname="postgres", autocommit=autocommit) as database:
        database.execute("drop table if exists kept; create table kept as select 1 as n")
        database.execute("drop sequence if exists counter; create sequence counter")
        with pytest.raises(jn.JourneysError):
            jn.read_sql(query, connection=database, **ASKED)
        assert database.execute("select count(*) from kept").fetchone() == (1,)
        assert database.execute("select nextval('counter')").fetchone() == (1,)
        jn.read_sql(PEOPLE, connection=database, **ASKED)
        assert database.execute("delete from kept returning n").fetchone() == (1,)


def test_postgres_hands_a_long_answer_over_in_batches(postgres, monkeypatch):
    psycopg = pytest.importorskip("psycopg")
    monkeypatch.setattr(sql, "BATCH", 1000)
    seen = watch(monkeypatch)
    query = (
        "select timestamptz '2026-03-01 10:00:00+00' as at, 'Left' as what, n as who from generate_series(1, 2500) n"
    )
    with psycopg.connect(host=str(postgres), user="tester", dbname="postgres") as database:
        assert jn.read_sql(query, connection=database, **ASKED).issues.kept == 2500
        with database.cursor() as cursor:  # a cursor of one's own is taken as it is
            assert jn.read_sql(query, connection=cursor, **ASKED).issues.kept == 2500
    assert seen == [1000, 1000, 500] * 2


def test_postgres_through_adbc(postgres):
    driver = pytest.importorskip("adbc_driver_postgresql.dbapi")
    with driver.connect(f"postgresql:///postgres?host={postgres}&user=tester") as database:
        query = PEOPLE.replace("person as who", "person::text as who")
        events = jn.read_sql(query, connection=database, **ASKED)
        assert said(events) == [(AT, "Signed Up", FIRST), (AT, "Left", SECOND)]
        assert events.issues.quarantine["reason"].to_list() == ["no id at all"]
        table = events.table.collect()
        assert table["cost"].cast(pl.Float64).to_list() == [1.5, 2]
        assert table["facts"].to_list() == ['{"plan": "pro"}', '{"seats": 3}']


def test_sqlite_through_adbc():
    driver = pytest.importorskip("adbc_driver_sqlite.dbapi")
    with driver.connect() as database:
        query = "select '2026-03-01T10:00:00Z' as at, 'Left' as what, 7 as who"
        assert said(jn.read_sql(query, connection=database, **ASKED)) == [(AT, "Left", "7")]


def watch(monkeypatch):
    """List how many rows each batch has."""
    seen, add_rows = [], row_store.SpillBuffer.add_rows

    def counted(self, frame, *, mark):
        seen.append(frame.height)
        add_rows(self, frame, mark=mark)

    monkeypatch.setattr(row_store.SpillBuffer, "add_rows", counted)
    return seen


@pytest.fixture
def sqlite():
    database = sqlite3.connect(":memory:")
    database.execute("create table log (at, what, who, more)")
    yield database
    database.close()


def test_batches_of_other_types_are_one_column(sqlite, monkeypatch):
    more = [None, None, 1, 2, 2.5, "text"]
    rows = [("2026-03-01T10:00:00Z", "Left", who, one) for who, one in zip([1, 2, "a", 4.0, 5, 6], more, strict=True)]
    sqlite.executemany("insert into log values (?, ?, ?, ?)", rows)
    monkeypatch.setattr(sql, "BATCH", 2)
    seen = watch(monkeypatch)
    table = jn.read_sql("select * from log", connection=sqlite, **ASKED).table.collect()
    assert seen == [2, 2, 2]
    assert table["user_id"].to_list() == ["1", "2", "a", "4", "5", "6"]
    assert table["more"].to_list() == [None, None, "1", "2", "2.5", "text"]


def test_an_answer_without_rows_still_has_its_columns(sqlite):
    assert jn.read_sql("select * from log", connection=sqlite, **ASKED).issues.read == 0
    with pytest.raises(jn.UnknownNameError, match="event: no column 'waht'; did you mean 'what'"):
        jn.read_sql("select * from log", connection=sqlite, timestamp="at", event="waht", ids=["who"])


def test_what_does_not_fit_waits_in_files(sqlite, monkeypatch):
    filed, file = [], row_store._write_file
    monkeypatch.setattr(row_store, "_write_file", lambda rows: filed.append(1) or file(rows))
    monkeypatch.setattr(row_store, "IN_MEMORY", 10_000)
    monkeypatch.setattr(sql, "BATCH", 100)
    sqlite.executemany("insert into log values ('2026-03-01T10:00:00Z', 'Left', ?, null)", [(n,) for n in range(1000)])
    events = jn.read_sql("select * from log", connection=sqlite, **ASKED)
    assert filed
    assert events.table.collect()["user_id"].to_list() == [str(n) for n in range(1000)]


def test_duckdb_hands_over_batches(monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.setattr(sql, "BATCH", 2048)
    seen = watch(monkeypatch)
    query = "select timestamptz '2026-03-01 10:00:00+00' as at, 'Left' as what, uuid() as who from range(5000)"
    with duckdb.connect() as database:
        events = jn.read_sql(query, connection=database, **ASKED)
        assert jn.read_sql(f"{query} limit 0", connection=database, **ASKED).issues.read == 0
    assert (events.issues.kept, max(seen) <= 2048, sum(seen)) == (5000, True, 5000)
    assert events.table.collect()["user_id"].str.contains("^[0-9a-f]{8}-").all()


def test_a_delta_table_is_read_as_it_now_stands(tmp_path):
    delta = pytest.importorskip("deltalake")
    place = tmp_path / "log"
    LOG.head(2).write_delta(place)
    LOG.write_delta(place, mode="overwrite")
    delta.DeltaTable(str(place)).delete("what = 'Signed Up'")
    for source in (place, str(place), delta.DeltaTable(str(place)), pl.scan_delta(place)):
        assert names(jn.read_table(source, **ASKED)) == ["Left", "Left"]
    assert jn.read_table(place, **ASKED).name == "log"
    assert names(jn.read_table(pl.scan_delta(place, version=0), **ASKED)) == ["Signed Up", "Left"]
    next((place / "_delta_log").glob("*.json")).write_text("{broken")
    with pytest.raises(jn.SourceError, match="source: this table of Delta cannot be read: "):
        jn.read_table(place, **ASKED)


def test_an_iceberg_table_is_read_as_it_now_stands(tmp_path, monkeypatch):
    catalogs = pytest.importorskip("pyiceberg.catalog.sql")
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")  # else a warning asks for another package
    (tmp_path / "house").mkdir()
    places = {"uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/house"}
    catalog = catalogs.SqlCatalog("here", **places)
    catalog.create_namespace("site")
    rows = LOG.to_arrow(compat_level=pl.CompatLevel.oldest())
    table = catalog.create_table("site.log", schema=rows.schema)
    table.append(rows.slice(0, 2))
    table.overwrite(rows)
    place = tmp_path / "house" / "site" / "log"
    for source in (place, str(place), table, pl.scan_iceberg(table)):
        assert names(jn.read_table(source, **ASKED)) == ["Signed Up", "Left", "Left"]
    catalog.close()


@pytest.mark.parametrize(
    ("folder", "kind", "package"), [("_delta_log", "Delta", "deltalake"), ("metadata", "Iceberg", "pyiceberg")]
)
def test_a_lake_without_its_library_raises_an_error_that_says_so(tmp_path, monkeypatch, folder, kind, package):
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "v1.metadata.json").write_text("{}")

    def missing(_):
        raise ModuleNotFoundError(package)

    monkeypatch.setattr(pl, f"scan_{kind.lower()}", missing)
    with pytest.raises(
        jn.SourceError, match=rf"a table of {kind} needs the package {package}: pip install 'journeys\[lakes\]'"
    ):
        jn.read_table(tmp_path, **ASKED)


def test_types_that_only_duckdb_has_are_taken_as_text():
    duckdb = pytest.importorskip("duckdb")
    query = """select timestamptz '2026-03-01 10:00:00+00' as at, 'Left' as what, 1 as who,
        interval 3 days as "the ""stay",
        [interval 1 month] as all_stays, union_value(n := 7) as either, 'interval' as word"""
    with duckdb.connect() as database:
        row = jn.read_sql(query, connection=database, **ASKED).table.collect().row(0, named=True)
        assert jn.read_sql(f"{query} where false", connection=database, **ASKED).issues.read == 0
    assert (row['the "stay'], row["all_stays"], row["either"], row["word"]) == ("3 days", "[1 month]", "7", "interval")


def test_an_invalid_connection_raises_an_error():
    for given, kind in (("sqlite:///app.db", "str"), (None, "NoneType"), (7, "int")):
        with pytest.raises(jn.ArgumentError, match=f"connection: {kind} is not an open connection; give what"):
            jn.read_sql("select 1", connection=given, **ASKED)


def test_a_type_that_polars_does_not_know_is_an_error_in_words(monkeypatch):
    def panic(query, connection):
        raise pl.exceptions.PanicException("could not import from `month_day_nano_interval`\nmore")

    monkeypatch.setattr(sql, "_run_query", panic)
    with (
        sqlite3.connect(":memory:") as database,
        pytest.raises(
            jn.SourceError,
            match="query: the answer has a type that cannot be read; cast that column to text in the query: could",
        ),
    ):
        jn.read_sql("select 1", connection=database, **ASKED)
    database.close()
