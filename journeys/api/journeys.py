"""Class `Journeys`, and how to construct, save and open it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import polars as pl

from journeys.api.bound_method import BoundMethod
from journeys.api.people_sets import PeopleSet
from journeys.api.selection import count_locally
from journeys.display.progress import show_progress
from journeys.errors import ArgumentError, StoreError
from journeys.events.batches import translate_source_errors

if TYPE_CHECKING:
    from journeys.analyses.activity import activity
    from journeys.analyses.attribution import attribution
    from journeys.analyses.correlation import correlation, correlations
    from journeys.analyses.dictionary import dictionary
    from journeys.analyses.dropoff import dropoff
    from journeys.analyses.experiment import experiment
    from journeys.analyses.flow import flow
    from journeys.analyses.funnel import funnel
    from journeys.analyses.impact import impact
    from journeys.analyses.last_before import last_before
    from journeys.analyses.lifecycle import lifecycle
    from journeys.analyses.messages import messages
    from journeys.analyses.retention import retention
    from journeys.analyses.sessions import sessions
    from journeys.analyses.stickiness import stickiness
    from journeys.analyses.timeline import timeline
    from journeys.analyses.transitions import transitions
    from journeys.analyses.trend import trend
    from journeys.analyses.value import value
    from journeys.api.accounts import by_account, contacts
    from journeys.events import Events
    from journeys.exports import save_as, to_customerio, to_hubspot, to_people, to_segment
    from journeys.identity import Identity, IdentityRules, Stitched
    from journeys.report import campaign_report


@dataclass(frozen=True, eq=False, repr=False)
class Journeys(PeopleSet):
    """One timeline per person, from first touch to last: select from it, ask it questions, save it.

    It is immutable: every selection is a new `Journeys` over the same log.

    Attributes
    ----------
    people : pl.DataFrame
        One row per person.
    events : pl.LazyFrame
        One row per event, sorted by person, timestamp and order of arrival.
    identity : Identity
        Which identifiers belong to one person, and why; for stitched journeys only.
    unusual_rows : mapping of str to int
        Rows that are unusual but kept: equal times, repeated rows, times before 2000 or in the future.
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
    unusual_rows: Mapping[str, int] = field(default_factory=dict)
    _stitched: Identity | None = None
    _member_ids: pl.DataFrame | None = None
    _member_journeys: Any = None

    @classmethod
    def from_table(
        cls,
        table: pl.DataFrame | pl.LazyFrame | Events,
        *,
        person: str = "person",
        timestamp: str = "timestamp",
        event: str = "event",
        time_unit: Literal["s", "ms", "us", "ns"] | None = None,
        time_zone: str | None = None,
        format: str | None = None,  # noqa: A002  # the name that read_table uses
        day_first: bool | None = None,
        store: str | Path | None = None,
        shards: int = 1,
    ) -> Self:
        """Build journeys from a table in which every event already has its person.

        Parameters
        ----------
        table : pl.DataFrame, pl.LazyFrame, Events or any Arrow-compatible object
            One row per event, in any order; other columns are kept as properties. Rows of equal person and time keep
            their order of arrival. For `Events` from a reader, `person` is one of the identifiers, such as "user_id";
            to link several identifiers, use `jn.stitch`.
        person, timestamp, event : str
            The columns of the person, the time and the event name.
        time_unit : {"s", "ms", "us", "ns"}, optional
            The unit, where the times are numbers since 1970; it is never guessed.
        time_zone : str, optional
            The zone of times that name none, such as "Europe/Berlin"; UTC by default.
        format : str, optional
            How times are written, as `strptime` has it: "%d.%m.%y %H:%M".
        day_first : bool, optional
            Whether 03/04/2026 is 3 April. Without it, only dates that have one meaning are read.
        store : str or Path, optional
            A folder to write the journeys to while reading, for tables larger than memory: equal to
            `from_table(...).save(store, shards=shards)`, with the memory of one shard.
        shards : int
            Number of shards of the store.

        Raises
        ------
        UnknownNameError
            When columns are missing; all of them are named, with the closest matches.
        ArgumentError
            When a column has an unsuitable type.
        SourceError
            When a lazy table for a `store` returns different rows each time it is read.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"user": [7], "at": ["2026-03-01T10:00:00Z"], "what": ["Signed Up"]})
        >>> jn.Journeys.from_table(log, person="user", timestamp="at", event="what")
        Journeys: 1 person, 1 event, 1 March 2026.
        """
        from journeys.events import Events
        from journeys.events.times import TimeParser

        if isinstance(table, pl.DataFrame | pl.LazyFrame):
            frame = table.lazy()
        elif isinstance(table, Events):
            frame = table.table if store is None else table._stream_table()
        elif hasattr(table, "__arrow_c_stream__") or hasattr(table, "__dataframe__"):
            frame = pl.DataFrame(table).lazy()
        else:
            raise ArgumentError(f"table: expected a frame, Events or an Arrow table, got {type(table)}.")
        times = TimeParser(unit=time_unit, time_zone=time_zone, format=format, day_first=day_first)
        if store is None:
            from journeys.log import build_log

            with translate_source_errors(table.name if isinstance(table, Events) else "table"):
                built = build_log(frame, person=person, timestamp=timestamp, event=event, times=times)
        else:
            from journeys.log import stream_log

            built = stream_log(
                frame, store, shards=shards, person=person, timestamp=timestamp, event=event, times=times
            )
        return cls(built.log, quarantine=built.quarantine, unusual_rows=built.unusual_rows)

    @property
    def identity(self) -> Identity:
        """Which identifiers belong to one person, with the evidence for each link.

        Raises
        ------
        StoreError
            When the journeys were built from known person ids.
        """
        stitched = self._identity(what="identity")
        return replace(stitched, _is_selection=True) if self._filters else stitched

    @classmethod
    def _from_stitched(cls, stitched: Stitched) -> Self:
        """Build the log of what was stitched."""
        from journeys.identity import redact_emails
        from journeys.log import build_log

        stitched = redact_emails(stitched)
        identity, people = replace(stitched.identity, _build=cls._from_stitched), stitched.people
        settings: dict[str, Any] = {"quarantine": stitched.quarantine, "_stitched": identity}
        rows = [stitched.table]
        del stitched  # frees the unsorted rows while they are sorted
        built = build_log(rows.pop(), people=people)
        settings["unusual_rows"] = built.unusual_rows
        return cls(built.log, **settings)

    def add(self, *events: Events, traits: Literal["latest", "as_of"] | None = None) -> Self:
        """Stitch later data in, with the same answers as stitching everything at once.

        People keep their numbers unless they merge; then the smallest number stays, and the others are never used
        again. `identity.changes` lists who merged, and who turned out to be two people.

        Parameters
        ----------
        *events : Events
            What the readers returned for the new data.
        traits : {"latest", "as_of"}, optional
            As in `stitch`; as it was given there by default.

        Raises
        ------
        StoreError
            When the raw events are not at hand because these journeys were opened from a store or were built from known
            person ids, or because the files they were read from have changed.
        ArgumentError
            When these journeys are a selection, or there is nothing to add.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> def read(rows):
        ...     table = pl.DataFrame(rows, schema=["at", "user_id", "device"], orient="row")
        ...     return jn.read_table(table, timestamp="at", event=pl.lit("x"), ids=["user_id", "device"], name="web")
        >>> j = jn.stitch(read([("2026-03-01", None, "d1"), ("2026-03-02", "ann", None)]))
        >>> j.people.height
        2
        >>> later = j.add(read([("2026-03-03", "ann", "d1")]))
        >>> later.identity.changes.rows()
        [(1, 2, 'merged')]
        """
        _check_events(events)
        identity = self._identity(what="add")
        if self._filters:
            raise ArgumentError("add: these journeys are a selection; add to all of them and select again.")
        added = self._from_stitched(identity._stitch_more(events, traits=traits))
        return replace(added, _engine=self._engine, _definitions=self._definitions)

    def _identity(self, *, what: str) -> Identity:
        if self._stitched is None:
            raise StoreError(f"{what}: these journeys were built from known person ids; only jn.stitch links ids.")
        return self._stitched

    # the questions: functions of the analyses, which are imported when first used, so that an import stays quick
    if TYPE_CHECKING:
        activity = activity
        attribution = attribution
        by_account = by_account
        contacts = contacts
        correlation = correlation
        correlations = correlations
        dictionary = dictionary
        dropoff = dropoff
        experiment = experiment
        flow = flow
        funnel = funnel
        last_before = last_before
        impact = impact
        lifecycle = lifecycle
        messages = messages
        retention = retention
        sessions = sessions
        stickiness = stickiness
        timeline = timeline
        transitions = transitions
        trend = trend
        value = value
        report = campaign_report
        save_as = save_as
        to_customerio = to_customerio
        to_hubspot = to_hubspot
        to_people = to_people
        to_segment = to_segment
    else:
        activity = BoundMethod("journeys.analyses.activity")
        attribution = BoundMethod("journeys.analyses.attribution")
        by_account = BoundMethod("journeys.api.accounts")
        contacts = BoundMethod("journeys.api.accounts")
        correlation = BoundMethod("journeys.analyses.correlation")
        correlations = BoundMethod("journeys.analyses.correlation")
        dictionary = BoundMethod("journeys.analyses.dictionary")
        dropoff = BoundMethod("journeys.analyses.dropoff")
        experiment = BoundMethod("journeys.analyses.experiment")
        flow = BoundMethod("journeys.analyses.flow")
        funnel = BoundMethod("journeys.analyses.funnel")
        last_before = BoundMethod("journeys.analyses.last_before")
        impact = BoundMethod("journeys.analyses.impact")
        lifecycle = BoundMethod("journeys.analyses.lifecycle")
        messages = BoundMethod("journeys.analyses.messages")
        retention = BoundMethod("journeys.analyses.retention")
        sessions = BoundMethod("journeys.analyses.sessions")
        stickiness = BoundMethod("journeys.analyses.stickiness")
        timeline = BoundMethod("journeys.analyses.timeline")
        transitions = BoundMethod("journeys.analyses.transitions")
        trend = BoundMethod("journeys.analyses.trend")
        value = BoundMethod("journeys.analyses.value")
        report = BoundMethod("journeys.report", name="campaign_report")
        save_as = BoundMethod("journeys.exports")
        to_customerio = BoundMethod("journeys.exports")
        to_hubspot = BoundMethod("journeys.exports")
        to_people = BoundMethod("journeys.exports")
        to_segment = BoundMethod("journeys.exports")

    @property
    def event_counts(self) -> pl.DataFrame:
        """Return how often each event occurs, and for how many people.

        Returns
        -------
        pl.DataFrame
            `event` (String), `count`, `people` (Int64), `share_of_people`, `first_seen`,
            `last_seen`; most people first.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01"] * 3, "event": ["x", "x", "y"]})
        >>> jn.Journeys.from_table(log).event_counts.select("event", "count", "people").rows()
        [('x', 2, 1), ('y', 1, 1)]
        """
        from journeys.analyses.dictionary.count import count_people

        counts = (
            self._count_shards(count_people, None)
            .group_by("event")
            .agg(
                pl.col("rows").sum().alias("count"),
                pl.col("people").sum(),
                pl.col("first_seen").min(),
                pl.col("last_seen").max(),
            )
        )
        share = pl.col("people") / max(self.size.people, 1)
        table = counts.with_columns(pl.col("event").cast(pl.String), share_of_people=share)
        columns = ["event", "count", "people", "share_of_people", "first_seen", "last_seen"]
        return table.select(columns).sort("people", "count", "event", descending=[True, True, False])

    def save(self, path: str | Path, *, shards: int = 1) -> Self:
        """Save the selected journeys as a store, and return them as opened from there.

        Parameters
        ----------
        path : str or Path
            The folder, readable by its owner only. A reader sees the old store or the new one, never a mixture; the
            files of the old one stay until the next save, for journeys that are open.
        shards : int
            Number of files, with about equally many events each: a question needs the memory of one shard.

        Raises
        ------
        ArgumentError
            When `shards` is not a positive whole number, or the folder holds something other than a store.
        StoreError
            When another process is saving to the folder, or it cannot be written.

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
            frames |= {f"identity_{name}": frame for name, frame in self._stitched._to_frames().items()}
        if self._member_ids is not None:
            frames["member_ids"] = self._member_ids
        log = self._log
        if self._filters:
            known = self.people.drop("first_seen", "last_seen", "event_count", strict=False)
            log = build_log(self.events, people=known.select("person", *self._own_columns(known))).log
        notes = {"unusual_rows": dict(self.unusual_rows), "definitions": self._definitions}
        with show_progress("Saving"):
            saved = save_log(log, path, shards=shards, frames=frames, notes=notes)
        return replace(self, _log=saved, _filters=())

    def on(self, engine: Any) -> Self:
        """Choose the engine that counts the shards; answers do not depend on it.

        Parameters
        ----------
        engine : "local" or pyspark.sql.SparkSession
            This machine, one shard at a time; or Spark's executors, one task per shard. They need access to the
            files of the store, this library, and the same version of Polars.

        Raises
        ------
        ArgumentError
            When `engine` is neither, or the journeys are not in a store.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a"], "timestamp": ["2026-03-01"], "event": ["x"]})
        >>> jn.Journeys.from_table(log).on("local")
        Journeys: 1 person, 1 event, 1 March 2026.
        """
        if engine == "local":
            return replace(self, _engine=count_locally)
        from journeys.engines.spark import SparkEngine

        chosen = SparkEngine(engine)
        if self._log.path is None:
            raise ArgumentError("engine: Spark reads stores; use j.save(path, shards=n).on(spark).")
        return replace(self, _engine=chosen)

    @property
    def _identifiers(self) -> pl.DataFrame | None:
        """The table of identifiers of stitched journeys; None where persons were known from the start."""
        return None if self._stitched is None else self._stitched.table

    def _people_of_ids(self, ids: pl.Series) -> pl.DataFrame:
        """Return `id` and `person` of the identifiers that belong to somebody."""
        if self._stitched is None:
            return super()._people_of_ids(ids)
        return self._stitched._find_people(ids)

    def _find_near(self, name: str) -> list[str]:
        """Return the identifier closest to one that nobody has, if any is close."""
        return [] if self._stitched is None else self._stitched._find_near(name)

    def _own_columns(self, known: pl.DataFrame) -> list[str]:
        """Columns of people that cannot be derived from the events: identifiers and traits."""
        from journeys.events import CAMPAIGN_COLUMNS

        said = {f"{prefix}_{name}" for prefix in ("first", "last") for name in CAMPAIGN_COLUMNS}
        return [name for name in known.columns if name != "person" and name not in said]

    def _preview(self) -> pl.DataFrame:
        """The first people with the columns that fit a notebook."""
        ids = set(self._stitched.table["id_type"]) if self._stitched is not None else set()
        fit = {
            "account" if self._has_accounts else "person",
            "first_seen",
            "last_seen",
            "event_count",
            "first_campaign",
            "first_channel",
            *ids,
        }
        head = self.people.head(5)
        return head.select(name for name in head.columns if name in fit)

    def __repr__(self) -> str:
        return "\n".join([f"Journeys: {self.finding}", *self._warnings()])

    @property
    def finding(self) -> str:
        """The number of people and events, and the days they span, as a sentence."""
        from journeys.display import format_count, format_period

        size = self.size
        if size.first is None or size.last is None:
            return f"no {format_count(0, self._log.unit).removeprefix('0 ')} and no events."
        days = format_period(size.first, size.last)
        return f"{format_count(size.people, self._log.unit)}, {format_count(size.events, 'event')}, {days}."

    def _warnings(self) -> tuple[str, ...]:
        """Return what may be wrong with who is who, or with the rows, in sentences."""
        from journeys.display import format_number, format_percent
        from journeys.events.issues import ALARMING_SHARE

        if self._stitched is not None:
            return self._stitched.warnings
        rows, bad = self._log.size.events + self.quarantine.height, self.quarantine.height
        if bad <= ALARMING_SHARE * rows:
            return ()
        return (f"{format_percent(bad / rows)} of the {format_number(rows)} rows were quarantined: see quarantine.",)

    def _repr_html_(self) -> str:
        from journeys.display import format_count, render_card

        settings = {
            "unusual rows (kept)": ", ".join(f"{count:,} × {what}" for what, count in self.unusual_rows.items())
        }
        if self.quarantine.height:
            settings["quarantined"] = (
                f"{format_count(self.quarantine.height, 'row')} without a person, a time or an event"
            )
        settings["warnings"] = " ".join(self._warnings())
        settings = {key: value for key, value in settings.items() if value}
        return render_card("Journeys", sentence=self.finding, settings=settings, table=self._preview())


def open_journeys(path: str | Path, *, engine: Any = "local") -> Journeys:
    """Open a saved store of journeys; nothing is read until a question is asked.

    Parameters
    ----------
    path : str or Path
        The folder written by `Journeys.save`.
    engine : "local" or pyspark.sql.SparkSession
        The engine that counts its shards, see `Journeys.on`.

    Raises
    ------
    StoreError
        When there is no store, or it is damaged or of another version.

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

        identity = Identity._from_frames(kept)
    quarantine = frames.get("quarantine", pl.DataFrame())
    opened = Journeys(
        log,
        quarantine=quarantine,
        unusual_rows=notes.get("unusual_rows", {}),
        _stitched=identity,
        _member_ids=frames.get("member_ids"),
        _definitions=notes.get("definitions", ""),
    )
    return opened.on(engine)


