"""Guess what the columns of an unknown table hold: the time, the event, and the identifiers of people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from journeys.errors import JourneysError
from journeys.events.times import TimeParser
from journeys.sources.column_mapping import read_decimal_comma
from journeys.sources.column_words import find_stated_zone, may_mean, name_event
from journeys.sources.table import RECOGNISED
from journeys.sources.table_arguments import is_taken, name_otherwise

ENOUGH = 0.8
"""The share of values that must be times, or addresses, for a column to be taken for one of them."""

_EVENT_MEANINGS = ("event", "stage", "event name")
# Identifiers by what they identify, most trusted first; addresses, which are found by their values, stand after
# customers. Devices are shared by several people.
_ID_MEANINGS = ("user", "customer", "email", "device", "id")
_EMAIL = r"(?i)^\s*[^@\s]+@[^@\s]+\.[a-z]{2,}\s*$"
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_FIRST, _LAST = 946_684_800, 4_102_444_800  # the years 2000 to 2100, in seconds
_SERIAL = (36_526, 73_416)  # the same years, in days of a spreadsheet
_FORMATS = (
    *("%d.%m.%y %H:%M", "%d.%m.%y", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M", "%d %b %Y %H:%M", "%d %B %Y", "%b %d, %Y"),
    *("%d-%b-%Y %H:%M:%S", "%d-%b-%Y %H:%M", "%d-%b-%Y", "%d %b %Y %H:%M:%S", "%d %b %Y", "%b %d, %Y %I:%M %p"),
    *("%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z", "%Y%m%d", "%Y%m%d%H%M%S"),
)
_FEWEST_PEOPLE, _ROWS_EACH = 30, 20
_SINGLE = 0.9
"""The share of rows with an identifier of their own, for a table to have one row per person."""


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
    columns
        Further columns by what they hold: a campaign, a page, an account, a currency.
    decimal_comma
        Columns of amounts with a decimal comma.
    dates
        Event → the column of its date, where several columns hold dates and none names an event.
    ranks
        How much each identifier column is trusted: 0 most.
    """

    timestamp: str | None
    event: str | None
    ids: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    decimal_comma: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    ranks: Mapping[str, int] = field(default_factory=dict)


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
    found = {} if timestamp is None else _find_dates(sample, options)
    event = _guess_event(sample, taken={timestamp, *found.values()})
    dates = found if event is None or _is_state(event, sample, dates=found) else {}
    event = None if dates else event
    ids = _guess_ids(sample, taken={timestamp, event, *dates.values()})
    taken = {timestamp, event, *dates.values(), *(column for _, _, column in ids)}
    rest = sample.select(name for name in sample.columns if name not in taken)
    columns = _guess_meanings(rest)
    account = _find_account(sample, [(rank, column) for rank, _, column in ids])
    ids = [one for one in ids if one[2] != account]
    return Guess(
        timestamp,
        event,
        {kind: column for _, kind, column in ids},
        options,
        remarks,
        columns | ({"group_id": account} if account else {}),
        tuple(name for name in rest.columns if _has_decimal_comma(rest[name])),
        dates,
        {column: rank for rank, _, column in ids},
    )


def _guess_time(sample: pl.DataFrame) -> tuple[str | None, dict[str, Any], dict[str, str]]:
    """Find the column of which most values are times; columns with a fitting name first."""
    named = sorted(sample.columns, key=lambda name: not may_mean(name, "time"))
    best: tuple[float, str | None, dict[str, Any]] = (0.0, None, {})
    for column in named:
        for options in _list_readings(sample[column], is_named=may_mean(column, "time")):
            share = _read_share(sample[column], options)
            if share > best[0] + 0.02:
                best = (share, column, options)
        if best[0] >= ENOUGH:
            break
    share, found, options = best
    if found is None or share < ENOUGH:
        return None, {}, {}
    chosen, remarks = _choose_day_first(sample[found], options)
    if chosen.get("unit") == "mixed":
        remarks["unit"] = "some times count seconds, and some milliseconds or smaller units"
    if (zone := find_stated_zone(found)) is not None and chosen.get("unit", "days") == "days":
        chosen, remarks = {**chosen, "time_zone": zone}, {**remarks, "time_zone": "as the name of the column says"}
    return found, chosen, remarks


