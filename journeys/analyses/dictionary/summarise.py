"""Counts → the table of events, with the state of each, and the table of their properties."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from journeys.analyses.dictionary.spec import BEFORE, EXAMPLES, MAX_Q, MIN_EVENTS, RECENT, DictionarySpec
from journeys.log.log import Size
from journeys.stats import adjust, poisson_rates


def summarise_properties(values: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Compute the filled share of each property of each event, and its most frequent values as examples.

    Values of a single person are no examples: they may be personal, and are not typical.
    """
    total = values.group_by("event", "property", "value").agg(pl.col("rows", "people").sum())
    ranked = total.sort("event", "property", "rows", "value", descending=[False, False, True, False])
    shared = pl.col("value").filter((pl.col("people") > 1) & (pl.col("value") != ""))
    found = ranked.group_by("event", "property").agg(
        pl.col("rows").sum().alias("filled_rows"), shared.head(EXAMPLES).alias("examples")
    )
    joined = found.with_columns(pl.col("event").cast(pl.String)).join(rows.select("event", "rows"), on="event")
    table = joined.select("event", "property", filled=pl.col("filled_rows") / pl.col("rows"), examples="examples")
    return table.sort("event", "filled", "property", descending=[False, True, False])


def summarise_events(
    people: pl.DataFrame,
    days: pl.DataFrame,
    *,
    declared: Mapping[str, Mapping[str, str]] | None,
    size: Size,
    spec: DictionarySpec,
) -> pl.DataFrame:
    """Compute one row per event, declared ones that never occur included, most people first."""
    text = pl.col("event").cast(pl.String)
    counted = people.group_by(text).agg(
        pl.col("rows", "people").sum(), pl.col("first_seen").min(), pl.col("last_seen").max()
    )
    by_day = days.group_by(text).agg(
        pl.col("day").n_unique().cast(pl.Int64).alias("days_with"),
        pl.col("source").drop_nulls().unique().sort().alias("sources"),
        pl.col("recent", "before").sum(),
    )
    names = sorted({*counted["event"], *(declared or {})})
    every = pl.DataFrame({"event": names}, schema={"event": pl.String})
    joined = every.join(counted, on="event", how="left").join(by_day, on="event", how="left")
    filled = joined.with_columns(pl.col("rows", "people", "days_with", "recent", "before").fill_null(0))
    filled = filled.with_columns(
        pl.col("sources").fill_null([]), share_of_people=pl.col("people") / max(size.people, 1)
    )
    said = [(declared or {}).get(name, {}) for name in filled["event"]]
    described = filled.with_columns(
        pl.Series(key, [one.get(key) for one in said], dtype=pl.String) for key in ("means", "owner")
    )
    described = described.with_columns(
        is_declared=pl.Series([name in (declared or {}) for name in filled["event"]], dtype=pl.Boolean)
    )
    return _add_states(described, has_declarations=bool(declared), size=size, spec=spec)


def _add_states(table: pl.DataFrame, *, has_declarations: bool, size: Size, spec: DictionarySpec) -> pl.DataFrame:
    """Add `state`: whether an event is declared, is new, and arrives as often as before.

    The rate of the latest 7 days is compared with that of the 28 days before (fewer where the log is shorter) by the
    exact test of two Poisson rates; q-values are over all events that occur at least 30 times in the 35 days.
    """
    recent, before = table["recent"].to_numpy(), table["before"].to_numpy()
    observed = BEFORE
    if spec.recent is not None and size.first is not None:
        observed = min(BEFORE, max(spec.recent - size.first, BEFORE * 0))
    q_values = np.full(table.height, np.nan)
    enough = recent + before >= MIN_EVENTS
    if observed and enough.any():
        p_values = poisson_rates(recent[enough], before[enough], exposure=(RECENT / observed, 1.0))
        q_values[enough] = adjust(p_values)
    differs = pl.Series("differs", q_values <= MAX_Q)  # NaN compares as False
    is_fewer = differs & pl.Series(recent * (observed / RECENT) < before)
    starts_late = pl.col("first_seen") > spec.recent if spec.recent is not None and observed else pl.lit(value=False)
    state = (
        pl.when(pl.col("rows") == 0)
        .then(pl.lit("declared, never seen"))
        .when(~pl.col("is_declared") & has_declarations)
        .then(pl.lit("undeclared"))
        .when(starts_late)
        .then(pl.lit("new"))
        .when(is_fewer & (pl.col("recent") == 0))
        .then(pl.lit("gone"))
        .when(is_fewer)
        .then(pl.lit("fewer"))
        .otherwise(pl.lit("as before"))
    )
    return table.with_columns(state=state).sort("people", "rows", "event", descending=[True, True, False])
