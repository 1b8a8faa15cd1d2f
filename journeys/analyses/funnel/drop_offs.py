"""The attempts that got no further than a step: as the funnel counted them, and where they are in the log."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.funnel.rows import find_unused_name, list_conditions, mark_needed_rows
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.arrays import Ints
from journeys.log import View
from journeys.steps import columns_used

_LISTS = ("_person", "_start", "_end")


def list_drop_offs(counts: pl.DataFrame, *, spec: FunnelSpec, row: int | None = None) -> pl.DataFrame:
    """List the attempts that got no further than a table row; by default than each but the last.

    Return the keys of `by`, `step` (from 1), `_person`, `_start` and `_end` (Int64, see `count`).
    """
    is_asked = pl.col("step") < spec.step_count if row is None else pl.col("step") == row + 1
    lists = counts.filter(is_asked).select(*spec.by, "step", *_LISTS)
    return lists.explode(_LISTS, keep_nulls=False, empty_as_null=False)


def locate_drop_offs(view: View, dropped: pl.DataFrame, *, spec: FunnelSpec, codes: Ints) -> tuple[pl.DataFrame, Ints]:
    """Keep the attempts of the people of a shard, whose codes ascend, with the numbers of their rows in the log.

    For instance, of the funnel A → B and the events A, X, A, B in a row, the row 1 of those read is row 2 of the log.

    Return them in the order of the log, and the rows that satisfy the last step, ascending.
    """
    low, high = (int(codes[0]), int(codes[-1])) if codes.size else (0, -1)
    here = dropped.filter(pl.col("_person").is_between(low, high))
    # of each step they are in order already, which this kind of sorting makes use of
    here = here[np.argsort(here["_start"].to_numpy(), kind="stable")]
    rows = _find_rows(view, spec)
    if spec.order != "strict":  # a strict funnel knows them
        here = here.with_columns(rows["row"].gather(here[name]).alias(name) for name in ("_start", "_end"))
    return here, rows.filter("is_goal")["row"].to_numpy()


def _find_rows(view: View, spec: FunnelSpec) -> pl.DataFrame:
    """Find the rows that the funnel reads: `row`, the number in the log; `is_goal`, whether the last step is met."""
    frame = view.with_people_columns(columns_used(list_conditions(spec))).events
    row = find_unused_name("_row", view.schema)
    goal = spec.steps[-1].condition.fill_null(value=False)
    rows = frame.with_row_index(row).filter(mark_needed_rows(spec))
    return rows.select(pl.col(row).cast(pl.Int64).alias("row"), is_goal=goal).collect()
