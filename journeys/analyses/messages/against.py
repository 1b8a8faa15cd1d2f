"""Who got messages of a group against those eligible who got none: did they convert more often?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.labels import NONE, label_values
from journeys.analyses.messages.count import find_recipients
from journeys.analyses.messages.spec import MessagesSpec
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.log import View
from journeys.steps import columns_used

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_DRAWN = 12


@dataclass(frozen=True, eq=False, slots=True)
class _Moments:
    """The question, and the moment (µs) from which those who got no message of a group are watched."""

    spec: MessagesSpec
    moments: dict[str | None, int]


def list_deliveries(view: View, spec: MessagesSpec) -> pl.DataFrame:
    """Return `group` and `time` (µs) of each person's first delivery."""
    people, _ = find_recipients(view, spec)
    return people.filter("delivered").select("group", "time").sort("group", "time", nulls_last=True)


def count_sides(view: View, asked: _Moments) -> pl.DataFrame:
    """Count, per group, people who got a message and people who got none, and how many converted within the time.

    Those who got one are watched from its delivery, the others from the group's median delivery. Who had converted by
    then, was not there yet, or could not be watched for the whole time, is on no side. For instance, within 5 days of a
    group whose median delivery was on day 10:

        ann  got it on day 9,  goal on day 12  → with, converted
        bob  got none, first seen on day 2     → without, not converted
        cem  got none, goal on day 4           → left out

    Return `group`, `people`, `converted`, `people_without`, `converted_without`.
    """
    spec = asked.spec
    assert spec.goal is not None  # noqa: S101  # checked when the question was asked
    people, _ = find_recipients(view, spec)
    rows = view.with_people_columns(columns_used([spec.goal])).events.select(
        "person",
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        spec.goal.condition.alias("goal"),
    )
    by_person = rows.group_by("person").agg(
        pl.col("time").min().alias("seen"), pl.col("time").filter("goal").min().alias("first_goal")
    )
    everyone = by_person.collect().sort("person")
    found = []
    for group, moment in asked.moments.items():
        own = people.filter(pl.col("group").eq_missing(pl.lit(group, dtype=pl.String)))
        with_message = own.filter("delivered").select("person", clock="time").join(everyone, on="person", how="inner")
        without = everyone.join(own.select("person"), on="person", how="anti").with_columns(
            clock=pl.lit(moment, dtype=pl.Int64)
        )
        sides = [_count_converted(side, spec) for side in (with_message, without)]
        found.append((group, *sides[0], *sides[1]))
    numbers = ("people", "converted", "people_without", "converted_without")
    schema = {"group": pl.String, **dict.fromkeys(numbers, pl.Int64)}
    return pl.DataFrame(found, schema=schema, orient="row")


def _count_converted(side: pl.DataFrame, spec: MessagesSpec) -> tuple[int, int]:
    """Count the people of one side who could be watched, and those of them who converted in time."""
    first = pl.col("first_goal")
    is_new = first.is_null() | (first >= pl.col("clock"))
    is_watched = (pl.col("seen") <= pl.col("clock")) & (pl.col("clock") + spec.within <= spec.until) & is_new
    watched = side.filter(is_watched)
    return watched.height, watched.filter(first - pl.col("clock") <= spec.within).height


def compare_with_unsent(journeys: J, spec: MessagesSpec, settings: dict[str, Any]) -> MessagesAgainst[J]:
    """Compare each group's recipients with those eligible who got no message of the group."""
    from journeys.stats import adjust, difference

    deliveries = journeys._count_shards(list_deliveries, spec)
    median = deliveries.group_by("group").agg(pl.col("time").sort().get(pl.len() // 2)).sort("group", nulls_last=True)
    moments = dict(median.iter_rows())
    counts = journeys._count_shards(count_sides, _Moments(spec, moments))
    added = counts.group_by("group").agg(pl.exclude("group").sum()).sort("group", nulls_last=True)
    numbers = [added[name].to_numpy() for name in ("converted", "people", "converted_without", "people_without")]
    found = difference(*numbers)
    rates = [
        pl.when(pl.col(people) > 0).then(pl.col(converted) / pl.col(people)).alias(name)
        for name, converted, people in (
            ("rate", "converted", "people"),
            ("rate_without", "converted_without", "people_without"),
        )
    ]
    tests = {
        "difference": found.estimate,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "p_value": found.p_value,
        "q_value": adjust(np.asarray(found.p_value)),
    }
    table = added.with_columns(
        *rates, *(pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in tests.items())
    )
    name = spec.by or "group"
    table = table.with_columns(label_values(table["group"])).rename({"group": name})
    columns = [name, "people", "converted", "rate", "people_without", "converted_without", "rate_without", *tests]
    ordered = table.select(columns).sort("people", name, descending=[True, False])
    return MessagesAgainst(ordered, {**settings, "against": "not sent"}, journeys, spec.within)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class MessagesAgainst(JourneysResult[J]):
    """Recipients of each group of messages against those eligible who got none.

    Attributes
    ----------
    table : pl.DataFrame
        The group, `people`, `converted`, `rate` (of the recipients who could be watched, by any conversion within the
        time after the first delivery), `people_without`, `converted_without`, `rate_without`, `difference`, `ci_low`,
        `ci_high` (95%, Newcombe), `p_value`, `q_value` (Benjamini-Hochberg); most people first.

    Notes
    -----
    Recipients were chosen by somebody: a difference goes with the message, it need not come from it. Only a random
    hold-out shows what a message brings, see `Journeys.experiment`.
    """

    _within: int = field(repr=False)

    @property
    def finding(self) -> str:
        """The surest difference, as one sentence."""
        from journeys.display import format_count, format_percent, format_points, quote_name

        large = self.table.filter((pl.col("people") >= MIN_PEOPLE) & (pl.col("people_without") >= MIN_PEOPLE))
        if not large.height:
            most = self.table.select(pl.min_horizontal("people", "people_without").max()).item()
            return say_too_few(most or 0, "on the smaller side", unit=self._journeys._log.unit)
        name = self.table.columns[0]
        named = large.filter(pl.col(name) != NONE)
        large = named if named.height else large
        sure = large.filter(pl.col("q_value") <= 0.05).sort("q_value", name)
        if not sure.height:
            return "No group of messages goes with a different rate of conversion, beyond chance."
        row = sure.row(0, named=True)
        change = format_points(row["difference"], row["ci_low"], row["ci_high"])
        message = "a message" if row[name] == NONE else quote_name(row[name])
        return (
            f"Of {format_count(row['people'], 'person')} with {message}, "
            f"{format_percent(row['rate'])} converted, against "
            f"{format_percent(row['rate_without'])} of those without, {change}."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the rates with and without a message, and their difference with its 95% interval."""
        from journeys.charts.periods import draw_periods
        from journeys.display import adapt_words, format_duration, quote_name

        names = {self.table.columns[0]: "name", "rate_without": "rate_against", "people_without": "people_against"}
        within = format_duration(timedelta(microseconds=self._within))
        asked = f"Reached {quote_name(self.settings['goal'])} within {within} of a delivery"
        others = adapt_words("hollow: eligible people without a message, from the median delivery on")
        subtitle = f"{asked}; {others}; difference in points, with 95% intervals"
        drawn = self.table.head(_MOST_DRAWN).rename(names)
        if "by" not in self.settings:
            drawn = drawn.with_columns(name=pl.lit("all messages"))
        return draw_periods(drawn, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
