"""Guess what the columns of an unknown table hold: the time, the event, and the identifiers of people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from journeys.errors import JourneysError
from journeys.events.times import TimeParser

ENOUGH = 0.8
"""The share of values that must be times, or addresses, for a column to be taken for one of them."""

_TIME_NAMES = re.compile(r"time|date|when|_at$|^at$|created|occurred|datum|zeit|fecha|^ts$|^day$", re.IGNORECASE)
_EVENT_NAMES = (
    re.compile(r"event|action|activity|ereignis|aktion|evento|^what$|did", re.IGNORECASE),
    re.compile(r"stage|status|phase|lifecycle|step|kind|type|art$", re.IGNORECASE),
)
# Identifiers by what they identify, most trusted first; the last are of devices, which several people may share.
_ID_NAMES = (
    re.compile(r"^(user|usr|uid|u)([ _-]?(id|no|nr|number|key))?$", re.IGNORECASE),
    re.compile(r"user|customer|client|kunde|person|member|contact|lead|subscriber|profile", re.IGNORECASE),
    re.compile(r"anonymous|device|ger(ae|ä)t|cookie|visitor|besucher|browser|distinct|guid|uuid", re.IGNORECASE),
    re.compile(r"(^|[ _-])(id|no|nr|number|nummer|key)$", re.IGNORECASE),
)
_NOT_ID_NAMES = re.compile(
    r"agent|name$|type|count|plan|status|country|order|event|message|session|invoice|product|item|transaction|row|line|"
    r"page|phone|version|zip|post|bestell|rechnung|artikel|^(id|no|nr|number|key)$",
    re.IGNORECASE,
)
_EMAIL = r"(?i)^\s*[^@\s]+@[^@\s]+\.[a-z]{2,}\s*$"
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST, _LAST = 946_684_800, 4_102_444_800  # the years 2000 to 2100, in seconds
_FORMATS = ("%d.%m.%y %H:%M", "%d.%m.%y", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%d %b %Y %H:%M", "%d %B %Y", "%b %d, %Y")


@dataclass(frozen=True, slots=True)
class Guess:
    """What the columns of a table were taken for.

    Attributes
    ----------
    timestamp, event
        The columns of the time and the event; None where none looks like it.
    ids
        Identifier type → column.
    options
        How the time is read: `unit`, `day_first`, `format`.
    remarks
        What to check, by option.
    """

    timestamp: str | None
    event: str | None
    ids: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)


def guess_columns(sample: pl.DataFrame) -> Guess:
    """Guess what the columns of a table hold, from its first rows.

    Examples
    --------
    >>> rows = {"When": ["14.03.2026 09:30", "02.04.2026 10:00"], "Aktion": ["Besuch", "Kauf"],
    ...     "E-Mail": ["ann@x.org", "bob@y.org"]}
    >>> guess = guess_columns(pl.DataFrame(rows))
    >>> guess.timestamp, guess.event, guess.ids, guess.options
    ('When', 'Aktion', {'email': 'E-Mail'}, {'day_first': True})
    """
    timestamp, options, remarks = _guess_time(sample)
    event = _guess_event(sample, taken={timestamp})
    return Guess(timestamp, event, _guess_ids(sample, taken={timestamp, event}), options, remarks)


def _guess_time(sample: pl.DataFrame) -> tuple[str | None, dict[str, Any], dict[str, str]]:
    """Find the column of which most values are times; columns with a fitting name first."""
    named = sorted(sample.columns, key=lambda name: _TIME_NAMES.search(name) is None)
    best: tuple[float, str | None, dict[str, Any]] = (0.0, None, {})
    for column in named:
        for options in _list_readings(sample[column], is_named=_TIME_NAMES.search(column) is not None):
            share = _read_share(sample[column], options)
            if share > best[0] + 0.02:
                best = (share, column, options)
        if best[0] >= ENOUGH:
            break
    share, found, options = best
    if found is None or share < ENOUGH:
        return None, {}, {}
    return found, *_choose_day_first(sample[found], options)


def _list_readings(values: pl.Series, *, is_named: bool) -> Iterator[dict[str, Any]]:
    """List the ways in which the values of a column may be times, the simplest first."""
    if values.dtype.is_temporal():
        yield {}
    elif values.dtype == pl.String:
        yield from ({}, {"day_first": True}, {"day_first": False})
        yield from ({"format": one} for one in _FORMATS)
        if is_named:
            yield from _list_units(values.cast(pl.Float64, strict=False))
    elif values.dtype.is_numeric() and is_named:
        yield from _list_units(values.cast(pl.Float64))


def _list_units(values: pl.Series) -> Iterator[dict[str, Any]]:
    middle = values.median()
    for unit, factor in _UNITS.items():
        if isinstance(middle, float) and _FIRST <= middle / factor < _LAST:
            yield {"unit": unit}


def _read_times(values: pl.Series, options: Mapping[str, Any]) -> pl.Series:
    parse = TimeParser(**options).parse(pl.col(values.name), values.dtype, column=values.name)
    return values.to_frame().select(parse.alias("time"))["time"]


def _read_share(values: pl.Series, options: Mapping[str, Any]) -> float:
    """Compute the share of values that are times when read in one way."""
    known = values.drop_nulls()
    if known.dtype == pl.String:
        known = known.filter(known.str.strip_chars() != "")
    if not known.len():
        return 0.0
    try:
        # a year of two digits may be read as one of the first century
        return float(_read_times(known, options).dt.year().is_between(2000, 2100).sum()) / known.len()
    except (JourneysError, pl.exceptions.PolarsError):
        return 0.0


def _choose_day_first(values: pl.Series, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Where days and months could be swapped in some dates, choose what reads more dates, or leaves them in order.

    14/03/2026, 02/04/2026: only the day first reads both. 02/03/2026, 03/03/2026, 01/04/2026: with the day first they
    are in the order of time.
    """
    if options not in ({}, {"day_first": True}, {"day_first": False}):
        return options, {}
    shares = {first: _read_share(values, {"day_first": first}) for first in (True, False)}
    if shares[True] == shares[False] == _read_share(values, {}):
        return options, {}
    if shares[True] != shares[False]:
        return {"day_first": shares[True] > shares[False]}, {}
    breaks = {}
    for first in shares:
        times = _read_times(values.drop_nulls(), {"day_first": first}).drop_nulls()
        steps = times.diff().drop_nulls().dt.total_microseconds()
        breaks[first] = min(int((steps < 0).sum()), int((steps > 0).sum()))
    chosen = breaks[True] <= breaks[False]
    remark = "03/04/2026 is 3 April if true, March 4 if false: the dates fit both, so check this"
    return {"day_first": chosen}, {"day_first": remark}


