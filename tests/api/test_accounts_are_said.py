"""Every question can be asked of accounts; texts, charts and tables then speak of accounts, not of people."""

import json
import re
from collections.abc import Iterator

import polars as pl
import pytest

import journeys as jn
import tests.every_result
from tests.every_result import CASES, every_log
from tests.logs import Row, frame

OF_PEOPLE = re.compile(r"\b(people|persons?|no one|nobody|everybody|everyone|somebody)\b", re.IGNORECASE)
OWN_NAMES = re.compile(r"min people \d+|people_team")  # an argument, and a trait


def by_accounts(log: pl.DataFrame) -> jn.Journeys:
    """Stitch a log whose people are accounts with one or two members."""
    member = pl.col("person") + (pl.col("event") == "B").cast(pl.Int8).cast(pl.String)
    table = log.with_columns(user_id=member).rename({"person": "group_id"})
    read = jn.read_table(table, timestamp="timestamp", event="event", ids=["user_id"], name="app")
    return jn.stitch(read).by_account()


@pytest.fixture(scope="module")
def accounts() -> jn.Journeys:
    rows: list[Row] = []
    for number in range(400):
        campaign = ("ads", "spring", None)[number % 3]
        rows += [(f"p{number}", number % 9, "ABCX"[number % 4], campaign)]
        rows += [(f"p{number}", 9 + number % 5 + 10 * extra, "ABX"[(number + extra) % 3], None) for extra in range(2)]
        rows += [(f"p{number}", 1440 + number % 5, "ABX"[number % 3], None)]
    return by_accounts(every_log(rows))


def list_texts(drawn: object) -> Iterator[str]:
    """List every text of a figure but those of its template."""
    if isinstance(drawn, dict):
        for name, value in drawn.items():
            yield from () if name == "template" else list_texts(value)
    elif isinstance(drawn, list):
        for value in drawn:
            yield from list_texts(value)
    elif isinstance(drawn, str):
        yield drawn


@pytest.mark.parametrize("name", CASES)
def test_every_text_speaks_of_accounts(name, accounts, monkeypatch):
    monkeypatch.setattr(tests.every_result, "as_accounts", lambda journeys: journeys)
    result = CASES[name](accounts)
    texts = [result.finding, repr(result).split("\n", maxsplit=1)[0], re.sub("<[^>]*>", " ", result._repr_html_())]
    for narrow in (False, True):
        texts += list_texts(json.loads(result.plot(narrow=narrow).to_json()))
    assert not [text for text in texts if OF_PEOPLE.search(OWN_NAMES.sub("", text))]
    assert "person" not in result.table.columns


def test_nothing_is_said_of_no_accounts(accounts):
    none = accounts.where(pl.col("event") == "no event is called so")
    assert repr(none) == "Journeys: no accounts and no events."
    assert none.funnel(["A", "B"]).finding == 'No account reached the first step, "A".'
    assert none.dropoff("X").finding == 'No account is lost on the way to "X".'


def test_people_of_accounts_are_called_accounts():
    rows: list[Row] = [("acme", 0, "A", None), ("acme", 1, "B", None), ("tiny", 2, "A", None)]
    accounts = by_accounts(frame(rows))
    assert accounts.people.columns[:3] == ["account", "person", "first_seen"]
    assert accounts.people.select("account", "members").rows() == [("acme", 2), ("tiny", 1)]
    assert accounts.only(pl.col("account") == "tiny").size.people == 1
    assert accounts.only(accounts.activity().table.head(1)).people["account"].to_list() == ["acme"]
    assert accounts.only(accounts.people.filter(pl.col("members") == 1)).size.people == 1
    exits = accounts.funnel(["A", "B"]).exits()
    assert exits.table.columns[0] == "account"
    assert exits.traits().columns[0] == "account"
    assert "account" in accounts._repr_html_()


def test_exits_and_traits_of_accounts_are_written_with_their_members(tmp_path):
    rows: list[Row] = [
        ("acme", 0, "A", None),
        ("acme", 1, "B", "ads"),
        ("tiny", 2, "A", "mail"),
        ("tiny", 3, "C", None),
    ]
    accounts = by_accounts(frame(rows))
    exits = accounts.funnel(["A", "B"]).exits()
    assert exits.table.select("account", "name", "state", "next_event").rows() == [("tiny", "A", "left", "C")]
    assert exits.people().contacts().people.select("user_id", "account").rows() == [("tiny0", "tiny")]
    assert exits.to_customerio(tmp_path / "exits.csv").people == 1
    assert pl.read_csv(tmp_path / "exits.csv").select("id", "exit_name").rows() == [("tiny0", "A")]
    trait = accounts.last_before("C", of="campaign").trait(name="last")
    assert trait.rows(named=True) == [{"account": "tiny", "last": "mail"}]
    accounts.to_people(tmp_path / "people.parquet", traits=[], extra=trait)
    written = pl.read_parquet(tmp_path / "people.parquet").select("user_id", "account", "last").sort("user_id")
    assert written.rows() == [("acme0", "acme", None), ("acme1", "acme", None), ("tiny0", "tiny", "mail")]


def test_correlations_say_that_of_accounts():
    rows: list[Row] = [(f"p{n:02}", at, event, None) for n in range(80) for at, event in ((0, "B"), (9, "Z"))]
    rows += [(f"p{n:02}", 1, "A", None) for n in range(40)]
    rows += [(f"p{n:02}", 2, "X", None) for n in range(10, 45)]
    c = by_accounts(every_log(rows)).correlation("X")
    texts = [c.finding, c.definition, *(why for why in c.set_apart["reason"])]
    for chart in (c.plot(), c.plot(kind="volcano"), c.plot_mosaic("A")):
        texts += list_texts(json.loads(chart.to_json()))
    assert "that did it" in c.finding
    assert not [text for text in texts if re.search(r"\bwho\b", text)]
