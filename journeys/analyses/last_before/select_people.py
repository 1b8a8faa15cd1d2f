"""A row of the table → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.last_before.count import find_last_values
from journeys.analyses.last_before.spec import LastBeforeSpec
from journeys.analyses.last_before.summarise import Listed
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class ValueSelection:
    """Which people: with these values last before a goal (None: with any that is not listed), who went on or did not.

    People whose time to go on is not over neither went on nor did not.
    """

    spec: LastBeforeSpec
    values: tuple[str | None, ...] | None
    listed: Listed
    went_on: bool | None = None


def select_people(view: View, selection: ValueSelection) -> pl.Series:
    """Return the codes of the people of a row."""
    spec = selection.spec
    found = find_last_values(view, spec)
    wanted = selection.listed if selection.values is None else (selection.values,)
    rows = pl.DataFrame(wanted, schema={name: pl.String() for name in spec.names}, orient="row")
    how = "anti" if selection.values is None else "semi"
    kept = found.join(rows, on=list(spec.names), how=how, nulls_equal=True)  # type: ignore[arg-type]
    if selection.went_on is not None:
        kept = kept.filter(~pl.col("pending"), pl.col("went_on") == selection.went_on)
    return kept["code"].unique().sort()
