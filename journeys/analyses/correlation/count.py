"""One shard → people by behaviour and conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import polars as pl

from journeys.analyses.correlation.exposure import ExposureWindow, ShardArrays, read_arrays
from journeys.analyses.correlation.spec import (
    ACTIVITY,
    AtLeast,
    CorrelationSpec,
    EveryEvent,
    Family,
    Happened,
    StepSequence,
    Trait,
    Values,
)
from journeys.arrays import Bools, Ints, list_rows, mark_changes, next_marked, parallel_map
from journeys.log import View

COUNTED = ("cell", "total", "not compared", "rows", "ever", "own")
"""The kinds of rows that `count` returns; see there."""

_SCHEMA = {
    "kind": pl.String,
    "family": pl.Int64,
    "behaviour": pl.String,
    "stratum": pl.String,
    "people": pl.Int64,
    "converted": pl.Int64,
}

MOST_BITS = 128
"""Up to so many behaviours, people are counted with one bit per behaviour, or a table; beyond, by sorting."""
_CACHED_ROWS = 1 << 18

_RowsByBehaviour: TypeAlias = dict[str, tuple[Ints, Ints]]  # behaviour → people who did it, and the row of each


def count_codes(codes: Ints, window: ExposureWindow, group: Ints, *, behaviours: int, groups: int) -> Ints:
    """Count the people of each group who have a row of each code within their window.

    Parameters
    ----------
    codes
        One code per row of the shard, below `behaviours`; `behaviours` itself for a row that is none of them.
    window
        The rows that count for each person.
    group
        The group of each person of the window.
    behaviours, groups
        How many there are.
    """
    if behaviours == 0 or not len(window.code):
        return np.zeros((behaviours, groups), np.int64)
    if behaviours <= MOST_BITS:
        codes, window = _extract_counted(codes, window)
        firsts = range(0, behaviours, 64)
        parts = [_count_by_bits(codes, window, group, first=first, size=behaviours, groups=groups) for first in firsts]
        return np.concatenate(parts)
    first = _find_first_by_sorting(codes, window, behaviours=behaviours)
    cells = np.bincount(first.behaviour * groups + group[first.person], minlength=behaviours * groups)
    return cells.reshape(behaviours, groups)


def _split_people(window: ExposureWindow) -> list[slice]:
    """Split the people into runs of about a quarter of a million rows, which stay in the processor's cache."""
    edges = np.searchsorted(window.start, np.arange(window.start[0], window.stop[-1] + 1, _CACHED_ROWS))
    edges = np.unique(np.concatenate([edges, [0, len(window.code)]]))
    return [slice(int(low), int(high)) for low, high in pairwise(edges)]


def _extract_counted(codes: Ints, window: ExposureWindow) -> tuple[Ints, ExposureWindow]:
    """Extract the rows that count where most do not, so that the others cost nothing."""
    lengths = window.stop - window.start
    if int(lengths.sum()) * 4 > int(window.stop[-1] - window.start[0]):
        return codes, window
    stop = np.cumsum(lengths)
    return codes[list_rows(window.start, window.stop)], replace(window, start=stop - lengths, stop=stop)


def _count_by_bits(codes: Ints, window: ExposureWindow, group: Ints, *, first: int, size: int, groups: int) -> Ints:
    """Count up to 64 behaviours from `first` on: each is a bit of one mask per person.

    Three rows of two people, ann in group 0 and bob in group 1, with codes 0, 2 (ann) and 2 (bob):

        row masks       001, 100, 100
        person masks    ann 101, bob 100 (the row masks of a person, or-ed)
        masks by group  group 0: 101 once; group 1: 100 once
        people          behaviour 0 (the lowest bit): 1 and 0; behaviour 1: 0 and 0; behaviour 2: 1 and 1
    """
    width = min(size - first, 64)
    dtype = np.uint32 if width <= 32 else np.uint64
    mask_of = np.zeros(size + 1, dtype)
    mask_of[first : first + width] = np.left_shift(1, np.arange(width, dtype=np.uint64), dtype=np.uint64)

    def count_masks(part: slice) -> Ints:
        """Count, for each byte of the masks, its 256 values by group: enough to say how often each bit is set."""
        start, stop = window.start[part], window.stop[part]
        low, high = int(start[0]), int(stop.max())
        row_masks = np.zeros(high - low + 1, dtype)  # one more, so that the last run has an end
        np.take(mask_of, codes[low:high], out=row_masks[:-1], mode="clip")
        runs = np.empty(2 * len(start), np.int64)
        runs[0::2], runs[1::2] = start - low, stop - low
        person_masks = np.ascontiguousarray(np.bitwise_or.reduceat(row_masks, runs)[0::2])
        person_masks[start == stop] = 0  # for an empty run reduceat returns the row at its start
        mask_bytes = person_masks.view(np.uint8).reshape(len(person_masks), -1)
        base = group[part] * 256
        found = [np.bincount(base + mask_bytes[:, n], minlength=groups * 256) for n in range((width + 7) // 8)]
        return np.array(found)

    counted = sum(parallel_map(count_masks, _split_people(window)))
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, np.newaxis], axis=1, bitorder="little").astype(np.int64)
    people = np.asarray(counted).reshape(-1, groups, 256) @ bits
    return people.transpose(0, 2, 1).reshape(-1, groups)[:width]


