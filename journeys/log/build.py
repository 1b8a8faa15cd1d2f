"""Rows in any order → the sorted log; rows that cannot have a place are set apart and counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.log.core import Log, Size, View, summarise_people
from journeys.log.person_codes import code_people
from journeys.log.sort import sort_rows
from journeys.parallel import parallel_map, split_rows, trim_malloc

__all__ = ["WHY", "Built", "build_log", "notice", "rank_names", "set_apart", "tidy_rows"]

WHY = "__why__"
_BEYOND = "no time that can be: not in the years 1 to 9999"
_REASONS = pl.Enum(["no person", "no time", "no event", _BEYOND])
# Python, and most of what shows a time, knows no other years.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Built:
    """A log, and what was found while it was built.

    Attributes
    ----------
    log : Log
        The sorted log.
    quarantine : pl.DataFrame
        The rows that have no place, as they came, with a `reason`.
    noticed : dict of str to int
        What is odd but kept: ties, repeated rows, times before 2000 or in the future.
    """

    log: Log
    quarantine: pl.DataFrame
    noticed: dict[str, int]


def build_log(
    table: pl.DataFrame | pl.LazyFrame,
    *,
    person: str = "person",
    timestamp: str = "timestamp",
    event: str = "event",
    people: pl.DataFrame | None = None,
    now: datetime | None = None,
) -> Built:
    """Sort a table of events by (person, timestamp, order of arrival) and code people and events.

    Parameters
    ----------
    table : pl.DataFrame or pl.LazyFrame
        One row an event, in order of arrival.
    person, timestamp, event : str
        The columns that say who, when and what.
    people : pl.DataFrame, optional
        `person` and what is known of each person (identifiers, traits).
    now : datetime, optional
        What counts as the future starts here; the present moment by default.

    Returns
    -------
    Built

    Raises
    ------
    UnknownNameError
        When a column is missing; all that are missing are named.
    ArgumentError
        When a column has a type that cannot be meant.
    """
    tidy = tidy_rows(table, person=person, timestamp=timestamp, event=event)
    # what is in memory stays in one piece so
    rows = tidy.collect(engine="in-memory") if isinstance(table, pl.DataFrame) else tidy.collect()
    del table, tidy  # whoever has no use for the rows as they came has let go of them, too
    bad = rows[WHY].is_not_null()
    quarantine = set_apart(rows.filter(bad))
    good = [(rows.filter(~bad) if quarantine.height else rows).drop(WHY)]
    del rows, bad
    trim_malloc()  # what was kept while the rows were put together
    log = _assemble(good, people=people)
    noticed = notice(log.shards[0].events, now=now or datetime.now(tz=UTC))
    return Built(log=log, quarantine=quarantine, noticed=noticed)


def tidy_rows(table: pl.DataFrame | pl.LazyFrame, *, person: str, timestamp: str, event: str) -> pl.LazyFrame:
    """Name the three columns as the log does, read the times, and say of each bad row why it has no place.

    Returns
    -------
    pl.LazyFrame
        `person`, `timestamp` (UTC microseconds), `event` (String, or Enum as it was), properties; then why a row is
        bad, if it is.
    """
    frame = table.lazy()
    schema = frame.collect_schema()
    wanted = {"person": person, "timestamp": timestamp, "event": event}
    problems = [
        unknown(argument, name, available=schema.names(), what="column")
        for argument, name in wanted.items()
        if name not in schema
    ]
    raise_all(problems, UnknownNameError)
    _check_columns(schema, wanted=wanted)
    named = frame.select(
        (pl.col(person).fill_nan(None) if schema[person].is_float() else pl.col(person)).alias("person"),
        _as_time(schema, column=timestamp).alias("timestamp"),
        (pl.col(event) if isinstance(schema[event], pl.Enum) else pl.col(event).cast(pl.String)).alias("event"),
        pl.exclude(person, timestamp, event),
    )
    return named.with_columns(
        pl.when(pl.col("person").is_null())
        .then(pl.lit("no person", dtype=_REASONS))
        .when(pl.col("timestamp").is_null())
        .then(pl.lit("no time", dtype=_REASONS))
        .when(~pl.col("timestamp").is_between(_FIRST, _LAST))
        .then(pl.lit(_BEYOND, dtype=_REASONS))
        .when(pl.col("event").is_null())
        .then(pl.lit("no event", dtype=_REASONS))
        .alias(WHY)
    )


def set_apart(rows: pl.DataFrame) -> pl.DataFrame:
    """Show bad rows with their `reason` as the last column; a property of that name moves aside.

    A time that can be no time of Python is null: it could not be shown.
    """
    texts = rows.cast({"event": pl.String, WHY: pl.String})
    texts = texts.with_columns(pl.when(pl.col(WHY) != _BEYOND).then(pl.col("timestamp")).alias("timestamp"))
    return texts.rename({"reason": "reason (as read)"}, strict=False).rename({WHY: "reason"})


def _check_columns(schema: pl.Schema, *, wanted: dict[str, str]) -> None:
    problems = [
        f"{argument}: the table has another column called {argument!r}, which would be overwritten; rename or drop it."
        for argument, name in wanted.items()
        if name != argument and argument in schema
    ]
    kind = schema[wanted["timestamp"]]
    if kind.is_numeric():
        problems.append(
            f"timestamp: column {wanted['timestamp']!r} holds numbers ({kind}) whose unit is not known; convert it "
            f"with pl.from_epoch({wanted['timestamp']!r}, time_unit='s'), 'ms' or 'us'."
        )
    elif not (kind.is_temporal() or kind in (pl.String, pl.Null)) or kind in (pl.Time, pl.Duration()):
        problems.append(f"timestamp: column {wanted['timestamp']!r} is {kind}, expected a datetime, a date or text.")
    problems += [
        f"{argument}: column {wanted[argument]!r} is {schema[wanted[argument]]}, expected one value a row."
        for argument in ("person", "event")
        if schema[wanted[argument]].is_nested()
    ]
    problems += [
        f"table: column {name!r} holds Python objects, which can be neither sorted nor stored; convert or drop it."
        for name, kind in schema.items()
        if kind == pl.Object
    ]
    raise_all(problems, ArgumentError)


def _as_time(schema: pl.Schema, *, column: str) -> pl.Expr:
    """Read a datetime, a date or ISO text as UTC microseconds; times without a zone are taken as UTC."""
    kind = schema[column]
    if kind == pl.Null:
        return pl.col(column).cast(pl.Datetime("us", "UTC"))
    if kind == pl.String:
        return pl.coalesce(
            pl.col(column).str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
            for pattern in ("%+", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
        )
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return pl.col(column).dt.cast_time_unit("us").dt.convert_time_zone("UTC")
    return pl.col(column).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _assemble(good: list[pl.DataFrame], *, people: pl.DataFrame | None) -> Log:
    """Code and sort rows that have a place; they are taken out of the list, and gone when they are sorted."""
    tidy = good.pop()
    codes, labels = code_people(tidy["person"])
    if people is not None:
        labels = labels.cast(people.schema["person"])  # events may write the same numbers in less room
    ranking = rank_names(_count_names(tidy["event"]))
    names = tuple(ranking["event"].sort())
    tidy = tidy.with_columns(person=codes, event=pl.col("event").cast(pl.Enum(names)))
    del codes  # what is not held by a name goes while the rest is sorted
    coded = sort_rows(tidy)
    del tidy
    events = coded.lazy()
    # every person has events here, so that both are in the order of the codes
    summary = summarise_people(events)
    facts = pl.DataFrame({"code": summary["code"], "person": labels, **summary.drop("code").to_dict()})
    if people is not None:
        facts = _with_people(facts, people)
    size = Size(labels.len(), coded.height, *_span(coded))
    return Log(shards=(View(events, facts.lazy(), whole=True),), names=names, ranked=tuple(ranking["event"]), size=size)


def _with_people(facts: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Add what is known of each person; names that are taken move aside."""
    rest = people.drop("person")
    if people["person"].equals(facts["person"]) and not set(rest.columns) & set(facts.columns):
        return facts.hstack(rest)
    return facts.join(people, on="person", how="left", maintain_order="left", suffix="_trait")


