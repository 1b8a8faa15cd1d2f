"""The question "what is a person worth?": check the arguments, count payments by age, add them up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl

from journeys.analyses.breakdown import describe_wrong_top
from journeys.analyses.money import check_column, check_currency, currency_column
from journeys.analyses.protocol import J
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.analyses.value.count import count
from journeys.analyses.value.result import Value
from journeys.analyses.value.spec import MOST_AGES, ValueSpec
from journeys.analyses.value.summarise import largest_groups, summarise
from journeys.errors import (
    ArgumentError,
    JourneysError,
    Problems,
    UnknownNameError,
    check_column_names,
    describe_wrong_number,
    raise_all,
    unknown_message,
)
from journeys.log import Log
from journeys.stats.bootstrap import describe_wrong_draws
from journeys.steps import StepLike, duration_us, moment_us, parse_moment, resolve_step


def value(
    journeys: J,
    column: str,
    *,
    of: StepLike,
    start: StepLike | None = None,
    every: str | timedelta = "1w",
    periods: int | None = None,
    by: str | None = None,
    top: int | None = 6,
    fixed: bool = False,
    until: date | datetime | str | None = None,
    draws: int = 200,
    seed: int = 0,
) -> Value[J]:
    """Add up what people pay by their age: cumulative value per person (lifetime value), with an interval.

    Parameters
    ----------
    column : str
        The numeric column with the amounts. Refunds may be negative. A column "currency" must name one currency only.
    of : str, list of str, pl.Expr or Step
        The events whose amounts count, such as "Paid Invoice".
    start : str, list of str, pl.Expr or Step, optional
        The event from which a person's age is counted, the first one; the person's first event by default.
    every : str or timedelta
        The length of a period of age, such as "1w" or "30d".
    periods : int, optional
        How many periods; as many as anybody has completed by default, at most 400.
    by : str, optional
        Break down by a column's value at the start (columns of people too), such as "first_campaign".
    top : int, optional
        How many groups are shown; the rest is "(other)", no value is "(none)". None shows all.
    fixed : bool
        Keep the same people at all ages: those who have completed all `periods`; without `periods`, as many as at least
        30 people have completed.
    until : date, datetime or ISO text, optional
        The moment up to which people were observed; the last event by default.
    draws : int
        How many times people are drawn with replacement for the intervals.
    seed : int
        The seed of the draws.

    Returns
    -------
    Value
        `.table`: the column of `by`, `age` (0 is the first period), `people` (old enough), `paying`, `value` (Float64),
        `per_person`, `ci_low`, `ci_high`, `per_payer`, `before` (people who had paid before the start), `complete`;
        `.people_table`; `.complete_to`.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist.
    ArgumentError
        When an option is invalid (all that are invalid are named), or amounts are in several currencies.

    Notes
    -----
    At age n, the value is the sum over a person's first n + 1 periods, each so many times 24 hours long. Only
    people who have completed these periods are in numerator and denominator. As young people drop out, the value
    per person can fall from one age to the next: `complete_to` is the last age that all have completed, and
    `fixed=True` keeps the set of people the same. What was paid before the start does not count. The interval has
    the 2.5% and 97.5% quantiles over draws of people (Poisson bootstrap); it is too narrow where a few people pay
    most of the value, so do not read it for fewer than some 30 payers.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> rows = [("a", 1, "Signed Up", None), ("a", 2, "Paid", 10.0), ("b", 1, "Signed Up", None), ("b", 9, "Paid", 4)]
    >>> log = pl.DataFrame(rows, schema=["person", "day", "event", "amount"], orient="row")
    >>> log = log.with_columns(timestamp=pl.format("2026-03-0{}", "day"))
    >>> v = jn.Journeys.from_table(log).value("amount", of="Paid", start="Signed Up", every="4d")
    >>> v.table.select("age", "people", "paying", "value", "per_person").rows()
    [(0, 2, 1, 10.0, 5.0), (1, 2, 1, 10.0, 5.0)]
    """
    log = journeys._log
    problems = Problems()
    problems.run_check(
        lambda: _check_options(log, column=column, by=by, periods=periods, top=top, draws=draws, seed=seed)
    )
    end = journeys.until if until is None else problems.run_check(lambda: parse_moment(until, argument="until"))
    paid = problems.run_check(lambda: resolve_step(of, log, argument="of"))
    started = problems.run_check(lambda: resolve_step(start, log, argument="start"))
    length = problems.run_check(lambda: duration_us(every, argument="every"))
    problems.raise_found()
    assert paid is not None and length is not None  # noqa: S101, PT018  # otherwise raised above
    spec = ValueSpec(
        column=column,
        currency=currency_column(log.schema),
        of=paid,
        start=started,
        period_us=length,
        ages=MOST_AGES if periods is None else periods,
        by=by,
        fixed=fixed and periods is not None,
        until=-1 if end is None else moment_us(end),
    )
    counts = journeys._count_shards(count, spec)
    if fixed and periods is None:
        spec = replace(spec, ages=_find_common_age(counts), fixed=True)
        counts = journeys._count_shards(count, spec)
    currency = check_currency(counts["currencies"].explode(empty_as_null=False).to_list(), argument="column")
    kept = largest_groups(counts, top=top)
    table = summarise(counts, spec, kept=kept, draws=draws, seed=seed)
    optional = {
        "start": None if spec.start is None else spec.start.name,
        "periods": spec.ages if spec.fixed else periods,
        "by": by,
        "fixed": fixed or None,
        "until": until,
        "currency": currency,
    }
    chosen = {name: setting for name, setting in optional.items() if setting is not None}
    settings = journeys._make_settings(column=column, of=spec.of.name, every=every, **chosen, draws=draws, seed=seed)
    return Value(table, settings, journeys, spec, None if kept is None else tuple(kept))


def _find_common_age(counts: pl.DataFrame) -> int:
    """Return the most periods that at least 30 people of one group have completed; if none has, that any have.

    For instance, where 40 people have completed 2 periods, and 5 more people 3, it is 2.
    """
    completed = counts.group_by("group", "periods").agg(pl.col("people").sum()).sort("periods", descending=True)
    enough = completed.filter(pl.col("people").cum_sum().over("group") >= MIN_PEOPLE)
    chosen = (enough if enough.height else completed)["periods"]
    return max(1, int(chosen[0])) if len(chosen) else 1


def _check_options(
    log: Log, *, column: str, by: str | None, periods: int | None, top: int | None, draws: int, seed: int
) -> None:
    """Raise one error that lists every invalid option."""
    problems: list[str] = []
    error: type[JourneysError] = ArgumentError
    check_column_names("column", column, is_required=True)
    check_column_names("by", by)
    if column not in log.schema or (by is not None and by not in log.step_columns):
        error = UnknownNameError
    problems += check_column(column, schema=log.schema, argument="column")
    if by is not None and by not in log.step_columns:
        problems.append(unknown_message("by", by, available=log.step_columns, what="column"))
    problems += describe_wrong_number("periods", periods, most=MOST_AGES, otherwise="None for as many as there are")
    problems += describe_wrong_top(top)
    problems += describe_wrong_draws(draws, seed=seed)
    raise_all(problems, error)
