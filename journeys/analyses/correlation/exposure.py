"""The rows of a shard as arrays, and the window of each person in which behaviours count."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import polars as pl

from journeys.analyses.correlation.spec import (
    ACTIVITY,
    CorrelationSpec,
    EveryEvent,
    First,
    Matched,
    Trait,
    Values,
    list_steps,
)
from journeys.analyses.protocol import JourneysProtocol
from journeys.arrays import (
    Bools,
    Ints,
    PersonBounds,
    bound_people,
    bounds_from_counts,
    next_marked,
    previous_marked,
    search_within,
)
from journeys.events import CAMPAIGN_COLUMNS
from journeys.log import View
from journeys.steps import Step, columns_used

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

_LONGEST = np.iinfo(np.int64).max
_PARTS = 20  # of the converters' times, see `fit_matched`
_MOST_TIMES = 10_000


@dataclass(frozen=True, eq=False)
class ExposureWindow:
    """The people who are compared, and which of their rows count.

    Attributes
    ----------
    code
        Person codes, ascending.
    start, stop
        The first row that counts, and the row after the last that does.
    end
        The row after the person's last one.
    converted
        Who converted.
    not_compared
        How many others are not compared, by reason.
    observed
        Microseconds from the start of the clock to the end of what counts; empty where no time was read.
    at_risk
        Microseconds from the start of the clock to the conversion, or to the end of observation; also empty.
    since
        Microsecond at which the clock of each person started; empty where no time was read.
    """

    code: Ints
    start: Ints
    stop: Ints
    end: Ints
    converted: Bools
    not_compared: dict[str, int]
    observed: Ints
    at_risk: Ints
    since: Ints

    def keep_people(self, is_kept: Bools, *, reason: str | None = None) -> ExposureWindow:
        """Keep some of the people; if a reason is given, the others are counted as not compared."""
        dropped = int(len(is_kept) - is_kept.sum())
        counted = {reason: dropped} if reason is not None and dropped else {}
        return ExposureWindow(
            self.code[is_kept],
            self.start[is_kept],
            self.stop[is_kept],
            self.end[is_kept],
            self.converted[is_kept],
            self.not_compared | counted,
            *(times[is_kept] if len(times) else times for times in (self.observed, self.at_risk, self.since)),
        )

    def find_stop(self, time: Ints, limit: Ints, *, inclusive: bool = True) -> Ints:
        """Find, for each person, the row after the last one that counts and is not later than a limit."""
        return search_within(time, limit, low=self.start, high=self.stop, side="right" if inclusive else "left")


def hash_to_unit(codes: Ints, *, salt: int) -> Floats:
    """Give each person a number in [0, 1) that looks random and is the same on every machine (splitmix64).

    Examples
    --------
    >>> hash_to_unit(np.array([0, 1]), salt=1).round(3).tolist()
    [0.176, 0.459]
    """
    with np.errstate(over="ignore"):
        mixed = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed += np.uint64(salt) * np.uint64(0xD1B54A32D192ED03)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def open_window(
    bounds: PersonBounds, spec: CorrelationSpec, *, goals: Ints, anchors: Ints | None, time: Ints | None
) -> ExposureWindow:
    """Decide for each person of a shard which rows count, and whether the person converted.

    The clock starts at the first row, or at the first anchor (then only later rows count). Behaviour counts strictly
    before the first conversion. The exposure may cut more: see `Journeys.correlation`. With rows 0 to 3 of a person:

        x goal y goal               no anchor: row 0 counts, converted
        x since y goal              anchor in row 1: row 2 counts, converted
        goal since x y              anchor in row 1: rows 2 and 3 count, not converted

    Parameters
    ----------
    bounds
        The rows of each person.
    spec
        The question.
    goals, anchors
        Rows at which the goal happens, and rows at which a clock may start.
    time
        Microseconds of each row; not needed for `Before` without a window.
    """
    code, first, last = bounds  # `last` is the row after the person's last one
    n = bounds.rows
    start, clock_row = first, first
    has_clock = np.ones(len(first), np.bool_)
    if anchors is not None:
        anchor = next_marked(anchors, first, none=n)
        has_clock = anchor < last
        clock_row, start = np.where(has_clock, anchor, first), np.where(has_clock, anchor + 1, last)
    conversion = next_marked(goals, start, none=n)
    converted = conversion < last
    stop = np.where(converted, conversion, last)
    empty = np.empty(0, np.int64)
    window = ExposureWindow(code, start, stop, last, converted, {}, empty, empty, empty)
    if time is None:
        return window if anchors is None else window.keep_people(has_clock)
    since = time[clock_row]
    elapsed = np.where(converted, time[np.minimum(conversion, max(n - 1, 0))] - since, _LONGEST)
    reach = spec.until - since  # how long each person could be observed
    if spec.within is not None:
        converted = elapsed <= spec.within
        reach = np.minimum(reach, spec.within)
        stop = window.find_stop(time, since + spec.within)
    observed = np.where(converted, elapsed, reach)
    window = replace(window, stop=stop, converted=converted, observed=observed, at_risk=observed, since=since)
    if not has_clock.all():
        elapsed, window = elapsed[has_clock], window.keep_people(has_clock)
    if isinstance(spec.exposure, First):
        return _cut_to_first(window, time, elapsed, spec, spec.exposure)
    if isinstance(spec.exposure, Matched) and spec.exposure.times:
        return _cut_to_matched(window, time, spec.exposure)
    return window


def _cut_to_first(
    window: ExposureWindow, time: Ints, elapsed: Ints, spec: CorrelationSpec, exposure: First
) -> ExposureWindow:
    """Count behaviour in the first days only, and conversions after them, so that everybody has the same time."""
    length = exposure.length_us
    stop = window.find_stop(time, window.since + length)
    window = replace(window, stop=stop, observed=np.full(len(stop), length))
    early = elapsed <= length
    window = window.keep_people(~early, reason=f"converted within {exposure.label}")
    if spec.follow_up is not None:
        last = length + spec.follow_up
        window = replace(window, converted=elapsed[~early] <= last, at_risk=np.minimum(window.at_risk, last))
        is_followed_up = window.since + length + spec.follow_up <= spec.until
        window = window.keep_people(is_followed_up, reason="could not be observed to the end of the follow-up")
    return window


class MatchedPeople(NamedTuple):
    """How long each person is observed when matched, and for each reason a mark on those who are left out."""

    observed: Ints
    left_out: dict[str, Bools]

    @property
    def kept(self) -> Bools:
        """Who is compared."""
        kept: Bools = ~np.logical_or.reduce(list(self.left_out.values()))
        return kept


def match_people(window: ExposureWindow, exposure: Matched) -> MatchedPeople:
    """Observe everybody who did not convert for as long as some converter took.

    The person observed longest is paired with the converter who took longest. With converters who took 1 and 9 days:

        observed for 12 days  → paired with 9: compared by what was done in the first 9 days
        observed for 3 days   → paired with 1: by what was done on the first day
        observed for 6 hours  → paired with 1, but not observed as long: left out
    """
    times, keep = np.asarray(exposure.times, np.int64), np.asarray(exposure.keep)
    bins = len(keep)
    # pairing by rank uses as many of the others as possible; late arrivals get short times, just as converters who
    # came late had to be quick
    reach = np.asarray(exposure.reach, np.int64)
    low, high = np.searchsorted(reach, window.observed, "left"), np.searchsorted(reach, window.observed, "right")
    quantile = (low + hash_to_unit(window.code, salt=1) * np.maximum(high - low, 1)) / len(reach)
    drawn = np.minimum((quantile * len(times)).astype(np.int64), len(times) - 1)
    own = np.minimum(np.searchsorted(times, window.observed), len(times) - 1)
    rank = np.where(window.converted, own, drawn)
    part = rank * bins // len(times)
    length = np.where(window.converted, window.observed, times[rank])
    reachable = window.converted | (length <= window.observed)
    chosen = np.where(window.converted, keep[part] > 0, hash_to_unit(window.code, salt=2) < keep[part])
    left_out = {
        "converted so late that too few others were observed as long": window.converted & ~chosen,
        "were not observed as long as the converter they were paired with": ~window.converted & ~reachable,
        "were left out so that both groups were observed equally long": ~window.converted & reachable & ~chosen,
    }
    return MatchedPeople(length, left_out)


def _cut_to_matched(window: ExposureWindow, time: Ints, exposure: Matched) -> ExposureWindow:
    """Cut everybody who did not convert to the time that some converter took."""
    found = match_people(window, exposure)
    limit = np.where(window.converted, _LONGEST, window.since + found.observed)
    window = replace(window, stop=window.find_stop(time, limit, inclusive=False), observed=found.observed)
    counted = {reason: int(which.sum()) for reason, which in found.left_out.items() if which.any()}
    return replace(window.keep_people(found.kept), not_compared=window.not_compared | counted)


@dataclass(frozen=True, eq=False)
class ShardArrays:
    """The rows of a shard as arrays of one entry per event, and its people.

    Attributes
    ----------
    bounds : PersonBounds
        The rows of each person.
    time : np.ndarray, optional
        Microseconds, where the question needs them.
    event : np.ndarray
        Codes of events; empty where no event is asked for by name.
    flags : dict of int to np.ndarray
        Which rows satisfy the steps that are conditions, by the id of the step.
    values : dict of str to pl.Series
        Columns of events whose values are behaviours, as categories.
    people : pl.DataFrame
        Columns of people that are behaviours or strata, with `code`.
    names : tuple of str
        Event names in the order of their codes.
    """

    bounds: PersonBounds
    time: Ints | None
    event: Ints
    flags: dict[int, Bools]
    values: dict[str, pl.Series]
    people: pl.DataFrame
    names: tuple[str, ...]
    _marked: dict[tuple[str, ...], Bools] = field(default_factory=dict)

    def mark_step(self, step: Step) -> Bools:
        """Mark the rows that satisfy a step."""
        if step.events is None:
            return self.flags[id(step)]
        if step.events not in self._marked:
            codes = [code for code, name in enumerate(self.names) if name in step.events]
            if len(codes) == 1:  # by far the most common case, and many times faster than looking up each row
                self._marked[step.events] = self.event == codes[0]
            else:
                self._marked[step.events] = np.isin(np.arange(len(self.names)), codes)[self.event]
        return self._marked[step.events]

    def encode_values(self, values: Values) -> tuple[Ints, list[str]]:
        """Number the values of a property.

        Return one code per row, which is the number of values where there is none, and the name of each value.
        """
        category = self.values[values.column]
        physical = category.to_physical()
        absent = int(physical.max() if physical.null_count() < len(physical) else -1) + 1  # type: ignore[arg-type]
        code = physical.fill_null(absent).to_numpy()
        example = np.full(absent + 1, -1, np.int64)
        example[code] = np.arange(len(code))  # a row of each value, to name it by
        present = np.flatnonzero(example[:absent] >= 0)
        names = category.gather(example[present]).cast(pl.String).to_list()
        lookup = np.full(absent + 1, len(names), np.int32)
        lookup[present] = np.arange(len(names), dtype=np.int32)
        codes = lookup[code]
        if values.of is not None:
            codes = np.where(self.mark_step(values.of), codes, np.int32(len(names)))
        return codes, names

    def look_up_trait(self, column: str, window: ExposureWindow) -> tuple[pl.Series, Ints]:
        """Look up a column of people, as text, for the people of a window.

        A campaign counts only if it was seen before the end of the window, which for converters is the goal: somebody
        who converts on the second row and first comes through a campaign on the third has none.

        Return the value of each person, and the row by which it was known; -1 for what is known from the start.
        """
        touch = find_touch_column(column)
        if touch not in self.values:
            person = np.searchsorted(self.people["code"].to_numpy(), window.code)
            return self.people[column].cast(pl.String).gather(person), np.full(len(person), -1)
        values = self.values[touch]
        touches = np.flatnonzero(values.is_not_null().to_numpy())
        start = self.bounds.first[np.searchsorted(self.bounds.code, window.code)]
        row = next_marked(touches, start) if column.startswith("first_") else previous_marked(touches, window.stop)
        is_seen = (row >= start) & (row < window.stop)
        text = values.gather(np.where(is_seen, row, 0)) if len(values) else values.clear(len(row))
        return text.cast(pl.String).set(pl.Series(~is_seen), None), row

    def open_window(self, spec: CorrelationSpec) -> ExposureWindow:
        """Open the exposure window of a question on these rows."""
        anchors = None if spec.since is None else np.flatnonzero(self.mark_step(spec.since))
        goals = np.flatnonzero(self.mark_step(spec.goal))
        return open_window(self.bounds, spec, goals=goals, anchors=anchors, time=self.time)


def find_touch_column(column: str) -> str:
    """Find the column of events that a column of people such as "first_campaign" comes from; "" for others.

    Examples
    --------
    >>> find_touch_column("first_campaign"), find_touch_column("first_name")
    ('campaign', '')
    """
    touch = column.removeprefix("first_").removeprefix("last_")
    return touch if touch in CAMPAIGN_COLUMNS and touch != column else ""


def read_arrays(view: View, spec: CorrelationSpec, *, with_time: bool = False) -> ShardArrays:
    """Read the columns of a shard that a question needs; the timestamps in any case if `with_time`."""
    steps = [spec.goal] + ([spec.since] if spec.since is not None else [])
    steps += [step for family in spec.families for step in list_steps(family)]
    conditions = [step for step in steps if step.events is None]
    counts = view.people.select("code", "event_count").collect() if view.whole else None
    wanted = [] if counts is not None else [pl.col("person")]
    if with_time or spec.needs_time:
        wanted.append(pl.col("timestamp").to_physical().alias("timestamp"))
    is_named = len(conditions) < len(steps) or any(isinstance(family, EveryEvent) for family in spec.families)
    if is_named and view.codes is None:
        wanted.append(pl.col("event").to_physical().alias("event"))
    wanted += [step.condition.alias(f"step {n}") for n, step in enumerate(conditions)]
    traits = {family.column for family in spec.families if isinstance(family, Trait)}
    if spec.strata is not None and spec.strata != ACTIVITY and not spec.strata.startswith("every "):
        traits.add(spec.strata)
    touches = {
        column: find_touch_column(column)
        for column in traits
        if find_touch_column(column) in view.events.collect_schema()
    }
    properties = sorted(
        {family.column for family in spec.families if isinstance(family, Values)} | set(touches.values())
    )
    traits -= touches.keys()
    # the cast is part of the scan, where it runs on all cores
    wanted += [pl.col(name).cast(pl.String).cast(pl.Categorical).alias(f"property {name}") for name in properties]
    joined = view.with_people_columns(columns_used(conditions))
    frame = joined.events.select(wanted).collect() if wanted else pl.DataFrame()
    event = np.empty(0, np.uint8)
    if is_named:
        event = frame["event"].to_numpy() if view.codes is None else view.event_codes()
    if counts is None:
        bounds = bound_people(frame["person"].to_numpy())
    else:
        bounds = bounds_from_counts(counts["code"].to_numpy(), counts["event_count"].to_numpy())
    return ShardArrays(
        bounds=bounds,
        time=frame["timestamp"].to_numpy() if "timestamp" in frame.columns else None,
        event=event,
        flags={id(step): frame[f"step {n}"].to_numpy() for n, step in enumerate(conditions)},
        values={name: frame[f"property {name}"] for name in properties},
        people=view.people.select("code", *sorted(traits)).collect() if traits else pl.DataFrame(),
        names=spec.names,
    )


def collect_times(journeys: JourneysProtocol, spec: CorrelationSpec) -> tuple[Ints, Ints]:
    """Collect how long converters took and how long the others could be observed, ascending, in microseconds."""
    samples = journeys._count_shards(list_times, spec)
    times, others = (
        samples[name].explode(empty_as_null=False).drop_nulls().sort().to_numpy() for name in ("converted", "others")
    )
    return times, others


def fit_matched(times: Ints, others: Ints) -> Matched:
    """Fit how those who did not convert are cut to the times that converters took (see `collect_times`).

    The converters' times are split into twenty parts of equally many. In each part, only a share of the others paired
    with it was observed that long; parts with a larger share are thinned, so that all keep the same share. With two
    parts, converters who took 1 and 9 days, and four others observed for 2, 3, 5 and 12 days:

        part 1, converter who took 1 day    paired with 2 and 3 days: both observed as long, share 1; keep half
        part 2, converter who took 9 days   paired with 5 and 12 days: one observed as long, share 1/2; keep all
    """
    if not len(times) or not len(others):
        return Matched()
    times, others = _thin_values(times), _thin_values(others)
    parts = min(_PARTS, len(times))
    rank = np.arange(len(others)) * len(times) // len(others)
    part = rank * parts // len(times)
    possible = np.bincount(part, weights=times[rank] <= others, minlength=parts)
    share = possible / np.maximum(np.bincount(part, minlength=parts), 1)
    # a part in which very few people were observed that long is left out: the others would shrink to its share
    is_usable = share >= 0.1 * share.max()
    keep = np.where(is_usable, share[is_usable].min(initial=1.0) / np.maximum(share, 1e-300), 0.0)
    return Matched(tuple(times.tolist()), tuple(others.tolist()), tuple(np.minimum(keep, 1.0).tolist()))


def list_times(view: View, spec: CorrelationSpec) -> pl.DataFrame:
    """List the times of one shard: `converted` (until they did) and `others` (until the end of observation)."""
    window = read_arrays(view, replace(spec, families=()), with_time=True).open_window(spec)
    return pl.DataFrame(
        {"converted": [window.at_risk[window.converted]], "others": [window.at_risk[~window.converted]]},
        schema={"converted": pl.List(pl.Int64), "others": pl.List(pl.Int64)},
    )


def _thin_values(values: Ints) -> Ints:
    """Take at most ten thousand of sorted values, evenly."""
    if len(values) <= _MOST_TIMES:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_TIMES).round().astype(np.int64)]
