"""Times as systems write them: text, epochs and zones → UTC, and what could not be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import polars as pl

from journeys.errors import ArgumentError, SourceError, check_zone

NAMES_ZONE = r"(?:[zZ]|[+-]\d\d:?\d\d|:\d\d(?:\.\d+)? ?[+-]\d\d|UTC|GMT)$"


def note_time_zone(sample: pl.Series, *, time_zone: str | None) -> list[str]:
    """Note what is assumed about times that name no zone, if the sample has any."""
    if isinstance(sample.dtype, pl.Datetime):
        bare = sample.dtype.time_zone is None
    elif sample.dtype == pl.String:
        bare = bool((~sample.str.strip_chars().str.contains(NAMES_ZONE)).any())
    else:
        bare = not sample.dtype.is_numeric() and sample.dtype != pl.Null
    if not bare:
        return []
    zone = time_zone or "UTC"
    return [f"times without a zone were read as {zone}", *note_repeated_hour(zone)]


def _note_bare_times(zone: str) -> list[str]:
    return note_time_zone(pl.Series([datetime(2026, 1, 1)]), time_zone=zone)


def note_repeated_hour(zone: str) -> list[str]:
    """Note which time was taken in an hour that the zone's clocks show twice, if there is one.

    Examples
    --------
    >>> note_repeated_hour("Europe/Berlin"), note_repeated_hour("UTC")
    (['of an hour that Europe/Berlin repeats when its clocks go back the first was taken'], [])
    """
    winter, summer = (datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))
    return [f"of an hour that {zone} repeats when its clocks go back the first was taken"] if winter != summer else []


def note_assumed_zone(rows: pl.LazyFrame, *times: pl.Expr, time_zone: str | None = None) -> list[str]:
    """Note what is assumed about the first rows' times if they name no zone; numbers need none."""
    sample = rows.select(time.alias(f"{place}") for place, time in enumerate(times)).head(1000).collect()
    for column in sample:
        words = column.filter(column.str.contains(r"\D")) if column.dtype == pl.String else column
        if notes := note_time_zone(words, time_zone=time_zone):
            return notes
    return []


PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
UNIT_NAMES = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "days": "days of a spreadsheet",
}
UNITS = (*UNIT_NAMES, "mixed")
"""What `unit` may be; with "mixed", the size of each number shows whether it counts seconds or smaller units."""
# Spreadsheets count days from 30 December 1899, in the time zone of whoever typed them: 46082.5 is 1 March 2026, 12:00.
_SERIAL_DAY, _SERIAL_1970 = 86_400, 25_569
YEAR_2000, _YEAR_2101 = datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
"""A number outside these years counts another unit; an earlier time is unusual."""
# Python, and most of what shows a time, knows no other years.
FIRST_TIME, LAST_TIME = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
OUT_OF_RANGE = "a time outside the years 1 to 9999"


def check_unit(unit: str) -> None:
    """Refuse an unknown unit."""
    if unit not in UNITS:
        raise ArgumentError(f"unit: {unit!r} is not one of {', '.join(map(repr, UNITS))}.")


def _year_of(value: float, unit: str) -> float:
    if unit == "days":
        return 1900 + value / 365.2425
    return 1970 + value / PER_SECOND[unit] / 31_556_952


def check_unit_fits(values: pl.Series, *, column: str, unit: str, has_unit_option: bool = True) -> None:
    """Refuse numbers in another unit: their median must fall in the years 2000 to 2100; mixed units are not checked.

    `has_unit_option`: the caller can choose another unit, so the message proposes one.

    Raises
    ------
    SourceError
        The years are impossible in this unit; the message says which unit fits.

    Examples
    --------
    >>> check_unit_fits(pl.Series([1772530000000]), column="time", unit="s")
    Traceback (most recent call last):
    ...
    journeys.errors.SourceError: column 'time': 1772530000000 read as seconds falls in the year 58139, not between
    2000 and 2100; it looks like milliseconds (unit='ms').
    """
    check_unit(unit)
    if unit == "mixed":
        return
    middle = values.cast(pl.Float64, strict=False).drop_nulls().median()
    if not isinstance(middle, float) or 2000 <= _year_of(middle, unit) <= 2100:
        return
    fits = [u for u in UNIT_NAMES if 2000 <= _year_of(middle, u) <= 2100]
    option = f" (unit={fits[0]!r})" if fits and has_unit_option else ""
    hint = f"; it looks like {UNIT_NAMES[fits[0]]}{option}" if fits else ""
    raise SourceError(
        f"column {column!r}: {middle:.0f} read as {UNIT_NAMES[unit]} falls in the year {_year_of(middle, unit):.0f}, "
        f"not between 2000 and 2100{hint}."
    )