def _find_dates(sample: pl.DataFrame, options: Mapping[str, Any]) -> dict[str, str]:
    """Find the events that have a date of their own, if there are several: "Lead Date" and "Closed Won Date" of a deal.

    A date of a fact, such as a birthday, is no event, and neither is that of the last change.
    """
    found = {
        name_event(column): column
        for column in sample.columns
        if (may_mean(column, "time") or not _is_number(sample[column]))
        and not may_mean(column, "no event")
        and _read_share(sample[column], options) >= ENOUGH
    }
    if len(found) < 2:
        return {}
    # in the order in which they usually happen: of one day's events, the first is the one that is named first
    times = pl.DataFrame({event: _read_times(sample[column], options) for event, column in found.items()})
    delays = times.select((pl.all() - pl.min_horizontal(pl.all())).median()).row(0)
    return dict(pair for _, pair in sorted(zip(delays, found.items(), strict=True), key=lambda one: one[0]))


def _list_readings(values: pl.Series, *, is_named: bool) -> Iterator[dict[str, Any]]:
    """List the ways in which the values of a column may be times, the simplest first."""
    if values.dtype.is_temporal():
        yield {}
    elif values.dtype == pl.String:
        yield from ({}, {"day_first": True}, {"day_first": False})
        yield from ({"format": one} for one in _FORMATS)
        if is_named:
            yield from _list_units(values.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False))
    elif values.dtype.is_numeric() and is_named:
        yield from _list_units(values.cast(pl.Float64))


def _is_number(values: pl.Series) -> bool:
    return values.dtype.is_numeric() or (values.dtype == pl.String and _share_of(values, r"^\s*[\d.,]+\s*$") > 0)


def _list_units(values: pl.Series) -> Iterator[dict[str, Any]]:
    """List what numbers may count: the unit in which the middle one is a time; mixed, if it reads more of them."""
    middle = values.median()
    for unit, factor in _UNITS.items():
        if isinstance(middle, float) and _FIRST <= middle / factor < _LAST:
            yield {"unit": unit}
    if isinstance(middle, float) and _SERIAL[0] <= middle < _SERIAL[1]:
        yield {"unit": "days"}
    yield {"unit": "mixed"}


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


def _is_state(event: str, sample: pl.DataFrame, *, dates: Mapping[str, str]) -> bool:
    """Return whether a column is what became of each row, whose dates are the events, rather than the event.

    "Status" beside "Created at", "Paid at" and "Fulfilled at" of an order; or beside two dates, one row per "Lead ID".
    """
    if len(dates) < 2 or not may_mean(event, "stage"):
        return False
    first = next((column for _, _, column in _guess_ids(sample, taken={event, *dates.values()})), None)
    return len(dates) > 2 or (first is not None and sample[first].n_unique() >= _SINGLE * sample.height)


