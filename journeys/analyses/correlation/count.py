"""One shard → people by behaviour, conversion and stratum; the counts of shards add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from journeys.analyses.correlation.behaviour_rows import count_family
from journeys.analyses.correlation.exposure_window import ExposureWindow
from journeys.analyses.correlation.shard_arrays import ShardArrays, read_arrays
from journeys.analyses.correlation.spec import ACTIVITY, CorrelationSpec, EveryEvent
from journeys.log import View
from journeys.log.arrays import Ints

SCHEMA = {
    "kind": pl.String,  # cell, total, apart, rows, ever, own
    "family": pl.Int64,
    "behaviour": pl.String,
    "stratum": pl.String,
    "people": pl.Int64,
    "converted": pl.Int64,
}


def count(view: View, spec: CorrelationSpec) -> pl.DataFrame:
    """Count, for one shard, who did what and who of them converted.

    Returns
    -------
    pl.DataFrame
        One row per `kind`, `family`, `behaviour` and `stratum`: `people` who did it, and how many of them `converted`.
        Kind "total" counts everybody who is compared, "apart" those who are not (behaviour is the reason), "rows"
        what they did in all, "ever" the converters who did something at any time, "own" (for conversions by
        condition) the rows of an event.
    """
    arrays = read_arrays(view, spec)
    window = arrays.open_window(spec)
    stratum, strata = assign_strata(arrays, window, spec)
    group = stratum * 2 + window.converted
    groups = 2 * len(strata)
    frames = [_to_rows("total", -1, [""], np.bincount(group, minlength=groups)[np.newaxis, :], strata)]
    for number, family in enumerate(spec.families):
        names, cells = count_family(family, arrays, window, group=group, groups=groups)
        frames.append(_to_rows("cell", number, names, cells, strata))
        if isinstance(family, EveryEvent):
            # whatever converters ever did: what they did only afterwards is a consequence
            whole = window.keep(window.converted)
            whole = replace(whole, stop=whole.end)
            ones = np.ones(len(whole.code), np.int64)
            _, ever = count_family(family, arrays, whole, group=ones, groups=2)
            frames.append(_to_rows("ever", number, names, ever, [None]))
    reasons = sorted(window.apart)
    apart = np.array([[window.apart[reason], 0] for reason in reasons], np.int64).reshape(-1, 2)
    frames.append(_to_rows("apart", -1, reasons, apart, [None]))
    rows = window.stop - window.start
    done = np.array([[rows[~window.converted].sum(), rows[window.converted].sum()]], np.int64)
    frames.append(_to_rows("rows", -1, [""], done, [None]))
    if spec.goal.events is None and len(arrays.event):
        every = np.bincount(arrays.event, minlength=len(spec.names))
        own = np.bincount(arrays.event[arrays.mark_step(spec.goal)], minlength=len(spec.names))
        cells = np.stack([every - own, own], axis=1)
        frames.append(_to_rows("own", -1, list(spec.names), cells, [None]))
    return pl.concat(frames)


def _to_rows(kind: str, family: int, names: list[str], cells: Ints, strata: list[str | None]) -> pl.DataFrame:
    """Lay the counts of groups (stratum × not converted, converted) out as rows; drop those that are empty."""
    shaped = cells.reshape(len(names), len(strata), 2)
    frame = pl.DataFrame(
        {
            "kind": kind,
            "family": pl.Series([family] * (len(names) * len(strata)), dtype=pl.Int64),
            "behaviour": pl.Series(names, dtype=pl.String).repeat_by(len(strata)).explode(empty_as_null=False),
            "stratum": pl.Series(strata * len(names), dtype=pl.String),
            "people": pl.Series(shaped.sum(axis=2).ravel(), dtype=pl.Int64),
            "converted": pl.Series(shaped[:, :, 1].ravel(), dtype=pl.Int64),
        },
        schema=SCHEMA,
    )
    return frame.filter(pl.col("people") > 0) if kind in {"cell", "total"} and len(strata) > 1 else frame


def assign_strata(arrays: ShardArrays, window: ExposureWindow, spec: CorrelationSpec) -> tuple[Ints, list[str | None]]:
    """Put each person into a stratum; without any, all are in one."""
    size = len(window.code)
    if spec.strata is None:
        return np.zeros(size, np.int64), [None]
    if spec.strata == ACTIVITY:
        events = window.stop - window.start
        level = np.ceil(np.log2(events + 1)).astype(np.int64)  # 0, 1, 2–3, 4–7, 8–15 … events
        names: list[str | None] = [_level_label(number) for number in range(int(level.max(initial=0)) + 1)]
        return level, names
    if spec.strata.startswith("every "):
        moment = pl.Series(window.since, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
        text = moment.dt.truncate(spec.strata.removeprefix("every ")).dt.strftime("%Y-%m-%d")
    else:
        text, _ = arrays.people_column(spec.strata, window)
    present = text.drop_nulls().unique().sort()
    known = text.is_not_null().to_numpy()
    codes = np.full(size, len(present), np.int64)  # the last stratum is that of people without a value
    codes[known] = np.searchsorted(present.to_numpy().astype(object), text.drop_nulls().to_numpy().astype(object))
    return codes, [*present.to_list(), None]


def _level_label(number: int) -> str:
    low, high = (1 << number) >> 1, (1 << number) - 1
    return f"{low}" if low == high else f"{low}–{high}"
