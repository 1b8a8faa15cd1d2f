"""The class that analysts hold in their hands, and the ways to come by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl

from journeys.analyses.attribution import attribution
from journeys.api.bridge import Bridges, check_events
from journeys.api.correlations import AsksCorrelations
from journeys.api.exporting import Exports
from journeys.api.flows import AsksFlows
from journeys.api.funnels import AsksFunnels
from journeys.engines import local
from journeys.errors import ArgumentError, StoreError

if TYPE_CHECKING:
    from journeys.events import Events
    from journeys.identity import Identity, IdentityRules

__all__ = ["Journeys", "open_journeys", "stitch"]


@dataclass(frozen=True, eq=False, repr=False)
class Journeys(AsksFunnels, AsksFlows, AsksCorrelations, Bridges, Exports):
    """Everybody's timeline, from first touch to last: select from it, ask it, save it.

    Nothing that is asked changes it: every selection is a new `Journeys` over the same log.

    Attributes
    ----------
    people : pl.DataFrame
        One row a person.
    events : pl.LazyFrame
        One row an event, sorted by person, timestamp and order of arrival.
    identity : Identity
        Who is who, and why; of journeys that were stitched.
    noticed : mapping of str to int
        What is odd but kept: equal times, repeated rows, times before 2000 or in the future.
    quarantine : pl.DataFrame
        Rows without a person, a time or an event, with the `reason`.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["x", "y"]})
    >>> jn.Journeys.from_table(log)
    Journeys: 1 person, 2 events, 1 to 2 March 2026.
    """

    quarantine: pl.DataFrame = field(default_factory=pl.DataFrame)
    noticed: Mapping[str, int] = field(default_factory=dict)
    _stitched: Identity | None = None

    @classmethod
    def from_table(
        cls,
        table: pl.DataFrame | pl.LazyFrame | Events,
        *,
        person: str = "person",
        timestamp: str = "timestamp",
        event: str = "event",
        time_unit: Literal["s", "ms", "us"] | None = None,
        store: str | Path | None = None,
        shards: int = 1,
    ) -> Self:
        """Make journeys of a table that already says who each event belongs to.

        Parameters
        ----------
        table : pl.DataFrame, pl.LazyFrame, Events or anything that speaks Arrow
            One row an event, in any order; columns beside the three are kept as properties. Rows of equal
            person and time keep their order of arrival. Of what a reader returned (`Events`), `person` is one of
            the identifiers, such as "user_id"; to bridge several of them, use `jn.stitch`.
        person, timestamp, event : str
            The columns that say who, when and what. Times without a zone are UTC.
        time_unit : {"s", "ms", "us"}, optional
            The unit, where the times are numbers since 1970; it is never guessed.
        store : str or Path, optional
            A folder to write the journeys to as they are read, for tables larger than memory: the answer is that
            of `from_table(...).save(store, shards=shards)`, in the memory of one shard.
        shards : int
            How many shards the store has.

        Raises
        ------
        UnknownNameError
            When a column is missing; all that are missing are named, with the closest matches.
        ArgumentError
            When a column has a type that cannot be meant.
        SourceError
            When a lazy table for a `store` has other rows each time it is read, or its duplicates in another order.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"user": [7], "at": ["2026-03-01T10:00:00Z"], "what": ["Signed Up"]})
        >>> jn.Journeys.from_table(log, person="user", timestamp="at", event="what")
        Journeys: 1 person, 1 event, 1 March 2026.
        """
        from journeys.events import Events

        if isinstance(table, pl.DataFrame | pl.LazyFrame):
            frame = table.lazy()
        elif isinstance(table, Events):
            frame = table.table if store is None else table.streamed()
        elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__dataframe__"):
            frame = pl.DataFrame(table).lazy()
        else:
            raise ArgumentError(f"table: expected a frame, Events or an Arrow table, got {type(table)}.")
        if time_unit is not None and timestamp in frame.collect_schema():
            frame = frame.with_columns(pl.from_epoch(timestamp, time_unit=time_unit))
        if store is None:
            from journeys.log import build_log

            built = build_log(frame, person=person, timestamp=timestamp, event=event)
        else:
            from journeys.log import stream_log

            built = stream_log(frame, store, shards=shards, person=person, timestamp=timestamp, event=event)
        return cls(built.log, quarantine=built.quarantine, noticed=built.noticed)

    @property
    def identity(self) -> Identity:
        """Who is who, and by which evidence.

        Raises
        ------
        StoreError
            When the journeys were made of a table whose people were known already.
        """
        if self._stitched is None:
            raise StoreError("identity: these journeys came with their people known; only jn.stitch finds identities.")
        return replace(self._stitched, selected=True) if self._cuts else self._stitched

    attribution = attribution

    def save(self, path: str | Path, *, shards: int = 1) -> Self:
        """Write the selected journeys as a store, and return them as opened from there.

        Parameters
        ----------
        path : str or Path
            The folder. Whoever reads it sees the old store or the new one, never a mixture.
        shards : int
            How many files of about equally many events to split the people over: memory while asking is
            that of one shard.

        Examples
        --------
        >>> import tempfile, polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["x", "y"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     jn.Journeys.from_table(log).save(folder, shards=2).people.height
        2
        """
        from journeys.log import build_log, save_log

        frames = {"quarantine": self.quarantine} if self.quarantine.width else {}
        if self._stitched is not None:
            frames |= {f"identity_{name}": frame for name, frame in self._stitched.to_frames().items()}
        log = self._log
        if self._cuts:
            known = self.people.drop("first_seen", "last_seen", "event_count", strict=False)
            log = build_log(self.events, people=known.select("person", *self._own_columns(known))).log
        saved = save_log(log, path, shards=shards, frames=frames, notes={"noticed": dict(self.noticed)})
        return replace(self, _log=saved, _cuts=())

    def on(self, engine: Any) -> Self:
        """Choose where the shards are counted: the answers are the same everywhere.

        Parameters
        ----------
        engine : "local" or pyspark.sql.SparkSession
            This machine, shard after shard; or Spark's executors, one task a shard. They have to see the
            files of the store, and have this library and the same version of Polars.

        Raises
        ------
        ArgumentError
            When `engine` is neither, or the journeys are in memory and not in a store.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a"], "timestamp": ["2026-03-01"], "event": ["x"]})
        >>> jn.Journeys.from_table(log).on("local")
        Journeys: 1 person, 1 event, 1 March 2026.
        """
        if engine == "local":
            return replace(self, _engine=local.run)
        from journeys.engines.spark import SparkEngine

        chosen = SparkEngine(engine)
        if self._log.path is None:
            raise ArgumentError("engine: Spark reads stores; use j.save(path, shards=n).on(spark).")
        return replace(self, _engine=chosen)

    def _own_columns(self, known: pl.DataFrame) -> list[str]:
        """Columns of people that the events do not say: identifiers and traits."""
        from journeys.events import CAMPAIGN_COLUMNS

        said = {f"{prefix}_{name}" for prefix in ("first", "last") for name in CAMPAIGN_COLUMNS}
        return [name for name in known.columns if name != "person" and name not in said]

    def _few(self) -> pl.DataFrame:
        """The first people with what fits a page: when, how much, which campaign, which identifiers."""
        ids = set(self._stitched.table["id_type"]) if self._stitched is not None else set()
        fit = {"person", "first_seen", "last_seen", "event_count", "first_campaign", "first_channel", *ids}
        head = self.people.head(5)
        return head.select(name for name in head.columns if name in fit)

    def __repr__(self) -> str:
        return f"Journeys: {self.finding}"

    @property
    def finding(self) -> str:
        """How many people and events there are, over which days, as a sentence."""
        from journeys.display import plural, span

        size = self.size
        if size.first is None or size.last is None:
            return "no people and no events."
        days = span(size.first, size.last)
        return f"{plural(size.people, self._log.unit)}, {plural(size.events, 'event')}, {days}."

    def _repr_html_(self) -> str:
        from journeys.display import card, plural

        settings = {"odd but kept": ", ".join(f"{count:,} × {what}" for what, count in self.noticed.items())}
        if self.quarantine.height:
            settings["set apart"] = f"{plural(self.quarantine.height, 'row')} without a person, a time or an event"
        settings = {key: value for key, value in settings.items() if value}
        return card("Journeys", sentence=self.finding, settings=settings, table=self._few())


def open_journeys(path: str | Path, *, engine: Any = "local") -> Journeys:
    """Open a store of journeys; nothing is read until something is asked.

    Parameters
    ----------
    path : str or Path
        The folder that `Journeys.save` wrote.
    engine : "local" or pyspark.sql.SparkSession
        Where its shards are counted, see `Journeys.on`.

    Raises
    ------
    StoreError
        When there is no store, or one that is broken or of another version.

    Examples
    --------
    >>> import tempfile, polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a"], "timestamp": ["2026-03-01"], "event": ["x"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = jn.Journeys.from_table(log).save(folder)
    ...     print(jn.open(folder))
    Journeys: 1 person, 1 event, 1 March 2026.
    """
    from journeys.log import open_log

    log, frames, notes = open_log(path)
    identity = None
    kept = {name.removeprefix("identity_"): frame for name, frame in frames.items() if name.startswith("identity_")}
    if kept:
        from journeys.identity import Identity

        identity = Identity.from_frames(kept)
    quarantine = frames.get("quarantine", pl.DataFrame())
    opened = Journeys(log, quarantine=quarantine, noticed=notes.get("noticed", {}), _stitched=identity)
    return opened.on(engine)


def stitch(
    *events: Events, rules: IdentityRules | None = None, traits: Literal["latest", "as_of"] = "latest"
) -> Journeys:
    """Bridge anonymous and known identifiers: many half-stories become one timeline a person.

    Identifiers that were seen in one row, or that an alias joins, are one person; two known users never become one
    over a shared device. An event that names nobody on such a device belongs to who is known on it next, else to who
    was before. Junk ("null", all zeros, ...) links nothing; an event with nothing else is set apart in `quarantine`.

    Parameters
    ----------
    *events : Events
        What the readers returned, from any number of systems.
    rules : IdentityRules, optional
        What links, and what is refused; the library's own rules by default.
    traits : {"latest", "as_of"}
        Whether traits (from identify calls and CRM properties) are known of people only, with their latest value, or
        of each event as well, with the value at that moment.

    Returns
    -------
    Journeys
        `identity` says who is who and why, and where each row went.

    Raises
    ------
    ArgumentError
        When there is nothing to stitch, or something that is no `Events`.
    UnknownNameError
        When the rules name an identifier type that no source has.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> table = pl.DataFrame({"at": ["2026-03-01", "2026-03-02"], "user_id": [None, "ann"], "device": ["d1", "d1"]})
    >>> events = jn.read_table(table, timestamp="at", event=pl.lit("Loaded a Page"), ids=["user_id", "device"])
    >>> jn.stitch(events)
    Journeys: 1 person, 2 events, 1 to 2 March 2026.
    """
    from journeys.identity import stitch_events

    check_events(events)
    return Journeys._from_stitched(stitch_events(events, rules=rules, traits=traits))
