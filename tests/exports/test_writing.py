"""Files are replaced as a whole, belong to their owner, and stay as they were when writing fails."""

import resource
import signal

import polars as pl
import pytest

import journeys as jn
from journeys import exports
from journeys.charts import funnel
from journeys.report import Report
from tests.charts import frames

TABLE = pl.DataFrame({"a": [f"{n}" * 200 for n in range(2_000)]})


def people() -> jn.Journeys:
    rows = [(f"{n * 2_654_435_761 % 2**32:08x}" * 3, "2026-03-01", "A") for n in range(3_000)]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))


WRITERS = {
    "a.csv": lambda path: exports.to_csv(TABLE, path=path),
    "a.parquet": lambda path: exports.to_parquet(TABLE, path=path),
    "a.md": lambda path: exports.to_markdown(TABLE, path=path, rows=2_000),
    "a.xlsx": lambda path: exports.to_excel({"t": TABLE.with_row_index()}, path=path),
    "p.csv": lambda path: exports.to_people(people(), path=path),
    "p.parquet": lambda path: exports.to_people(people(), path=path),
    "p.ndjson": lambda path: exports.to_people(people(), path=path),
    "a.html": lambda path: Report(title="x" * 9_000, period="", lead="", findings=(), sections=()).write(path),
}


@pytest.fixture
def full_disk():
    """Let no file grow beyond 4 KB, as on a disk that is full."""
    handler, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_readable_by_its_owner_only_and_replaced_as_a_whole(name, tmp_path):
    path = tmp_path / name
    path.write_text("old")
    path.chmod(0o644)
    WRITERS[name](path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size > 100
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_on_a_full_disk_the_old_file_stays(name, tmp_path, full_disk):
    path = tmp_path / name
    path.write_text("old")
    with pytest.raises(jn.JourneysError, match=rf"path: '.*{name}' could not be written: "):
        WRITERS[name](path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_picture_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr("journeys.exports.results.find_spec", lambda name: True)

    def fail(figure, place, **size):
        place.write_bytes(b"half")
        raise RuntimeError("browser crashed")

    monkeypatch.setattr("plotly.graph_objects.Figure.write_image", fail)
    path = tmp_path / "a.png"
    path.write_text("old")
    with pytest.raises(jn.ArgumentError, match="browser crashed"):
        exports.to_image(funnel.draw_funnel(frames.funnel(["A", "B"], [2, 1])), path=path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    exports.to_csv(TABLE, path=tmp_path / "a.csv")
    assert (tmp_path / "a.csv").is_symlink()
    assert (tmp_path / "b.csv").stat().st_mode & 0o777 == 0o600


def test_a_database_is_readable_by_its_owner_only(tmp_path):
    pytest.importorskip("duckdb")
    assert exports.to_duckdb({"t": TABLE}, path=tmp_path / "a.duckdb").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "none/a.csv", ""])
def test_a_path_that_cannot_be_used_is_refused_in_words(name, tmp_path):
    with pytest.raises(jn.JourneysError, match="path: "):
        exports.to_csv(TABLE, path=tmp_path / name)