def explain_wrong_unit(value: pl.Expr, dtype: pl.DataType, *, column: str, unit: str) -> pl.Expr:
    """Explain each number, or text of digits, that falls outside 2000 to 2100 in this unit; null elsewhere.

    Examples
    --------
    >>> rows = pl.DataFrame({"at": [1772530000, 1772530000000, 0]})
    >>> reason = explain_wrong_unit(pl.col("at"), pl.Int64(), column="at", unit="s")
    >>> rows.select(reason).to_series().drop_nulls().to_list()
    ["column 'at': not between 2000 and 2100 in seconds; it looks like milliseconds",
     "column 'at': not between 2000 and 2100 in seconds"]
    """
    check_unit(unit)
    number = _read_digits(value) if dtype == pl.String else value
    problem = f"column {column!r}: not between 2000 and 2100 in {UNIT_NAMES.get(unit, 'any unit of time')}"
    reason: pl.Expr = pl.lit(problem)
    for other, name in UNIT_NAMES.items():
        if other != unit:
            fits = f"{problem}; it looks like {name}"
            reason = pl.when(_is_inside(number, other)).then(pl.lit(fits)).otherwise(reason)
    return pl.when(number.is_not_null() & ~_is_inside(number, unit)).then(reason)


def _read_digits(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def _is_inside(value: pl.Expr, unit: str) -> pl.Expr:
    first, last = int(YEAR_2000.timestamp()), int(_YEAR_2101.timestamp())
    if unit == "mixed":
        return pl.any_horizontal(_is_inside(value, one) for one in PER_SECOND)
    if unit == "days":
        return (value >= first // _SERIAL_DAY + _SERIAL_1970) & (value < last // _SERIAL_DAY + _SERIAL_1970)
    per_second = PER_SECOND[unit]
    return (value >= first * per_second) & (value < last * per_second)


def from_epoch(value: pl.Expr, *, unit: str, zone: str = "UTC") -> pl.Expr:
    """Turn numbers into UTC microseconds; null outside the years 2000 to 2100.

    Days of a spreadsheet are read in `zone`, to the second: they have no more digits than that. Of mixed units at most
    one fits each number: 1772530000 counts seconds, 1772530000000 milliseconds.
    """
    if unit == "mixed":
        return pl.coalesce(from_epoch(value, unit=one) for one in PER_SECOND)
    if unit == "days":
        inside = pl.when(_is_inside(value, unit)).then(value)
        seconds = ((inside - _SERIAL_1970) * _SERIAL_DAY).round(0).cast(pl.Int64)
        naive = (seconds * 1_000_000).cast(pl.Datetime("us"))
        return naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    per_second = PER_SECOND[unit]
    inside = pl.when(_is_inside(value, unit)).then(value)
    micros = inside.cast(pl.Int64) // (per_second // 1_000_000) if per_second > 1_000_000 else None
    if micros is None:
        factor = 1_000_000 // per_second
        micros = (inside * factor).round(0).cast(pl.Int64)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


UTC_TIME = pl.Datetime("us", "UTC")
UNREADABLE = "a time that cannot be read"
DATE_ONLY = "date without a time of day (read as midnight)"

# %#z is any offset, or Z. Times without one are read in the time zone that the caller names.
_PATTERNS = (
    *("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"),
    *("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M:%S%.f"),
    *("%Y/%m/%d %H:%M", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"),
)
_COMMON = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"
# 17/04/2026, 4/13/2026 23:58, 17.04.2026 08:00:05, 4/13/2026 11:58 PM
_SPREADSHEET = (
    r"^(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})[/.-](?P<year>\d{4})"
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second_of_minute>\d\d)(?:[.,]\d+)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?)?$"
)
_DATE_LENGTH = len("2026-03-01")
_NO_UNIT = "a number that does not say what it counts: give unit='s', 'ms', 'us' or 'ns'"
_AMBIGUOUS = "a date whose day and month cannot be told apart: give day_first=True or day_first=False"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeParser:
    """How the times of one column are read.

    Attributes
    ----------
    unit : {"s", "ms", "us", "ns", "days", "mixed"}, optional
        What numbers, or digits in text, count from 1970; or the days of a spreadsheet. Numbers without a unit are
        refused.
    time_zone : str, optional
        The zone of times that name none; UTC by default.
    format : str, optional
        How text is written, as `strptime` has it: "%d.%m.%y %H:%M". Other text is then not read.
    day_first : bool, optional
        Whether 03/04/2026 is 3 April. Without it, only dates that have one meaning are read, such as 17/04/2026.

    Raises
    ------
    ArgumentError
        An unknown unit or time zone, an invalid format, or a format together with `unit` or `day_first`.

    Examples
    --------
    >>> at = pl.DataFrame({"at": ["2026-01-01 10:00:00+00", "04/13/2026 23:58", "03/04/2026"]})
    >>> at.select(TimeParser().parse(pl.col("at"), pl.String(), column="at"))["at"].dt.to_string("iso").to_list()
    ['2026-01-01 10:00:00.000000+00:00', '2026-04-13 23:58:00.000000+00:00', None]
    """

    unit: str | None = None
    time_zone: str | None = None
    format: str | None = None
    day_first: bool | None = None

    def __post_init__(self) -> None:
        if self.unit is not None:
            check_unit(self.unit)
        if self.time_zone:
            check_zone(self.time_zone)
        if self.day_first not in (None, True, False):
            raise ArgumentError(f"day_first: expected True, False or None, got {self.day_first!r}.")
        if self.format is not None:
            other = "unit" if self.unit is not None else "day_first" if self.day_first is not None else None
            if other is not None:
                raise ArgumentError(f"format: the format already says how times are written; leave out {other}=.")
            _check_format(self.format)

    @property
    def zone(self) -> str:
        """The zone of times that name none."""
        return self.time_zone or "UTC"

    def parse(self, value: pl.Expr, dtype: pl.DataType, *, column: str) -> pl.Expr:
        """Turn a column of times of any type into UTC microseconds; null where a time cannot be read.

        A number outside the years 2000 to 2100 is null, since it counts something else. Of an hour that the zone
        repeats in autumn the first is taken; an hour that it skips in spring is null. `explain` gives the reasons.

        Raises
        ------
        ArgumentError
            Numbers without a unit, or a type that is not a time.
        """
        if isinstance(dtype, pl.Datetime):
            instant = value.cast(pl.Datetime("us", dtype.time_zone))
            if dtype.time_zone is not None:
                return instant.dt.convert_time_zone("UTC")
            localised = instant.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
            return localised.dt.convert_time_zone("UTC")
        if dtype == pl.Date:
            return self.parse(value.cast(pl.Datetime("us")), pl.Datetime("us"), column=column)
        if dtype.is_numeric():
            if self.unit is None:
                raise ArgumentError(
                    f"timestamp: column {column!r} holds numbers; say what they count: unit='s', 'ms', 'us' or 'ns', "
                    "or 'days' of a spreadsheet."
                )
            return from_epoch(value, unit=self.unit, zone=self.zone)
        if dtype in (pl.String, pl.Null):
            return value.cast(pl.String).map_batches(self._parse_text, return_dtype=UTC_TIME, is_elementwise=True)
        raise ArgumentError(
            f"timestamp: column {column!r} is {dtype}; expected a datetime, a date, text, or numbers with a unit."
        )

    def explain(self, value: pl.Expr, parsed: pl.Expr, dtype: pl.DataType, *, column: str) -> pl.Expr:
        """Return the reason why each time could not be read; null where it was read, or where there is no time.

        Examples
        --------
        >>> rows = pl.DataFrame({"at": ["03/04/2026", "soon"], "read": pl.Series([None, None], dtype=UTC_TIME)})
        >>> reason = TimeParser().explain(pl.col("at"), pl.col("read"), pl.String(), column="at")
        >>> rows.select(reason).to_series().to_list()
        ['a date whose day and month cannot be told apart: give day_first=True or day_first=False', \
'a time that cannot be read']
        """
        if self.unit is not None and (dtype == pl.String or dtype.is_numeric()):
            wrong = explain_wrong_unit(value, dtype, column=column, unit=self.unit)
            if dtype != pl.String:
                return wrong
            is_unread = parsed.is_null() & (value.str.strip_chars() != "")
            return pl.coalesce(wrong, pl.when(is_unread).then(pl.lit(UNREADABLE)))

        def list_reasons(batch: pl.Series) -> pl.Series:
            return self._explain_batch(*batch.struct.unnest()).alias(batch.name)

        pair = pl.struct(value.alias("value"), parsed.alias("parsed"))
        return pair.map_batches(list_reasons, return_dtype=pl.String, is_elementwise=True).name.keep()

    def is_date_only(self, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """Return whether each time is a date without a time of day, which is read as midnight."""
        if dtype == pl.Date:
            return value.is_not_null()
        if self.unit == "days" and (dtype == pl.String or dtype.is_numeric()):
            number = _read_digits(value) if dtype == pl.String else value
            return (number % 1 == 0).fill_null(value=False)
        if dtype != pl.String or self.unit is not None:
            return pl.lit(value=False)
        if self.format is not None:
            return pl.lit(value=not re.search(r"%[^%]*?[HIklMSTRXcrps+]", self.format)) & value.is_not_null()
        return value.str.strip_chars().str.len_bytes() <= _DATE_LENGTH

    def note_assumptions(self, sample: pl.Series) -> list[str]:
        """Note what is assumed about times that name no zone, if the sample has any."""
        if self.unit is not None and (sample.dtype == pl.String or sample.dtype.is_numeric()):
            return _note_bare_times(self.zone) if self.unit == "days" else []
        if self.format is not None and sample.dtype == pl.String:
            return [] if "z" in self.format else _note_bare_times(self.zone)
        return note_time_zone(sample, time_zone=self.zone)

    def _localise_times(self, naive: pl.Series) -> pl.Series:
        """Read times without a zone in the caller's, as UTC."""
        if naive.dtype.time_zone is None:  # type: ignore[attr-defined]
            naive = naive.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
        return naive.dt.convert_time_zone("UTC")

    def _parse_text(self, batch: pl.Series) -> pl.Series:
        """Read text format by format, each only where the ones before it read nothing."""
        if batch.null_count() == len(batch):
            return pl.Series(batch.name, [], dtype=UTC_TIME).extend_constant(None, len(batch))
        if self.unit is not None:
            return _parse_digits(batch, unit=self.unit, zone=self.zone)
        if self.format is not None:
            naive = batch.str.strip_chars().str.to_datetime(self.format, time_unit="us", strict=False)
            return self._localise_times(naive).alias(batch.name)
        parsed = self._parse_common(batch)
        readers: list[Callable[[pl.Series], pl.Series]] = [
            *(partial(self._parse_pattern, pattern=pattern) for pattern in _PATTERNS),
            self._parse_named_utc,
            lambda text: self._localise_times(text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))),
            lambda text: self._localise_times(_parse_spreadsheet(text, day_first=self.day_first)),
            lambda text: self._parse_pattern(
                text.str.replace(r"(:\d\d),(\d+)", "$1.$2"), pattern="%Y-%m-%d %H:%M:%S%.f"
            ),
        ]
        for reader in readers:
            unread = batch.set(parsed.is_not_null(), None)
            if unread.null_count() == len(unread):
                break
            parsed = parsed.zip_with(parsed.is_not_null(), reader(unread.str.strip_chars()))
        return parsed.alias(batch.name)

    def _parse_pattern(self, text: pl.Series, *, pattern: str) -> pl.Series:
        return self._localise_times(text.str.to_datetime(pattern, time_unit="us", strict=False))

    def _parse_named_utc(self, text: pl.Series) -> pl.Series:
        """Read "2026-03-01 10:00:00 UTC"."""
        bare = text.str.extract(r"^(.*?)\s*(?:UTC|GMT)$", 1).str.strip_chars()
        return TimeParser()._parse_pattern(bare.str.replace("T", " "), pattern="%Y-%m-%d %H:%M:%S%.f")

    def _parse_common(self, batch: pl.Series) -> pl.Series:
        """Read what most systems write, `2026-03-01T10:00:00.123Z`, also without T, fraction and Z, piece by piece.

        Patterns with a fraction are many times slower than the same without one. What is written otherwise stays null,
        and so does a whole batch that starts with something else or mixes times with and without Z.
        """
        unread = pl.Series(batch.name, [], dtype=UTC_TIME).extend_constant(None, len(batch))
        first = batch.drop_nulls().head(1)
        if not first.str.contains(_COMMON).item():
            return unread
        rest = batch.str.slice(19)
        has_z = rest.str.ends_with("Z")
        zone = self.zone
        if has_z.all():
            rest, zone = rest.str.head(-1), "UTC"
        elif has_z.any():
            return unread
        fraction = _parse_fraction(rest)
        if fraction is None:
            return unread
        pattern = f"%Y-%m-%d{first.item()[10]}%H:%M:%S"
        local = batch.str.head(19).str.to_datetime(pattern, time_unit="us", strict=False) + fraction
        local = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return local if zone == "UTC" else local.dt.convert_time_zone("UTC")

    def _explain_batch(self, value: pl.Series, parsed: pl.Series) -> pl.Series:
        """Return the reasons of one batch; most batches have none."""
        unread = value.set(parsed.is_not_null(), None)
        if unread.dtype == pl.String:
            unread = unread.str.strip_chars()
            unread = unread.set(unread == "", None)
        if unread.null_count() == len(unread):
            return pl.Series([None], dtype=pl.String).new_from_index(0, len(value))
        in_utc = TimeParser(format=self.format, day_first=self.day_first)
        reasons: list[pl.Expr] = [
            pl.when(in_utc.parse(pl.first(), unread.dtype, column=value.name).is_not_null()).then(
                pl.lit(f"{UNREADABLE}: the clocks of {self.zone} skip it")
            )
        ]
        if self.format is not None:
            reasons.append(pl.lit(f"{UNREADABLE}: it does not match format={self.format!r}"))
        elif unread.dtype == pl.String:
            is_number = pl.first().str.contains(r"^-?\d+(?:[.,]\d+)?$")
            reasons.append(pl.when(is_number).then(pl.lit(_NO_UNIT)))
            reasons.append(pl.when(_is_ambiguous(pl.first())).then(pl.lit(_AMBIGUOUS)))
        reason = pl.coalesce(*reasons, pl.lit(UNREADABLE))
        return unread.to_frame().select(pl.when(pl.first().is_not_null()).then(reason)).to_series()


