"""What people who met an error have in common: a value of a property that they have far more often than others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from journeys.analyses.correlation.result import Correlation
from journeys.display import (
    format_definite_count,
    format_number,
    format_percent,
    format_period,
    quote_name,
    shorten_name,
)
from journeys.report.protocol import ReportedJourneys

MIN_PEOPLE, MAX_Q, MIN_SHARE, MIN_DIFFERENCE = 20, 0.05, 0.5, 0.2
_TYPES = (pl.String, pl.Boolean, pl.Categorical, pl.Enum)
_NOT_PROPERTIES = ("person", "timestamp", "event", "source")


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value that most of a group have, and how many of the people whom they are compared with have it."""

    column: str
    value: str
    count: int
    people: int
    others_count: int
    others: int
    place: str
    """Where the others' values come from."""

    def describe(self) -> str:
        """Describe the value, how many have it, and how many others."""
        some = "all" if self.count == self.people else f"{format_number(self.count)} of the"
        text = f"{self.column} {shorten_name(self.value, 40)} ({some} {format_number(self.people)}"
        if not self.others:
            return f"{text})"
        share = format_percent(self.others_count / self.others) if self.others_count else "none"
        return f"{text}, but {share} of {format_definite_count(self.others, 'other')} {self.place})"


def describe_shared_values(
    correlation: Correlation[Any], error: str, *, among: ReportedJourneys, step: str
) -> str | None:
    """Describe what people who met an error after a step, and did not go on, share; None if nothing stands out.

    Only text and yes/no properties are compared, and like with like: properties that only the error event has, with
    people who met the error at other times; all others as they were at the step, with people at the step who
    did not meet the error. A value is reported if at least half of the group have it and their share exceeds that of
    the others by more than chance (difference of two shares, Benjamini and Hochberg over all values compared).
    """
    lost = correlation.people(error, did=True, converted=False)
    name, chosen = pl.col("event").cast(pl.String), lost.people.lazy().select("person")
    start = among.events.filter(name == step).group_by("person").agg(start=pl.col("timestamp").min())
    with_error = among.events.filter(name == error)
    after = with_error.join(chosen, on="person").join(start, on="person").filter(pl.col("timestamp") >= pl.col("start"))
    group = after.drop("start").collect()
    if group["person"].n_unique() < MIN_PEOPLE:
        return None
    elsewhere = among.events.filter(name != error).select(pl.exclude(_NOT_PROPERTIES).is_not_null().any()).collect()
    only_on_error = [column for column in elsewhere.columns if not elsewhere[column].item()]
    others = with_error.join(chosen, on="person", how="anti").collect()
    place = f"with {quote_name(error)}"
    found = [_most_distinctive_value(group, others, columns=only_on_error, place=place, may_stand_alone=True)]
    at_step = among.events.filter(name == step)
    without_error = correlation.people(error, did=False).people.lazy().select("person")
    found.append(
        _most_distinctive_value(
            at_step.join(chosen, on="person").collect(),
            at_step.join(without_error, on="person").collect(),
            columns=[column for column in elsewhere.columns if column not in only_on_error],
            place=f"at {quote_name(step)}",
            may_stand_alone=False,
        )
    )
    described = [one.describe() for one in found if one is not None]
    times, period = group["timestamp"].to_list(), among._log.size
    first, last = min(times), max(times)
    # So many people at random moments would not fall into a third of the period.
    if period.first and period.last and 3 * (last - first) <= period.last - period.first:
        described.append(f"the period {format_period(first, last)}")
    people = format_number(group["person"].n_unique())
    went_on = correlation.people(error, did=True, converted=True).size.people
    who = f"the {people} who did not go on" if went_on else f"these {people}"
    return f"What {who} have in common: {'; '.join(described)}." if described else None


def _most_distinctive_value(
    group: pl.DataFrame, others: pl.DataFrame, *, columns: list[str], place: str, may_stand_alone: bool
) -> SharedValue | None:
    """Find the value whose share in the group most exceeds that among the others; None if it may be chance.

    With nobody to compare with, the most frequent value is returned if it may stand alone.
    """
    from journeys.stats import adjust, difference

    people, count_others = group["person"].n_unique(), others["person"].n_unique()
    candidates = [
        SharedValue(name, value, count, people, _count_with(others, name, value), count_others, place)
        for name in columns
        if group.schema[name].base_type() in _TYPES
        for value, count in _count_values(group, name)
        if count >= MIN_SHARE * people
    ]
    if not candidates:
        return None
    if not count_others:
        return candidates[0] if may_stand_alone else None
    cells = [(one.count, one.people, one.others_count, one.others) for one in candidates]
    test = difference(*pl.DataFrame(cells, orient="row").get_columns())
    holds = (adjust(test.p_value) <= MAX_Q) & (test.estimate >= MIN_DIFFERENCE)
    best = max(range(len(candidates)), key=lambda at: (holds[at], test.estimate[at], -at))
    return candidates[best] if holds[best] else None


def _count_values(rows: pl.DataFrame, name: str) -> list[tuple[str, int]]:
    """Count the people with each value of a property, most frequent first."""
    values = rows.select("person", pl.col(name).cast(pl.String).alias("value")).drop_nulls()
    counts = values.group_by("value").agg(pl.col("person").n_unique().alias("count"))
    return [*counts.sort("count", "value", descending=[True, False]).iter_rows()]


def _count_with(rows: pl.DataFrame, name: str, value: str) -> int:
    return rows.filter(pl.col(name).cast(pl.String) == value)["person"].n_unique()
