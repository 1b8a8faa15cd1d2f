"""The words that every analysis is written in: whole-column expressions over the sorted log.

All of them rest on one promise: rows come sorted by (person, timestamp, order of arrival), and no
person is split. Then "the last X before this row" is a forward fill of row numbers that may not
reach back past the first row of the person, and nothing has to be grouped, joined or looped over.

Row numbers count the rows of the frame at hand, from 0. A pointer is a row number or null.
"""

from __future__ import annotations

import polars as pl

__all__ = [
    "first_row",
    "is_repeat",
    "last_before",
    "last_row",
    "last_up_to",
    "new_person",
    "next_after",
    "position",
    "row",
    "same_person",
    "session_number",
    "starts_session",
]


def row() -> pl.Expr:
    """Number the rows from 0 (UInt32).

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(row())["row"].to_list()
    [0, 1, 2]
    """
    return pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")


def same_person(n: int = 1, *, person: str = "person") -> pl.Expr:
    """Ask whether the row `n` before (negative: after) is of the same person; false where there is none.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(same_person())["person"].to_list()
    [False, True, False]
    """
    return (pl.col(person) == pl.col(person).shift(n)).fill_null(value=False)


def new_person(*, person: str = "person") -> pl.Expr:
    """Mark the first row of each person.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(new_person())["person"].to_list()
    [True, False, True]
    """
    return ~same_person(person=person)


def first_row(*, person: str = "person") -> pl.Expr:
    """Point at the first row of this row's person.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(first_row())["row"].to_list()
    [0, 0, 2]
    """
    return pl.when(new_person(person=person)).then(row()).forward_fill().alias("row")


def last_row(*, person: str = "person") -> pl.Expr:
    """Point at the last row of this row's person.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(last_row())["row"].to_list()
    [1, 1, 2]
    """
    return pl.when(~same_person(-1, person=person)).then(row()).backward_fill().alias("row")


def position(*, person: str = "person") -> pl.Expr:
    """Count the person's rows before this one: 0 for the first touch.

    Examples
    --------
    >>> pl.DataFrame({"person": [1, 1, 2]}).select(position())["row"].to_list()
    [0, 1, 0]
    """
    return row() - first_row(person=person)


def last_up_to(condition: pl.Expr, *, person: str = "person") -> pl.Expr:
    """Point at the person's latest row up to and including this one where `condition` holds.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 2], "x": [True, False, False]})
    >>> log.select(last_up_to(pl.col("x")))["row"].to_list()
    [0, 0, None]
    """
    pointer = pl.when(condition).then(row()).forward_fill()
    return pl.when(pointer >= first_row(person=person)).then(pointer).alias("row")


def last_before(condition: pl.Expr, *, person: str = "person") -> pl.Expr:
    """Point at the person's latest row strictly before this one where `condition` holds.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 1, 2], "x": [True, True, False, False]})
    >>> log.select(last_before(pl.col("x")))["row"].to_list()
    [None, 0, 1, None]
    """
    pointer = pl.when(condition).then(row()).forward_fill().shift(1)
    return pl.when(pointer >= first_row(person=person)).then(pointer).alias("row")


def next_after(condition: pl.Expr, *, person: str = "person") -> pl.Expr:
    """Point at the person's earliest row strictly after this one where `condition` holds.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 1, 2], "x": [True, False, True, True]})
    >>> log.select(next_after(pl.col("x")))["row"].to_list()
    [2, 2, None, None]
    """
    pointer = pl.when(condition).then(row()).backward_fill().shift(-1)
    return pl.when(pointer <= last_row(person=person)).then(pointer).alias("row")


def is_repeat(of: pl.Expr, *, person: str = "person") -> pl.Expr:
    """Ask whether `of` has the value that it had in the person's row before (null equals null).

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 1, 2], "event": ["a", "a", "b", "b"]})
    >>> log.select(is_repeat(pl.col("event")))["event"].to_list()
    [False, True, False, False]
    """
    return of.eq_missing(of.shift(1)) & same_person(person=person)


def starts_session(gap: int, *, person: str = "person", timestamp: str = "timestamp") -> pl.Expr:
    """Mark rows that come `gap` microseconds or more after the person's row before, and first rows.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 1], "timestamp": [0, 29, 59]})
    >>> log.select(starts_session(30))["timestamp"].to_list()
    [True, False, True]
    """
    time = pl.col(timestamp).to_physical()
    return (time.diff() >= gap).fill_null(value=True) | new_person(person=person)


def session_number(gap: int, *, person: str = "person", timestamp: str = "timestamp") -> pl.Expr:
    """Number the sessions of the whole frame from 0; no two people share one.

    Examples
    --------
    >>> log = pl.DataFrame({"person": [1, 1, 2], "timestamp": [0, 30, 30]})
    >>> log.select(session_number(30))["timestamp"].to_list()
    [0, 1, 2]
    """
    starts = starts_session(gap, person=person, timestamp=timestamp)
    return starts.cast(pl.UInt32).cum_sum() - 1
