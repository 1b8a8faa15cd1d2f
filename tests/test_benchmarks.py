"""The benchmarks ask every engine the same: on a small log, in this process, untimed."""

import warnings
from pathlib import Path

import polars as pl
import pytest

from tests.benchmarks import ours
from tests.benchmarks.core import COLUMNS, WEEK
from tests.benchmarks.data import CONVERSION, EVENTS, FUNNEL, Data, make
from tests.benchmarks.harness import Measured, Question, Way, ask, measure, same, table
from tests.benchmarks.rivals import clickhouse, duck


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    made = make(tmp_path_factory.mktemp("benchmarks"), events=4_000, raw=True)
    ours.build(made.plain, made.store, shards=2)
    return made


@pytest.fixture
def funnel(data: Data) -> list[int]:
    return ours.funnel(data.store, FUNNEL, WEEK)


def test_a_log_has_the_size_that_was_asked_and_no_ties(data):
    rows = pl.read_parquet(data.plain)
    assert rows.height == data.events == 4_000
    assert rows["person"].n_unique() == data.people == 200
    assert rows.select("person", "timestamp").is_unique().all()
    raw = pl.read_parquet(data.raw)
    assert raw.height == rows.height
    assert raw["user_id"].str.len_chars().unique().to_list() == [36]
    assert raw["timestamp"].is_sorted()


def test_a_log_is_made_once_and_the_same_each_time(data, tmp_path):
    again = make(tmp_path, events=4_000)
    assert pl.read_parquet(again.plain).equals(pl.read_parquet(data.plain))
    stamp = Path(again.plain).parent / "00000.parquet"
    before = stamp.stat().st_mtime_ns
    make(tmp_path, events=4_000)
    assert stamp.stat().st_mtime_ns == before


def test_duckdb_agrees(data, funnel):
    pytest.importorskip("duckdb")
    assert duck.funnel(data.plain, FUNNEL, WEEK) == funnel
    assert duck.funnel_lists(data.plain, FUNNEL, WEEK) == funnel
    assert same(duck.flow(data.plain, COLUMNS), ours.flow(data.store, COLUMNS, len(EVENTS)))
    assert same(duck.correlation(data.plain, CONVERSION, EVENTS), ours.correlation(data.store, CONVERSION))


def test_clickhouse_agrees(data, funnel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("chdb")
    assert clickhouse.funnel(data.plain, FUNNEL, WEEK) == funnel
    assert same(clickhouse.flow(data.plain, COLUMNS), ours.flow(data.store, COLUMNS, len(EVENTS)))
    assert same(clickhouse.correlation(data.plain, CONVERSION), ours.correlation(data.store, CONVERSION))


def test_a_saved_log_can_be_built_from_raw_events_too(data, tmp_path, funnel):
    assert ours.build_raw(data.raw, str(tmp_path / "store")) == data.events
    assert ours.funnel(str(tmp_path / "store"), FUNNEL, WEEK) == funnel


def _hold(megabytes: int) -> int:
    return len(bytearray(b"x" * (megabytes << 20)))


def _refuse() -> None:
    raise ValueError("no answer")


def test_time_and_peak_are_those_of_a_process_of_its_own():
    small, large = measure(Way(_hold, {"megabytes": 1}), repeat=2), measure(Way(_hold, {"megabytes": 300}), repeat=1)
    assert small.answer == 1 << 20
    assert 0 < small.seconds <= small.first
    assert large.peak - small.peak > 250 << 20


def test_a_benchmark_that_fails_says_why():
    with pytest.raises(RuntimeError, match="no answer"):
        measure(_refuse, repeat=1)


def test_answers_that_differ_and_bars_that_do_not_hold_are_failures(monkeypatch):
    answers = {"ours": Measured(1.0, 1.0, 1, [1, 2.0]), "rival": Measured(2.0, 2.0, 1, [1, 2.0 + 1e-12])}
    ways = {name: Way(_hold) for name in answers}
    order = iter([*answers.values()] * 2)
    monkeypatch.setattr("tests.benchmarks.harness.measure", lambda way, repeat: next(order))
    good = ask(Question("q", ways, bars={"rival": 1.5}))
    assert good.failures == ()
    assert "2.00" in table([good])
    assert ask(Question("q", ways, bars={"rival": 3})).failures == ("q: 2.00 times rival, not 3",)
    assert not same([1, 2.0], [1, 2.1])
    assert same({"a": float("nan")}, {"a": float("nan")})
