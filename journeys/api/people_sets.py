"""Selections as sets of people: combined by or, and, minus and not, and named as segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import and_, gt, or_
from typing import Any, Literal, Self, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.api.selection import Selection, is_as_of_row
from journeys.errors import ArgumentError, raise_all
from journeys.log import Log, View
from journeys.log.boundaries import starts_person
from journeys.log.log import translate_read_errors
from journeys.steps import Condition

Filters = Sequence[pl.Expr | pl.Series]

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {"|": or_, "&": and_, "-": gt}


def list_cuts(filters: Filters) -> tuple[pl.Expr, ...]:
    """List the filters that cut events (`where`, `between`); the others keep people."""
    return tuple(condition for condition in filters if isinstance(condition, pl.Expr))


@dataclass(frozen=True, eq=False, repr=False)
class PeopleSet(Selection):
    """A selection as a set of people, which the operators ``|``, ``&``, ``-`` and ``~`` combine with others."""

    def __or__(self, other: Self | Condition) -> Self:
        return self._combine(other, operation="|")

    def __and__(self, other: Self | Condition) -> Self:
        return self._combine(other, operation="&")

    def __sub__(self, other: Self | Condition) -> Self:
        return self._combine(other, operation="-")

    __ror__, __rand__ = __or__, __and__

    def __rsub__(self, other: Condition) -> Self:
        return self._everyone().only(other) - self

    def __invert__(self) -> Self:
        everyone = replace(self, _filters=())
        rest = combine_codes(everyone._people_codes(), self._people_codes(), operation="-")
        return everyone._filter(rest)

    def without(self, people: Any) -> Self:
        """Leave out the given people; ``a.without(b)`` is ``a - b``.

        Journeys of one log are combined as sets of people: ``a | b`` are the people of either, ``a & b`` of both,
        ``a - b`` of a but not of b, each with the events under the cuts (`where`, `between`) that both share. ``~a`` is
        everyone in the log who is not in a, with all their events, those without an event under the cuts of a included.
        A condition, such as ``jn.did("x")``, may stand in the place of either: it is asked of everyone.

        Parameters
        ----------
        people : Journeys, or whatever `only` takes
            The people to leave out.

        Raises
        ------
        ArgumentError
            When the journeys come from two logs, or cut events differently: see `people_of`.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01"] * 3, "event": ["x", "y", "x"]})
        >>> j = jn.Journeys.from_table(log)
        >>> readers, buyers = j.only(jn.did("x")), j.only(jn.did("y"))
        >>> (readers - buyers).people["person"].to_list(), (~buyers).people["person"].to_list()
        (['b'], ['b'])
        """
        return self - (cast("Self", people) if isinstance(people, Selection) else self.only(people))

    def people_of(self, other: Self) -> Self:
        """Select the people of other journeys of the same log, with the events under the cuts of these.

        Parameters
        ----------
        other : Journeys
            Whose people; whether they are in these journeys does not matter.

        Raises
        ------
        ArgumentError
            When the journeys come from two logs.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-04-01"], "event": ["x", "y"]})
        >>> j = jn.Journeys.from_table(log)
        >>> j.people_of(j.between("2026-04-01", None))
        Journeys: 1 person, 2 events, 1 March to 1 April 2026.
        """
        self._check_same_log(other, argument="other")
        return self._everyone()._filter(other._people_codes())

    def label(
        self,
        segments: Mapping[str, Self | Condition],
        *,
        name: str = "segment",
        several: Literal["first", "all"] = "first",
    ) -> Self:
        """Add a column that says in which segment people, or events, are, for the `by=` of a question.

        Parameters
        ----------
        segments : mapping of str to Journeys, or to `jn.did(...)`
            The people of each segment, as journeys of the same log or a condition: the column is one of `people`. Or
            conditions as of each event, `jn.did(..., as_of="row")`: the column is one of `events`, and a person may
            change from one segment to another.
        name : str
            The column. Those in no segment have null, shown as "(none)".
        several : {"first", "all"}
            For those in several segments: the first one in the order given, or a list of all.

        Raises
        ------
        ArgumentError
            When there is no segment, a column of that name exists, or the journeys come from two logs; when people are
            mixed with conditions as of each event, or these are asked of events that were cut: label first, cut then.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01"] * 3, "event": ["x", "y", "x"]})
        >>> j = jn.Journeys.from_table(log)
        >>> labelled = j.label({"Buyers": jn.did("y")}, name="kind")
        >>> labelled.funnel(["x"], by="kind").table.select("kind", "people").rows()
        [('Buyers', 1), ('(none)', 1)]
        """
        if not isinstance(segments, Mapping) or not segments:
            raise ArgumentError(
                f"segments: {segments!r} must be a mapping of names to Journeys or jn.did(...), with at least one."
            )
        names = [*(("segments", key) for key in segments), ("name", name)]
        raise_all(
            [
                f"{argument}: {key!r} is no name; write it as text."
                for argument, key in names
                if not isinstance(key, str)
            ]
        )
        if several not in ("first", "all"):
            raise ArgumentError(f"several: {several!r} is neither 'first' nor 'all'.")
        if name in {*self._log.schema.names(), *self._log.people_schema.names()}:
            raise ArgumentError(f"name: there is a column {name!r} already; choose another name.")
        if any(map(is_as_of_row, segments.values())):
            return self._label_events(segments, name=name, several=several)
        members = []
        for segment, given in segments.items():
            journeys = self._everyone().only(given) if isinstance(given, Condition) else given
            self._check_same_log(journeys, argument=f"segments[{segment!r}]")
            members.append(journeys._people_codes().alias("code").to_frame().with_columns(pl.lit(segment).alias(name)))
        chosen = pl.col(name).first() if several == "first" else pl.col(name)
        labels = pl.concat(members).group_by("code", maintain_order=True).agg(chosen).sort("code")
        return replace(self, _log=add_people_column(self._log, labels, on="code"))

    def _label_events(self, segments: Mapping[str, Any], *, name: str, several: Literal["first", "all"]) -> Self:
        """Add a column to the events: which of some conditions hold by each of them."""
        from journeys.analyses.did import mark_rows, resolve_did

        others = [key for key, one in segments.items() if not is_as_of_row(one)]
        if others:
            raise ArgumentError(
                f"segments: {', '.join(map(repr, others))} cannot stand beside conditions as of 'row', which label "
                "events; label people in a second column."
            )
        if list_cuts(self._filters):
            raise ArgumentError(
                "segments: conditions as of 'row' are about all events, and these were cut; label the whole log first, "
                "then cut: j.label(...).where(...)."
            )
        specs = {key: resolve_did(one, log=self._log, until=0) for key, one in segments.items()}
        shards = []
        for view in self._log.shards:
            with translate_read_errors(view.files):
                marks = {key: mark_rows(view, spec) for key, spec in specs.items()}
            shards.append(add_event_labels(view, marks, name=name, several=several))
        return replace(self, _log=replace(self._log, shards=tuple(shards)))

    def _combine(self, other: Self | Condition, *, operation: str) -> Self:
        """Combine the people of two selections of one log that cut events alike; a condition is asked of everyone."""
        if isinstance(other, Condition):
            other = self._everyone().only(other)
        self._check_same_log(other, argument=operation)
        self._check_same_cuts(other, argument=operation)
        codes = combine_codes(self._people_codes(), other._people_codes(), operation=operation)
        return self._everyone()._filter(codes)

    def _check_same_log(self, other: object, *, argument: str) -> None:
        """Refuse what is not journeys, and journeys of another log."""
        if not isinstance(other, Selection):
            raise ArgumentError(f"{argument}: {other!r} is not Journeys; select people with j.only(...) first.")
        if not self._log.has_same_people(other._log):
            raise ArgumentError(
                f"{argument}: these journeys come from two logs, whose people cannot be matched; select people of one "
                "log by their labels: j.only(other.people['person'])."
            )

    def _check_same_cuts(self, other: Self, *, argument: str) -> None:
        """Refuse journeys that cut events differently, and name the cuts."""
        cuts, other_cuts = list_cuts(self._filters), list_cuts(other._filters)
        if len(cuts) == len(other_cuts) and all(a.meta.eq(b) for a, b in zip(cuts, other_cuts, strict=True)):
            return
        here, there = (", ".join(map(str, found)) or "all events" for found in (cuts, other_cuts))
        raise ArgumentError(
            f"{argument}: the selections cut events differently: {here} here, {there} there. Say whose events "
            "count: a.people_of(b) has the people of b with the events of a."
        )

    def _everyone(self) -> Self:
        """Return these journeys with everyone of the log, under the same cuts of events."""
        return replace(self, _filters=list_cuts(self._filters))

    def _people_codes(self) -> pl.Series:
        """Return the codes of the selected people, ascending."""
        if not self._filters:
            return self._collect_people(lambda frame: frame.select("code"))["code"].sort()
        if list_cuts(self._filters):
            return self._count_shards(list_codes, None)["code"].sort()
        kept, *more = (codes for codes in self._filters if isinstance(codes, pl.Series))
        for codes in more:
            kept = combine_codes(kept, codes, operation="&")
        return kept


def combine_codes(left: pl.Series, right: pl.Series, *, operation: str) -> pl.Series:
    """Combine two sets of codes.

    Examples
    --------
    >>> left, right = pl.Series([1, 2], dtype=pl.UInt32), pl.Series([2, 3], dtype=pl.UInt32)
    >>> combine_codes(left, right, operation="-").to_list()
    [1]
    """
    # codes are dense: two masks over all of them are combined faster than two sorted lists
    size = max((int(codes.max()) + 1 for codes in (left, right) if codes.len()), default=0)  # type: ignore[arg-type]
    in_left, in_right = (np.zeros(size, dtype=np.bool_) for _ in range(2))
    in_left[left.to_numpy()] = in_right[right.to_numpy()] = True
    return pl.Series("code", np.flatnonzero(OPERATIONS[operation](in_left, in_right)), dtype=pl.UInt32)


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
