"""Amounts of events: which column, in which currency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import polars as pl

from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError, check_column_names, unknown_message
from journeys.events.amount_words import AMOUNT_WORDS
from journeys.log import View
from journeys.steps import Step, columns_used

CURRENCY = "currency"
Measure = tuple[Literal["sum"], str]


def check_column(value: str | None, *, schema: pl.Schema, argument: str) -> list[str]:
    """List what is wrong with a column of amounts.

    Examples
    --------
    >>> check_column("event", schema=pl.Schema({"event": pl.String}), argument="value")
    ["value: column 'event' is String, expected numbers. Convert text such as '1,200.50' before it is read."]
    """
    if value is None:
        return []
    check_column_names(argument, value)
    if value not in schema:
        return [unknown_message(argument, value, available=schema.names(), what="column")]
    if not schema[value].is_numeric():
        advice = " Convert text such as '1,200.50' before it is read." if schema[value] == pl.String else ""
        return [f"{argument}: column {value!r} is {schema[value]}, expected numbers.{advice}"]
    return []


def currency_column(schema: pl.Schema) -> str | None:
    """Return the column with the currencies of amounts, if the log has one."""
    return CURRENCY if CURRENCY in schema else None


def describe_wrong_measure(measure: Measure | None, *, schema: pl.Schema) -> list[str]:
    """Return what is wrong with a measure; nothing where there is none.

    Examples
    --------
    >>> describe_wrong_measure(("mean", "amount"), schema=pl.Schema({"amount": pl.Float64}))
    ["measure: ('mean', 'amount') must be ('sum', column)."]
    """
    if measure is None:
        return []
    if not isinstance(measure, tuple) or len(measure) != 2 or measure[0] != "sum":
        return [f"measure: {measure!r} must be ('sum', column)."]
    return check_column(measure[1], schema=schema, argument="measure")


def amount_of(value: str | None) -> pl.Expr:
    """Read an amount as Float64; what is not a finite number is null.

    Examples
    --------
    >>> pl.DataFrame({"amount": [1.5, float("nan")]}).select(amount_of("amount"))["amount"].to_list()
    [1.5, None]
    """
    if value is None:
        return pl.lit(None, dtype=pl.Float64)
    amount = pl.col(value).cast(pl.Float64)
    return pl.when(amount.is_finite()).then(amount)


def currency_of(currency: str | None) -> pl.Expr:
    """Read a currency in one spelling, such as "EUR"; blank ones are null.

    Examples
    --------
    >>> pl.DataFrame({"currency": ["eur ", ""]}).select(currency_of("currency"))["currency"].to_list()
    ['EUR', None]
    """
    if currency is None:
        return pl.lit(None, dtype=pl.String)
    spelled = pl.col(currency).cast(pl.String).str.strip_chars().str.to_uppercase()
    return pl.when(spelled != "").then(spelled)


def check_currency(currencies: Iterable[str | None], *, argument: str) -> str | None:
    """Return the one currency of some amounts, None where none is known.

    Raise ArgumentError when there are several: amounts are never converted.
    """
    found = sorted({one for one in currencies if one is not None})
    if len(found) > 1:
        raise ArgumentError(
            f"{argument}: amounts in {', '.join(found[:5])} cannot be added up; ask for one currency, with a step such "
            f"as jn.step('{found[0]}', (pl.col('event') == 'Paid') & (pl.col('{CURRENCY}') == '{found[0]}'))."
        )
    return found[0] if found else None


class _Amounts(NamedTuple):
    column: str
    of: tuple[Step, ...]


def check_added_amounts(
    journeys: JourneysProtocol, column: str | None, *, of: Sequence[Step], by: str | None = None, argument: str
) -> None:
    """Raise ArgumentError where a statistic of a column would put amounts of several currencies together.

    Only a column whose name says that it holds money is checked, since numbers of seats add up in any currency; so do
    amounts that are broken down by currency.
    """
    if column is None or by == CURRENCY or CURRENCY not in journeys._log.schema:
        return
    if re.search(AMOUNT_WORDS, column.lower().replace("_", " ")):
        found = journeys._count_shards(_list_currencies, _Amounts(column, tuple(of)))
        check_currency(found[CURRENCY].to_list(), argument=argument)


def _list_currencies(view: View, spec: _Amounts) -> pl.DataFrame:
    """List the currencies in which events have an amount: `currency`."""
    is_counted = pl.any_horizontal([one.condition for one in spec.of]) & amount_of(spec.column).is_not_null()
    rows = view.with_people_columns(columns_used(spec.of)).events.filter(is_counted)
    return rows.select(currency_of(CURRENCY).alias(CURRENCY)).unique().collect().sort(CURRENCY)
