"""When a call happened: Segment's four times, and the device's clock set right."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.sources.fields import Fields
from journeys.sources.times import UTC_TIME

__all__ = ["call_time"]


def call_time(f: Fields, names: Sequence[str]) -> tuple[pl.Expr, pl.Expr, pl.Expr | None]:
    """Give a call's time, whether it names one at all, and how far its device's clock was off.

    `names`: the corrected time, the time on the device, when it was sent by the device's clock, when it was received.
    """
    timestamp, original, sent, received = names
    present = [name for name in names if f.has(name)]
    timed = pl.any_horizontal(f.text(name).is_not_null() for name in present) if present else pl.lit(value=False)
    times = {name: f.time(name) for name in present}
    nothing = pl.lit(None, dtype=UTC_TIME)
    choices = [times.get(timestamp, nothing)]
    skew = None
    if received in times and sent in times:
        skew = times[sent] - times[received]
        if original in times:
            choices.append(times[received] - (times[sent] - times[original]))
    choices += [times[name] for name in (original, received) if name in times]
    return pl.coalesce(choices), timed, skew
