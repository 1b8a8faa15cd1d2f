"""The part of `Journeys` that holds the log and a selection of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import polars as pl

from journeys.engines import local
from journeys.errors import ArgumentError, UnknownNameError, unknown
from journeys.log import Log, View
from journeys.log.core import Size, summarise_people
from journeys.steps import parse_period

if TYPE_CHECKING:
    from journeys.api import Journeys

__all__ = ["Selection"]

Count = Callable[[View, Any], pl.DataFrame]
Choose = Callable[[View, Any], pl.Series]
Engine = Callable[..., pl.DataFrame]


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """A log, the cuts that were made through it, and how its shards are counted.

    Cuts are applied in the order in which they were made: an expression keeps events,
    a series of person codes keeps people.
    """

    _log: Log
    _cuts: tuple[pl.Expr | pl.Series, ...] = ()
    _engine: Engine = local.run

    # -- what every analysis uses -------------------------------------------------------------

    def _shards(self) -> list[View]:
        """Return the shards as the cuts leave them."""
        return [cut_view(view, self._cuts) for view in self._log.shards]

    def _count_shards(self, count: Count, spec: object) -> pl.DataFrame:
        """Count every shard; the counts come one under the other."""
        return self._engine(count, spec, views=self._shards())

    def _select_people(self, choose: Choose, spec: object) -> Journeys:
        """Keep the people whose codes `choose` returns, with all their events."""
        found = self._count_shards(_Codes(choose), spec)["code"].unique().sort()
        return cast("Journeys", self._cut(found))

    @cached_property
    def size(self) -> Size:
        """People, events and time span of the selection."""
        if not self._cuts:
            return self._log.size
        found = self._count_shards(_measure, None)
        span = found.select(pl.col("first").min(), pl.col("last").max()).row(0)
        return Size(int(found["people"].sum()), int(found["events"].sum()), span[0], span[1])

    @cached_property
    def observed_period(self) -> tuple[datetime | None, datetime | None]:
        """The moments from and up to which people were watched: the log's, or those of what a cut in time leaves."""
        timed = [cut for cut in self._cuts if isinstance(cut, pl.Expr) and set(cut.meta.root_names()) == {"timestamp"}]
        size = replace(self, _cuts=tuple(timed)).size
        return size.first, size.last

    @property
    def until(self) -> datetime | None:
        """The moment up to which people were watched."""
        return self.observed_period[1]

    def _cut(self, cut: pl.Expr | pl.Series) -> Self:
        return replace(self, _cuts=(*self._cuts, cut))

    # -- what an analyst sees ----------------------------------------------------------------

    @cached_property
    def people(self) -> pl.DataFrame:
        """One row a person: who they are, and what the selected events say of them.

        Returns
        -------
        pl.DataFrame
            `person`, `first_seen`, `last_seen`, `event_count` (Int64), `first_*` and `last_*` of the
            campaign columns, identifiers and traits; sorted by person.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).people.select("person", "event_count").rows()
        [('a', 2)]
        """
        return pl.concat([view.people.collect() for view in self._shards()]).sort("code").drop("code")

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
            [_labelled(view.events, shard.people) for view, shard in zip(self._shards(), self._log.shards, strict=True)]
        )

    def where(self, condition: pl.Expr) -> Self:
        """Keep the events for which a condition holds; people left without an event are gone.

        Parameters
        ----------
        condition : pl.Expr
            Over the columns of `events`, row by row; null counts as false.

        Raises
        ------
        UnknownNameError
            When the condition uses a column that is not there.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-02", "2026-03-01"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).where(pl.col("event") == "x")
        Journeys: 1 person, 1 event, 2 March 2026.
        """
        if not isinstance(condition, pl.Expr):
            raise ArgumentError(f"condition: {condition!r} is no Polars expression; write e.g. pl.col('event') == 'X'.")
        self._check_columns(condition, argument="condition", available=self._log.schema.names())
        return self._cut(condition)

    def only(self, people: pl.Expr | pl.DataFrame | pl.LazyFrame | pl.Series | Selection | Sequence[Any]) -> Self:
        """Keep the people named, with all their selected events.

        Parameters
        ----------
        people : pl.Expr, pl.DataFrame, pl.Series, Journeys or sequence
            A condition over the columns of `people`, a table with a column `person`, their labels, or
            the people of other journeys.

        Raises
        ------
        UnknownNameError
            When the condition uses a column that is not there, or a label is nobody in this log.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-02", "2026-03-01"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).only(["b"]).people["person"].to_list()
        ['b']
        """
        if isinstance(people, pl.Expr):
            self._check_columns(people, argument="people", available=self._log.people_schema.names())
            chosen = [view.people.filter(people).select("code").collect() for view in self._shards()]
            return self._cut(pl.concat(chosen)["code"].sort())
        if isinstance(people, Selection):
            labels = people.people["person"]
        elif isinstance(people, pl.DataFrame | pl.LazyFrame):
            table = people.lazy().collect()
            if "person" not in table.columns:
                raise UnknownNameError(unknown("people", "person", available=table.columns, what="column"))
            labels = table["person"]
        else:
            labels = pl.Series("person", people)
        return self._cut(self._codes(labels))

    def between(self, start: date | datetime | str | None, end: date | datetime | str | None = None) -> Self:
        """Keep the events from `start` on and before `end`; either may be None.

        Parameters
        ----------
        start, end : date, datetime or ISO text
            A time without a zone is UTC. `end` itself is not included, so that months join without overlap.

        Raises
        ------
        ArgumentError
            When a time cannot be read, or `end` is not after `start`.

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
        return self._cut(condition)

    def _codes(self, labels: pl.Series) -> pl.Series:
        known = pl.concat([view.people.select("code", "person") for view in self._log.shards]).collect()
        kind = known.schema["person"]
        try:
            wanted = labels.unique().drop_nulls().cast(kind).to_frame("person")
        except pl.exceptions.PolarsError as error:
            raise ArgumentError(f"people: labels are {kind} here, got {labels.dtype}.") from error
        found = known.join(wanted, on="person", how="semi")
        if found.height < wanted.height:
            nobody = wanted.join(known, on="person", how="anti")["person"].sort().head(5).cast(pl.String).to_list()
            some = known["person"].head(20).cast(pl.String).to_list()
            raise UnknownNameError(unknown("people", nobody, available=some, what="person"))
        return found["code"].sort()

    def _check_columns(self, condition: pl.Expr, *, argument: str, available: Sequence[str]) -> None:
        missing = sorted({name for name in condition.meta.root_names() if name not in available})
        if missing:
            shown = [name for name in available if name != "code"]
            raise UnknownNameError(unknown(argument, missing, available=shown, what="column"))


class _Codes:
    """A choice of people as a count, so that every engine can run it."""

    def __init__(self, choose: Choose) -> None:
        self.choose = choose

    def __call__(self, view: View, spec: Any) -> pl.DataFrame:
        return self.choose(view, spec).cast(pl.UInt32).to_frame("code")


def _measure(view: View, _: None) -> pl.DataFrame:
    person = pl.col("person")
    return view.events.select(
        (person != person.shift(1)).fill_null(value=True).sum().cast(pl.Int64).alias("people"),
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("timestamp").min().alias("first"),
        pl.col("timestamp").max().alias("last"),
    ).collect()


def cut_view(view: View, cuts: Sequence[pl.Expr | pl.Series]) -> View:
    """Apply the cuts to a shard; what is said of its people is worked out anew from the events left."""
    if not cuts:
        return view
    events = view.events
    for cut in cuts:
        if isinstance(cut, pl.Series):
            events = events.filter(pl.col("person").is_in(cut.implode()))
        elif "person" in cut.meta.root_names():
            # the analyst means the public label, the log holds its code
            columns = events.collect_schema().names()
            named = _labelled(events.with_columns(code=pl.col("person")), view.people)
            events = named.filter(cut).with_columns(person=pl.col("code")).select(columns)
        else:
            events = events.filter(cut)
    if all(isinstance(cut, pl.Series) for cut in cuts):
        people = view.people
        for cut in cuts:
            people = people.filter(pl.col("code").is_in(cast("pl.Series", cut).implode()))
        return View(events, people, whole=view.whole)
    return View(events, _people_left(view.people, events))


def _people_left(people: pl.LazyFrame, events: pl.LazyFrame) -> pl.LazyFrame:
    """Join what the events left say with what is known of the people anyway, when it is asked for."""
    schema = people.collect_schema()

    def work_out() -> pl.DataFrame:
        summary = summarise_people(events)
        known = people.drop(*(name for name in summary.columns if name != "code")).collect()
        return summary.join(known, on="code", how="left", maintain_order="left").select(schema.names())

    return pl.defer(work_out, schema=schema)


def _labelled(events: pl.LazyFrame, people: pl.LazyFrame) -> pl.LazyFrame:
    """Put the public labels of people in the place of their codes."""
    columns = events.collect_schema().names()
    labels = people.select(pl.col("code"), pl.col("person").alias("label"))
    named = events.join(labels, left_on="person", right_on="code", how="left", maintain_order="left")
    return named.select(pl.col("label").alias("person"), *columns[1:])