def _count_names(event: pl.Series) -> pl.DataFrame:
    """Count the rows of each event name."""
    if not isinstance(event.dtype, pl.Enum):
        return event.value_counts()
    names, codes = event.dtype.categories, event.to_physical().to_numpy()
    none = np.zeros(names.len(), dtype=np.int64)
    count = sum(
        parallel_map(lambda piece: np.bincount(codes[piece], minlength=names.len()), split_rows(codes.size)), start=none
    )
    return pl.DataFrame({"event": names, "count": count}).filter(pl.col("count") > 0)


def rank_names(counted: pl.DataFrame) -> pl.DataFrame:
    """Put event names in order: those of most events first."""
    return counted.cast({"event": pl.String}).sort(["count", "event"], descending=[True, False])


def _span(coded: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    span = coded.select(pl.col("timestamp").min().alias("first"), pl.col("timestamp").max().alias("last")).row(0)
    return span[0], span[1]


def notice(events: pl.LazyFrame, *, now: datetime) -> dict[str, int]:
    """Count what is odd but kept in sorted events."""
    tie = (pl.col("person") == pl.col("person").shift(1)) & (pl.col("timestamp") == pl.col("timestamp").shift(1))
    again = pl.all_horizontal(pl.all().eq_missing(pl.all().shift(1)))
    found = events.select(
        pl.len().alias("rows"),
        tie.sum().alias("equal times of one person"),
        (tie & again).sum().alias("the row before once more"),
        (pl.col("timestamp") < _EARLIEST).sum().alias("before the year 2000"),
        (pl.col("timestamp") > now).sum().alias("in the future"),
    ).collect()
    return {name: int(value or 0) for name, value in found.row(0, named=True).items() if name != "rows" and value}