def unread_text(value: pl.Expr, parsed: pl.Expr) -> pl.Expr:
    """Give, as text, the times that are there but could not be parsed; null for all others.

    Examples
    --------
    >>> rows = pl.DataFrame({"at": ["soon", " ", None], "parsed": pl.Series([None] * 3, dtype=UTC_TIME)})
    >>> rows.select(unread_text(pl.col("at"), pl.col("parsed"))).to_series().to_list()
    ['soon', None, None]
    """

    def write_values(batch: pl.Series) -> pl.Series:
        value, parsed = batch.struct.unnest()
        unread = value.set(parsed.is_not_null(), None)
        if unread.null_count() == len(unread):
            return pl.Series([None], dtype=pl.String).new_from_index(0, len(batch))
        text = unread.cast(pl.String)
        return text.set(text.str.strip_chars() == "", None)

    pair = pl.struct(value.alias("value"), parsed.alias("parsed"))
    return pair.map_batches(write_values, return_dtype=pl.String, is_elementwise=True)


def _check_format(format: str) -> None:  # noqa: A002
    """Refuse a format that does not give a full date back."""
    moment = pl.Series([datetime(2026, 4, 17, 10, 5, 6, tzinfo=UTC)])
    try:
        read = moment.dt.strftime(format).str.to_datetime(format, time_unit="us", strict=False).item()
    except pl.exceptions.PolarsError:
        read = None
    if read is None or (read.year, read.month, read.day) != (2026, 4, 17):
        raise ArgumentError(
            f"format: {format!r} is not a format of a date with year, month and day; "
            "give one such as '%d.%m.%Y %H:%M' or '%d/%m/%Y'."
        )


