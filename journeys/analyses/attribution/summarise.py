"""Counted paths → the credit of each touchpoint."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.analyses.attribution.models import Path, share_credit
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import label_values


def summarise(counts: pl.DataFrame, spec: AttributionSpec) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Add up the shards and share the credit.

    Returns
    -------
    tuple
        The table of touchpoints, the table of paths, and the number of conversions.
    """
    added = counts.group_by("path", "converted", maintain_order=True).agg(
        pl.col("people").sum(),
        pl.col("ages").explode(empty_as_null=False),
        pl.col("values").explode(empty_as_null=False),
    )
    paths = [
        Path(tuple(touches), converted, people, ages, values)
        for touches, converted, people, ages, values in added.iter_rows()
    ]
    paths.sort(key=lambda path: (path.touches, path.converted))
    conversions = sum(path.people for path in paths if path.converted)
    return _touch_table(paths, spec=spec, conversions=conversions), _path_table(paths), conversions


def _touch_table(paths: Sequence[Path], *, spec: AttributionSpec, conversions: int) -> pl.DataFrame:
    """One row per touchpoint, and one for the conversions without any."""
    people: dict[str | None, list[int]] = {}  # touchpoint → people, and those of them who converted
    for path in paths:
        without_touch: set[str | None] = {None} if path.converted else set()
        for touch in set(path.touches) or without_touch:
            counted = people.setdefault(touch, [0, 0])
            counted[0] += path.people
            counted[1] += path.people if path.converted else 0
    credit = share_credit(paths, model=spec.model, half_life=spec.half_life, weights=spec.weights)
    columns = {
        spec.by: pl.Series(list(people), dtype=pl.String),
        "credit": pl.Series([credit.get(touch, 0.0) for touch in people], dtype=pl.Float64),
        "touched": pl.Series([touched for touched, _ in people.values()], dtype=pl.Int64),
        "converted": pl.Series([converted for _, converted in people.values()], dtype=pl.Int64),
    }
    table = pl.DataFrame(columns).select(
        spec.by,
        "credit",
        (pl.col("credit") / conversions if conversions else pl.lit(None, dtype=pl.Float64)).alias("share"),
        "touched",
        "converted",
        # people without a touchpoint are counted only when they converted: they have no rate
        pl.when(pl.col(spec.by).is_not_null()).then(pl.col("converted") / pl.col("touched")).alias("conversion_rate"),
    )
    if spec.value:
        values = share_credit(paths, model=spec.model, half_life=spec.half_life, weights=spec.weights, by_value=True)
        table = table.with_columns(pl.Series("value", [values.get(touch, 0.0) for touch in people], dtype=pl.Float64))
    table = table.with_columns(label_values(table[spec.by]))
    return table.sort(["credit", "touched", spec.by], descending=[True, True, False])


def _path_table(paths: Sequence[Path]) -> pl.DataFrame:
    """One row per distinct path, converted or not; most people first."""
    people: dict[tuple[str, ...], list[int]] = {}
    for path in paths:
        counted = people.setdefault(path.touches, [0, 0])
        counted[0] += path.people
        counted[1] += path.people if path.converted else 0
    ranked = sorted(people.items(), key=lambda item: (-item[1][0], item[0]))
    return pl.DataFrame(
        {
            "path": [list(path) for path, _ in ranked],
            "people": [counted[0] for _, counted in ranked],
            "converted": [counted[1] for _, counted in ranked],
        },
        schema={"path": pl.List(pl.String), "people": pl.Int64, "converted": pl.Int64},
    ).with_columns(conversion_rate=pl.col("converted") / pl.col("people"))
