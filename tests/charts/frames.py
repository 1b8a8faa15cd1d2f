"""Made-up tables in the shapes of the contract, with names that nobody should trust."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import polars as pl

NASTY = ["<b>Signed Up</b> & more", "تم إنشاء المشروع", "", "$a$ %{x} 100%", "Loaded a Page " + "x" * 200]


def funnel(names: list[str], people: list[int]) -> pl.DataFrame:
    """Write a funnel's table."""
    start = people[0] if people else 0
    following = [*people[1:], people[-1]] if people else []
    return pl.DataFrame(
        {
            "step": range(1, len(names) + 1),
            "name": names,
            "people": people,
            "dropped": [a - b for a, b in zip(people, following, strict=True)],
            "rate_from_start": [n / start if start else None for n in people],
            "rate_from_previous": [None, *(b / a if a else None for a, b in pairwise(people))][: len(names)],
            "ci_low": [max(0.0, n / start - 0.02) if start else None for n in people],
            "ci_high": [min(1.0, n / start + 0.02) if start else None for n in people],
            "median_time_from_previous": [None, *(timedelta(hours=i) for i in range(1, len(names)))][: len(names)],
            "median_time_from_start": [None, *(timedelta(hours=i) for i in range(1, len(names)))][: len(names)],
        },
        schema_overrides={"rate_from_previous": pl.Float64, "rate_from_start": pl.Float64, "ci_low": pl.Float64},
    )


def links(rows: list[tuple[int, str, str, int]]) -> pl.DataFrame:
    """Write a flow's table."""
    schema = {"position": pl.Int64, "source": pl.String, "target": pl.String, "people": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(median_time=pl.duration(minutes=4), conversion_rate=pl.lit(0.09))


def correlation(rows: list[tuple[str, float | None, float | None]]) -> pl.DataFrame:
    """Write a correlation's table from behaviour, phi and q."""
    schema = {"behaviour": pl.String, "phi": pl.Float64, "q_value": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        both=pl.lit(30),
        behaviour_only=pl.lit(70),
        conversion_only=pl.lit(10),
        neither=pl.lit(890),
        ci_low=pl.col("phi") - 0.1,
        ci_high=pl.col("phi") + 0.1,
    )
