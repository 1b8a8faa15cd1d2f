"""The comparison behind a finding, in which everybody has had the same time: count it shard by shard, then test it.

`journeys.stats.mantel_byar` needs, at each time of conversion, how many people were at risk and how many of them had
done the behaviour. Both are counted as changes: a person at risk from bin 1 to bin 3 is +1 in bin 1 and -1 in bin 4,
so that changes add up over shards and their running total is what is needed. The bins of time are those between the
times at which people converted, or 2,000 quantiles of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from journeys.analyses.correlation.count import FirstRows, assign_strata, find_rows
from journeys.analyses.correlation.exposure import (
    ExposureWindow,
    MatchedPeople,
    ShardArrays,
    collect_times,
    find_touch_column,
    fit_matched,
    match_people,
    read_arrays,
)
from journeys.analyses.correlation.spec import ACTIVITY, Before, CorrelationSpec, Matched
from journeys.analyses.correlation.summarise import CELLS, add_cells
from journeys.analyses.protocol import JourneysProtocol
from journeys.arrays import Bools, Ints, list_rows
from journeys.log import View
from journeys.stats import MantelByar, mantel_byar
from journeys.stats.tables import Floats

MOST_BINS = 2_000
MOST_PEOPLE_CELLS = 50_000_000
"""How many people × behaviours are laid out at most."""
_MINUTE_US = 60_000_000
_MOST_CELLS = 20_000_000  # behaviours × strata × bins that are tested at once
_MOST_SEARCHED = 10_000  # times; more are binned by their leading digits
_EMPTY = MantelByar(*(np.empty(0),) * 4)

_COUNT_SCHEMA = {
    "kind": pl.String,
    "behaviour": pl.Int64,
    "stratum": pl.String,
    "bin": pl.Int64,
    "people": pl.Int64,
}
_LIST_SCHEMA = {
    "code": pl.UInt32,
    "behaviour": pl.Int64,
    "since": pl.Int64,
    "time": pl.Int64,
    "converted": pl.Boolean,
    "stratum": pl.String,
}


@dataclass(frozen=True, eq=False)
class EqualTimeSpec:
    """What is counted: which behaviours (by family and value), in which bins of time, and for which matched people."""

    spec: CorrelationSpec
    behaviours: tuple[tuple[int, str], ...]
    edges: tuple[int, ...] = ()
    matched: Matched | None = None

    def find_rows(self, arrays: ShardArrays, window: ExposureWindow) -> FirstRows:
        """Find by which row each person had done each of the behaviours, which are numbered as in this question."""
        parts = []
        for family, asked in enumerate(self.spec.families):
            numbers = [number for number, (of, _) in enumerate(self.behaviours) if of == family]
            if numbers:
                _, found = find_rows(asked, arrays, window, only=[self.behaviours[number][1] for number in numbers])
                parts.append(found._replace(behaviour=np.asarray(numbers)[found.behaviour]))
        parts = parts or [FirstRows(*(np.empty(0, np.int64),) * 3)]
        # the arrays of a single family, which is usual, are not copied
        return parts[0] if len(parts) == 1 else FirstRows(*map(np.concatenate, zip(*parts, strict=True)))


@dataclass(frozen=True, eq=False)
class EqualTime:
    """The comparison in which everybody has had the same time, one entry per behaviour.

    Attributes
    ----------
    test, within : MantelByar
        The test of everybody together, and within strata (the same where there are none).
    matched : pl.DataFrame, optional
        The four counts with `exposure="matched"`; None where the exposure is equal already, or there are strata.
    last_minute : np.ndarray
        Converters who did the behaviour within a minute before they converted.
    """

    test: MantelByar
    within: MantelByar
    matched: pl.DataFrame | None
    last_minute: Ints


def compare_equal_time(
    journeys: JourneysProtocol, spec: CorrelationSpec, behaviours: Sequence[tuple[int, str]]
) -> EqualTime:
    """Compare behaviours with a goal so that everybody has had the same time.

    Parameters
    ----------
    journeys
        The people.
    spec
        The question; its strata matter for `EqualTime.within` only.
    behaviours
        Family and value of each behaviour.
    """
    given = spec.exposure
    asked = replace(spec, exposure=Before()) if isinstance(given, Matched) else spec
    times, others = collect_times(journeys, replace(asked, strata=None))
    edges = _choose_edges(times)
    matched = None
    if isinstance(given, Before) and spec.strata is None:
        exposure = fit_matched(times, others)
        matched = exposure if exposure.times else None
    question = EqualTimeSpec(asked, tuple(behaviours), tuple(edges.tolist()), matched)
    counts = journeys._count_shards(count_equal_time, question)
    return _add_up(counts, question)


def _choose_edges(times: Ints) -> Ints:
    """Choose the bins: every time at which somebody converted, or quantiles of them; `times` ascend."""
    distinct = np.unique(times)
    if len(distinct) <= MOST_BINS:
        return distinct
    return np.unique(times[np.linspace(0, len(times) - 1, MOST_BINS).astype(np.int64)])


def count_equal_time(view: View, question: EqualTimeSpec) -> pl.DataFrame:
    """Count, for one shard, how many people were at risk and exposed in each bin of time.

    Return `kind`, `behaviour` (its number), `stratum`, `bin` and `people`, which add up over shards. Kind "risk" is the
    change of people at risk in a bin, "exposed" that of the exposed among them, "goal" the conversions in it, and
    "observed" the exposed among those; "total" and "cell" are matched people by conversion (`bin` is 0 or 1); "last
    minute" the converters who did it within a minute before they converted.
    """
    spec = question.spec
    arrays = read_arrays(view, spec, with_time=True)
    window = arrays.open_window(spec)
    found = question.find_rows(arrays, window)
    elapsed = _measure_elapsed(arrays, window, found)
    intervals = list_risk_intervals(arrays, window, spec, edges=np.asarray(question.edges, np.int64))
    frames = intervals.count_risk() + intervals.count_exposed(found, elapsed)
    if question.matched is not None:
        frames += _count_matched(found, elapsed, window, match_people(window, question.matched))
    minute = _cut_to_last_minute(arrays, window)
    late = question.find_rows(arrays, minute)
    is_late = late.row >= minute.start[late.person]  # not so for traits, which are known from the start
    return pl.concat([*frames, _count_cells("last minute", behaviour=late.behaviour[is_late])])


def list_behaviours(view: View, question: EqualTimeSpec) -> pl.DataFrame:
    """List, for one shard, every person and every behaviour done, with times.

    Return one row per person and stratum they were in (`behaviour` is -1; at risk after `since` and up to `time`: to
    the conversion, the end of observation or the next stratum), and one per person and behaviour (`time` of doing it):
    `code`, `behaviour`, `since`, `time`, `converted`, `stratum`.
    """
    spec = question.spec
    arrays = read_arrays(view, spec, with_time=True)
    window = arrays.open_window(spec)
    changes, level, names = _list_stratum_changes(arrays, window, spec)
    person, stratum, since, until = _cut_at_changes(
        changes, level, since=np.full(len(window.code), -1), until=window.at_risk
    )
    is_last = np.diff(person, append=-1) != 0
    at_risk = {
        "code": window.code[person],
        "behaviour": np.full(len(person), -1),
        "since": since,
        "time": until,
        "converted": window.converted[person] & is_last,
        "stratum": pl.Series(names, dtype=pl.String).gather(stratum),
    }
    found = question.find_rows(arrays, window)
    elapsed = _measure_elapsed(arrays, window, found)
    done = {"code": window.code[found.person], "behaviour": found.behaviour, "time": elapsed}
    empty = dict.fromkeys(("since", "converted", "stratum"), None)
    return pl.concat([pl.DataFrame(at_risk, schema=_LIST_SCHEMA), pl.DataFrame(done | empty, schema=_LIST_SCHEMA)])


def lay_out_times(listed: pl.DataFrame, *, behaviours: int) -> tuple[Ints, Floats]:
    """Lay out what `list_behaviours` found as people × behaviours: when each had done it, infinite for never.

    Return the codes of the people who were at risk, ascending, and these times.
    """
    people = listed.filter(pl.col("behaviour") == -1).select("code").unique().sort("code")
    done = listed.filter(pl.col("behaviour") >= 0).join(people, on="code", how="semi")
    codes = people["code"].to_numpy()
    did_at = np.full((len(codes), behaviours), np.inf)
    did_at[np.searchsorted(codes, done["code"].to_numpy()), done["behaviour"].to_numpy()] = done["time"]
    return codes, did_at


def _measure_elapsed(arrays: ShardArrays, window: ExposureWindow, found: FirstRows) -> Ints:
    """Return the time on each person's own clock by which they had done it; -1 for traits known from the start."""
    if arrays.time is None or not len(found.row):
        return np.full(len(found.row), -1, np.int64)
    time = arrays.time[np.maximum(found.row, 0)] - window.since[found.person]
    return np.where(found.row < 0, -1, np.maximum(time, -1)).astype(np.int64)


