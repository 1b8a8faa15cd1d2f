"""What could mislead about the numbers of a table: of all of it in short lines, of single behaviours as a doubt."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.correlation.count import count
from journeys.analyses.correlation.matched_exposure import fit_matched
from journeys.analyses.correlation.shard_arrays import read_arrays
from journeys.analyses.correlation.spec import Before, CorrelationSpec, EveryEvent
from journeys.analyses.correlation.summarise import CELLS, BehaviourCounts, add_up, cell_columns
from journeys.analyses.protocol import JourneysProtocol
from journeys.log import View
from journeys.stats import phi_table
from journeys.stats.tables import expected_minimum

__all__ = ["add_doubts", "list_cautions"]

_MOMENT_US = 60_000_000


def list_cautions(table: pl.DataFrame, counts: BehaviourCounts, spec: CorrelationSpec) -> list[str]:
    """List in short lines what could mislead about a table."""
    people, converted = counts.people, counts.converted
    if not 0 < converted < people:
        return []
    from journeys.display import percent, plural

    lines = []
    small = min(converted, people - converted)
    if small < 30:
        side = "converted" if small == converted else "did not convert"
        lines.append(f"Only {plural(small, 'person', 'people')} {side}.")
    if people / small > 10:
        side = "convert" if small == converted else "do not convert"
        lines.append(f"Few people {side} ({percent(small / people)}): phi stays small, so read the rates as well.")
    defined = table.filter(pl.col("phi").is_not_null())
    exact = int((expected_minimum(*(defined[name] for name in CELLS)) < 5).sum())
    if exact:
        lines.append(f"Fisher's exact test was used for {plural(exact, 'behaviour')} with small cells.")
    leaks = defined.filter(pl.col("phi") > 0.9)["behaviour"].to_list()
    if leaks:
        lines.append(f"Too good to be true, look for a leak: {', '.join(leaks)}.")
    return lines + _exposure_cautions(defined, counts, spec)


def _exposure_cautions(defined: pl.DataFrame, counts: BehaviourCounts, spec: CorrelationSpec) -> list[str]:
    """Warn when a longer time to do things could by itself explain what the table shows."""
    if not isinstance(spec.exposure, Before):
        return []
    others, converters = counts.rows
    long = others / max(counts.people - counts.converted, 1)
    short = converters / max(counts.converted, 1)
    below = int((defined["phi"] < 0).sum())
    above = int((defined["phi"] > 0).sum())
    unequal = max(long, short) >= 1.5 * max(min(long, short), 1e-9)
    if defined.height < 4 or not unequal or max(below, above) < 0.75 * defined.height:
        return []
    from journeys.display import number

    look = "bad" if below > above else "good"
    less, more = (number(mean) if mean >= 10 else f"{mean:.1f}" for mean in (short, long))
    line = f"Before converting, people did {less} things on average, the others {more}"
    fair = "with everybody observed equally long" if look == "bad" else "among people who are equally active"
    return [f"{line}: that alone makes most behaviours look {look}. Compare {fair}."]


def add_doubts(
    journeys: JourneysProtocol, table: pl.DataFrame, counts: BehaviourCounts, spec: CorrelationSpec
) -> pl.DataFrame:
    """Add `phi_matched` and, for a behaviour that should not be reported as a finding, the `doubt` about it."""
    table = table.with_columns(phi_matched=pl.lit(None, dtype=pl.Float64), p_matched=pl.lit(None, pl.Float64))
    equal = not isinstance(spec.exposure, Before)
    usable = 0 < counts.converted < counts.people and table["phi"].is_not_null().any()
    if not equal and usable:
        matched = fit_matched(journeys, spec)
        cells = add_up(journeys._count_shards(count, matched), matched)
        again = cell_columns(cells.table.rename({"behaviour": "value"}), cells.people, cells.converted)
        measured = phi_table(*(again[name] for name in CELLS))
        again = again.select("family", "value").with_columns(
            phi_matched=pl.Series(measured.phi).fill_nan(None), p_matched=pl.Series(measured.p_value).fill_nan(None)
        )
        table = table.drop("phi_matched", "p_matched").join(again, on=["family", "value"], how="left")
    right_before: list[str] = []
    if usable and any(isinstance(family, EveryEvent) for family in spec.families):
        last = journeys._count_shards(count_last, spec).group_by("behaviour").agg(pl.col("people").sum())
        right_before = sorted(last.filter(pl.col("people") >= 0.8 * counts.converted)["behaviour"])
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


def count_last(view: View, spec: CorrelationSpec) -> pl.DataFrame:
    """Count, by event, the converters whose last row before converting it was, less than a minute before."""
    arrays = read_arrays(view, spec, time=True)
    window = arrays.open_window(spec)
    who = window.converted & (window.stop > window.start)
    stop = window.stop[who]
    if arrays.time is None or not len(arrays.event) or not len(stop):
        return pl.DataFrame(schema={"behaviour": pl.String, "people": pl.Int64})
    near = arrays.time[stop] - arrays.time[stop - 1] < _MOMENT_US
    found = np.bincount(arrays.event[stop[near] - 1], minlength=len(spec.names))
    return pl.DataFrame({"behaviour": list(spec.names), "people": found}, schema_overrides={"people": pl.Int64})
