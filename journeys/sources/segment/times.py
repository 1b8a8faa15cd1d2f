"""When a call happened: Segment's four times, and the device's clock set right."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.events.time_zones import note_assumed_zone
from journeys.events.times import UTC_TIME, TimeParser
from journeys.sources.fields import Fields

__all__ = ["assumed", "call_time"]


def call_time(f: Fields, names: Sequence[str]) -> tuple[pl.Expr, pl.Expr, pl.Expr | None]:
    """Give a call's time, whether it names one at all, and how far its device's clock was off.

    `names`: the corrected time, the time on the device, when it was sent by the device's clock, when it was received.
    """
    _, _, sent, received = names
    present = [name for name in names if f.has(name)]
    if not present:
        return pl.lit(None, dtype=UTC_TIME), pl.lit(value=False), None
    timed = pl.any_horizontal(f.text(name).is_not_null() for name in present)
    parsers = {name: f.time(name) for name in present}
    raws = pl.struct(f.raw(name).alias(name) for name in present)
    dtypes = {name: f.dtype(name) for name in present}

    def read(batch: pl.Series) -> pl.Series:
        return _read(batch.struct.unnest(), dtypes, names)

    skew = parsers[sent] - parsers[received] if sent in parsers and received in parsers else None
    return raws.map_batches(read, return_dtype=UTC_TIME, is_elementwise=True), timed, skew


def assumed(rows: pl.LazyFrame, f: Fields, names: Sequence[str]) -> list[str]:
    """Say what was assumed of the first calls' times, if they name no zone."""
    return note_assumed_zone(rows, *(f.raw(name) for name in names if f.has(name)))


def _read(calls: pl.DataFrame, dtypes: dict[str, pl.DataType], names: Sequence[str]) -> pl.Series:
    """Read the corrected time, and the other three only of the calls that lack it: most logs never do."""
    timestamp, original, sent, received = names
    time = pl.Series([None] * calls.height, dtype=UTC_TIME)
    if timestamp in dtypes:
        time = _parsed(calls, timestamp, dtypes)
    missing = time.is_null()
    if not missing.any():
        return time
    some = calls.filter(missing)
    nothing = pl.Series([None] * some.height, dtype=UTC_TIME)
    times = {name: _parsed(some, name, dtypes) if name in dtypes else nothing for name in (original, sent, received)}
    frame = pl.DataFrame({"o": times[original], "s": times[sent], "r": times[received]})
    rebuilt = frame.select(pl.coalesce(pl.col("r") - (pl.col("s") - pl.col("o")), "o", "r")).to_series()
    return time.scatter(missing.arg_true(), rebuilt)


def _parsed(calls: pl.DataFrame, name: str, dtypes: dict[str, pl.DataType]) -> pl.Series:
    return calls.select(TimeParser().parse(pl.col(name), dtypes[name], column=name)).to_series()
