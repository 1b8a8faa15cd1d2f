"""The log: events sorted by (person, timestamp, arrival), in shards that split no person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from journeys.errors import ArgumentError, JourneysError, StoreError, first_line
from journeys.log.stored_files import StoredFile

if TYPE_CHECKING:
    import numpy as np

    from journeys.arrays import PersonBounds


class View:
    """One shard as an analysis sees it.

    Files of a store are checked when they are first read: `events` and `people` raise a StoreError when one of them is
    missing or holds something other than what was saved.

    Parameters
    ----------
    events : pl.LazyFrame
        `person` (UInt32, dense codes), `timestamp`, `event` (Enum), properties;
        sorted by person, timestamp and order of arrival.
    people : pl.LazyFrame
        `code` (UInt32), `person` (the public label), `first_seen`, `last_seen`, `event_count`,
        `first_*` and `last_*` of the campaign columns, identifiers and traits; sorted by code.
    whole : bool
        Whether all events of these people are present, so that `event_count` can be read instead of counted.
    codes : StoredFile, optional
        A NumPy file with the number of each event's name, for counts that need nothing else.
    event_files, people_files : tuple of StoredFile
        The files that events, and that people are read from.
    """

    __slots__ = ("codes", "event_files", "people_files", "scan_events", "scan_people", "whole")

    def __init__(
        self,
        events: pl.LazyFrame,
        people: pl.LazyFrame,
        *,
        whole: bool = False,
        codes: StoredFile | None = None,
        event_files: tuple[StoredFile, ...] = (),
        people_files: tuple[StoredFile, ...] = (),
    ) -> None:
        self.scan_events = events
        self.scan_people = people
        self.whole = whole
        self.codes = codes
        self.event_files = event_files
        self.people_files = people_files

    @property
    def events(self) -> pl.LazyFrame:
        """The events, from files that were checked; `scan_events` is the same unchecked, to build plans with."""
        for file in self.event_files:
            file.check_content()
        return self.scan_events

    @property
    def people(self) -> pl.LazyFrame:
        """The people, from files that were checked; `scan_people` is the same unchecked, to build plans with."""
        for file in self.people_files:
            file.check_content()
        return self.scan_people

    @property
    def schema(self) -> pl.Schema:
        """Columns of the events and their types."""
        with translate_read_errors(self.event_files):
            return self.scan_events.collect_schema()

    @property
    def people_schema(self) -> pl.Schema:
        """Columns of the people and their types."""
        with translate_read_errors(self.people_files):
            return self.scan_people.collect_schema()

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """All files that the shard is read from."""
        codes = () if self.codes is None else (self.codes,)
        return tuple(dict.fromkeys((*self.event_files, *self.people_files, *codes)))

    def event_codes(self) -> np.ndarray:
        """Map the file `codes`, which must be given, into memory; only what is used is read."""
        assert self.codes is not None  # noqa: S101  # callers check
        import numpy as np

        self.codes.check_content()
        return np.asarray(np.load(self.codes.path, mmap_mode="r"))

    def bound_people(self) -> PersonBounds:
        """Find the run of rows of each person with events; of whole people it is known without reading the events."""
        from journeys.arrays import bound_people, bounds_from_counts

        if not self.whole:
            return bound_people(self.events.select("person").collect()["person"].to_numpy())
        people = self.people.select("code", "event_count").filter(pl.col("event_count") > 0).collect()
        return bounds_from_counts(people["code"].to_numpy(), people["event_count"].to_numpy())

    def with_people_columns(self, names: Iterable[str]) -> View:
        """Join to the events those of the named columns that only people have.

        Conditions of steps may use columns of people; where both have a column, that of the events counts.
        """
        missing = sorted(set(names) - set(self.schema.names()))
        if not missing:
            return self
        people = self.scan_people.select(pl.col("code").alias("person"), *missing)
        events = self.scan_events.join(people, on="person", how="left", maintain_order="left")
        return self.with_tables(events=events, event_files=(*self.event_files, *self.people_files))

    def with_tables(
        self,
        *,
        events: pl.LazyFrame | None = None,
        people: pl.LazyFrame | None = None,
        event_files: tuple[StoredFile, ...] | None = None,
    ) -> View:
        """Copy the view with other columns of events or people; the rows, and the order of events, are the same."""
        return View(
            self.scan_events if events is None else events,
            self.scan_people if people is None else people,
            whole=self.whole,
            codes=self.codes,
            event_files=self.event_files if event_files is None else event_files,
            people_files=self.people_files,
        )


class Size(NamedTuple):
    """How large a log is: people, events and the time that they span."""

    people: int
    events: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, eq=False)
class Log:
    """The sorted log of all people.

    Attributes
    ----------
    shards : tuple of View
        Each holds a range of person codes; in order.
    names : tuple of str
        The event names, sorted: the categories of the `event` column.
    ranked : tuple of str
        The event names by number of events, most frequent first; charts colour events by this order.
    size : Size
        People, events and time span of the whole log.
    path : Path, optional
        The folder of the store's data, if the log was opened from one.
    """

    shards: tuple[View, ...]
    names: tuple[str, ...]
    ranked: tuple[str, ...]
    size: Size
    path: Path | None = None

    @property
    def schema(self) -> pl.Schema:
        """Columns of the events and their types."""
        return self.shards[0].schema

    def has_same_people(self, other: Log) -> bool:
        """Return whether people have the same codes: one log, one with columns added, or one store opened twice."""
        return self.size is other.size or (self.path is not None and self.path == other.path)

    @property
    def unit(self) -> str:
        """Whether a row of people is a "person", or an "account" with its members."""
        return "account" if "members" in self.people_schema and "member" in self.schema else "person"

    @property
    def people_schema(self) -> pl.Schema:
        """Columns of the people and their types."""
        return self.shards[0].people_schema

    @property
    def step_columns(self) -> list[str]:
        """The columns that conditions of steps may use: of events, and of people where events have no such column."""
        columns = dict.fromkeys([*self.schema.names(), *self.people_schema.names()])
        return [name for name in columns if name not in ("person", "code")]


@contextmanager
def translate_read_errors(files: Iterable[StoredFile]) -> Iterator[None]:
    """Translate errors of the operating system and of Polars while some files are read.

    Raise StoreError when one of the files that are read is missing, damaged or cannot be read. Raise ArgumentError when
    the files are intact: then an expression of the question does not fit the columns of the log.
    """
    try:
        yield
    except JourneysError:
        raise
    except (OSError, pl.exceptions.PolarsError) as error:
        for file in files:
            file.check_content(again=True)
        if isinstance(error, OSError):
            raise StoreError(f"The log could not be read: {error}.") from error
        raise ArgumentError(
            f"A condition cannot be evaluated on the columns of this log: {first_line(error)}."
        ) from error


def count_shard(count: Callable[[View, Any], pl.DataFrame], spec: object, *, view: View) -> pl.DataFrame:
    """Count one shard, and raise errors as those of this library."""
    with translate_read_errors(view.files):
        return count(view, spec)
