"""Counted entries → the table of a funnel's trend, and its totals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.analyses.funnel.follow_up import find_last_conversions
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import add_counts, fold_small_groups, label_groups, sort_groups
from journeys.analyses.trend.summarise import add_comparison

_DAY = timedelta(days=1)
_RATE = ("entered", "converted", "rate", "ci_low", "ci_high")


def summarise(
    counts: pl.DataFrame,
    *,
    spec: FunnelSpec,
    listed: pl.DataFrame | None,
    calendar: Calendar,
    observed: tuple[datetime | None, datetime | None],
    back: int | None,
) -> pl.DataFrame:
    """Add up, list the periods without entries too, and mark the periods that are complete.

    `listed` has the keys of the groups that the funnel's table shows; all others are one. `back` says how many periods
    earlier is the one that each is compared with.
    """
    keys = [*spec.by, "_is_other"] if spec.by else []
    table = counts if listed is None else fold_small_groups(counts, listed)
    summed = table.group_by(*keys, "index").agg(pl.col("entered", "converted").sum())
    groups = summed.group_by(keys).agg(pl.col("entered").sum()) if keys else pl.DataFrame({"entered": [0]})
    ranked = sort_groups(groups.with_columns(step=0), spec=spec).select(*keys, pl.int_range(pl.len()).alias("_rank"))
    periods = _list_periods(summed["index"], calendar, observed=observed, entered=spec.entered)
    full = ranked.join(periods, how="cross")
    full = full.join(summed, on=[*keys, "index"], how="left", nulls_equal=True).sort("_rank", "index")
    full = full.with_columns(pl.col("entered", "converted").fill_null(0))
    first, last = observed
    # a log that begins within the first day of a period has all of it
    is_begun = pl.col("start") + _DAY > pl.lit(first, dtype=pl.Datetime("us", "UTC"))
    is_over = find_last_conversions(full["stop"], spec=spec) <= pl.lit(last, dtype=pl.Datetime("us", "UTC"))
    complete = (is_begun & is_over).fill_null(value=False)
    rated = _add_rate(label_groups(full.with_columns(complete=complete), spec=spec))
    columns = [*spec.by, "period", *_RATE, "complete"]
    if back is None:
        return rated.select(columns)
    return add_comparison(rated, back=back, keys=spec.by, value="rate").select(*columns, "previous", "change")


def summarise_totals(counts: pl.DataFrame, *, spec: FunnelSpec, row: int) -> pl.DataFrame:
    """Return who entered and who converted over the whole time, as the table of the funnel has it."""
    added = add_counts(counts, spec=spec, sums=("entered", "people")).filter(pl.col("step") == row + 1)
    return _add_rate(added.rename({"people": "converted"})).select(*spec.by, *_RATE)


def _add_rate(table: pl.DataFrame) -> pl.DataFrame:
    """Add the rate of converting with Wilson's interval."""
    from journeys.stats import wilson

    low, high = wilson(table["converted"].to_numpy(), table["entered"].to_numpy())
    return table.with_columns(
        pl.when(pl.col("entered") > 0).then(pl.col("converted") / pl.col("entered")).alias("rate"),
        pl.Series("ci_low", low).fill_nan(None),
        pl.Series("ci_high", high).fill_nan(None),
    )


def _list_periods(
    index: pl.Series,
    calendar: Calendar,
    *,
    observed: tuple[datetime | None, datetime | None],
    entered: tuple[int | None, int | None],
) -> pl.DataFrame:
    """List the periods of the observed time, or of the part of it in which people may enter, and all with entries."""
    first, last = observed
    low, high = entered
    if first is None or last is None:
        begin = calendar.instant(0)
        return calendar.table(begin, begin).clear()
    begin = first if low is None else max(first, _as_datetime(low))
    end = last if high is None else min(last, _as_datetime(high - 1))
    used = [calendar.instant(int(one)) for one in (index.min(), index.max()) if one is not None]  # type: ignore[arg-type]
    moments = [begin, end, *used] if begin <= end else used
    return calendar.table(min(moments), max(moments)) if moments else calendar.table(first, first).clear()


def _as_datetime(time: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time)
