"""Who did which behaviour of a family, and by which row: the one meaning of "did it" for every kind of behaviour."""

from __future__ import annotations

from collections.abc import Sequence as Sequential
from typing import TypeAlias

import numpy as np

from journeys.analyses.correlation.distinct_people import FirstRows, count_codes, find_first_rows
from journeys.analyses.correlation.exposure_window import ExposureWindow
from journeys.analyses.correlation.shard_arrays import ShardArrays
from journeys.analyses.correlation.spec import AtLeast, EveryEvent, Family, Happened, Sequence, Trait, Values
from journeys.log.arrays import Bools, Ints, next_marked


def count_family(
    family: Family, arrays: ShardArrays, window: ExposureWindow, *, group: Ints, groups: int
) -> tuple[list[str], Ints]:
    """Count the people of each group who did each behaviour of a family.

    Returns
    -------
    tuple
        The names of the behaviours, and an array of behaviours × groups.
    """
    if isinstance(family, EveryEvent | Values):
        codes, names = _encode(family, arrays)
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
    family: Family, arrays: ShardArrays, window: ExposureWindow, *, only: Sequential[str] | None = None
) -> tuple[list[str], FirstRows]:
    """Find by which row each person had done each behaviour of a family.

    Parameters
    ----------
    family
        The behaviours.
    arrays, window
        The shard, and the rows that count.
    only
        The behaviours wanted, in this order; all without it.

    Returns
    -------
    tuple
        The names of the behaviours, and one entry per person and behaviour done.
    """
    if isinstance(family, EveryEvent | Values):
        codes, names = _encode(family, arrays)
        if only is not None:
            lookup = np.full(len(names) + 1, len(only), np.int32)
            number = {name: code for code, name in enumerate(names)}
            for new, name in enumerate(only):
                if name in number:
                    lookup[number[name]] = new
            codes, names = lookup[codes], list(only)
        return names, find_first_rows(codes, window, behaviours=len(names))
    rows = _trait_rows(family, arrays, window) if isinstance(family, Trait) else _step_rows(family, arrays, window)
    names = list(rows) if only is None else list(only)
    empty = np.empty(0, np.int64)
    each = [rows.get(name, (empty, empty)) for name in names]
    behaviour = np.repeat(np.arange(len(names)), [len(person) for person, _ in each])
    person, row = (np.concatenate([empty, *(one[side] for one in each)]) for side in (0, 1))
    return names, FirstRows(behaviour, person, row)


_Rows: TypeAlias = dict[str, tuple[Ints, Ints]]  # behaviour → people who did it, and the row of each


def _encode(family: EveryEvent | Values, arrays: ShardArrays) -> tuple[Ints, list[str]]:
    if isinstance(family, EveryEvent):
        return arrays.event, list(arrays.names)
    return arrays.encode_values(family)


def _trait_rows(family: Trait, arrays: ShardArrays, window: ExposureWindow) -> _Rows:
    """Find the people of each value of a column of people, and the row by which it was known."""
    text, row = arrays.people_column(family.column, window)
    groups = text.to_frame("value").with_row_index("person").drop_nulls().group_by("value").agg("person").sort("value")
    people = {name: np.asarray(person, np.int64) for name, person in groups.iter_rows()}
    return {name: (person, row[person]) for name, person in people.items()}


def _step_rows(family: Happened | AtLeast | Sequence, arrays: ShardArrays, window: ExposureWindow) -> _Rows:
    """Find the people who did one step (so many times within some time), or one step and later another."""
    if isinstance(family, Sequence):
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
            threshold_label(times, within): (times, _stop_within(arrays, window, within))
            for within in family.within
            for times in family.times
        }
    found = {}
    for name, (times, stop) in times_within.items():
        person = np.flatnonzero(start + times <= np.searchsorted(marked, stop))
        found[name] = person, marked[start[person] + times - 1]
    return found


def _stop_within(arrays: ShardArrays, window: ExposureWindow, within: tuple[int, str] | None) -> Ints:
    if within is None or arrays.time is None or not len(arrays.time):
        return window.stop
    return window.stop_after(arrays.time, window.since + within[0])


def threshold_label(times: int, within: tuple[int, str] | None) -> str:
    """Name a threshold.

    Examples
    --------
    >>> threshold_label(1, (1, "3d")), threshold_label(3, None)
    ('within the first 3d', '3 times or more')
    """
    often = f"{times} times or more" if times > 1 else "once or more"
    words = [often] if times > 1 or within is None else []
    return " ".join([*words, f"within the first {within[1]}"] if within is not None else words)
