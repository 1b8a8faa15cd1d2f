"""The question "what did this person do?": find the person → list the events → result."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from journeys.analyses.protocol import J
from journeys.analyses.timeline.result import Timeline
from journeys.errors import ArgumentError, Problems, UnknownNameError
from journeys.log.boundaries import starts_session
from journeys.steps import duration_us


def timeline(journeys: J, person: Any, *, gap: str | timedelta = "30m") -> Timeline[J]:
    """List everything that one person did, in order, from every system.

    Parameters
    ----------
    person : label
        As in the column `person` of `people`, or an identifier, such as an e-mail address.
    gap : duration
        A pause of that length or longer starts a session.

    Returns
    -------
    Timeline
        `.table` has every event with the time since the one before; `.plot()` draws one lane per source.

    Raises
    ------
    UnknownNameError
        When no person has that label.
    ArgumentError
        When `gap` is not a valid duration, or `person` not a label.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["x", "y"]})
    >>> jn.Journeys.from_table(log).timeline("a").table.select("event", "session").rows()
    [('x', 1), ('y', 2)]
    """
    problems = Problems()
    gap_us = problems.run_check(lambda: duration_us(gap, argument="gap")) or 0
    found = problems.run_check(lambda: _select_person(journeys, person)) or journeys
    problems.raise_found()
    events = found.events.collect()
    settings = {"person": str(person), "gap": gap}
    identifications = _list_identifications(journeys, events["person"].unique())
    return Timeline(_lay_out(events, gap=gap_us), settings, journeys, identifications, gap_us)


def _select_person(journeys: J, person: Any) -> J:
    if person is None:
        raise ArgumentError("person: None is not a person; give a label of the column 'person' of `people`.")
    try:
        return journeys.only([person])
    except UnknownNameError as error:
        raise UnknownNameError(str(error).replace("people: no", "person: no", 1)) from error
    except ArgumentError as error:
        raise ArgumentError(str(error).replace("people: labels are", "person: labels are", 1)) from error


def _list_identifications(journeys: J, labels: pl.Series) -> tuple[tuple[datetime, str], ...]:
    """List when the person of these labels was first seen by each further type of identifier."""
    identifiers = journeys._identifiers
    if identifiers is None:
        return ()
    known = identifiers.filter(pl.col("person").is_in(labels.implode()))
    first = known.group_by("id_type").agg(pl.col("first_seen").min()).sort("first_seen", "id_type")
    return tuple((seen, id_type) for id_type, seen in first.rows()[1:] if seen is not None)


def _lay_out(events: pl.DataFrame, *, gap: int) -> pl.DataFrame:
    """Turn the rows of one person, which are in log order, into the table of a timeline."""
    filled = [name for name in events.columns if name not in ("person", "timestamp", "event")]
    filled = [name for name in filled if events[name].null_count() < events.height]
    first = [name for name in ("source", "replay_url") if name in filled]
    return events.select(
        "timestamp",
        pl.col("event").cast(pl.String),
        pl.col("timestamp").diff().alias("since_previous"),
        starts_session(gap).cast(pl.Int64).cum_sum().alias("session"),
        *first,
        *(name for name in filled if name not in first),
    )
