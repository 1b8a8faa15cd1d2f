"""Odd logs get an answer or an error that helps: mixed currencies, refunds, the future, nobody, many channels."""

from collections.abc import Callable

import polars as pl
import pytest

import journeys as jn
from tests.logs import frame

Ask = Callable[[jn.Journeys], object]


def paid(amounts: list[float], currencies: list[str | None], *, minute: int = 5) -> jn.Journeys:
    """Make a log in which each person is touched, gets a message, signs up, clicks and pays."""
    rows, prices, units = [], [], []
    for n, (amount, currency) in enumerate(zip(amounts, currencies, strict=True)):
        steps = ["Received Email", "Clicked Email", "Signed Up", "Paid"]
        rows += [(f"p{n}", at if at < 3 else minute, step, "ads" if at == 0 else None) for at, step in enumerate(steps)]
        prices += [None, None, None, amount]
        units += [None, None, None, currency]
    money = {"amount": pl.Series(prices, dtype=pl.Float64), "currency": pl.Series(units, dtype=pl.String)}
    return jn.Journeys.from_table(frame(rows).with_columns(**money))


ASKED: dict[str, Ask] = {
    "attribution": lambda j: j.attribution("Paid", value="amount", conversions="every").table["value"].sum(),
    "messages": lambda j: j.messages("Paid", by=None, within="2m", value="amount").table["value"].sum(),
    "value": lambda j: j.value("amount", of="Paid", start="Signed Up", every="1m").table["value"].max(),
    "retention": lambda j: (
        j.retention("Signed Up", back="Paid", every="1d", measure=("sum", "amount")).table["value"].max()
    ),
    "trend": lambda j: j.trend("Paid", count=("sum", "amount"), every="1d").table["value"].sum(),
}


@pytest.mark.parametrize("name", ASKED)
def test_mixed_currencies_are_refused_and_refunds_are_kept(name):
    ask = ASKED[name]
    with pytest.raises(jn.ArgumentError, match="amounts in EUR, USD cannot be added up"):
        ask(paid([5.0, 7.0], ["EUR", "usd"], minute=3))
    assert isinstance(ask(paid([5.0, -7.0, float("nan")], ["EUR", "eur ", None])), float)
    nobody = paid([5.0], ["EUR"]).where(pl.col("event") == "nothing has this name")
    assert ask(nobody) in (0, None)


def test_statistics_refuse_currencies_only_where_they_are_put_together():
    j = paid([5.0, 7.0, 9.0], ["EUR", "usd", "EUR"], minute=3)
    by_currency = j.trend("Paid", count=("sum", "amount"), every="1d", by="currency").table
    assert by_currency.select("value").to_series().to_list() == [14.0, 7.0]
    seats = jn.Journeys.from_table(j.events.collect().rename({"amount": "seats"}))
    assert seats.trend("Paid", count=("sum", "seats"), every="1d").table["value"].to_list() == [21.0]
    variants = j.events.with_columns(variant=pl.col("person").replace_strict({"p0": "a", "p1": "b", "p2": "b"}))
    with pytest.raises(jn.ArgumentError, match="measure: amounts in EUR, USD cannot be added up"):
        jn.Journeys.from_table(variants).experiment("variant", goal="Paid", measure=("sum", "amount"))
    in_euros = jn.step("EUR", pl.col("currency") == "EUR")
    assert j.retention("Signed Up", back=in_euros, every="1d", measure=("sum", "amount")).table["value"][0] == 14.0


@pytest.mark.parametrize(
    "ask",
    [
        lambda j: j.trend("Paid", count=("sum", "price")),
        lambda j: j.retention("Signed Up", measure=("sum", "price")),
        lambda j: j.experiment("event", goal="Paid", measure=("sum", "price")),
        lambda j: j.attribution("Paid", value="price"),
        lambda j: j.value("price", of="Paid"),
    ],
)
def test_amounts_as_text_are_refused_with_what_to_do(ask):
    j = jn.Journeys.from_table(paid([5.0], ["EUR"]).events.with_columns(price=pl.lit("1,200.00")))
    with pytest.raises(jn.ArgumentError, match="'price' is String, expected numbers. Convert text such as"):
        ask(j)


def test_refunds_lower_the_value():
    table = paid([5.0, -7.0], ["EUR", "EUR"]).attribution("Paid", value="amount").table
    assert table["value"].to_list() == [-2.0]


def test_thousands_of_channels():
    rows = [row for n in range(2_100) for row in ((f"p{n}", 0, "Visit", f"c{n}"), (f"p{n}", 1, "Paid", None))]
    j = jn.Journeys.from_table(frame(rows))
    a = j.attribution("Paid", model="shapley")
    assert a.table.height == 2_100
    assert a.finding == 'No campaign gets credit for 1% of the 2,100 conversions to "Paid".'
    compared = a.compare_models(["first", "last"], draws=1)
    assert compared.finding == "No campaign gets credit for 1% of the conversions under any model."
    with pytest.raises(jn.ArgumentError, match=r"at most 2,000 of them; there are 2,100 here"):
        j.attribution("Paid", model="markov")


def test_the_future_is_no_age():
    j = paid([5.0], ["EUR"])
    assert j.value("amount", of="Paid", start="Signed Up", every="1m", until="2020-01-01").table.height == 0