class FirstRows(NamedTuple):
    """Who did what, and when first: one entry per person and behaviour.

    Attributes
    ----------
    behaviour : np.ndarray
        The code of the behaviour.
    person : np.ndarray
        The place of the person in the window.
    row : np.ndarray
        The row of the shard by which the person had done it; -1 for what was so from the start.
    """

    behaviour: Ints
    person: Ints
    row: Ints


def find_first_rows(codes: Ints, window: ExposureWindow, *, behaviours: int) -> FirstRows:
    """Find the first row of each code within the window of each person; see `count_codes` for the parameters."""
    if behaviours == 0 or not len(window.code):
        empty = np.empty(0, np.int64)
        return FirstRows(empty, empty, empty)
    if behaviours > MOST_BITS:
        return _find_first_by_sorting(codes, window, behaviours=behaviours)
    parts = parallel_map(partial(_find_first_by_table, codes, window, behaviours=behaviours), _split_people(window))
    return FirstRows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _find_first_by_table(codes: Ints, window: ExposureWindow, part: slice, *, behaviours: int) -> FirstRows:
    """Find the first rows of some people with a table of people x behaviours, small enough for the cache."""
    start, stop = window.start[part], window.stop[part]
    row = list_rows(start, stop)
    person = np.repeat(np.arange(len(start)), stop - start)
    code = codes[row].astype(np.int64)
    if len(code) and code.max() >= behaviours:
        known = code < behaviours
        row, person, code = row[known], person[known], code[known]
    cell = person * behaviours + code
    place = np.arange(len(cell), dtype=np.int32)
    first = np.empty(len(start) * behaviours, np.int32)
    first[cell[::-1]] = place[::-1]  # backwards, so that the first row of each cell is written last and stays
    kept = first[cell] == place
    return FirstRows(code[kept], person[kept] + part.start, row[kept])


def _find_first_by_sorting(codes: Ints, window: ExposureWindow, *, behaviours: int) -> FirstRows:
    """Find the first rows of any number of behaviours: sorted by behaviour, people and rows stay in order within each.

    For instance, rows of persons 0, 0, 1 with codes 5, 3, 5 are sorted to (3, 0), (5, 0), (5, 1).
    """
    row = list_rows(window.start, window.stop)
    code = codes[row]
    person = np.repeat(np.arange(len(window.code), dtype=np.int32), window.stop - window.start)
    is_kept = (code < behaviours) & (mark_changes(code) | mark_changes(person))  # repeats are dropped before sorting
    code, person, row = code[is_kept], person[is_kept], row[is_kept]
    order = np.argsort(code.astype(np.uint16), kind="stable")  # the lower half of the code
    if behaviours > 1 << 16:
        order = order[np.argsort((code[order] >> 16).astype(np.uint16), kind="stable")]
    code, person = code[order], person[order]
    first = mark_changes(code) | mark_changes(person)
    return FirstRows(code[first].astype(np.int64), person[first], row[order[first]])


def count_family(
    family: Family, arrays: ShardArrays, window: ExposureWindow, *, group: Ints, groups: int
) -> tuple[list[str], Ints]:
    """Count the people of each group who did each behaviour of a family.

    Return the names of the behaviours, and an array of behaviours × groups.
    """
    if isinstance(family, EveryEvent | Values):
        codes, names = _encode_family(family, arrays)
        return names, count_codes(codes, window, group, behaviours=len(names), groups=groups)
    names, found = find_rows(family, arrays, window)
    cells = np.bincount(found.behaviour * groups + group[found.person], minlength=len(names) * groups)
    return names, cells.reshape(len(names), groups)


