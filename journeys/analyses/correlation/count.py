"""The counting half: people by behaviour, conversion and stratum, of one shard; the counts of shards add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from journeys.analyses.correlation.ask import Ask, AtLeast, EveryEvent, Family, Happened, Sequence, Trait, Values
from journeys.analyses.correlation.columns import ACTIVITY, Columns, read_columns
from journeys.analyses.correlation.tally import any_within, tally_codes, tally_people
from journeys.analyses.correlation.window import Array, Ints, Window, rows_up_to
from journeys.errors import ArgumentError
from journeys.log import View

__all__ = ["SCHEMA", "count", "count_times", "did_mask", "select", "strata_of"]

SCHEMA = {
    "kind": pl.String,  # cell, total, apart, rows, ever, own
    "family": pl.Int32,
    "behaviour": pl.String,
    "stratum": pl.String,
    "people": pl.Int64,
    "converted": pl.Int64,
}


def count(view: View, ask: Ask) -> pl.DataFrame:
    """Count, for one shard, who did what and who of them converted.

    Returns
    -------
    pl.DataFrame
        One row a `kind`, `family`, `behaviour` and `stratum`: `people` who did it, and how many of them `converted`.
        Kind "total" counts everybody who is compared, "apart" those who are not (behaviour is the reason), "rows"
        what they did in all, "ever" the converters who did something at any time, "own" (for conversions by
        condition) the rows of an event.
    """
    columns = read_columns(view, ask)
    window = columns.window(ask)
    stratum, strata = strata_of(columns, window, ask)
    group = stratum * 2 + window.converted
    groups = 2 * len(strata)
    frames = [_frame("total", -1, [""], np.bincount(group, minlength=groups)[np.newaxis, :], strata)]
    for number, family in enumerate(ask.families):
        for names, cells in _cells(family, columns, window, group=group, groups=groups, ask=ask):
            frames.append(_frame("cell", number, names, cells, strata))
        if isinstance(family, EveryEvent):
            # Whatever converters ever did: what they did only afterwards is what leaks.
            whole = window.keep(window.converted)
            whole = replace(whole, stop=whole.end)
            ones = np.ones(len(whole.code), np.int64)
            ever = tally_codes(columns.event, whole, ones, behaviours=len(ask.names), groups=2)
            frames.append(_frame("ever", number, list(ask.names), ever, [None]))
    reasons = sorted(window.apart)
    apart = np.array([[window.apart[reason], 0] for reason in reasons], np.int64).reshape(-1, 2)
    frames.append(_frame("apart", -1, reasons, apart, [None]))
    rows = window.stop - window.start
    done = np.array([[rows[~window.converted].sum(), rows[window.converted].sum()]], np.int64)
    frames.append(_frame("rows", -1, [""], done, [None]))
    if ask.conversion.events is None and len(columns.event):
        every = np.bincount(columns.event, minlength=len(ask.names))
        own = np.bincount(columns.event[columns.marks(ask.conversion)], minlength=len(ask.names))
        cells = np.stack([every - own, own], axis=1)
        frames.append(_frame("own", -1, list(ask.names), cells, [None]))
    return pl.concat(frames)


def _frame(kind: str, family: int, names: list[str], cells: Ints, strata: list[str | None]) -> pl.DataFrame:
    """Lay the counts of groups (stratum × not converted, converted) out as rows; drop those that are empty."""
    shaped = cells.reshape(len(names), len(strata), 2)
    frame = pl.DataFrame(
        {
            "kind": kind,
            "family": pl.Series([family] * (len(names) * len(strata)), dtype=pl.Int32),
            "behaviour": pl.Series(names, dtype=pl.String).repeat_by(len(strata)).explode(empty_as_null=False),
            "stratum": pl.Series(strata * len(names), dtype=pl.String),
            "people": pl.Series(shaped.sum(axis=2).ravel(), dtype=pl.Int64),
            "converted": pl.Series(shaped[:, :, 1].ravel(), dtype=pl.Int64),
        },
        schema=SCHEMA,
    )
    return frame.filter(pl.col("people") > 0) if kind in {"cell", "total"} and len(strata) > 1 else frame


def strata_of(columns: Columns, window: Window, ask: Ask) -> tuple[Ints, list[str | None]]:
    """Put each person into a stratum; without any, all are in one."""
    size = len(window.code)
    if ask.strata is None:
        return np.zeros(size, np.int64), [None]
    if ask.strata == ACTIVITY:
        events = window.stop - window.start
        level = np.ceil(np.log2(events + 1)).astype(np.int64)  # 0, 1, 2–3, 4–7, 8–15 … events
        names: list[str | None] = [_level(number) for number in range(int(level.max(initial=0)) + 1)]
        return level, names
    if ask.strata.startswith("every "):
        moment = pl.Series(window.since, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
        text = moment.dt.truncate(ask.strata.removeprefix("every ")).dt.strftime("%Y-%m-%d")
    else:
        text = columns.trait(ask.strata, window.code).fill_null("(none)")
    present = text.unique().sort()
    codes = np.searchsorted(present.to_numpy().astype(object), text.to_numpy().astype(object)).astype(np.int64)
    return codes, [*present.to_list()] or [None]


def _level(number: int) -> str:
    low, high = (1 << number) >> 1, (1 << number) - 1
    return f"{low}" if low == high else f"{low}–{high}"


def _cells(
    family: Family, columns: Columns, window: Window, *, group: Ints, groups: int, ask: Ask
) -> Iterator[tuple[list[str], Ints]]:
    """Count the behaviours of one family: their names, and an array of behaviours × groups."""
    if isinstance(family, EveryEvent | Values):
        if isinstance(family, EveryEvent):
            codes, names = columns.event, list(ask.names)
        else:
            codes, names = columns.coded(family)
        yield names, tally_codes(codes, window, group, behaviours=len(names), groups=groups)
    elif isinstance(family, Trait):
        text = columns.trait(family.column, window.code)
        known = text.is_not_null().to_numpy()
        present = text.unique().drop_nulls().sort()
        codes = np.searchsorted(present.to_numpy().astype(object), text.filter(known).to_numpy().astype(object))
        cells = np.bincount(codes * groups + group[known], minlength=len(present) * groups)
        yield present.to_list(), cells.reshape(len(present), groups)
    elif isinstance(family, AtLeast):
        marked = _running(columns.marks(family.step))
        for within in family.within:
            stop = window.stop if within is None else _up_to(columns, window, within[0])
            often = marked[stop] - marked[window.start]
            for times in family.times:
                yield [threshold(times, within)], tally_people(often >= times, group, groups=groups)
    else:
        yield [""], tally_people(_did(family, columns, window), group, groups=groups)


def threshold(times: int, within: tuple[int, str] | None) -> str:
    """Say a threshold in words.

    Examples
    --------
    >>> threshold(1, (1, "3d")), threshold(3, None)
    ('within the first 3d', '3 times or more')
    """
    often = f"{times} times or more" if times > 1 else "once or more"
    words = [often] if times > 1 or within is None else []
    return " ".join([*words, f"within the first {within[1]}"] if within is not None else words)


def _running(marks: Array) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(marks, dtype=np.int64)])


def _up_to(columns: Columns, window: Window, length: int) -> Ints:
    if columns.time is None or not len(columns.time):
        return window.stop
    return rows_up_to(columns.time, window, window.since + length)


def _did(family: Happened | Sequence, columns: Columns, window: Window) -> Array:
    if isinstance(family, Happened):
        return any_within(columns.marks(family.step), window)
    # The first of one and the last of the other tell it all: in between they come in this order somewhere.
    rows = columns.borders.rows
    firsts, thens = np.flatnonzero(columns.marks(family.first)), np.flatnonzero(columns.marks(family.then))
    first = np.append(firsts, rows)[np.searchsorted(firsts, window.start)]
    last = np.append(-1, thens)[np.searchsorted(thens, window.stop)]
    return (first < last) & (first >= window.start) & (last < window.stop)


def did_mask(ask: Ask, columns: Columns, window: Window, *, family: int, behaviour: str) -> Array:
    """Say for each person of the window whether they did one behaviour of the table."""
    asked = ask.families[family]
    if isinstance(asked, EveryEvent):
        code = ask.names.index(behaviour)
        return any_within(columns.event == code, window)
    if isinstance(asked, Values):
        codes, names = columns.coded(asked)
        code = names.index(behaviour) if behaviour in names else -1
        return any_within(codes == code, window)
    if isinstance(asked, Trait):
        text = columns.trait(asked.column, window.code)
        return (text == behaviour).fill_null(value=False).to_numpy()
    if isinstance(asked, AtLeast):
        marked = _running(columns.marks(asked.step))
        for within in asked.within:
            stop = window.stop if within is None else _up_to(columns, window, within[0])
            for times in asked.times:
                if threshold(times, within) == behaviour:
                    return marked[stop] - marked[window.start] >= times
        raise ArgumentError(f"behaviour: no threshold {behaviour!r} was asked for.")
    return _did(asked, columns, window)


def select(view: View, which: tuple[Ask, int, str, bool | None, bool | None]) -> pl.Series:
    """Return the codes of the people in some cells of a behaviour's 2×2 table."""
    ask, family, behaviour, did, converted = which
    columns = read_columns(view, ask)
    window = columns.window(ask)
    chosen = np.ones(len(window.code), np.bool_)
    if did is not None:
        chosen &= did_mask(ask, columns, window, family=family, behaviour=behaviour) == did
    if converted is not None:
        chosen &= window.converted == converted
    return pl.Series("code", window.code[chosen], dtype=pl.UInt32)


def count_times(view: View, ask: Ask) -> pl.DataFrame:
    """Collect how long converters took and how long the others could be watched, in microseconds."""
    columns = read_columns(view, ask, time=True)
    window = columns.window(ask)
    return pl.DataFrame(
        {"converted": [window.watched[window.converted]], "others": [window.watched[~window.converted]]},
        schema={"converted": pl.List(pl.Int64), "others": pl.List(pl.Int64)},
    )