def _parse_digits(batch: pl.Series, *, unit: str, zone: str) -> pl.Series:
    """Read numbers written as text, "1772530000" or "1772530000,5"; whole ones exactly."""
    text = batch.str.strip_chars()
    whole = text.cast(pl.Int64, strict=False)
    fractional = text.set(whole.is_not_null(), None).str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    numbers = pl.DataFrame({"whole": whole, "fractional": fractional})
    parsed = [from_epoch(pl.col(column), unit=unit, zone=zone) for column in numbers.columns]
    return numbers.select(pl.coalesce(parsed).alias(batch.name)).to_series()


def _parse_fraction(rest: pl.Series) -> pl.Series | None:
    """Read ".123" as a duration of microseconds, "" as none; null where there is something else."""
    length = rest.str.len_bytes()
    if length.max() == 0:
        return pl.Series([0], dtype=pl.Duration("us"))
    if rest.str.contains(".+", literal=True).any():
        return None
    digits = rest.str.slice(1)
    if length.min() != 7 or length.max() != 7:
        digits = digits.str.slice(0, 6).str.pad_end(6, "0")
    is_fraction = (length == 0) | (rest.str.starts_with(".") & (length > 1) & (length <= 10))
    micros = digits.cast(pl.UInt32, strict=False).cast(pl.Int64)
    if (length > 7).any():  # beyond microseconds there have to be digits, too
        is_fraction &= (length <= 7) | rest.str.slice(7).cast(pl.UInt32, strict=False).is_not_null()
    return micros.set(~is_fraction, None).cast(pl.Duration("us"))


