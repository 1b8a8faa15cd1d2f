"""A stage of a group of messages → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.messages.count import find_recipients
from journeys.analyses.messages.spec import MessagesSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class RecipientSelection:
    """Which people: with messages of a group (None: of any) that got to a stage, who converted or did not."""

    spec: MessagesSpec
    group: tuple[str | None] | None
    stage: str
    converted: bool | None


def select_recipients(view: View, selection: RecipientSelection) -> pl.Series:
    """Return the codes of the recipients."""
    people, _ = find_recipients(view, selection.spec)
    if selection.group is not None:
        people = people.filter(pl.col("group").eq_missing(pl.lit(selection.group[0], dtype=pl.String)))
    if selection.stage != "any":
        people = people.filter(selection.stage)
    if selection.converted is not None:
        people = people.filter(pl.col("is_eligible") & ((pl.col("conversions") > 0) == selection.converted))
    return people["person"].unique().sort()
