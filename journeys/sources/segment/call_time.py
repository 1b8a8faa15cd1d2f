"""The time of a Segment call: its corrected timestamp, or one rebuilt from the device's and the server's clocks."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.events.time_zones import note_assumed_zone
from journeys.events.times import UTC_TIME, TimeParser
from journeys.sources.fields import Fields

__all__ = ["compute_call_time", "note_assumptions"]


def compute_call_time(f: Fields, names: Sequence[str]) -> tuple[pl.Expr, pl.Expr, pl.Expr | None]:
    """Give a call's time, the text it was read from, and how far the device's clock was off.

    A call without a corrected time gets `received - (sent - original)`, which takes the device's error out:

        timestamp  original  sent   received  time
        10:00      10:02     10:03  10:01     10:00
        null       10:02     10:03  10:01     10:00    (the device is 2 minutes ahead)
        null       10:02     null   10:01     10:02

    Parameters
    ----------
    f : Fields
        The columns of the calls.
    names : sequence of str
        The columns of the corrected time, the time on the device, the time of sending by the device's clock, and the
        time of receipt.
    """
    _, _, sent, received = names
    present = [name for name in names if f.has(name)]
    if not present:
        return pl.lit(None, dtype=UTC_TIME), pl.lit(None, dtype=pl.String), None
    parsed = {name: f.time(name) for name in present}
    clocks = pl.struct(f.raw(name).alias(name) for name in present)
    dtypes = {name: f.dtype(name) for name in present}

    def compute(batch: pl.Series) -> pl.Series:
        return _compute_batch(batch.struct.unnest(), dtypes, names)

    time = clocks.map_batches(compute, return_dtype=UTC_TIME, is_elementwise=True)
    skew = parsed[sent] - parsed[received] if sent in parsed and received in parsed else None
    return time, f.time_text(*present), skew


def note_assumptions(rows: pl.LazyFrame, f: Fields, names: Sequence[str]) -> list[str]:
    """Say what was assumed of the first calls' times, if they name no zone."""
    return note_assumed_zone(rows, *(f.raw(name) for name in names if f.has(name)))


def _compute_batch(calls: pl.DataFrame, dtypes: dict[str, pl.DataType], names: Sequence[str]) -> pl.Series:
    """Read the corrected time, and the other three only for calls that lack it: in most logs none does."""
    timestamp, original, sent, received = names
    time = pl.Series([], dtype=UTC_TIME).extend_constant(None, calls.height)
    if timestamp in dtypes:
        time = _parse(calls, timestamp, dtypes)
    missing = time.is_null()
    if not missing.any():
        return time
    some = calls.filter(missing)
    nothing = pl.Series([], dtype=UTC_TIME).extend_constant(None, some.height)
    times = {name: _parse(some, name, dtypes) if name in dtypes else nothing for name in (original, sent, received)}
    clocks = pl.DataFrame({"original": times[original], "sent": times[sent], "received": times[received]})
    delay = pl.col("sent") - pl.col("original")
    rebuilt = clocks.select(pl.coalesce(pl.col("received") - delay, "original", "received")).to_series()
    return time.scatter(missing.arg_true(), rebuilt)


def _parse(calls: pl.DataFrame, name: str, dtypes: dict[str, pl.DataType]) -> pl.Series:
    return calls.select(TimeParser().parse(pl.col(name), dtypes[name], column=name)).to_series()
