"""A number of the table → its people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from journeys.analyses.funnel.count import ShardAttempts, find_shard_attempts, key_groups
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import fold_small_groups, label_groups
from journeys.arrays import Bools
from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class FunnelSelection:
    """Which people: those whose counted attempt took a step, or got no further than it.

    Attributes
    ----------
    spec : FunnelSpec
        The funnel.
    step : int
        The table row, from 0.
    dropped : bool
        Only those who got no further.
    group : tuple of (column, label)
        Only those of a group of the breakdown.
    listed : pl.DataFrame, optional
        The keys of the groups in the table; all others are in "(other)".
    before : int, optional
        Only those who took the step up to this moment (µs).
    """

    spec: FunnelSpec
    step: int
    dropped: bool = False
    group: tuple[tuple[str, str], ...] = ()
    listed: pl.DataFrame | None = None
    before: int | None = None


def select_entered(view: View, spec: FunnelSpec) -> pl.Series:
    """Return the codes of the people who entered, at whichever step."""
    return pl.Series("code", np.unique(find_shard_attempts(view, spec).person), dtype=pl.UInt32)


def select_others(view: View, codes: pl.Series) -> pl.Series:
    """Return the codes of everyone in a shard but some people."""
    known = view.people.select("code").collect()["code"]
    return known.filter(~known.is_in(codes.implode()))


def select_people(view: View, selection: FunnelSelection) -> pl.Series:
    """Return the codes of the people behind a number."""
    found = find_shard_attempts(view, selection.spec)
    if not selection.dropped:
        kept = found.has_taken(selection.step)
    else:  # no one drops off after the last step
        kept = (found.last_step == selection.step) & (selection.step < selection.spec.step_count - 1)
    if selection.before is not None:
        kept &= found.time[selection.step] <= selection.before
    if selection.listed is not None:
        kept &= mark_group(view, found, spec=selection.spec, group=selection.group, listed=selection.listed)
    return pl.Series("code", np.unique(found.person[kept]), dtype=pl.UInt32)


def mark_group(
    view: View, found: ShardAttempts, *, spec: FunnelSpec, group: tuple[tuple[str, str], ...], listed: pl.DataFrame
) -> Bools:
    """Mark the attempts of a group, given by column and label; for `listed`, see `FunnelSelection`."""
    shown = label_groups(fold_small_groups(key_groups(view, found, spec=spec), listed), spec=spec)
    is_in_group = pl.all_horizontal(pl.col(name) == label for name, label in group)
    return shown.select(is_in_group.alias("kept"))["kept"].to_numpy()