def _is_ambiguous(text: pl.Expr) -> pl.Expr:
    parts = text.str.extract_groups(_SPREADSHEET).struct
    first, second = (parts.field(part).cast(pl.Int8, strict=False) for part in ("first", "second"))
    return (first <= 12) & (second <= 12) & (first != second)


def _parse_spreadsheet(text: pl.Series, *, day_first: bool | None) -> pl.Series:
    """Read dates as spreadsheets write them.

    Without `day_first`, a date is read only where one of its two numbers cannot be a month, or both are equal:

        17/04/2026         17 April, day first
        04/13/2026 23:58   13 April, month first
        03/04/2026         null: 3 April or March 4
    """
    parts = text.to_frame("text").select(pl.col("text").str.extract_groups(_SPREADSHEET).alias("parts")).unnest("parts")
    first, second = pl.col("first").cast(pl.Int8, strict=False), pl.col("second").cast(pl.Int8, strict=False)
    is_day_first = pl.lit(day_first) if day_first is not None else (first > 12) | (first == second)
    is_clear = pl.lit(value=True) if day_first is not None else (first > 12) | (second > 12) | (first == second)
    hour = pl.col("hour").cast(pl.Int8, strict=False)
    is_twelve_hour = pl.col("half").is_not_null()
    afternoon = pl.col("half").str.to_lowercase() == "p"
    hour = (
        pl.when(is_twelve_hour & ~hour.is_between(1, 12))
        .then(pl.lit(99, dtype=pl.Int8))  # 13:00 PM is not a time
        .when(is_twelve_hour)
        .then(hour % 12 + pl.when(afternoon).then(12).otherwise(0))
        .otherwise(hour)
        .fill_null(0)
    )
    iso = pl.format(
        "{}-{}-{} {}:{}:{}",
        pl.col("year"),
        pl.when(is_day_first).then(second).otherwise(first),
        pl.when(is_day_first).then(first).otherwise(second),
        hour,
        pl.col("minute").fill_null("00"),
        pl.col("second_of_minute").fill_null("00"),
    )
    clear = parts.select(pl.when(is_clear).then(iso)).to_series()
    return clear.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
