"""One shard → how many people took each step of each group, and how long it took them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.funnel.groups import number_groups
from journeys.analyses.funnel.select_attempts import NEVER, ShardAttempts, concat_attempts, map_parts
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log import View
from journeys.log.arrays import Ints
from journeys.parallel import parallel_map


def count(view: View, spec: FunnelSpec) -> pl.DataFrame:
    """Count the people at each step of each group, with the times between steps.

    Returns
    -------
    pl.DataFrame
        The keys of `by` (String), `step` (1-based), `entered`, `people`, `dropped`, `at_previous` (took the step that
        the rate is measured against), `continued` (took both), `late` (have the value of their group only from a
        later step; Int64), `from_previous` and `from_start` (List of Int64, µs).
    """
    if spec.by:
        parts = map_parts(view, spec, work=lambda part: part)
        keys, number = number_groups(view, concat_attempts(parts), spec=spec)
        groups = np.split(number, np.cumsum([len(part.person) for part in parts[:-1]], dtype=np.int64))
        counted = parallel_map(
            lambda one: _count_steps(*one, spec=spec, size=keys.height), zip(parts, groups, strict=True)
        )
    else:
        keys = pl.DataFrame({"": [0]})
        counted = map_parts(
            view,
            spec,
            work=lambda part: _count_steps(part, np.zeros(len(part.person), dtype=np.int8), spec=spec, size=1),
        )
    return pl.concat(
        [_add_parts(keys, [part[step] for part in counted], step=step) for step in range(spec.width)]
    ).drop("")


class _StepCounts(NamedTuple):
    """The counts of one step by group, and the times (µs) of the attempts that came from a step before."""

    entered: Ints
    people: Ints
    dropped: Ints
    continued: Ints
    at_previous: Ints
    late: Ints
    from_previous: Ints
    from_start: Ints
    group: Ints


def _count_steps(found: ShardAttempts, group: Ints, *, spec: FunnelSpec, size: int) -> list[_StepCounts]:
    """Count the attempts of a part step by step.

    For instance, the times (10, 12, 15) and (11, NEVER, NEVER) give 2, 1, 1 people; one dropped after the first step;
    2 and 3 since the previous step, 2 and 5 since the start.
    """
    counts: list[_StepCounts] = []
    first, before = np.full(len(found.person), NEVER), np.full(len(found.person), NEVER)
    last_step = found.last_step
    late = _count_groups(group, np.flatnonzero(found.is_late), size=size)
    for step, now in enumerate(found.time):
        line = np.flatnonzero(now != NEVER)
        came = line.compress(before.take(line) != NEVER) if step else line[:0]
        then = now.take(came)
        previous = found.has_taken(spec.previous_required(step)) if step else np.zeros(len(now), dtype=np.bool_)
        stopped = np.flatnonzero(last_step == step) if step < len(found.time) - 1 else line[:0]
        counts.append(
            _StepCounts(
                entered=_count_groups(group, size=size),
                people=_count_groups(group, line, size=size),
                dropped=_count_groups(group, stopped, size=size),
                continued=_count_groups(group, line.compress(previous.take(line)), size=size),
                at_previous=_count_groups(group, np.flatnonzero(previous), size=size),
                late=late,
                from_previous=np.maximum(then - before.take(came), 0),
                from_start=np.maximum(then - first.take(came), 0),
                group=group.take(came),
            )
        )
        enters = line.compress(first.take(line) == NEVER)
        first[enters] = now.take(enters)
        before[line] = now.take(line)
    return counts


def _add_parts(keys: pl.DataFrame, counts: Sequence[_StepCounts], *, step: int) -> pl.DataFrame:
    """Add up the counts of the parts for one step."""
    group = np.concatenate([one.group for one in counts])
    sums = {
        name: pl.Series(np.sum([getattr(one, name) for one in counts], axis=0), dtype=pl.Int64)
        for name in ("entered", "people", "dropped", "continued", "at_previous", "late")
    }
    times = {
        name: _list_by_group(np.concatenate([getattr(one, name) for one in counts]), group, size=keys.height)
        for name in ("from_previous", "from_start")
    }
    return keys.with_columns(pl.lit(step + 1, dtype=pl.Int64).alias("step"), **sums, **times)


def _count_groups(group: Ints, line: Ints | None = None, *, size: int) -> Ints:
    """Count the lines of each group; a single group needs no look at them."""
    if size == 1:
        return np.array([len(group) if line is None else len(line)], dtype=np.int64)
    return np.bincount(group if line is None else group[line], minlength=size)


def _list_by_group(values: Ints, group: Ints, *, size: int) -> pl.Series:
    """Collect the values of each group as one list per group."""
    if size == 1:
        return pl.Series("values", values, dtype=pl.Int64).implode()
    found = pl.DataFrame({"group": group, "values": values}).group_by("group").agg("values")
    everyone = pl.DataFrame({"group": np.arange(size, dtype=np.int64)})
    lists = everyone.join(found, on="group", how="left", maintain_order="left")["values"]
    return lists.cast(pl.List(pl.Int64)).fill_null([])
