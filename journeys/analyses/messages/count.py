"""One shard → how far messages got with people, and who converted after them."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.messages.spec import ARRIVED, DAY, STAGES, MessagesSpec
from journeys.analyses.money import amount_of, currency_of
from journeys.arrays import Ints, mark_changes, number_runs, previous_marked, search_within
from journeys.log import View
from journeys.steps import columns_used


def count(view: View, spec: MessagesSpec) -> pl.DataFrame:
    """Count people per group.

    Return `group`, `messages`, `people`, one column per stage, `clicked_readers`, `already`, `pending`, `eligible`,
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

    Return `person`, `group`, a Boolean column per stage, `time` of the first event, `already`, `pending`,
    `is_eligible`, `conversions`, `values`, `currencies` (lists), sorted by person and group; and per `group` the number
    of `messages`.
    """
    rows = _read_rows(view, spec)
    person, time, stage = (rows[name].to_numpy() for name in ("person", "time", "stage"))
    row = np.flatnonzero(stage < len(STAGES))
    group, names = _encode_groups(rows, row, spec)
    order = np.lexsort((group, person[row])) if names.len() > 1 else slice(None)
    row, group = row[order], group[order]
    starts = mark_changes(person[row]) | mark_changes(group)
    first = np.flatnonzero(starts)
    begin = row[first]
    reached = np.bitwise_or.reduceat(1 << stage[row], first) if first.size else first
    goals = np.flatnonzero(rows["goal"].to_numpy())
    had = previous_marked(goals, begin)
    columns: dict[str, Ints | pl.Series] = {
        "person": person[begin],
        "group": names.gather(group[first]),
        "time": time[begin],
        **{name: (reached >> place) % 2 == 1 for place, name in enumerate(STAGES)},
        "already": (had >= 0) & (person[had] == person[begin]),
    }
    recipient = np.empty(rows.height, dtype=np.int64)
    recipient[row] = number_runs(starts)
    pending = pl.col("time") + spec.within > spec.until if spec.goal is not None else pl.lit(value=False)
    people = (
        pl.DataFrame(columns)
        .with_columns(delivered=pl.any_horizontal(*ARRIVED) | _is_sent(spec), pending=pending)
        .with_columns(pending=pl.col("pending") & (~pl.col("already") | spec.every) & pl.col("delivered"))
        .with_columns(is_eligible=pl.col("delivered") & ~pl.col("pending") & (~pl.col("already") | spec.every))
        .with_columns(_credit_conversions(rows, recipient, goals=goals, people=first.size, spec=spec))
    )
    return people, _count_messages(rows, row, group, names)


def _encode_groups(rows: pl.DataFrame, row: Ints, spec: MessagesSpec) -> tuple[Ints, pl.Series]:
    """Return the number of the group of each event, and the names of the groups: sorted, then null for none."""
    if spec.by is None:
        return np.zeros(row.size, dtype=np.uint32), pl.Series([None], dtype=pl.String)
    events = rows[row]
    if spec.message is not None and events["id"].null_count() < events.height:
        own = pl.col("group").drop_nulls().first().over("person", "id")
        events = events.with_columns(pl.when(pl.col("id").is_null()).then("group").otherwise(own).alias("group"))
    names = events["group"].drop_nulls().unique().sort()
    code = events["group"].cast(pl.Enum(names)).to_physical().cast(pl.UInt32).fill_null(names.len())
    return code.to_numpy(), names.extend(pl.Series([None], dtype=pl.String))


def _is_sent(spec: MessagesSpec) -> pl.Expr:
    """Take what was sent and did not bounce for delivered, where the log does not say what was."""
    return pl.lit(value=False) if "delivered" in spec.stages else pl.col("sent") & ~pl.col("bounced")


def _credit_conversions(
    rows: pl.DataFrame, recipient: Ints, *, goals: Ints, people: int, spec: MessagesSpec
) -> pl.DataFrame:
    """Return `conversions`, `values` and `currencies` of each recipient, given the recipient of each event."""
    person, time = rows["person"].to_numpy(), rows["time"].to_numpy()
    is_touch = np.array([*(stage in spec.touch for stage in STAGES), False])
    touched = np.flatnonzero(is_touch[rows["stage"].to_numpy()])
    # the latest touch at or before each goal, and whether it is of the same person and not too old
    at = previous_marked(touched, goals + 1)
    is_credited = (at >= 0) & (person[at] == person[goals]) & (time[goals] - time[at] <= spec.within)
    if not spec.every:
        # a goal between the touch and this one was the first after it
        is_credited &= previous_marked(goals, goals) < at
    owner = recipient[at[is_credited]]
    found = pl.DataFrame({"conversions": np.bincount(owner, minlength=people)})
    if spec.value is None:
        return found.with_columns(
            values=pl.lit(None, dtype=pl.List(pl.Float64)), currencies=pl.lit(None, dtype=pl.List(pl.String))
        )
    amounts = rows[goals[is_credited]].select("value", "currency", owner=pl.Series(owner))
    listed = amounts.group_by("owner", maintain_order=True).agg(
        pl.col("value").drop_nulls().alias("values"), pl.col("currency").drop_nulls().alias("currencies")
    )
    joined = found.with_row_index("owner").with_columns(pl.col("owner").cast(pl.Int64))
    return joined.join(listed, on="owner", how="left", maintain_order="left").drop("owner")


def _count_messages(rows: pl.DataFrame, row: Ints, group: Ints, names: pl.Series) -> pl.DataFrame:
    """Count messages per group: one per id; without an id, one per person, group and 24 hours.

    For instance, for one person and group, hours 0, 3 and 30 are two messages: from 0, and from 30.

    Parameters
    ----------
    rows : pl.DataFrame
        Events and goals, as `_read_rows` returns them.
    row, group : np.ndarray
        The row of each event, and the number of its group; sorted by person, group and time.
    names : pl.Series
        The names of the groups.
    """
    has_id = rows["id"].is_not_null().to_numpy()[row]
    named = rows[row[has_id]].select("person", "id", group=pl.Series(group[has_id])).unique(["person", "id"])
    started = [named["group"].to_numpy()]
    row, group = row[~has_id], group[~has_id]
    time = rows["time"].to_numpy()[row]
    begin = np.flatnonzero(mark_changes(rows["person"].to_numpy()[row]) | mark_changes(group))
    stop = np.append(begin[1:], row.size)[: begin.size]
    while begin.size:
        started.append(group[begin])
        begin = search_within(time, time[begin] + DAY, low=begin + 1, high=stop, side="left")
        is_open = begin < stop
        begin, stop = begin[is_open], stop[is_open]
    count = np.bincount(np.concatenate(started), minlength=names.len())
    return pl.DataFrame({"group": names, "messages": count}).filter(pl.col("messages") > 0)


def _read_rows(view: View, spec: MessagesSpec) -> pl.DataFrame:
    """Return the events of messages, `stage` numbered as in `STAGES` (and after them: none), and the goals."""
    steps = [*spec.stages.values(), *([] if spec.goal is None else [spec.goal])]
    conditions = [step.condition for step in steps]
    stage = pl.lit(len(STAGES), dtype=pl.UInt8)
    for name, condition in reversed([*zip(spec.stages, conditions, strict=False)]):
        stage = pl.when(condition).then(pl.lit(STAGES.index(name), dtype=pl.UInt8)).otherwise(stage)
    goal = pl.lit(value=False) if spec.goal is None else conditions[-1]
    text = {"group": spec.by, "id": spec.message}
    events = view.with_people_columns(columns_used(steps)).events
    return (
        events.filter(pl.any_horizontal(conditions))
        .select(
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
        .collect()
        .rechunk()
    )