def _cut_to_last_minute(arrays: ShardArrays, window: ExposureWindow) -> ExposureWindow:
    """Cut the window to the converters' last minute before they converted."""
    window = window.keep_people(window.converted)
    if arrays.time is None or not len(window.code):
        return window
    limit = window.since + window.at_risk - _MINUTE_US
    return replace(window, start=window.find_stop(arrays.time, limit))


def _count_matched(
    found: FirstRows, elapsed: Ints, window: ExposureWindow, matched: MatchedPeople
) -> list[pl.DataFrame]:
    """Count the matched people, and those who did each behaviour while they were observed, by conversion."""
    is_kept, converted = matched.kept, window.converted.astype(np.int64)
    did = is_kept[found.person] & (window.converted[found.person] | (elapsed < matched.observed[found.person]))
    return [
        _count_cells("total", bin_=converted[is_kept]),
        _count_cells("cell", behaviour=found.behaviour[did], bin_=converted[found.person[did]]),
    ]


@dataclass(frozen=True, eq=False)
class RiskIntervals:
    """When each person was at risk in which stratum: one entry per person and stratum, by person.

    A person is at risk in bins above `since` up to `until`. With levels of activity as strata a person passes through
    several, for instance level 0 in bins 1 to 3 and level 1 in bins 4 to 9.
    """

    person: Ints
    stratum: Ints
    since: Ints
    until: Ints
    strata: list[str | None]
    edges: Ints
    converted: Bools
    end: Ints  # per person: the bin of the conversion, or of the end of observation

    def count_risk(self) -> list[pl.DataFrame]:
        """Count the changes of people at risk, and the conversions."""
        last = self.converted[self.person] & (self.until == self.end[self.person])
        goal = _count_cells("goal", stratum=self.stratum[last], bin_=self.until[last], strata=self.strata)
        return [*self._count_changes("risk", self.stratum, self.since, self.until, None), goal]

    def count_exposed(self, found: FirstRows, elapsed: Ints) -> list[pl.DataFrame]:
        """Count the changes of exposed people at risk, and those of them who converted."""
        since = bin_times(elapsed, self.edges)
        end = self.end[found.person]
        in_time = since < end
        behaviour, person, since = found.behaviour[in_time], found.person[in_time], since[in_time]
        observed = _count_cells("observed", behaviour=behaviour[self.converted[person]])
        if len(self.person) == len(self.end):  # one interval per person
            interval = person
        else:
            first = np.searchsorted(self.person, np.arange(len(self.end) + 1))
            interval = list_rows(first[person], first[person + 1])
            behaviour, since = (np.repeat(values, first[person + 1] - first[person]) for values in (behaviour, since))
        since, until = np.maximum(since, self.since[interval]), self.until[interval]
        is_exposed = since < until
        stratum, behaviour = self.stratum[interval][is_exposed], behaviour[is_exposed]
        return [*self._count_changes("exposed", stratum, since[is_exposed], until[is_exposed], behaviour), observed]

    def _count_changes(
        self, kind: str, stratum: Ints, since: Ints, until: Ints, behaviour: Ints | None
    ) -> list[pl.DataFrame]:
        enter = _count_cells(kind, behaviour=behaviour, stratum=stratum, bin_=since + 1, strata=self.strata)
        leave = _count_cells(kind, behaviour=behaviour, stratum=stratum, bin_=until + 1, strata=self.strata)
        return [enter, leave.with_columns(-pl.col("people"))]


