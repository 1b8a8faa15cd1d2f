"""The part of `Journeys` that holds the log, selects from it, and runs counts over its shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Self

import polars as pl

from journeys.display.progress import show_progress
from journeys.errors import ArgumentError, UnknownNameError, unknown_message
from journeys.log import Log, View
from journeys.log.boundaries import starts_person, summarise_people
from journeys.log.log import Size, count_shard, translate_read_errors
from journeys.steps import Condition, list_conditions, moment_us, parse_period

Count = Callable[[View, Any], pl.DataFrame]
Choose = Callable[[View, Any], pl.Series]
Engine = Callable[..., pl.DataFrame]


def count_locally(count: Count, spec: object, *, views: Iterable[View]) -> pl.DataFrame:
    """Count shard after shard on this machine, so that memory stays that of one shard."""
    return pl.concat([count_shard(count, spec, view=view) for view in views])


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """A log, the filters applied to it, and the engine that counts its shards.

    Filters apply in the order in which they were added: an expression keeps events, a series of person codes
    keeps people.
    """

    _log: Log
    _filters: tuple[pl.Expr | pl.Series, ...] = ()
    _engine: Engine = count_locally
    _definitions: str = ""

    # -- used by the analyses -----------------------------------------------------------------

    def _shards(self) -> list[View]:
        """Return the shards with the filters applied."""
        return [filter_view(view, self._filters) for view in self._log.shards]

    def _count_shards(self, count: Count, spec: object) -> pl.DataFrame:
        """Apply `count` to every shard and concatenate the counts."""
        shards = self._shards()
        with show_progress("Counting") if len(shards) > 1 else nullcontext():
            return self._engine(count, spec, views=shards)

    def _collect_people(self, query: Callable[[pl.LazyFrame], pl.LazyFrame]) -> pl.DataFrame:
        """Collect a query over the people of each shard, and concatenate the answers."""
        found = []
        for view in self._shards():
            with translate_read_errors(view.files):
                found.append(query(view.people).collect())
        return pl.concat(found)

    def _select_people(self, choose: Choose, spec: object) -> Self:
        """Keep the people whose codes `choose` returns, with all their events."""
        return self._keep_codes(self._count_shards(_PeopleCodes(choose), spec)["code"])

    def _keep_codes(self, codes: pl.Series) -> Self:
        """Keep the people with these codes, with all their events."""
        return self._filter(codes.unique().sort())

    def _unfiltered(self) -> Self:
        """Return the whole log; these journeys themselves where nothing was filtered."""
        return replace(self, _filters=()) if self._filters else self

    def _at_any_time(self) -> Self:
        """Return these journeys without filters on time; these journeys themselves where there are none."""
        others = tuple(one for one in self._filters if not _cuts_time(one))
        return self if len(others) == len(self._filters) else replace(self, _filters=others)

    @cached_property
    def size(self) -> Size:
        """People, events and time span of the selection."""
        if not self._filters:
            return self._log.size
        found = self._count_shards(_measure_size, None)
        span = found.select(pl.col("first").min(), pl.col("last").max()).row(0)
        return Size(int(found["people"].sum()), int(found["events"].sum()), span[0], span[1])

    @cached_property
    def observed_period(self) -> tuple[datetime | None, datetime | None]:
        """The first and last moment of the log, or of what filters on time leave of it."""
        size = replace(self, _filters=tuple(one for one in self._filters if _cuts_time(one))).size
        return size.first, size.last

    @property
    def until(self) -> datetime | None:
        """The moment up to which people were observed."""
        return self.observed_period[1]

    @property
    def _until_us(self) -> int:
        """The same in microseconds since 1970; 0 for an empty log."""
        return 0 if self.until is None else moment_us(self.until)

    def _make_settings(self, **options: Any) -> dict[str, Any]:
        """Combine what was asked with the definitions and the size of the selection that was asked."""
        made_of = {"definitions": self._definitions, "until": self.until} if self._definitions else {}
        unit = {} if self._log.unit == "person" else {"unit": self._log.unit}
        return {**options, **made_of, **unit, **self.size._asdict()}

    def _filter(self, condition: pl.Expr | pl.Series) -> Self:
        return replace(self, _filters=(*self._filters, condition))

    # -- used by analysts ---------------------------------------------------------------------

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row per person: identifiers, traits, and a summary of the selected events.

        Returns
        -------
        pl.DataFrame
            `person`, `first_seen`, `last_seen`, `event_count` (Int64), `first_*` and `last_*` of the
            campaign columns, identifiers and traits; sorted by person. Of accounts, `account` comes first; `person` is
            the same.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).people.select("person", "event_count").rows()
        [('a', 2)]
        """
        return self._collect_people(self._name_accounts).sort("code").drop("code")

    def _name_accounts(self, people: pl.LazyFrame) -> pl.LazyFrame:
        """Add the column `account`, which is `person`, to a table of accounts."""
        return people.select(pl.col("person").alias("account"), pl.all()) if self._has_accounts else people

    @property
    def _has_accounts(self) -> bool:
        """Whether people are accounts, and none of their traits is called so."""
        return self._log.unit == "account" and "account" not in self._log.people_schema

    @property
    def events(self) -> pl.LazyFrame:
        """The selected events, lazily: `person`, `timestamp`, `event`, properties.

        Sorted by person, timestamp and order of arrival.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-02", "2026-03-01"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).events.collect()["event"].to_list()
        ['y', 'x']
        """
        return pl.concat(
            [
                _with_labels(view.events, shard.people)
                for view, shard in zip(self._shards(), self._log.shards, strict=True)
            ]
        )

    def where(self, condition: pl.Expr) -> Self:
        """Keep the events that satisfy a condition, and the people who have any such event.

        Parameters
        ----------
        condition : pl.Expr
            Over the columns of `events`; null counts as false.

        Raises
        ------
        UnknownNameError
            When the condition uses a column that does not exist.
        ArgumentError
            When the condition is not a Polars expression.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-02", "2026-03-01"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).where(pl.col("event") == "x")
        Journeys: 1 person, 1 event, 2 March 2026.
        """
        if not isinstance(condition, pl.Expr):
            raise ArgumentError(
                f"condition: {condition!r} is not a Polars expression; write e.g. pl.col('event') == 'X'."
            )
        self._check_columns(condition, argument="condition", available=self._log.schema.names())
        return self._filter(condition)

    def only(
        self,
        people: Condition | pl.Expr | pl.DataFrame | pl.LazyFrame | pl.Series | Selection | Sequence[Any] | str | int,
    ) -> Self:
        """Keep the given people, with all their selected events.

        Parameters
        ----------
        people : pl.Expr, `jn.did(...)`, pl.DataFrame, pl.Series, Journeys, str, int or sequence
            A condition over the columns of `people`, or on what they did; a table with a column `person` (or `account`,
            of accounts); one or several person labels or identifiers, such as an e-mail address; or the people of
            other journeys.

        Raises
        ------
        UnknownNameError
            When the condition uses a column that does not exist, or no person has such a label or identifier.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-02", "2026-03-01"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).only(["b"]).people["person"].to_list()
        ['b']
        """
        if isinstance(people, Condition):
            from journeys.analyses.did import resolve_did, select_who_did

            if is_as_of_row(people):
                raise ArgumentError(
                    "people: a condition as of 'row' describes events, not people; label them: j.label({...})."
                )
            return self._select_people(select_who_did, resolve_did(people, log=self._log, until=self._until_us))
        if isinstance(people, pl.Expr):
            names = [*self._log.people_schema.names(), *(["account"] if self._has_accounts else [])]
            self._check_columns(people, argument="people", available=names)
            chosen = self._collect_people(lambda frame: self._name_accounts(frame).filter(people).select("code"))
            return self._filter(chosen["code"].sort())
        if isinstance(people, Selection):
            labels = people.people["person"]
        elif isinstance(people, pl.DataFrame | pl.LazyFrame):
            table = people.lazy().collect()
            if self._has_accounts and "person" not in table.columns and "account" in table.columns:
                table = table.rename({"account": "person"})
            if "person" not in table.columns:
                raise UnknownNameError(unknown_message("people", "person", available=table.columns, what="column"))
            labels = table["person"]
        elif isinstance(people, str | int) and not isinstance(people, bool):
            labels = pl.Series("person", [people])
        elif isinstance(people, pl.Series | Sequence | Set):
            labels = pl.Series("person", list(people) if isinstance(people, Set) else people, strict=False)
        else:
            raise ArgumentError(
                f"people: {people!r} selects nobody; give labels or identifiers such as an e-mail address, a condition "
                "on the columns of people, jn.did(...), a table with a column 'person', or other journeys."
            )
        return self._filter(self._codes_of(labels))

    def between(self, start: date | datetime | str | None, end: date | datetime | str | None = None) -> Self:
        """Keep the events from `start` on and before `end`; either may be None.

        Parameters
        ----------
        start, end : date, datetime or ISO text
            A time without a zone is UTC. `end` itself is not included, so that consecutive months do not overlap.

        Raises
        ------
        ArgumentError
            When a time is invalid, or `end` is not after `start`.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-02", "2026-03-01"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).between("2026-03-01", "2026-03-02").people["person"].to_list()
        ['b']
        """
        low, high = parse_period(start, end, arguments=("start", "end"))
        condition = pl.lit(value=True)
        if low:
            condition &= pl.col("timestamp") >= low
        if high:
            condition &= pl.col("timestamp") < high
        return self._filter(condition)

    def _codes_of(self, labels: pl.Series) -> pl.Series:
        """Return the codes of people given by label or, where a label matches nobody, by identifier."""
        known = pl.concat([view.people.select("code", "person") for view in self._log.shards]).collect()
        dtype = known.schema["person"]
        distinct = labels.unique().drop_nulls().to_frame("label")
        try:
            persons = distinct.select(
                "label", person=pl.col("label").cast(dtype, strict=distinct["label"].dtype != pl.String)
            )
        except pl.exceptions.PolarsError as error:
            raise ArgumentError(f"people: labels are {dtype} here, got {labels.dtype}.") from error
        found = known.join(persons, on="person", how="semi")
        missing = persons.join(known, on="person", how="anti")["label"].cast(pl.String).sort()
        if missing.len():
            by_id = self._people_of_ids(missing)
            found = pl.concat([found, known.join(by_id, on="person", how="semi")]).unique()
            missing = missing.filter(~missing.is_in(by_id["id"].implode()))
        if missing.len():
            some, wrong = known["person"].head(20).cast(pl.String).to_list(), missing.head(5).to_list()
            text = unknown_message("people", wrong, available=some, what=self._log.unit)
            more = known.height - len(some)
            text = f"{text.removesuffix('.')} and {more:,} more." if more > 0 else text
            near = [
                f"{one!r} is the closest identifier to {name!r}." for name in wrong for one in self._find_near(name)
            ]
            raise UnknownNameError(" ".join([text, *near]))
        return found["code"].sort()

    @property
    def _identifiers(self) -> pl.DataFrame | None:
        """One row per identifier; None where persons were known from the start."""
        return None

    def _people_of_ids(self, ids: pl.Series) -> pl.DataFrame:  # noqa: ARG002  # Journeys looks into its identity graph
        """Return `id` and `person` of the identifiers that belong to somebody; without an identity graph none do."""
        return pl.DataFrame(schema={"id": pl.String, "person": self._log.people_schema["person"]})

    def _find_near(self, name: str) -> list[str]:  # noqa: ARG002  # Journeys looks into its identity graph
        """Return the identifier closest to one that nobody has, if any is close; without an identity graph none is."""
        return []

    def _check_columns(self, condition: pl.Expr, *, argument: str, available: Sequence[str]) -> None:
        missing = sorted({name for name in condition.meta.root_names() if name not in available})
        if missing:
            shown = [name for name in available if name != "code"]
            raise UnknownNameError(unknown_message(argument, missing, available=shown, what="column"))


