"""One shard's columns as arrays: read once, only those that the question needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from journeys.analyses.correlation.ask import Ask, EveryEvent, Trait, Values, steps_in
from journeys.analyses.correlation.window import Array, Borders, Rows, Window, open_window
from journeys.log import View
from journeys.steps import Step, columns_used

__all__ = ["Columns", "read_columns"]

ACTIVITY = "activity"


@dataclass(frozen=True, eq=False)
class Columns:
    """Arrays of one row an event, and the people beside them."""

    borders: Borders
    time: Array | None
    event: Array
    flags: dict[int, Array]
    values: dict[str, pl.Series]
    people: pl.DataFrame
    names: tuple[str, ...]
    _marks: dict[tuple[str, ...], Array] = field(default_factory=dict)

    def marks(self, step: Step) -> Array:
        """Say for each row whether it satisfies a step."""
        if step.events is None:
            return self.flags[id(step)]
        if step.events not in self._marks:
            codes = [code for code, name in enumerate(self.names) if name in step.events]
            if len(codes) == 1:  # much the most common, and many times faster than looking each row up
                self._marks[step.events] = self.event == codes[0]
            else:
                self._marks[step.events] = np.isin(np.arange(len(self.names)), codes)[self.event]
        return self._marks[step.events]

    def coded(self, values: Values) -> tuple[Array, list[str]]:
        """Number the values of a property: one code a row (the count of values where there is none) and their names."""
        category = self.values[values.column]
        physical = category.to_physical()
        absent = int(physical.max() if physical.null_count() < len(physical) else -1) + 1  # type: ignore[arg-type]
        place = physical.fill_null(absent).to_numpy()
        seen = np.full(absent + 1, -1, np.int64)
        seen[place] = np.arange(len(place))  # a row where each value stands, to name it by
        present = np.flatnonzero(seen[:absent] >= 0)
        names = category.gather(seen[present]).cast(pl.String).to_list()
        lookup = np.full(absent + 1, len(names), np.int32)
        lookup[present] = np.arange(len(names), dtype=np.int32)
        codes = lookup[place]
        if values.of is not None:
            codes = np.where(self.marks(values.of), codes, np.int32(len(names)))
        return codes, names

    def trait(self, column: str, codes: Array) -> pl.Series:
        """Look up a column of people, as text, for the people of these codes."""
        series = self.people[column]
        if series.dtype != pl.String:
            series = series.cast(pl.String)
        return series.gather(np.searchsorted(self.people["code"].to_numpy(), codes))

    def window(self, ask: Ask) -> Window:
        """Open the window of the question on these rows."""
        anchors = None if ask.since is None else np.flatnonzero(self.marks(ask.since))
        rows = Rows(self.borders, np.flatnonzero(self.marks(ask.conversion)), anchors, self.time)
        return open_window(rows, ask)


def _borders(person: Array) -> Borders:
    """Find where one person's rows end and another's begin."""
    n = len(person)
    changes = np.flatnonzero(person[1:] != person[:-1]) + 1
    first = np.concatenate([np.zeros(min(n, 1), np.int64), changes])
    last = np.concatenate([changes, np.full(min(n, 1), n, np.int64)])
    return Borders(person[first], first, last)


def steps_of(ask: Ask) -> list[Step]:
    """List every step that the question mentions."""
    steps = [ask.conversion] + ([ask.since] if ask.since is not None else [])
    steps += [step for family in ask.families for step in steps_in(family)]
    return steps


def read_columns(view: View, ask: Ask, *, time: bool = False) -> Columns:
    """Read what a question needs of a shard.

    Parameters
    ----------
    view
        The shard.
    ask
        The question.
    time
        Read the timestamps even if the question itself does not need them.
    """
    steps = steps_of(ask)
    asked = [step for step in steps if step.events is None]
    counts = view.people.select("code", "event_count").collect() if view.whole else None
    wanted = [] if counts is not None else [pl.col("person")]
    if time or ask.needs_time:
        wanted.append(pl.col("timestamp").to_physical().alias("timestamp"))
    named = len(asked) < len(steps) or any(isinstance(family, EveryEvent) for family in ask.families)
    if named and view.codes is None:
        wanted.append(pl.col("event").to_physical().alias("event"))
    wanted += [step.condition.fill_null(value=False).alias(f"step {number}") for number, step in enumerate(asked)]
    properties = sorted({family.column for family in ask.families if isinstance(family, Values)})
    # The cast is part of the scan, where it runs on all cores.
    wanted += [pl.col(name).cast(pl.String).cast(pl.Categorical).alias(f"property {name}") for name in properties]
    events = view.with_people_columns(columns_used(asked)).events
    frame = events.select(wanted).collect() if wanted else pl.DataFrame()
    event = np.empty(0, np.uint8)
    if named:
        event = frame["event"].to_numpy() if view.codes is None else view.event_codes()
    if counts is None:
        borders = _borders(frame["person"].to_numpy())
    else:
        last = np.cumsum(counts["event_count"].to_numpy())
        first = np.concatenate([np.zeros(min(len(last), 1), np.int64), last[:-1]])
        borders = Borders(counts["code"].to_numpy(), first, last)
    traits = {family.column for family in ask.families if isinstance(family, Trait)}
    if ask.strata is not None and ask.strata != ACTIVITY and not ask.strata.startswith("every "):
        traits.add(ask.strata)
    people = view.people.select("code", *sorted(traits)).collect() if traits else pl.DataFrame()
    return Columns(
        borders=borders,
        time=frame["timestamp"].to_numpy() if "timestamp" in frame.columns else None,
        event=event,
        flags={id(step): frame[f"step {number}"].to_numpy() for number, step in enumerate(asked)},
        values={name: frame[f"property {name}"] for name in properties},
        people=people,
        names=ask.names,
    )