def _guess_event(sample: pl.DataFrame, *, taken: set[str | None]) -> str | None:
    """Find the text column of event names: few different values, and a fitting name."""
    for meaning in _EVENT_MEANINGS:
        for column in sample.columns:
            values = sample[column].drop_nulls()
            if column in taken or values.dtype != pl.String or not may_mean(column, meaning) or _are_dates(values):
                continue
            if values.len() and values.n_unique() <= max(60, values.len() // 20) and _share_of(values, _EMAIL) < ENOUGH:
                return column
    return None


def _are_dates(values: pl.Series) -> bool:
    return any(_read_share(values, {"day_first": first}) >= ENOUGH for first in (True, False))


def _guess_ids(sample: pl.DataFrame, *, taken: set[str | None]) -> list[tuple[int, str, str]]:
    """Find the identifier columns, each with its rank and its type, the most trusted first; one column per type.

    Addresses are found by their values, other identifiers by the names of their columns. A column such as "Device" may
    as well say which kind of device: its values have to look like identifiers.
    """
    found: list[tuple[int, str, str]] = []
    for column in sample.columns:
        values = sample[column].drop_nulls()
        if column in taken or not values.len() or not (values.dtype == pl.String or values.dtype.is_integer()):
            continue
        if values.dtype == pl.String and _are_dates(values):
            continue
        if values.dtype == pl.String and _share_of(values, _EMAIL) >= ENOUGH:
            found.append((_ID_MEANINGS.index("email"), "email", column))
            continue
        meanings = [*_ID_MEANINGS[:-1], "account", _ID_MEANINGS[-1]]
        meaning = next((one for one in meanings if _may_identify(column, one)), None)
        rank = _ID_MEANINGS.index("customer" if meaning == "account" else meaning) if meaning else None
        is_said = meaning == "user" or (meaning != "id" and may_mean(column, "id"))
        if rank is not None and (is_said or _look_like_ids(values.cast(pl.String), needs_digits=meaning == "device")):
            found.append((rank, "user_id" if rank == 0 else _name_type(column), column))
    found.sort(key=lambda one: one[0])
    first = {kind: column for _, kind, column in reversed(found)}
    return [one for one in found if first[one[1]] == one[2]]


def _may_identify(column: str, meaning: str) -> bool:
    return meaning != "email" and may_mean(column, meaning) and not may_mean(column, "other id")


def _look_like_ids(values: pl.Series, *, needs_digits: bool) -> bool:
    """Return whether values are single words of which more than each twentieth row has another.

    Without digits, "Pixel" and "Desktop" are kinds of devices; "d-00000001" is a device.
    """
    count = values.n_unique()
    if count < _FEWEST_PEOPLE and count * _ROWS_EACH <= values.len():
        return False
    return _share_of(values, r"\s") <= 1 - ENOUGH and (not needs_digits or _share_of(values, r"\d") >= ENOUGH)


def _name_type(column: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ".".join(column.strip().split(".")[-2:]))
    name = re.sub(r"\W+", "_", words).strip("_").lower()
    return name_otherwise(name) if is_taken(name) else name


def _find_account(sample: pl.DataFrame, ids: list[tuple[int, str]]) -> str | None:
    """Find the identifier of accounts: a column that is called so, whose values several people have.

    Account "a1" with the addresses ann@x.org and bob@x.org is a company; with one address each, a user's account.
    """
    account = next((column for _, column in ids if may_mean(column, "account")), None)
    people = next((column for rank, column in ids if column != account and rank <= _ID_MEANINGS.index("email")), None)
    if account is None or people is None:
        return None
    pairs = sample.select(account, people).drop_nulls().unique()
    return account if pairs.height > 1.5 * max(1, pairs[account].n_unique()) else None


def _guess_meanings(rest: pl.DataFrame) -> dict[str, str]:
    """Find columns of campaigns, pages and currencies whose names do not say so in the words of the log."""
    found: dict[str, str] = {}
    known = {RECOGNISED.get(column, column) for column in rest.columns}
    for column in rest.columns:
        values = rest[column].drop_nulls()
        if values.dtype != pl.String or not values.len():
            continue
        for meaning in ("campaign", "campaign_source", "campaign_medium", "channel", "currency"):
            if may_mean(column, meaning):
                found.setdefault(meaning, column)
        if may_mean(column, "page"):
            for meaning, pattern in (("page_url", "^https?://"), ("page_path", "^/")):
                if _share_of(values, pattern) >= ENOUGH:
                    found.setdefault(meaning, column)
    return {meaning: column for meaning, column in found.items() if meaning not in known}


def _has_decimal_comma(values: pl.Series) -> bool:
    known = values.drop_nulls()
    if known.dtype != pl.String or not known.len():
        return False
    read = known.to_frame("value").select(read_decimal_comma(pl.col("value"), pl.String()))["value"]
    return (
        read.null_count() <= (1 - ENOUGH) * known.len() and _share_of(known, r",\d{1,2}(?:\D|$)") > 0
    )  # 1,234 has thousands


def _share_of(values: pl.Series, pattern: str) -> float:
    return float(values.str.contains(pattern).mean() or 0)  # type: ignore[arg-type]
