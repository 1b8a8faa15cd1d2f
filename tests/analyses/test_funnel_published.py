"""Funnels of real logs whose figures were published or counted independently."""

import polars as pl
import pytest

import journeys as jn
from tests.shared import SHARED, needs_shared

pytestmark = needs_shared


def test_a_baseball_season_by_plate_appearance():
    log = pl.scan_parquet(SHARED / "data/retrosheet_2019/events.parquet").with_columns(
        timestamp=pl.col("timestamp").cast(pl.Datetime("us"))
    )
    j = jn.Journeys.from_table(log, person="session_id")
    hits = ["single", "double", "triple", "home_run"]
    funnel = j.funnel(["plate_appearance", "in_play", hits])
    assert funnel.table["people"].to_list() == [186_517, 125_811, 42_039]
    assert j.funnel("plate_appearance -> in_play -> home_run").table["people"].to_list() == [186_517, 125_811, 6_776]


@pytest.fixture(scope="module")
def shop() -> jn.Journeys:
    log = pl.read_csv(SHARED / "data/retentioneering_ecom/ecom.csv.gz", try_parse_dates=True)
    return jn.Journeys.from_table(log, person="user_id")


def test_a_shop_counts_its_buyers(shop: jn.Journeys):
    funnel = shop.funnel(["purchase"])
    assert funnel.table["people"].to_list() == [328]
    assert shop.funnel(["purchase"], count="entries").table["entries"].to_list() == [470]


def test_sessions_that_the_shop_numbered_are_ours(shop: jn.Journeys):
    first = shop._log.ranked[0]
    ours = shop.funnel([first, "purchase"], count="sessions").table["sessions"].to_list()
    held = jn.Journeys.from_table(shop.events.select("session_id", "timestamp", "event"), person="session_id")
    theirs = held.funnel([first, "purchase"]).table["people"].to_list()
    assert ours == theirs


def test_hospital_returns():
    log = pl.read_csv(SHARED / "data/sepsis/sepsis.csv", separator=";", infer_schema=False).select(
        person="Case ID",
        event="Activity",
        timestamp=pl.col("Complete Timestamp").str.to_datetime("%Y/%m/%d %H:%M:%S%.f", time_unit="us"),
    )
    table = jn.Journeys.from_table(log).funnel(["ER Registration", "Return ER"]).table
    assert table["people"][0] == 1_050
    assert table["people"][1] <= 294


def test_planted_stories_of_the_shop_show(shop: jn.Journeys):
    people = shop.funnel(["checkout_bug"]).table["people"][0], shop.funnel(["payment_error"]).table["people"][0]
    assert people == (30, 87)
