"""Drop-off: where do journeys end without the goal, and what did those who went on do instead?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import said
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.whole import Whole, lay_whole
from journeys.analyses.flow.words import told_nodes
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.result import Result
from journeys.analyses.timeline import Timeline
from journeys.errors import UnknownNameError, unknown
from journeys.log import View
from journeys.stats import wilson

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.api import Journeys

__all__ = ["Dropoff", "DropoffSpec", "ask", "count"]

LAST = 3
SCHEMA: dict[str, pl.DataType] = {
    "kind": pl.String(),
    "nodes": pl.List(pl.String()),
    "reached": pl.Boolean(),
    "people": pl.Int64(),
}


@dataclass(frozen=True, slots=True, eq=False)
class DropoffSpec:
    """A goal, and the moment after which silence does not count as leaving (microseconds)."""

    flow: FlowSpec
    quiet_since: int | None = None
    event: str = ""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Dropoff(Result[Any]):
    """Where do journeys end without the goal?

    Attributes
    ----------
    table : pl.DataFrame
        One row an event: `event`, `people` (journeys that ended there without the goal), `share` (of all that
        ended so), `passed` (people who were there at all, but for those set apart), `loss_rate` with its Wilson
        interval `ci_low`, `ci_high`, `last_steps` (the most frequent way to end there, up to three events),
        `last_steps_people`, `instead` (what those who went on did most), `instead_people`, `instead_rate` (how many of
        those reached the goal); most people lost first.
    endings : pl.DataFrame
        Every ending: `event`, `last_steps`, `people`.
    onward : pl.DataFrame
        What people, but for those set apart, went on to: `event`, `next`, `people`, `converted`, `conversion_rate`.
    """

    endings: pl.DataFrame
    onward: pl.DataFrame
    spec: DropoffSpec
    lost: int
    reached: int
    pending: int

    @property
    def _goal(self) -> str:
        """The goal as it stands in a sentence."""
        return said(self.spec.flow.end.name if self.spec.flow.end else "")

    @property
    def finding(self) -> str:
        """Where most are lost, as one sentence."""
        from journeys.display import number, percent

        goal = self._goal
        if self.table.is_empty():
            return f"Nobody is lost on the way to {goal}."
        top = self.table.row(0, named=True)
        lost = f"the {number(self.lost)} who never reach {goal} end"
        if self.lost == 1:
            lost = f"the only one who never reaches {goal} ends"
        return (
            f"{percent(top['share'])} of {lost} at {said(top['event'])}: "
            f"{percent(top['loss_rate'])} of those who were there."
        )

    def _displayed_table(self) -> pl.DataFrame:
        """Return the columns of the table that the notebook shows."""
        return self.table.select("event", "people", "share", "passed", "loss_rate", "last_steps", "instead")

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the people lost at the 12 events that lose most."""
        from journeys.charts.dropoff import draw

        parts = [f"Last event of those who never reach {self._goal}"]
        parts += [*told_nodes(self.spec.flow.nodes), f"n = {self.lost:,}"]
        if self.pending:
            parts.append(f"{self.pending:,} who may yet go on are left out")
        subtitle = "; ".join(parts)
        return draw(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def people(self, event: str) -> Journeys:
        """Select the people whose journey ended at an event without the goal.

        Parameters
        ----------
        event : str
            An event of the table.

        Raises
        ------
        UnknownNameError
            When no journey ended there.
        """
        there = self.table["event"].to_list()
        if event not in there:
            raise UnknownNameError(unknown("event", event, available=there, what="event"))
        return self._journeys._select_people(lost_at, DropoffSpec(self.spec.flow, self.spec.quiet_since, event))  # type: ignore[no-any-return]

    def examples(self, event: str, *, n: int = 3) -> list[Timeline]:
        """Show whole timelines of people who were lost at an event.

        Parameters
        ----------
        event : str
            An event of the table.
        n : int
            How many, the first by person.
        """
        found = self.people(event)
        whole = cast("Journeys", self._journeys)
        return [whole.timeline(person) for person in found.people["person"].head(n)]


def _lost(view: View, whole: Whole, spec: DropoffSpec) -> tuple[np.ndarray, np.ndarray]:
    """Mark the journeys that ended without the goal, and those that may yet go on."""
    open_still = np.zeros(whole.low.size, dtype=bool)
    if spec.quiet_since is not None:
        # whoever is heard of at all is not silent: by a repeat that is not shown, too, or by what is hidden
        heard = pl.col("timestamp").to_physical() > spec.quiet_since
        late = view.events.filter(heard).select("person").unique().collect()["person"].to_numpy()
        open_still = ~whole.reached & np.isin(whole.person, late)
    return ~whole.reached & ~open_still, open_still


def count(view: View, spec: DropoffSpec) -> pl.DataFrame:
    """Count one shard: endings, who passed each event, and what they went on to."""
    whole = lay_whole(view, spec.flow, moves=False, ends=False)
    lost, open_still = _lost(view, whole, spec)
    labels = pl.Series(whole.labels, dtype=pl.String)
    parts = [_endings(whole, lost, labels), _moves(whole, labels, aside=open_still)]
    totals = pl.DataFrame(
        {
            "kind": ["lost", "reached", "pending"],
            "nodes": pl.Series([[]] * 3, dtype=pl.List(pl.String)),
            "reached": [False, True, False],
            "people": [int(lost.sum()), int(whole.reached.sum()), int(open_still.sum())],
        },
        schema=SCHEMA,
    )
    return pl.concat([totals, *(part for part in parts if part.height)])


def _endings(whole: Whole, lost: np.ndarray, labels: pl.Series) -> pl.DataFrame:
    low, length = whole.low[lost], whole.length[lost]
    columns = {}
    for back in range(LAST, 0, -1):
        row = np.maximum(low + length - back, 0)
        columns[f"n{back}"] = np.where(length >= back, whole.code[row].astype(np.int64), -1) if low.size else row
    table = pl.DataFrame(columns).group_by(list(columns)).agg(pl.len().cast(pl.Int64).alias("people"))
    if not table.height:
        return pl.DataFrame(schema=SCHEMA)
    named = [labels.gather(table[name].replace(-1, None)).alias(name) for name in columns]
    return _frame("ending", named, people=table["people"], reached=pl.repeat(value=False, n=table.height, eager=True))


def _moves(whole: Whole, labels: pl.Series, *, aside: np.ndarray) -> pl.DataFrame:
    """Count the people at each event, and those who went from it to each next one; a person counts once in each.

    Those who may yet go on are set apart here, too: neither lost nor not, they would make every rate too small.
    """
    if not whole.code.size:
        return pl.DataFrame(schema=SCHEMA)
    journey = np.repeat(np.arange(whole.low.size), whole.length)
    following = np.append(whole.code[1:].astype(np.int64), -1)
    following[whole.low + whole.length - 1] = -1
    table = pl.DataFrame(
        {"journey": journey, "code": whole.code.astype(np.int64), "next": following, "reached": whole.reached[journey]}
    )
    if aside.any():
        table = table.filter(~aside[journey])
    frames = [pl.DataFrame(schema=SCHEMA)]
    for kind, keys in (("passed", ["code"]), ("next", ["code", "next"])):
        rows = table if kind == "passed" else table.filter(pl.col("next") >= 0)
        once = rows.select("journey", "reached", *keys).unique()
        counted = once.group_by("reached", *keys).agg(pl.len().cast(pl.Int64).alias("people"))
        if counted.height:
            named = [labels.gather(counted[name]).alias(name) for name in keys]
            frames.append(_frame(kind, named, people=counted["people"], reached=counted["reached"]))
    return pl.concat(frames)


def _frame(kind: str, named: list[pl.Series], *, people: pl.Series, reached: pl.Series) -> pl.DataFrame:
    table = pl.DataFrame(named).select(nodes=pl.concat_list(pl.all()).list.drop_nulls())
    return table.select(pl.lit(kind).alias("kind"), "nodes", reached.alias("reached"), people.alias("people"))


def lost_at(view: View, spec: DropoffSpec) -> pl.Series:
    """Return the codes of the people whose journey ended at an event without the goal."""
    whole = lay_whole(view, spec.flow, moves=False, ends=False)
    lost, _ = _lost(view, whole, spec)
    if not whole.code.size:
        return pl.Series("code", [], dtype=pl.UInt32)
    last = np.array([label == spec.event for label in whole.labels])[whole.code[whole.low + whole.length - 1]]
    return pl.Series("code", np.unique(whole.person[lost & last]), dtype=pl.UInt32)


def ask(journeys: JourneysProtocol, spec: DropoffSpec, *, settings: dict[str, Any]) -> Dropoff:
    """Count the shards and put the answer together."""
    counts = journeys._count_shards(count, spec)
    added = counts.group_by("kind", "nodes", "reached").agg(pl.col("people").sum())
    totals = dict(added.filter(pl.col("nodes").list.len() == 0).select("kind", "people").rows())
    first = pl.col("nodes").list.first().alias("event")
    endings = added.filter(kind="ending").select(
        pl.col("nodes").list.last().alias("event"), pl.col("nodes").alias("last_steps"), "people"
    )
    endings = _ranked(endings, "event", "last_steps")
    converted = pl.col("people").filter("reached").sum().alias("converted")
    onward = (
        added.filter(kind="next")
        .group_by(first, pl.col("nodes").list.last().alias("next"))
        .agg(pl.col("people").sum(), converted)
        .with_columns(conversion_rate=pl.col("converted") / pl.col("people"))
    )
    onward = _ranked(onward, "event", "next")
    passed = added.filter(kind="passed").group_by(first).agg(pl.col("people").sum().alias("passed"))
    lost = int(totals.get("lost", 0))
    table = (
        endings.group_by("event", maintain_order=True)
        .agg(
            pl.col("people").sum(),
            pl.col("last_steps").first(),
            pl.col("people").first().alias("last_steps_people"),
        )
        .join(passed, on="event", how="left")
        .join(
            onward.group_by("event", maintain_order=True).agg(
                pl.col("next").first().alias("instead"),
                pl.col("people").first().alias("instead_people"),
                pl.col("conversion_rate").first().alias("instead_rate"),
            ),
            on="event",
            how="left",
        )
    )
    low, high = wilson(table["people"], table["passed"])
    table = table.with_columns(
        share=pl.col("people") / lost if lost else pl.lit(None, dtype=pl.Float64),
        loss_rate=pl.col("people") / pl.col("passed"),
        ci_low=pl.Series(low, nan_to_null=True),
        ci_high=pl.Series(high, nan_to_null=True),
    ).select(
        "event", "people", "share", "passed", "loss_rate", "ci_low", "ci_high", "last_steps", "last_steps_people",
        "instead", "instead_people", "instead_rate",
    )  # fmt: skip
    table = table.sort("people", "event", descending=[True, False])
    return Dropoff(
        table=table,
        settings=settings,
        _journeys=journeys,
        endings=endings,
        onward=onward,
        spec=spec,
        lost=lost,
        reached=int(totals.get("reached", 0)),
        pending=int(totals.get("pending", 0)),
    )


def _ranked(table: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Sort by people, then by names; a list of names is compared as one text."""
    keys = [pl.col(n).list.join("\x1f") if table.schema[n] == pl.List(pl.String) else pl.col(n) for n in names]
    return table.sort(pl.col("people"), *keys, descending=[True, *[False] * len(keys)])
