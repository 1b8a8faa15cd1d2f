"""Boundaries of people and sessions in the sorted log, as expressions, and what the boundary rows say of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from journeys.events import CAMPAIGN_COLUMNS


def starts_person() -> pl.Expr:
    """Mark the first row of each person.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(starts_person())["person"].to_list()
    [True, False, True]
    """
    return pl.col("person").ne_missing(pl.col("person").shift(1))


def ends_person() -> pl.Expr:
    """Mark the last row of each person.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(ends_person())["person"].to_list()
    [False, True, True]
    """
    return pl.col("person").ne_missing(pl.col("person").shift(-1))


def starts_session(gap: int, *, campaign_columns: Sequence[str] = ()) -> pl.Expr:
    """Mark the first row of each session.

    A session starts with a person's first row, after a silence of `gap` (µs) or longer, and, where campaign columns of
    the log are given, at a touch (a row with any of them filled) that differs in any of them from the person's touch
    before it; the first touch of a person differs. The number of the session is the running sum of the marks.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 1], "timestamp": [0, 29, 59], "channel": [None, "paid", None]})
    >>> log.select(starts_session(30)).to_series().to_list()
    [True, False, True]
    >>> log.select(starts_session(30, campaign_columns=["channel"])).to_series().to_list()
    [True, True, True]
    """
    silence = pl.col("timestamp").to_physical().diff()
    starts = (silence >= gap).fill_null(value=True) | starts_person()
    if not campaign_columns:
        return starts
    # person 1 1 1 2, channel "a" null "a" "a": the touches are rows 0, 2 and 3; rows 0 and 3 differ from the touch
    # before them (of the same person), row 2 does not
    is_touch = pl.any_horizontal(pl.col(name).is_not_null() for name in campaign_columns)
    touch = pl.when(is_touch).then(pl.struct("person", *campaign_columns))
    return starts | (is_touch & touch.ne_missing(touch.forward_fill().shift(1)))


def present_campaign_columns(columns: Iterable[str]) -> list[str]:
    """List the campaign columns among some columns, in their own order.

    Examples
    --------
    >>> present_campaign_columns(["event", "channel", "campaign"])
    ['campaign', 'channel']
    """
    present = set(columns)
    return [name for name in CAMPAIGN_COLUMNS if name in present]


def has_met_campaign(campaign_columns: Sequence[str]) -> pl.Expr:
    """Mark the rows from which on a person has met a campaign; touches that come later do not count yet.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 1, 2], "campaign": [None, "spring", None, None]})
    >>> log.select(has_met_campaign(["campaign"])).to_series().to_list()
    [False, True, True, False]
    """
    is_touch = pl.any_horizontal(pl.col(name).is_not_null() for name in campaign_columns)
    return (pl.when(is_touch).then(pl.col("person")).forward_fill() == pl.col("person")).fill_null(value=False)


def last_before(condition: pl.Expr) -> pl.Expr:
    """Point at the person's latest row strictly before this one where `condition` holds; null where none does.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 2], "x": [True, False, False]})
    >>> log.select(last_before(pl.col("x")))["row"].to_list()
    [None, 0, None]
    """
    row = pl.int_range(pl.len(), dtype=pl.UInt32)
    first = pl.when(starts_person()).then(row).forward_fill()
    latest = pl.when(condition).then(row).forward_fill().shift(1)
    return pl.when(latest >= first).then(latest).alias("row")


def summarise_people(events: pl.LazyFrame) -> pl.DataFrame:
    """Summarise each person of a sorted log: first and last event, number of events, first and last campaign.

    A touch is a row where any campaign column is filled; `first_campaign` is that column at the person's first touch.
    Since the log is sorted, only the first and the last row of each person are looked at.

    Return `code`, `first_seen`, `last_seen`, `event_count`, then `first_*` and `last_*` of the campaign columns.
    """
    campaign = present_campaign_columns(events.collect_schema())
    log = events.select("person", "timestamp", *campaign).with_row_index("row").collect()
    starts, ends = _boundary_rows(log)
    people = pl.DataFrame(
        {
            "code": starts["person"],
            "first_seen": starts["timestamp"],
            "last_seen": ends["timestamp"],
            "event_count": ends["row"].cast(pl.Int64) - starts["row"].cast(pl.Int64) + 1,
        }
    )
    if not campaign:
        return people
    touches = log.filter(pl.any_horizontal(pl.col(campaign).is_not_null()))
    for prefix, rows in zip(("first_", "last_"), _boundary_rows(touches), strict=True):
        named = rows.select(pl.col("person").alias("code"), pl.col(campaign).name.prefix(prefix))
        people = people.join(named, on="code", how="left", maintain_order="left")
    return people


def _boundary_rows(log: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the first row of each person, and the last."""
    return log.filter(starts_person()), log.filter(ends_person())