def _guess_event(sample: pl.DataFrame, *, taken: set[str | None]) -> str | None:
    """Find the text column of event names: few different values, and a fitting name."""
    for pattern in _EVENT_NAMES:
        for column in sample.columns:
            values = sample[column].drop_nulls()
            if column in taken or values.dtype != pl.String or not pattern.search(column):
                continue
            if values.len() and values.n_unique() <= max(60, values.len() // 20) and _share_of(values, _EMAIL) < ENOUGH:
                return column
    return None


def _guess_ids(sample: pl.DataFrame, *, taken: set[str | None]) -> dict[str, str]:
    """Find the identifier columns, the most trusted first: users, customers, addresses, devices.

    Addresses are found by their values, other identifiers by the names of their columns.
    """
    found: list[tuple[int, str, str]] = []
    for column in sample.columns:
        values = sample[column].drop_nulls()
        if column in taken or not values.len():
            continue
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.strip())
        kind = re.sub(r"\W+", "_", words).strip("_").lower()
        if values.dtype == pl.String and _share_of(values, _EMAIL) >= ENOUGH:
            found.append((2, "email", column))
        elif (values.dtype == pl.String or values.dtype.is_integer()) and not _NOT_ID_NAMES.search(words):
            rank = next((rank for rank, pattern in enumerate(_ID_NAMES) if pattern.search(words)), None)
            if rank is not None:
                # addresses stand between customers and devices
                found.append((rank + (rank > 1), "user_id" if rank == 0 else kind, column))
    ids: dict[str, str] = {}
    for _, kind, column in sorted(found, key=lambda one: one[0]):
        ids.setdefault(kind, column)
    return ids


def _share_of(values: pl.Series, pattern: str) -> float:
    return float(values.str.contains(pattern).mean() or 0)  # type: ignore[arg-type]