def stitch(
    *events: Events, rules: IdentityRules | None = None, traits: Literal["latest", "as_of"] = "latest"
) -> Journeys:
    """Link anonymous and known identifiers: partial stories from several systems become one timeline per person.

    Identifiers that occur in one row, or that an alias joins, belong to one person; two known users are never merged
    because they shared a device. An anonymous event on a shared device belongs to the next known user of the device,
    else to the last before it. Placeholder values ("null", all zeros, ...) link nothing; events without any other
    identifier are quarantined.

    Parameters
    ----------
    *events : Events
        The results of readers, from any number of systems.
    rules : IdentityRules, optional
        What links identifiers and what does not; the library's own rules by default.
    traits : {"latest", "as_of"}
        Whether traits (from identify calls and CRM properties) are columns of people only, with their latest value,
        or of each event as well, with the value at that moment.

    Returns
    -------
    Journeys
        `identity` shows which identifiers belong to one person and why, and what became of each row.

    Raises
    ------
    ArgumentError
        When there is nothing to stitch, or an argument is not `Events`.
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

    _check_events(events)
    with show_progress(f"Stitching {', '.join(one.name for one in events)}"):
        return Journeys._from_stitched(stitch_events(events, rules=rules, traits=traits))


def _check_events(events: tuple[Events, ...]) -> None:
    """Refuse arguments that are not `Events`."""
    from journeys.events import Events

    wrong = [type(cast("Any", one)).__name__ for one in events if not isinstance(one, Events)]
    if not events or wrong:
        got = f"got {', '.join(wrong)}" if wrong else "got nothing"
        raise ArgumentError(f"events: expected what jn.read_segment, jn.read_table … return, {got}.")
