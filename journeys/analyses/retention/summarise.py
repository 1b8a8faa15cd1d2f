"""Counted cohorts → the table of retention, and the overall curve."""

from __future__ import annotations

from datetime import datetime
from math import fsum

import polars as pl

from journeys.analyses.labels import fold_values, largest_values
from journeys.analyses.retention.spec import RetentionSpec
from journeys.steps import moment_us


def summarise(
    counts: pl.DataFrame, spec: RetentionSpec, *, until: datetime | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add up the shards, list every cohort and period, and mark the cells that could be observed in full.

    Return the table of cohorts, and the overall curve of the cohorts that could be observed.
    """
    group = spec.group
    labels = fold_values(counts["group"], kept=largest_groups(counts, spec)).alias(group)
    added = (
        counts.with_columns(labels)
        .group_by("cohort", group, "period")
        .agg(
            pl.col("people").sum(),
            pl.col("latest").max(),
            pl.col("values").explode(empty_as_null=False),
        )
        .sort("cohort", group, "period")
    )
    cells = _lay_out_cells(added, spec, group=group, until=until)
    table = _add_rates(cells, observed=pl.col("complete"))
    overall = cells.filter("complete").group_by(group, "period").agg(pl.col("size", "back", "value").sum())
    overall = _add_rates(overall, observed=pl.lit(value=True)).sort(group, "period")
    columns = ["size", "period", "back", "rate", "ci_low", "ci_high"]
    measured = ["value", "per_person"] if spec.measure else []
    groups = [group] if spec.by else []
    return (
        table.sort("cohort", group, "period").select("cohort", *groups, *columns, "complete", *measured),
        overall.select(*groups, *columns, *measured),
    )


def largest_groups(counts: pl.DataFrame, spec: RetentionSpec) -> list[str | None] | None:
    """Return the values of the largest groups, which are shown; None where all are."""
    if spec.by is None:
        return None
    sizes = counts.filter(pl.col("period") < 0)
    return largest_values(sizes, top=spec.top)


def _lay_out_cells(added: pl.DataFrame, spec: RetentionSpec, *, group: str, until: datetime | None) -> pl.DataFrame:
    """Return one row per cohort, group and period: `cohort` (Date), `size`, `back`, `value`, `complete`."""
    sizes = added.filter(pl.col("period") < 0)
    schema = {"cohort": pl.Date, group: pl.String, "period": pl.Int64, "size": pl.Int64, "back": pl.Int64}
    if sizes.is_empty() or until is None:
        return pl.DataFrame(schema=schema | {"value": pl.Float64, "complete": pl.Boolean})
    calendar = spec.calendar
    index = range(int(sizes["cohort"].to_numpy().min()), int(sizes["cohort"].to_numpy().max()) + 1)
    cohorts = calendar.table(calendar.instant(index[0]), calendar.instant(index[-1]))
    latest = sizes.group_by("cohort").agg(pl.col("latest").max())
    cells = (
        cohorts.select(pl.col("index").alias("cohort"), pl.col("period").alias("date"))
        .join(latest, on="cohort", how="left")
        .join(added.select(group).unique(), how="cross")
        .join(pl.DataFrame({"period": pl.Series(range(spec.periods + 1), dtype=pl.Int64)}), how="cross")
        .join(sizes.select("cohort", group, size="people"), on=["cohort", group], how="left")
        .join(added.drop("latest"), on=["cohort", group, "period"], how="left")
    )
    moments = {number: moment_us(calendar.instant(number)) for number in range(index[0], index[-1] + spec.periods + 2)}
    own = spec.clock == "own"
    begins = [(0, *spec.edges)[n] for n in range(spec.periods + 1)]
    opens, closes = [], []
    for cohort, newest, period in cells.select("cohort", "latest", "period").iter_rows():
        first = moments[cohort] if newest is None else newest
        opens.append(first + begins[period] if own else moments[cohort + period])
        closes.append(first + spec.edges[period] if own else moments[cohort + period + 1])
    end = moment_us(until)
    times = pl.DataFrame({"opens": pl.Series(opens, dtype=pl.Int64), "closes": pl.Series(closes, dtype=pl.Int64)})
    values = [fsum(sorted(one)) if one is not None else 0.0 for one in cells["values"].to_list()]
    times = times.with_columns(pl.Series("value", values, dtype=pl.Float64))
    # a period that has not begun has no count
    has_begun = (pl.col("opens") <= end) | (pl.col("period") == 0)
    return cells.hstack(times).select(
        pl.col("date").alias("cohort"),
        group,
        "period",
        pl.col("size").fill_null(0),
        pl.when(has_begun).then(pl.col("people").fill_null(0)).alias("back"),
        pl.when(has_begun).then("value").alias("value"),
        (pl.col("closes") <= end).alias("complete"),
    )


def _add_rates(cells: pl.DataFrame, *, observed: pl.Expr) -> pl.DataFrame:
    """Add the rate of coming back with Wilson's interval; null where it was not observed, or nobody started."""
    from journeys.stats import wilson

    cells = cells.with_columns(shown=observed & (pl.col("size") > 0))
    low, high = wilson(cells["back"].fill_null(0).to_numpy(), cells["size"].to_numpy())
    shown = pl.col("shown")
    return cells.with_columns(
        rate=pl.when(shown).then(pl.col("back") / pl.col("size")),
        ci_low=pl.when(shown).then(pl.Series(low)),
        ci_high=pl.when(shown).then(pl.Series(high)),
        per_person=pl.when(pl.col("size") > 0).then(pl.col("value") / pl.col("size")),
    ).with_columns(pl.col("ci_low", "ci_high").fill_nan(None))