class _PeopleCodes:
    """A selection of people written as a count, so that every engine can run it."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose

    def __call__(self, view: View, spec: Any) -> pl.DataFrame:
        return self.choose(view, spec).cast(pl.UInt32).to_frame("code")


def is_as_of_row(segment: object) -> bool:
    """Return whether a segment is a condition that is asked at each event."""
    return isinstance(segment, Condition) and any(one.as_of == "row" for one in list_conditions(segment))


def _cuts_time(one: pl.Expr | pl.Series) -> bool:
    return isinstance(one, pl.Expr) and set(one.meta.root_names()) == {"timestamp"}


def _measure_size(view: View, _: None) -> pl.DataFrame:
    return view.events.select(
        starts_person().sum().cast(pl.Int64).alias("people"),
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("timestamp").min().alias("first"),
        pl.col("timestamp").max().alias("last"),
    ).collect()


def filter_view(view: View, filters: Sequence[pl.Expr | pl.Series]) -> View:
    """Apply filters to a shard; the summary of its people is computed anew from the events left."""
    if not filters:
        return view
    by_code = [one for one in filters if isinstance(one, pl.Series)]
    events = view.scan_events
    for one in filters:
        if isinstance(one, pl.Series):
            events = events.filter(pl.col("person").is_in(one.implode()))
        elif "person" in one.meta.root_names():
            # the analyst means the public label, the log holds its code
            columns = events.collect_schema().names()
            labelled = _with_labels(events.with_columns(code=pl.col("person")), view.scan_people)
            events = labelled.filter(one).with_columns(person=pl.col("code")).select(columns)
        else:
            events = events.filter(one)
    if len(by_code) < len(filters):
        return View(events, _summarise_again(view.scan_people, events), event_files=view.files, people_files=view.files)
    people = view.scan_people
    for codes in by_code:
        people = people.filter(pl.col("code").is_in(codes.implode()))
    return View(events, people, whole=view.whole, event_files=view.files, people_files=view.files)


def _summarise_again(people: pl.LazyFrame, events: pl.LazyFrame) -> pl.LazyFrame:
    """Lazily join the summary of the events left with the identifiers and traits of their people."""
    schema = people.collect_schema()

    def join_summary() -> pl.DataFrame:
        summary = summarise_people(events)
        known = people.drop(*(name for name in summary.columns if name != "code")).collect()
        return summary.join(known, on="code", how="left", maintain_order="left").select(schema.names())

    return pl.defer(join_summary, schema=schema)


def _with_labels(events: pl.LazyFrame, people: pl.LazyFrame) -> pl.LazyFrame:
    """Replace the codes of people by their public labels."""
    columns = events.collect_schema().names()
    labels = people.select(pl.col("code"), pl.col("person").alias("label"))
    labelled = events.join(labels, left_on="person", right_on="code", how="left", maintain_order="left")
    return labelled.select(pl.col("label").alias("person"), *columns[1:])