def mark_doers(family: Family, behaviour: str, arrays: ShardArrays, window: ExposureWindow) -> Bools:
    """Mark the people of the window who did one behaviour."""
    _, found = find_rows(family, arrays, window, only=[behaviour])
    did = np.zeros(len(window.code), np.bool_)
    did[found.person] = True
    return did


def find_rows(
    family: Family, arrays: ShardArrays, window: ExposureWindow, *, only: Sequence[str] | None = None
) -> tuple[list[str], FirstRows]:
    """Find by which row each person had done each behaviour of a family.

    Return the names of the behaviours, and one entry per person and behaviour done.

    Parameters
    ----------
    family
        The behaviours.
    arrays, window
        The shard, and the rows that count.
    only
        The names of the behaviours to find, in this order; by default all.
    """
    if isinstance(family, EveryEvent | Values):
        codes, names = _encode_family(family, arrays)
        if only is not None:
            lookup = np.full(len(names) + 1, len(only), np.int32)
            number = {name: code for code, name in enumerate(names)}
            for new, name in enumerate(only):
                if name in number:
                    lookup[number[name]] = new
            codes, names = lookup[codes], list(only)
        return names, find_first_rows(codes, window, behaviours=len(names))
    rows = (
        _find_trait_rows(family, arrays, window)
        if isinstance(family, Trait)
        else _find_step_rows(family, arrays, window)
    )
    names = list(rows) if only is None else list(only)
    empty = np.empty(0, np.int64)
    each = [rows.get(name, (empty, empty)) for name in names]
    behaviour = np.repeat(np.arange(len(names)), [len(person) for person, _ in each])
    person, row = (np.concatenate([empty, *(one[side] for one in each)]) for side in (0, 1))
    return names, FirstRows(behaviour, person, row)


def _encode_family(family: EveryEvent | Values, arrays: ShardArrays) -> tuple[Ints, list[str]]:
    if isinstance(family, EveryEvent):
        return arrays.event, list(arrays.names)
    return arrays.encode_values(family)


def _find_trait_rows(family: Trait, arrays: ShardArrays, window: ExposureWindow) -> _RowsByBehaviour:
    """Find the people of each value of a column of people, and the row by which it was known."""
    text, row = arrays.look_up_trait(family.column, window)
    groups = text.to_frame("value").with_row_index("person").drop_nulls().group_by("value").agg("person").sort("value")
    people = {name: np.asarray(person, np.int64) for name, person in groups.iter_rows()}
    return {name: (person, row[person]) for name, person in people.items()}


def _find_step_rows(
    family: Happened | AtLeast | StepSequence, arrays: ShardArrays, window: ExposureWindow
) -> _RowsByBehaviour:
    """Find the people who did one step (so many times within some time), or one step and later another."""
    if isinstance(family, StepSequence):
        firsts, thens = (np.flatnonzero(arrays.mark_step(step)) for step in (family.first, family.then))
        first = next_marked(firsts, window.start, none=arrays.bounds.rows)
        row = next_marked(thens, first + 1, none=arrays.bounds.rows)
        person = np.flatnonzero(row < window.stop)
        return {"": (person, row[person])}
    marked = np.flatnonzero(arrays.mark_step(family.step))
    start = np.searchsorted(marked, window.start)
    if isinstance(family, Happened):
        times_within: dict[str, tuple[int, Ints]] = {"": (1, window.stop)}
    else:
        times_within = {
            label_threshold(times, within): (times, _find_stop_within(arrays, window, within))
            for within in family.within
            for times in family.times
        }
    found = {}
    for name, (times, stop) in times_within.items():
        person = np.flatnonzero(start + times <= np.searchsorted(marked, stop))
        found[name] = person, marked[start[person] + times - 1]
    return found


def _find_stop_within(arrays: ShardArrays, window: ExposureWindow, within: tuple[int, str] | None) -> Ints:
    if within is None or arrays.time is None or not len(arrays.time):
        return window.stop
    return window.find_stop(arrays.time, window.since + within[0])


def label_threshold(times: int, within: tuple[int, str] | None) -> str:
    """Name a threshold.

    Examples
    --------
    >>> label_threshold(1, (1, "3d")), label_threshold(3, None)
    ('within the first 3d', '3 times or more')
    """
    often = f"{times} times or more" if times > 1 else "once or more"
    words = [often] if times > 1 or within is None else []
    return " ".join([*words, f"within the first {within[1]}"] if within is not None else words)


