"""Spark's executors give the tables that this machine gives, value for value."""

import random
import warnings
from typing import Any

import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError
from tests.api.test_shards import OVER_TIME, QUESTIONS, make_days
from tests.logs import frame


def _log() -> pl.DataFrame:
    dice = random.Random(4)
    names, campaigns = ["A", "B", "C", "X"], ["spring", "ads", None]
    return frame(
        [(f"p{dice.randrange(25)}", dice.randrange(40), dice.choice(names), dice.choice(campaigns)) for _ in range(300)]
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> jn.Journeys:
    return jn.Journeys.from_table(_log()).save(tmp_path_factory.mktemp("spark") / "store", shards=3)


@pytest.fixture(scope="module")
def stored_days(tmp_path_factory: pytest.TempPathFactory) -> jn.Journeys:
    return make_days().save(tmp_path_factory.mktemp("spark") / "days", shards=3)


@pytest.fixture
def quiet() -> Any:
    # pandas, where it is installed, warns from inside Spark
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.spark
@pytest.mark.parametrize("question", QUESTIONS)
def test_spark_gives_the_same_tables(question, stored, spark, quiet):
    ask = QUESTIONS[question]
    assert ask(stored.on(spark)).equals(ask(stored), null_equal=True)


# one of each kind: each takes a second
@pytest.mark.spark
@pytest.mark.parametrize(
    "question",
    [
        "lifecycle, cut in time",
        "stickiness",
        "sessions",
        "impact, summed up",
        "experiment",
        "funnel of two periods",
    ],
)
def test_spark_gives_the_same_tables_over_time(question, stored_days, spark, quiet):
    ask = OVER_TIME[question]
    assert ask(stored_days.on(spark)).equals(ask(stored_days), null_equal=True)


@pytest.mark.spark
def test_a_store_opens_on_spark_and_selections_stay_there(stored, spark, quiet):
    opened = jn.open(stored._log.path.parent, engine=spark)
    chosen = opened.where(pl.col("event") != "C").only(pl.col("first_campaign") == "ads")
    here = stored.where(pl.col("event") != "C").only(pl.col("first_campaign") == "ads")
    assert chosen.size == here.size
    assert chosen._engine == opened._engine
    assert chosen.on("local").size == here.size


@pytest.mark.spark
def test_what_a_count_refuses_comes_back_as_our_error(stored, spark, quiet):
    with pytest.raises(ArgumentError, match="not today"):
        stored.on(spark)._count_shards(_refuse, None)


def _refuse(view: Any, spec: Any) -> pl.DataFrame:
    raise ArgumentError("not today")


class _Session:
    """Looks like a session; nothing is ever run on it."""

    def createDataFrame(self) -> None:
        raise AssertionError


def test_journeys_in_memory_have_to_be_saved_first():
    pytest.importorskip("cloudpickle")
    with pytest.raises(ArgumentError, match=r"engine: Spark reads stores; use j\.save\(path, shards=n\)\.on\(spark\)"):
        jn.Journeys.from_table(_log()).on(_Session())


@pytest.mark.parametrize("engine", ["sparc", None, 3])
def test_other_engines_are_refused(engine, stored):
    with pytest.raises(ArgumentError, match=r"engine: expected a SparkSession or 'local', got"):
        stored.on(engine)


class _Stopped:
    """A session that was stopped."""

    def createDataFrame(self, *_: Any) -> None:
        raise RuntimeError("Cannot call methods on a stopped SparkContext.\nThis stopped SparkContext was created at:")


def test_a_stopped_session_raises_an_error_that_says_so(stored):
    pytest.importorskip("cloudpickle")
    with pytest.raises(jn.JourneysError, match=r"engine: Spark could not count .*a stopped SparkContext\."):
        stored.on(_Stopped()).funnel(["A"])
