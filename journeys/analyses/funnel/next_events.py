"""What people did next after the last step that their attempt reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.analyses.funnel.rows import read_rows
from journeys.analyses.funnel.select_attempts import select_attempts
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.log import View

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["NextEvents", "NextEventsSpec", "count_next_events", "next_events_table"]

NOTHING = "(nothing more)"


@dataclass(frozen=True, eq=False)
class NextEventsSpec:
    """The first events after the last step reached, of those who got no further than a table row."""

    spec: FunnelSpec
    row: int
    events: int


def count_next_events(view: View, asked: NextEventsSpec) -> pl.DataFrame:
    """Count the events at each position after the drop-off."""
    spec = replace(asked.spec, needs_positions=True)
    rows = read_rows(view, spec)
    attempts = select_attempts(rows, spec=spec)
    attempts = attempts.take(np.flatnonzero(attempts.last_step == asked.row))
    last = pl.DataFrame(
        {
            "person": pl.Series(rows.person[attempts.unit], dtype=pl.UInt32),
            "last": pl.Series(rows.position[attempts.row[:, asked.row]], dtype=pl.Int64),
        }
    )
    last = last.group_by("person").agg(pl.col("last").max())
    log = (
        view.events.select("person", "event")
        .with_row_index("place")
        .filter(pl.col("person").is_in(last["person"].implode()))
    )
    after = (
        log.join(last.lazy(), on="person", how="inner")
        .filter(pl.col("place").cast(pl.Int64) > pl.col("last"))
        .select("person", "place", pl.col("event").cast(pl.String))
        .sort("person", "place")
        .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int64).over("person") + 1)
        .filter(pl.col("position") <= asked.events)
        .collect()
    )
    done = after.group_by("position", "event").agg(pl.len().cast(pl.Int64).alias("people"))
    there = after.group_by("position").agg(pl.len().cast(pl.Int64).alias("there"))
    wanted = pl.DataFrame({"position": pl.Series(range(1, asked.events + 1), dtype=pl.Int64)})
    missing = wanted.join(there, on="position", how="left", maintain_order="left").select(
        "position",
        pl.lit(NOTHING).alias("event"),
        (last.height - pl.col("there").fill_null(0)).cast(pl.Int64).alias("people"),
    )
    quoted = pl.when(pl.col("event") == NOTHING).then(pl.lit(f'"{NOTHING}"')).otherwise("event").alias("event")
    return pl.concat([done.with_columns(quoted).select("position", "event", "people"), missing])


def next_events_table(counts: pl.DataFrame) -> pl.DataFrame:
    """Add up, with the share of all who dropped off."""
    summed = counts.group_by("position", "event").agg(pl.col("people").sum()).filter(pl.col("people") > 0)
    return (
        summed.with_columns(share=pl.col("people") / pl.col("people").sum().over("position"))
        .sort("position", "people", "event", descending=[False, True, False])
        .select("position", "event", "people", "share")
    )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class NextEvents(Result[J]):
    """What those who got no further did next.

    Attributes
    ----------
    table : pl.DataFrame
        `position` (1: the very next event), `event`, `people` (Int64), `share` of all who dropped off there.
        "(nothing more)" are those without a further event.
    """

    @property
    def finding(self) -> str:
        """The most frequent next event, as one sentence."""
        from journeys.display import percent

        first = self.table.filter(pl.col("position") == 1)
        if not first.height:
            return f"Nobody dropped off after {self.settings['after']!r}."
        row = first.row(0, named=True)
        did = "nothing more" if row["event"] == NOTHING else f"{row['event']!r} next"
        done = f"{percent(row['share'])} of those who dropped off did {did}"
        return f"After {self.settings['after']!r}, {done}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the shares at the first position as bars."""
        from journeys.charts.bars import draw_next_events

        return draw_next_events(
            self.table, title=self.finding, subtitle="share of those who dropped off", dark=dark, narrow=narrow
        )
