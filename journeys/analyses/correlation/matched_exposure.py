"""Fit `exposure="matched"`: for how long those who did not convert are observed, and how many of them are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from journeys.analyses.correlation.shard_arrays import read_arrays
from journeys.analyses.correlation.spec import CorrelationSpec, Matched
from journeys.analyses.protocol import JourneysProtocol
from journeys.log import View
from journeys.log.arrays import Ints

_PARTS = 20
_MOST_TIMES = 10_000


def collect_times(journeys: JourneysProtocol, spec: CorrelationSpec) -> tuple[Ints, Ints]:
    """Collect how long converters took and how long the others could be observed, ascending, in microseconds."""
    samples = journeys._count_shards(count_times, spec)
    times, others = (
        samples[name].explode(empty_as_null=False).drop_nulls().sort().to_numpy() for name in ("converted", "others")
    )
    return times, others


def fit_matched(times: Ints, others: Ints) -> Matched:
    """Work out how to cut those who did not convert to the times that converters took (see `collect_times`).

    The converters' times are cut into twenty equal parts. In each, some share of the others could be observed that
    long; they are thinned so that every part has as many of them for each converter.
    """
    if not len(times) or not len(others):
        return Matched()
    times, others = _thin(times), _thin(others)
    parts = min(_PARTS, len(times))
    rank = np.arange(len(others)) * len(times) // len(others)
    part = rank * parts // len(times)
    possible = np.bincount(part, weights=times[rank] <= others, minlength=parts)
    share = possible / np.maximum(np.bincount(part, minlength=parts), 1)
    # where hardly anyone was observed that long, matching the rest to it would leave almost nobody
    usable = share >= 0.1 * share.max()
    keep = np.where(usable, share[usable].min(initial=1.0) / np.maximum(share, 1e-300), 0.0)
    return Matched(tuple(times.tolist()), tuple(others.tolist()), tuple(np.minimum(keep, 1.0).tolist()))


def count_times(view: View, spec: CorrelationSpec) -> pl.DataFrame:
    """List the times of one shard."""
    window = read_arrays(view, replace(spec, families=()), time=True).open_window(spec)
    return pl.DataFrame(
        {"converted": [window.at_risk[window.converted]], "others": [window.at_risk[~window.converted]]},
        schema={"converted": pl.List(pl.Int64), "others": pl.List(pl.Int64)},
    )


def _thin(values: Ints) -> Ints:
    """Take at most ten thousand of sorted values, evenly."""
    if len(values) <= _MOST_TIMES:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_TIMES).round().astype(np.int64)]
