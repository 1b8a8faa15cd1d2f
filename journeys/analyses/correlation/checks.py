"""Which numbers of the table should not be told as findings, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from journeys.analyses.correlation.ask import Ask, Before, EveryEvent, Matched
from journeys.analyses.correlation.columns import read_columns
from journeys.analyses.correlation.count import count, count_times
from journeys.analyses.correlation.summary import add_up, cell_columns
from journeys.analyses.correlation.window import Ints
from journeys.analyses.protocol import JourneysProtocol
from journeys.log import View
from journeys.stats import phi_table

if TYPE_CHECKING:
    from journeys.analyses.correlation.result import Correlation

__all__ = ["count_last", "doubts", "match"]

_PARTS = 20
_MOST_TIMES = 10_000
_MOMENT_US = 60_000_000


def match(journeys: JourneysProtocol, ask: Ask) -> Ask:
    """Work out how to cut those who did not convert to the lengths of the converters' ways.

    The converters' times are cut into twenty equal parts. In each, some share of the others could be watched that long;
    they are thinned so that every part has as many of them for each converter.
    """
    samples = journeys._count_shards(count_times, ask)
    times = samples["converted"].explode(empty_as_null=False).drop_nulls().sort().to_numpy()
    others = samples["others"].explode(empty_as_null=False).drop_nulls().sort().to_numpy()
    if not len(times) or not len(others):
        return replace(ask, exposure=Matched())
    times, others = _sample(times), _sample(others)
    parts = min(_PARTS, len(times))
    rank = np.arange(len(others)) * len(times) // len(others)
    part = rank * parts // len(times)
    possible = np.bincount(part, weights=times[rank] <= others, minlength=parts)
    share = possible / np.maximum(np.bincount(part, minlength=parts), 1)
    # Where hardly anyone was watched that long, matching the rest to it would throw almost everybody away.
    usable = share >= 0.1 * share.max()
    keep = np.where(usable, share[usable].min(initial=1.0) / np.maximum(share, 1e-300), 0.0)
    exposure = Matched(tuple(times.tolist()), tuple(others.tolist()), tuple(np.minimum(keep, 1.0).tolist()))
    return replace(ask, exposure=exposure)


def _sample(values: Ints) -> Ints:
    """Take at most ten thousand of sorted values, evenly."""
    if len(values) <= _MOST_TIMES:
        return values
    return values[np.linspace(0, len(values) - 1, _MOST_TIMES).round().astype(np.int64)]


def count_last(view: View, ask: Ask) -> pl.DataFrame:
    """Count, by event, the converters whose last row before converting it was, less than a minute before."""
    columns = read_columns(view, ask, time=True)
    window = columns.window(ask)
    who = window.converted & (window.stop > window.start)
    stop = window.stop[who]
    if columns.time is None or not len(columns.event) or not len(stop):
        return pl.DataFrame(schema={"behaviour": pl.String, "people": pl.Int64})
    near = columns.time[stop] - columns.time[stop - 1] < _MOMENT_US
    found = np.bincount(columns.event[stop[near] - 1], minlength=len(ask.names))
    return pl.DataFrame({"behaviour": list(ask.names), "people": found}, schema_overrides={"people": pl.Int64})


def doubts(result: Correlation) -> pl.DataFrame:
    """Add `phi_matched` and `doubt` to the table."""
    table = result.table.with_columns(phi_matched=pl.lit(None, dtype=pl.Float64), p_matched=pl.lit(None, pl.Float64))
    equal = not isinstance(result.ask.exposure, Before)
    usable = 0 < result.cells.converted < result.cells.people and table["phi"].is_not_null().any()
    if not equal and usable:
        matched = match(result._journeys, result.ask)
        cells = add_up(result._journeys._count_shards(count, matched), matched)
        again = cell_columns(cells.table.rename({"behaviour": "value"}), cells.people, cells.converted)
        measured = phi_table(*(again[name] for name in ("both", "behaviour_only", "conversion_only", "neither")))
        again = again.select("family", "value").with_columns(
            phi_matched=pl.Series(measured.phi).fill_nan(None), p_matched=pl.Series(measured.p_value).fill_nan(None)
        )
        table = table.drop("phi_matched", "p_matched").join(again, on=["family", "value"], how="left")
    right_before: list[str] = []
    if usable and any(isinstance(family, EveryEvent) for family in result.ask.families):
        last = result._journeys._count_shards(count_last, result.ask).group_by("behaviour").agg(pl.col("people").sum())
        right_before = sorted(last.filter(pl.col("people") >= 0.8 * result.cells.converted)["behaviour"])
    did, late = pl.col("both") + pl.col("behaviour_only"), pl.col("only_after")
    doubt = (
        pl.when(late > did)
        .then(pl.format("{} of the {} who did it did so only after converting", late, did + late))
        .when(pl.col("phi") > 0.9)
        .then(pl.lit("too good to be true: look for a leak"))
        .when(pl.col("behaviour").is_in(right_before) & (pl.col("phi") > 0))
        .then(pl.lit("comes within a minute before the conversion: a part of it"))
        .when(
            pl.lit(not equal and usable)
            & pl.col("phi").is_not_null()
            & (pl.col("q_value") <= 0.05)
            & ((pl.col("phi_matched") * pl.col("phi")).fill_null(-1) <= 0).or_(pl.col("p_matched").fill_null(1) > 0.05)
        )
        .then(pl.lit("does not hold once everybody is watched equally long"))
    )
    order = ["phi", "behaviour", "family", "value"]
    return (
        table.with_columns(doubt=doubt)
        .drop("p_matched")
        .sort(order, descending=[True, False, False, False], nulls_last=True)
    )
