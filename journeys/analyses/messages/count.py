"""One shard → how far messages got with people, and who converted after them."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.messages.spec import ARRIVED, DAY, STAGES, MessagesSpec
from journeys.analyses.money import amount_of, currency_of
from journeys.log import View
from journeys.log.arrays import Ints, bound_people, count_before, previous_marked, search_within
from journeys.steps import columns_used


def count(view: View, spec: MessagesSpec) -> pl.DataFrame:
    """Count people per group.

    Returns
    -------
    pl.DataFrame
        `group`, `messages`, `people`, one column per stage, `clicked_readers`, `already`, `pending`, `eligible`,
        `converted` (people), `conversions` (Int64), `values` (List[Float64], of the conversions), `currencies`.
    """
    people, messages = find_recipients(view, spec)
    is_counted = pl.col("is_eligible")
    counted = people.group_by("group").agg(
        pl.len().cast(pl.Int64).alias("people"),
        *(pl.col(stage).sum().cast(pl.Int64) for stage in STAGES),
        (pl.col("clicked") & pl.col("read")).sum().cast(pl.Int64).alias("clicked_readers"),
        pl.col("already").sum().cast(pl.Int64),
        pl.col("pending").sum().cast(pl.Int64),
        is_counted.sum().cast(pl.Int64).alias("eligible"),
        (is_counted & (pl.col("conversions") > 0)).sum().cast(pl.Int64).alias("converted"),
        pl.col("conversions").filter(is_counted).sum().cast(pl.Int64),
        pl.col("values").filter(is_counted).explode(empty_as_null=False, keep_nulls=False),
        pl.col("currencies").filter(is_counted).explode(empty_as_null=False, keep_nulls=False).unique().sort(),
    )
    return counted.join(messages, on="group", how="left", nulls_equal=True).sort("group", nulls_last=True)


def find_recipients(view: View, spec: MessagesSpec) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find who got messages of which group, how far these got, and who converted.

    A conversion belongs to the latest touch before it, if that is no older than `within`. For instance, within 5 days:

        day 1  received 3, clicked 3       day 2  goal → group 3      day 4  goal → only if every conversion counts
        day 5  clicked 7                   day 8  goal → group 7      day 12 goal → too late

    Returns
    -------
    tuple
        `person`, `group`, a Boolean column per stage, `row` and `time` of the first event, `already`, `pending`,
        `is_eligible`, `conversions`, `values`, `currencies` (lists), sorted by person and group; and per `group` the
        number of `messages`.
    """
    rows = _read_rows(view, spec)
    is_goal = rows["goal"].to_numpy()
    goals, goals_before = np.flatnonzero(is_goal), count_before(is_goal)
    events = rows.filter(pl.col("stage").is_not_null())
    if spec.message is not None and events["id"].null_count() < events.height:
        own = pl.col("group").drop_nulls().first().over("person", "id")
        events = events.with_columns(pl.when(pl.col("id").is_null()).then("group").otherwise(own).alias("group"))
    people = (
        events.group_by("person", "group")
        .agg(
            pl.col("row").min(),
            pl.col("time").min(),
            *((pl.col("stage") == stage).any().alias(stage) for stage in STAGES),
        )
        .with_columns(delivered=pl.any_horizontal(*ARRIVED) | _is_sent(spec))
        .sort("person", "group", nulls_last=True)
    )
    bounds = bound_people(rows["person"].to_numpy())
    first = bounds.first[np.searchsorted(bounds.code, people["person"].to_numpy())]
    already = goals_before[people["row"].to_numpy()] > goals_before[first]
    credited = _credit_conversions(rows, events, goals=goals, spec=spec)
    pending = pl.col("time") + spec.within > spec.until if spec.goal is not None else pl.lit(value=False)
    people = (
        people.with_columns(already=pl.Series(already, dtype=pl.Boolean), pending=pending)
        .with_columns(pending=pl.col("pending") & (~pl.col("already") | spec.every) & pl.col("delivered"))
        .with_columns(is_eligible=pl.col("delivered") & ~pl.col("pending") & (~pl.col("already") | spec.every))
        .join(credited, on=["person", "group"], how="left", nulls_equal=True, maintain_order="left")
        .with_columns(pl.col("conversions").fill_null(0))
    )
    return people, _count_messages(events)