def list_risk_intervals(
    arrays: ShardArrays, window: ExposureWindow, spec: CorrelationSpec, *, edges: Ints
) -> RiskIntervals:
    """List when each person was at risk in which stratum, in bins of time."""
    end = bin_times(window.at_risk, edges)
    changes, level, strata = _list_stratum_changes(arrays, window, spec)
    binned = [bin_times(time, edges) for time in changes]
    intervals = _cut_at_changes(binned, level, since=np.zeros_like(end), until=end)
    return RiskIntervals(*intervals, strata, edges, window.converted, end)


def _cut_at_changes(changes: Sequence[Ints], level: Ints, *, since: Ints, until: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Cut the time of each person where their stratum changes.

    For instance, from 0 to 9 with a change at 4: in the first stratum after 0 up to 4, in the next after 4 up to 9.

    Return person, stratum, start and end of each interval that is not empty.
    """
    reached = [np.minimum(time, until) for time in changes]
    enter, leave = np.stack([since, *reached], axis=1), np.stack([*reached, until], axis=1)
    is_filled = enter < leave
    person, number = np.nonzero(is_filled)
    return person, level[person, number], enter[is_filled], leave[is_filled]


def _list_stratum_changes(
    arrays: ShardArrays, window: ExposureWindow, spec: CorrelationSpec
) -> tuple[list[Ints], Ints, list[str | None]]:
    """List when people change from one stratum to the next, their strata in that order, and the names of the strata.

    People are in a stratum from when they got there: a person who comes through a campaign on day 3 had none until
    then, and is at the level of two events only after the second. Other strata never change.
    """
    people = len(window.code)
    if spec.strata == ACTIVITY and arrays.time is not None and people:
        # level 0 until the first event, level 1 until the second, level 2 until the fourth, and so on
        most = int((window.stop - window.start).max()).bit_length()
        changes = []
        for number in range(most):
            row = window.start + (1 << number) - 1
            done = row < window.stop
            changes.append(np.where(done, arrays.time[np.where(done, row, 0)] - window.since, window.at_risk))
        level = np.broadcast_to(np.arange(most + 1), (people, most + 1))
        return changes, level, [str(number) for number in range(most + 1)]
    stratum, strata = assign_strata(arrays, window, spec)
    if spec.strata is None or not find_touch_column(spec.strata) or find_touch_column(spec.strata) not in arrays.values:
        return [], stratum[:, np.newaxis], strata
    _, row = arrays.look_up_trait(spec.strata, window)
    first_seen = _measure_elapsed(arrays, window, FirstRows(stratum, np.arange(people), row))
    none = len(strata) - 1
    change = np.where(stratum == none, window.at_risk, first_seen)
    return [change], np.stack([np.full(people, none), stratum], axis=1), strata


def bin_times(time: Ints, edges: Ints) -> Ints:
    """Find the bin of each time: how many edges there are up to it.

    It equals `numpy.searchsorted`. Many times are binned by their leading floating-point digits instead, and only
    those that share these digits with an edge are searched.

    Examples
    --------
    >>> bin_times(np.array([1, 2, 5]), np.array([2, 4])).tolist()
    [0, 1, 2]
    """
    if time.size < _MOST_SEARCHED or not edges.size:
        return np.searchsorted(edges, time, side="right")
    time_cell, edge_cell = (np.maximum(values, 0).astype(np.float32).view(np.int32) >> 12 for values in (time, edges))
    count = np.bincount(edge_cell, minlength=int(edge_cell[-1]) + 2)
    cell = np.minimum(time_cell, len(count) - 1)
    found: Ints = (np.cumsum(count) - count)[cell]
    close = np.flatnonzero((count > 0)[cell])
    found[close] = np.searchsorted(edges, time[close], side="right")
    return found


def _count_cells(
    kind: str,
    *,
    behaviour: Ints | None = None,
    stratum: Ints | None = None,
    bin_: Ints | None = None,
    strata: Sequence[str | None] = (None,),
) -> pl.DataFrame:
    """Count the entries of each cell (behaviour, stratum, bin), one row per cell; what is not given is 0."""
    given = (behaviour, stratum, bin_)
    size = next(len(part) for part in given if part is not None)
    behaviour, stratum, bin_ = (np.zeros(size, np.int64) if part is None else part for part in given)
    bins = int(bin_.max(initial=0)) + 1
    key = (behaviour.astype(np.int64) * len(strata) + stratum) * bins + bin_
    cells = int(key.max(initial=-1)) + 1
    if cells <= 8 * size + 65_536:
        count = np.bincount(key, minlength=cells)
        key = np.flatnonzero(count)
        count = count[key]
    else:
        key, count = np.unique(key, return_counts=True)
    return pl.DataFrame(
        {
            "kind": pl.Series([kind], dtype=pl.String).new_from_index(0, len(key)),
            "behaviour": key // (bins * len(strata)),
            "stratum": pl.Series(list(strata), dtype=pl.String).gather(key // bins % len(strata)),
            "bin": key % bins,
            "people": count,
        },
        schema=_COUNT_SCHEMA,
    )


def _add_up(counts: pl.DataFrame, question: EqualTimeSpec) -> EqualTime:
    """Add up the shards and test every behaviour."""
    summed = counts.group_by("kind", "behaviour", "stratum", "bin").agg(pl.col("people").sum())
    kinds = {
        kind: summed.filter(pl.col("kind") == kind) for kind in ("risk", "goal", "exposed", "observed", "last minute")
    }
    strata = kinds["risk"]["stratum"].unique().sort().to_list() or [None]
    number_of = {name: number for number, name in enumerate(strata)}
    size, bins = len(question.behaviours), len(question.edges) + 2

    def lay_out(rows: pl.DataFrame, first: int = 0, behaviours: int = 1) -> Ints:
        """Lay counts out as behaviours × strata × bins."""
        cells = np.zeros((behaviours, len(strata), bins), np.int64)
        names = rows["stratum"].to_list() if len(strata) > 1 else []
        stratum = np.array([number_of[name] for name in names], np.int64) if names else 0
        cells[rows["behaviour"].to_numpy() - first, stratum, rows["bin"].to_numpy()] = rows["people"].to_numpy()
        return cells

    def take_people(rows: pl.DataFrame) -> Ints:
        """Take the count of each behaviour."""
        found = np.zeros(size, np.int64)
        found[rows["behaviour"].to_numpy()] = rows["people"].to_numpy()
        return found

    at_risk = np.cumsum(lay_out(kinds["risk"]), axis=-1)[0]
    goals = lay_out(kinds["goal"])[0]
    goals[:, 0] = 0  # nobody is at risk in bin 0: with `exposure="first …"` these are the conversions of the first days
    observed = take_people(kinds["observed"])
    together, within = [_EMPTY], [_EMPTY]
    batch = max(1, _MOST_CELLS // (len(strata) * bins))
    for first in range(0, size, batch):
        part = observed[first : first + batch]
        rows = kinds["exposed"].filter(pl.col("behaviour").is_between(first, first + batch - 1))
        exposed = np.cumsum(lay_out(rows, first, len(part)), axis=-1)
        summed_up = {"conversions": goals.sum(axis=0), "at_risk": at_risk.sum(axis=0)}
        together.append(mantel_byar(part, **summed_up, exposed_at_risk=exposed.sum(axis=1)))
        if len(strata) > 1:
            per_stratum = {"conversions": goals.ravel(), "at_risk": at_risk.ravel()}
            within.append(mantel_byar(part, **per_stratum, exposed_at_risk=exposed.reshape(len(exposed), -1)))
    test, test_within = (
        MantelByar(*map(np.concatenate, zip(*tests, strict=True)))
        for tests in (together, within if len(strata) > 1 else together)
    )
    return EqualTime(test, test_within, _lay_out_matched(summed, question), take_people(kinds["last minute"]))


def _lay_out_matched(summed: pl.DataFrame, question: EqualTimeSpec) -> pl.DataFrame | None:
    """Lay out the four counts of matched people, one row per behaviour."""
    if question.matched is None:
        return None
    total = dict(summed.filter(pl.col("kind") == "total").select("bin", "people").iter_rows())
    did = np.zeros((len(question.behaviours), 2), np.int64)
    cells = summed.filter(pl.col("kind") == "cell")
    did[cells["behaviour"].to_numpy(), cells["bin"].to_numpy()] = cells["people"].to_numpy()
    table = pl.DataFrame({"people": did.sum(axis=1), "converted": did[:, 1]})
    return add_cells(table, people=sum(total.values()), converted=total.get(1, 0)).select(CELLS)
