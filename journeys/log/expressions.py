"""Boundaries of people and sessions as Polars expressions over the sorted log.

Rows come sorted by (person, timestamp, arrival) and no person is split, so a boundary shows in the difference to the
row before: nothing has to be grouped or joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


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

    A session starts with a person's first row, after a silence of `gap` or longer, and, where campaign columns are
    given, at a touch (a row with any of them filled) that differs in any of them from the person's touch before it;
    the first touch of a person differs. The number of the session is the running sum of the marks.

    Parameters
    ----------
    gap : int
        The shortest silence (µs) that ends a session.
    campaign_columns : sequence of str
        The campaign columns of the log (`present_campaign_columns`) if a new campaign starts a session.

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