def count(view: View, spec: CorrelationSpec) -> pl.DataFrame:
    """Count, for one shard, how many people did each behaviour and how many of them converted.

    Return one row per `kind`, `family`, `behaviour` and `stratum`: `people`, and how many of them `converted`. The kind
    is "cell" for people who did a behaviour, "total" for everybody who is compared, "not compared" for the others
    (`behaviour` is the reason), "ever" for converters who did a behaviour at any time. Two kinds count rows instead of
    people: "rows" those that count, by whether their person converted; "own", for a goal that is a condition, those of
    each event, by whether they satisfy it.
    """
    arrays = read_arrays(view, spec)
    window = arrays.open_window(spec)
    stratum, strata = assign_strata(arrays, window, spec)
    group = stratum * 2 + window.converted
    groups = 2 * len(strata)
    frames = [_to_rows("total", -1, [""], np.bincount(group, minlength=groups)[np.newaxis, :], strata)]
    for number, family in enumerate(spec.families):
        names, cells = count_family(family, arrays, window, group=group, groups=groups)
        frames.append(_to_rows("cell", number, names, cells, strata))
        if isinstance(family, EveryEvent):
            # what converters did only after converting is a consequence
            converters = window.keep_people(window.converted)
            converters = replace(converters, stop=converters.end)
            ones = np.ones(len(converters.code), np.int64)
            _, ever = count_family(family, arrays, converters, group=ones, groups=2)
            frames.append(_to_rows("ever", number, names, ever, [None]))
    reasons = sorted(window.not_compared)
    people = np.array([[window.not_compared[reason], 0] for reason in reasons], np.int64).reshape(-1, 2)
    frames.append(_to_rows("not compared", -1, reasons, people, [None]))
    lengths = window.stop - window.start
    rows = np.array([[lengths[~window.converted].sum(), lengths[window.converted].sum()]], np.int64)
    frames.append(_to_rows("rows", -1, [""], rows, [None]))
    if spec.goal.events is None and len(arrays.event):
        every = np.bincount(arrays.event, minlength=len(spec.names))
        own = np.bincount(arrays.event[arrays.mark_step(spec.goal)], minlength=len(spec.names))
        cells = np.stack([every - own, own], axis=1)
        frames.append(_to_rows("own", -1, list(spec.names), cells, [None]))
    return pl.concat(frames)


def _to_rows(kind: str, family: int, names: list[str], cells: Ints, strata: list[str | None]) -> pl.DataFrame:
    """Lay the counts of groups (stratum × not converted, converted) out as rows; drop those that are empty."""
    shaped = cells.reshape(len(names), len(strata), 2)
    frame = pl.DataFrame(
        {
            "kind": kind,
            "family": pl.Series([family] * (len(names) * len(strata)), dtype=pl.Int64),
            "behaviour": pl.Series(names, dtype=pl.String).repeat_by(len(strata)).explode(empty_as_null=False),
            "stratum": pl.Series(strata * len(names), dtype=pl.String),
            "people": pl.Series(shaped.sum(axis=2).ravel(), dtype=pl.Int64),
            "converted": pl.Series(shaped[:, :, 1].ravel(), dtype=pl.Int64),
        },
        schema=_SCHEMA,
    )
    return frame.filter(pl.col("people") > 0) if kind in {"cell", "total"} and len(strata) > 1 else frame


def assign_strata(arrays: ShardArrays, window: ExposureWindow, spec: CorrelationSpec) -> tuple[Ints, list[str | None]]:
    """Put each person into a stratum; without any, all are in one."""
    size = len(window.code)
    if spec.strata is None:
        return np.zeros(size, np.int64), [None]
    if spec.strata == ACTIVITY:
        events = window.stop - window.start
        level = np.ceil(np.log2(events + 1)).astype(np.int64)  # 0, 1, 2–3, 4–7, 8–15 … events
        return level, [_label_level(number) for number in range(int(level.max(initial=0)) + 1)]
    if spec.strata.startswith("every "):
        moment = pl.Series(window.since, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
        text = moment.dt.truncate(spec.strata.removeprefix("every ")).dt.strftime("%Y-%m-%d")
    else:
        text, _ = arrays.look_up_trait(spec.strata, window)
    values = text.drop_nulls().unique().sort().to_list()
    codes = text.cast(pl.Enum(values)).to_physical().cast(pl.Int64)
    return codes.fill_null(len(values)).to_numpy(), [*values, None]  # the last is that of people without a value


def _label_level(number: int) -> str:
    low, high = (1 << number) >> 1, (1 << number) - 1
    return f"{low}" if low == high else f"{low}–{high}"
