"""A row of the table of values → its people."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from journeys.analyses.labels import filter_group
from journeys.analyses.value.count import find_people
from journeys.analyses.value.spec import ValueSpec
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class AgeSelection:
    """Which people: old enough for an age, of a group (None: of all), who have paid by then or have not."""

    spec: ValueSpec
    age: int
    group: str | None
    kept: tuple[str | None, ...] | None
    paying: bool | None


def select_age(view: View, selection: AgeSelection) -> pl.Series:
    """Return the codes of the people of an age."""
    people = find_people(view, selection.spec).filter(pl.col("periods") > selection.age)
    people = filter_group(people, selection.group, kept=selection.kept)
    if selection.paying is not None:
        has_paid = pl.col("ages").list.min().fill_null(selection.age + 1) <= selection.age
        people = people.filter(has_paid == selection.paying)
    return people["person"]
