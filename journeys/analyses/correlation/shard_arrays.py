"""One shard's columns as arrays: read once, only those that the question needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from journeys.analyses.correlation.exposure_window import ExposureWindow, open_window
from journeys.analyses.correlation.spec import ACTIVITY, CorrelationSpec, EveryEvent, Trait, Values, list_steps
from journeys.events import CAMPAIGN_COLUMNS
from journeys.log import View
from journeys.log.arrays import (
    Bools,
    Ints,
    PersonBounds,
    bound_people,
    bounds_from_counts,
    next_marked,
    previous_marked,
)
from journeys.steps import Step, columns_used


@dataclass(frozen=True, eq=False)
class ShardArrays:
    """The rows of a shard as arrays of one entry per event, and its people.

    Attributes
    ----------
    bounds : PersonBounds
        The rows of each person.
    time : np.ndarray, optional
        Microseconds, where the question needs them.
    event : np.ndarray
        Codes of events; empty where no event is asked for by name.
    flags : dict of int to np.ndarray
        Which rows satisfy the steps that are conditions, by the id of the step.
    values : dict of str to pl.Series
        Columns of events whose values are behaviours, as categories.
    people : pl.DataFrame
        Columns of people that are behaviours or strata, with `code`.
    names : tuple of str
        Event names in the order of their codes.
    """

    bounds: PersonBounds
    time: Ints | None
    event: Ints
    flags: dict[int, Bools]
    values: dict[str, pl.Series]
    people: pl.DataFrame
    names: tuple[str, ...]
    _marked: dict[tuple[str, ...], Bools] = field(default_factory=dict)

    def mark_step(self, step: Step) -> Bools:
        """Mark the rows that satisfy a step."""
        if step.events is None:
            return self.flags[id(step)]
        if step.events not in self._marked:
            codes = [code for code, name in enumerate(self.names) if name in step.events]
            if len(codes) == 1:  # by far the most common case, and many times faster than looking up each row
                self._marked[step.events] = self.event == codes[0]
            else:
                self._marked[step.events] = np.isin(np.arange(len(self.names)), codes)[self.event]
        return self._marked[step.events]

    def encode_values(self, values: Values) -> tuple[Ints, list[str]]:
        """Number the values of a property.

        Returns
        -------
        tuple
            One code per row, which is the number of values where there is none, and the name of each value.
        """
        category = self.values[values.column]
        physical = category.to_physical()
        absent = int(physical.max() if physical.null_count() < len(physical) else -1) + 1  # type: ignore[arg-type]
        code = physical.fill_null(absent).to_numpy()
        example = np.full(absent + 1, -1, np.int64)
        example[code] = np.arange(len(code))  # a row of each value, to name it by
        present = np.flatnonzero(example[:absent] >= 0)
        names = category.gather(example[present]).cast(pl.String).to_list()
        lookup = np.full(absent + 1, len(names), np.int32)
        lookup[present] = np.arange(len(names), dtype=np.int32)
        codes = lookup[code]
        if values.of is not None:
            codes = np.where(self.mark_step(values.of), codes, np.int32(len(names)))
        return codes, names

    def people_column(self, column: str, window: ExposureWindow) -> tuple[pl.Series, Ints]:
        """Look up a column of people, as text, for the people of a window.

        A campaign counts only if it was met before the end of the window, which for converters is the goal: the first
        tagged touch of somebody who converts on the second row and meets a mail's campaign on the third is none.

        Returns
        -------
        tuple
            The value of each person, and the row by which it was known; -1 for what is known from the start.
        """
        touch = touch_column(column)
        if touch not in self.values:
            series = self.people[column]
            if series.dtype != pl.String:
                series = series.cast(pl.String)
            return series.gather(np.searchsorted(self.people["code"].to_numpy(), window.code)), np.full(
                len(window.code), -1
            )
        values = self.values[touch]
        touches = np.flatnonzero(values.is_not_null().to_numpy())
        start = self.bounds.first[np.searchsorted(self.bounds.code, window.code)]
        row = next_marked(touches, start) if column.startswith("first_") else previous_marked(touches, window.stop)
        met = (row >= start) & (row < window.stop)
        text = values.gather(np.where(met, row, 0)) if len(values) else values.clear(len(row))
        return text.cast(pl.String).set(pl.Series(~met), None), row

    def open_window(self, spec: CorrelationSpec) -> ExposureWindow:
        """Open the exposure window of a question on these rows."""
        anchors = None if spec.since is None else np.flatnonzero(self.mark_step(spec.since))
        goals = np.flatnonzero(self.mark_step(spec.goal))
        return open_window(self.bounds, spec, goals=goals, anchors=anchors, time=self.time)


def touch_column(column: str) -> str:
    """Return the column of events that a column of people such as "first_campaign" comes from; "" for others.

    Examples
    --------
    >>> touch_column("first_campaign"), touch_column("first_name")
    ('campaign', '')
    """
    touch = column.removeprefix("first_").removeprefix("last_")
    return touch if touch in CAMPAIGN_COLUMNS and touch != column else ""


def read_arrays(view: View, spec: CorrelationSpec, *, time: bool = False) -> ShardArrays:
    """Read what a question needs of a shard; `time` reads the timestamps even if the question does not need them."""
    steps = [spec.goal] + ([spec.since] if spec.since is not None else [])
    steps += [step for family in spec.families for step in list_steps(family)]
    conditions = [step for step in steps if step.events is None]
    counts = view.people.select("code", "event_count").collect() if view.whole else None
    wanted = [] if counts is not None else [pl.col("person")]
    if time or spec.needs_time:
        wanted.append(pl.col("timestamp").to_physical().alias("timestamp"))
    is_named = len(conditions) < len(steps) or any(isinstance(family, EveryEvent) for family in spec.families)
    if is_named and view.codes is None:
        wanted.append(pl.col("event").to_physical().alias("event"))
    wanted += [step.condition.fill_null(value=False).alias(f"step {n}") for n, step in enumerate(conditions)]
    traits = {family.column for family in spec.families if isinstance(family, Trait)}
    if spec.strata is not None and spec.strata != ACTIVITY and not spec.strata.startswith("every "):
        traits.add(spec.strata)
    touches = {
        column: touch_column(column) for column in traits if touch_column(column) in view.events.collect_schema()
    }
    properties = sorted(
        {family.column for family in spec.families if isinstance(family, Values)} | set(touches.values())
    )
    traits -= touches.keys()
    # the cast is part of the scan, where it runs on all cores
    wanted += [pl.col(name).cast(pl.String).cast(pl.Categorical).alias(f"property {name}") for name in properties]
    joined = view.with_people_columns(columns_used(conditions))
    frame = joined.events.select(wanted).collect() if wanted else pl.DataFrame()
    event = np.empty(0, np.uint8)
    if is_named:
        event = frame["event"].to_numpy() if view.codes is None else view.event_codes()
    if counts is None:
        bounds = bound_people(frame["person"].to_numpy())
    else:
        bounds = bounds_from_counts(counts["code"].to_numpy(), counts["event_count"].to_numpy())
    return ShardArrays(
        bounds=bounds,
        time=frame["timestamp"].to_numpy() if "timestamp" in frame.columns else None,
        event=event,
        flags={id(step): frame[f"step {n}"].to_numpy() for n, step in enumerate(conditions)},
        values={name: frame[f"property {name}"] for name in properties},
        people=view.people.select("code", *sorted(traits)).collect() if traits else pl.DataFrame(),
        names=spec.names,
    )
