"""The rows of all sources under each other, each with its person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.assign import NOBODY, SHARED, Assigned
from journeys.identity.reading import Reading
from journeys.parallel import parallel_take

__all__ = ["join_log"]

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

_REASONS = {NOBODY: "no usable identifier", SHARED: "names nobody on a shared identifier"}


def join_log(
    readings: Sequence[Reading], assigned: Assigned, *, combinations: Sequence[Numbers], person: Ints
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put the events of all sources under each other, each with its person; set apart those that are nobody's."""
    source = pl.col("source").cast(pl.Enum(sorted({one.name for one in readings})))
    names = pl.concat(one.frame["event"].dtype.categories for one in readings).unique().sort()  # type: ignore[attr-defined]
    event = pl.col("event").cast(pl.Enum(names))
    # whose each combination is, and below zero why it is nobody's
    owner = assigned.owner
    number = np.where(owner >= 0, person[owner], owner) if person.size else owner
    if number.max(initial=0) < 1 << 31:
        number = number.astype(np.int32)  # half the room for as many rows
    frames, apart = [], []
    for at, one in enumerate(readings):
        whose = parallel_take(number, combinations[2 * at])
        rows, given = assigned.given[2 * at]
        whose[rows] = np.where(given >= 0, person[given], given)
        frame = one.frame.drop("message_id", strict=False).with_columns(source, event)
        good = whose >= 0
        if not good.all():
            reason = pl.Series("reason", whose[~good]).replace_strict(_REASONS, return_dtype=pl.String)
            bad = frame.filter(pl.Series(~good)).rename({"reason": "reason (as read)"}, strict=False)
            apart.append(bad.select(reason, pl.all()).cast({"event": pl.String}))
            frame, whose = frame.filter(pl.Series(good)), whose[good]
        frames.append(frame.select(pl.Series("person", whose), pl.all()))
    table = pl.concat(_agreeing(frames), how="diagonal_relaxed", rechunk=False)
    if not apart:
        none = table.clear().cast({"event": pl.String}).rename({"reason": "reason (as read)"}, strict=False)
        return table, none.select(pl.lit("").alias("reason"), pl.exclude("person"))
    return table, pl.concat(_agreeing(apart), how="diagonal_relaxed")


def _agreeing(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Make text of the properties that are numbers in one source and text, or something else, in another."""
    kinds: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, kind in frame.schema.items():
            if kind != pl.Null:
                kinds.setdefault(name, set()).add(kind)
    mixed = [name for name, found in kinds.items() if len(found) > 1 and not all(one.is_numeric() for one in found)]
    if not mixed:
        return frames
    return [
        frame.with_columns(
            pl.col(name).struct.json_encode()
            if isinstance(frame.schema[name], pl.Struct)
            else pl.col(name).cast(pl.String)
            for name in mixed
            if name in frame.columns and not isinstance(frame.schema[name], pl.List)
        )
        for frame in frames
    ]