def _is_sent(spec: MessagesSpec) -> pl.Expr:
    """Take what was sent and did not bounce for delivered, where the log does not say what was."""
    return pl.lit(value=False) if "delivered" in spec.stages else pl.col("sent") & ~pl.col("bounced")


def _credit_conversions(rows: pl.DataFrame, events: pl.DataFrame, *, goals: Ints, spec: MessagesSpec) -> pl.DataFrame:
    """Return `person`, `group`, `conversions`, `values` and `currencies` of the conversions that messages get."""
    touches = events.filter(pl.col("stage").is_in(spec.touch))
    touched = touches["row"].to_numpy()
    person, time = rows["person"].to_numpy(), rows["time"].to_numpy()
    # the latest touch at or before each goal, and whether it is of the same person and not too old
    at = previous_marked(touched, goals + 1)
    is_credited = (at >= 0) & (person[at] == person[goals]) & (time[goals] - time[at] <= spec.within)
    if not spec.every:
        # a goal between the touch and this one was the first after it
        before = previous_marked(goals, goals)
        is_credited &= before < at
    credited: pl.DataFrame = rows[goals[is_credited]].select("person", "value", "currency")
    group = touches["group"][np.searchsorted(touched, at[is_credited])]
    return (
        credited.with_columns(group)
        .group_by("person", "group", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("conversions"),
            pl.col("value").drop_nulls().alias("values"),
            pl.col("currency").drop_nulls().alias("currencies"),
        )
    )


def _count_messages(events: pl.DataFrame) -> pl.DataFrame:
    """Count messages per group: one per id; without an id, one per person, group and 24 hours.

    For instance, for one person and group, hours 0, 3 and 30 are two messages: from 0, and from 30.
    """
    named = events.filter(pl.col("id").is_not_null()).select("person", "id", "group").unique(["person", "id"])
    nameless = events.filter(pl.col("id").is_null()).with_columns(code=pl.col("group").rank("dense").fill_null(0))
    nameless = nameless.sort("person", "code", "row")
    key = nameless.select(pl.struct("person", "code").rle_id()).to_series().to_numpy()
    runs, time = bound_people(key), nameless["time"].to_numpy()
    stop = np.repeat(runs.stop, runs.stop - runs.first)
    rows = np.arange(time.size)
    following = search_within(time, time + DAY, low=rows, high=stop, side="left")
    is_start = np.zeros(time.size, dtype=np.bool_)
    here = runs.first
    while here.size:
        is_start[here] = True
        after = following[here]
        here = after[after < stop[here]]
    groups = pl.concat([named["group"], nameless.filter(pl.Series(is_start, dtype=pl.Boolean))["group"]])
    return groups.to_frame("group").group_by("group").agg(pl.len().cast(pl.Int64).alias("messages"))


def _read_rows(view: View, spec: MessagesSpec) -> pl.DataFrame:
    """Return the events of messages and the goals, numbered by `row`."""
    steps = [*spec.stages.values(), *([] if spec.goal is None else [spec.goal])]
    stage = pl.lit(None, dtype=pl.Enum(STAGES))
    for name, step in reversed(list(spec.stages.items())):
        is_stage = step.condition.fill_null(value=False)
        stage = pl.when(is_stage).then(pl.lit(name, dtype=pl.Enum(STAGES))).otherwise(stage)
    goal = pl.lit(value=False) if spec.goal is None else spec.goal.condition.fill_null(value=False)
    text = {"group": spec.by, "id": spec.message}
    read = view.with_people_columns(columns_used(steps)).events.select(
        "person",
        pl.col("timestamp").to_physical().cast(pl.Int64).alias("time"),
        stage.alias("stage"),
        goal.alias("goal"),
        *(
            (pl.lit(None, dtype=pl.String) if name is None else pl.col(name).cast(pl.String)).alias(column)
            for column, name in text.items()
        ),
        amount_of(spec.value).alias("value"),
        currency_of(spec.currency).alias("currency"),
    )
    kept = read.filter(pl.col("stage").is_not_null() | pl.col("goal")).collect()
    return kept.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))
