"""Set algebra of people: which people two selections have together, under the cuts in events that both share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import and_, gt, or_
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.errors import ArgumentError
from journeys.log import Log, View
from journeys.log.boundaries import starts_person

Filters = Sequence[pl.Expr | pl.Series]

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {"|": or_, "&": and_, "-": gt}


def cuts_of(filters: Filters) -> tuple[pl.Expr, ...]:
    """Return the filters that cut events (`where`, `between`); the others keep people."""
    return tuple(one for one in filters if isinstance(one, pl.Expr))


def check_comparable(here: tuple[Log, Filters], there: tuple[Log, Filters], *, argument: str) -> None:
    """Raise an error unless both are selections of one log with the same cuts.

    Raises
    ------
    ArgumentError
        It names the cuts that differ.
    """
    if not here[0].has_same_people(there[0]):
        raise ArgumentError(
            f"{argument}: these journeys come from two logs, whose people cannot be matched; select people of one log "
            "by their labels: j.only(other.people['person'])."
        )
    mine, theirs = (cuts_of(filters) for _, filters in (here, there))
    if len(mine) == len(theirs) and all(a.meta.eq(b) for a, b in zip(mine, theirs, strict=True)):
        return
    shown = [", ".join(str(one) for one in cuts) or "all events" for cuts in (mine, theirs)]
    raise ArgumentError(
        f"{argument}: the selections cut events differently: {shown[0]} here, {shown[1]} there. Say whose events "
        "count: a.people_of(b) has the people of b with the events of a."
    )


def combine_codes(here: pl.Series, there: pl.Series, *, operation: str) -> pl.Series:
    """Combine two sets of codes.

    Examples
    --------
    >>> one, other = pl.Series([1, 2], dtype=pl.UInt32), pl.Series([2, 3], dtype=pl.UInt32)
    >>> combine_codes(one, other, operation="-").to_list()
    [1]
    """
    mine, theirs = here.to_numpy(), there.to_numpy()
    # codes are dense: two masks over all of them are combined faster than two sorted lists
    size = int(max(mine.max(initial=0), theirs.max(initial=0))) + 1
    one, other = (np.zeros(size, dtype=np.bool_) for _ in range(2))
    one[mine] = True
    other[theirs] = True
    return pl.Series("code", np.flatnonzero(OPERATIONS[operation](one, other)), dtype=pl.UInt32)


def list_codes(view: View, _: None) -> pl.DataFrame:
    """List the codes of the people with any event."""
    return view.events.select("person").filter(starts_person()).collect().rename({"person": "code"})


def add_people_column(log: Log, table: pl.DataFrame, *, on: Literal["code", "person"]) -> Log:
    """Add a column to the people of a log, given as a table with their codes or labels; it replaces one of its name."""
    names = [name for name in table.columns if name != on]
    return replace(
        log,
        shards=tuple(
            view.with_tables(
                people=view.scan_people.drop(*names, strict=False).join(
                    table.lazy(), on=on, how="left", maintain_order="left"
                )
            )
            for view in log.shards
        ),
    )


def add_event_labels(
    view: View, marks: Mapping[str, npt.NDArray[np.bool_]], *, name: str, several: Literal["first", "all"]
) -> View:
    """Add to the events of a shard a column with the label of each event: the first that fits, or a list of all."""
    chosen = [pl.when(pl.Series(mark)).then(pl.lit(label)) for label, mark in marks.items()]
    if several == "first":
        labels = pl.select(pl.coalesce(chosen).alias(name))
    else:
        listed = pl.select(pl.concat_list(chosen).list.drop_nulls().alias(name))
        labels = listed.select(pl.when(pl.col(name).list.len() > 0).then(name))
    events = pl.concat([view.scan_events, labels.lazy()], how="horizontal")
    return view.with_tables(events=events)
