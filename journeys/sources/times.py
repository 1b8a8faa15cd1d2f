"""Times as systems write them → one UTC instant; never a guess between seconds, milliseconds and microseconds."""

from __future__ import annotations

import polars as pl

from journeys.errors import ArgumentError
from journeys.sources.epochs import check_unit, from_epoch
from journeys.sources.zones import check_zone

__all__ = ["UTC_TIME", "parse_time", "skipped_hour"]

UTC_TIME = pl.Datetime("us", "UTC")
# An offset, a Z, or nothing: the last is read in the time zone that the caller named.
ZONED = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z")
NAIVE = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M:%S%.f")

SHORT = ("%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z")


def parse_time(
    value: pl.Expr, dtype: pl.DataType, *, column: str, unit: str | None = None, time_zone: str | None = None
) -> pl.Expr:
    """Turn a column of times of any type into UTC microseconds; what cannot be read becomes null.

    So do numbers that are no time between 2000 and 2100: they count something else (`wrong_unit` says so). Times
    without zone are read in `time_zone`, else as UTC; of an hour that a zone repeats in autumn the first is taken, and
    an hour that it skips in spring is null (`skipped_hour` says so).

    Raises
    ------
    ArgumentError
        Numbers without a unit, an unknown unit or zone, or a type that is no time.
    """
    if unit is not None:
        check_unit(unit)
    zone = time_zone or "UTC"
    check_zone(zone)
    if isinstance(dtype, pl.Datetime):
        instant = value.cast(pl.Datetime("us", dtype.time_zone))
        return _in_utc(instant, None if dtype.time_zone else zone)
    if dtype == pl.Date:
        return _in_utc(value.cast(pl.Datetime("us")), zone)
    if dtype.is_numeric():
        if unit is None:
            raise ArgumentError(
                f"timestamp: column {column!r} holds numbers; say what they count: unit='s', 'ms', 'us' or 'ns'"
            )
        return from_epoch(value, unit=unit)
    if dtype in (pl.String, pl.Null):
        text = value.cast(pl.String)

        def read(batch: pl.Series) -> pl.Series:
            return _read_text(batch, zone=zone, unit=unit)

        return text.map_batches(read, return_dtype=UTC_TIME, is_elementwise=True)
    raise ArgumentError(f"timestamp: column {column!r} has the type {dtype}, which is no time")


def skipped_hour(value: pl.Expr, read: pl.Expr, *, zone: str) -> pl.Expr:
    """Say of times in words that were not read that the zone's clocks never showed them; null of all others.

    Examples
    --------
    >>> rows = pl.DataFrame({"at": ["2026-03-29 02:30:00", "soon"], "read": pl.Series([None, None], dtype=UTC_TIME)})
    >>> rows.select(skipped_hour(pl.col("at"), pl.col("read"), zone="Europe/Berlin"))["at"].to_list()
    ['a time that cannot be read: the clocks of Europe/Berlin skip it', None]
    """

    def look(batch: pl.Series) -> pl.Series:
        text, found = batch.struct.field("text"), batch.struct.field("read")
        left = text.set(found.is_not_null(), None)
        if left.null_count() == len(left):
            return pl.Series(batch.name, [None], dtype=pl.String).new_from_index(0, len(batch))
        there = left.to_frame().select(parse_time(pl.first(), left.dtype, column=batch.name)).to_series().is_not_null()
        said = pl.Series([f"a time that cannot be read: the clocks of {zone} skip it"]).new_from_index(0, len(batch))
        return said.set(~there, None).alias(batch.name)

    both = pl.struct(value.alias("text"), read.alias("read"))
    return both.map_batches(look, return_dtype=pl.String, is_elementwise=True).name.keep()


def _in_utc(instant: pl.Expr, zone: str | None) -> pl.Expr:
    if zone is not None:
        instant = instant.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return instant.dt.convert_time_zone("UTC")


def _read_text(batch: pl.Series, *, zone: str, unit: str | None) -> pl.Series:
    """Read text format by format, each only over what the ones before it left."""
    name = batch.name
    if unit is not None:
        numbers = batch.str.strip_chars().cast(pl.Float64, strict=False)
        whole = batch.str.strip_chars().cast(pl.Int64, strict=False)
        frame = pl.DataFrame({"f": numbers, "i": whole})
        return frame.select(
            from_epoch(pl.col("i"), unit=unit).fill_null(from_epoch(pl.col("f"), unit=unit)).alias(name)
        ).to_series()
    done = _plain(batch, zone) if len(batch) else pl.Series(name, [], dtype=UTC_TIME)
    for pattern in ZONED + NAIVE + SHORT:
        left = batch if done is None else batch.set(done.is_not_null(), None)
        if left.null_count() == len(left):
            break
        read = _with_pattern(left, pattern, zone)
        done = read if done is None else done.zip_with(done.is_not_null(), read)
    if done is None:
        return pl.Series(name, [None] * len(batch), dtype=UTC_TIME)
    left = batch.set(done.is_not_null(), None)
    if left.null_count() < len(left):
        done = done.zip_with(done.is_not_null(), _rarer(left, zone))
        bare = left.str.strip_chars()
        blanks = ((bare != left) & done.is_null()).fill_null(value=False)
        if blanks.any():
            done = done.zip_with(~blanks, _read_text(bare.set(~blanks, None), zone=zone, unit=None))
    return done.alias(name)


def _plain(batch: pl.Series, zone: str) -> pl.Series | None:
    """Read what most systems write, `2026-03-01T10:00:00.123Z` or the same without T, fraction and Z, piece by piece.

    Patterns with a fraction cost many times as much as one without. All that is not exactly so is left null, and None
    means that a batch is not of this kind.
    """
    first = batch.drop_nulls().head(1)
    if first.is_empty() or not first.str.contains(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d").item():
        return None
    rest = batch.str.slice(19)
    marked = rest.str.ends_with("Z")
    if marked.all():
        rest, zone = rest.str.head(-1), "UTC"
    elif marked.any():
        return None
    micros = _fraction(rest)
    if micros is None:
        return None
    seconds = batch.str.head(19).str.to_datetime(f"%Y-%m-%d{first.item()[10]}%H:%M:%S", time_unit="us", strict=False)
    local = seconds + micros
    if zone != "UTC":
        local = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return local.dt.convert_time_zone("UTC")
    return local.dt.replace_time_zone("UTC")


def _fraction(rest: pl.Series) -> pl.Series | None:
    """Read `.123` as a duration of microseconds, nothing as none; null where there is something else."""
    length = rest.str.len_bytes()
    if length.max() == 0:
        return pl.Series([0], dtype=pl.Duration("us"))
    if rest.str.contains(".+", literal=True).any():
        return None
    digits = rest.str.slice(1)
    if length.min() != 7 or length.max() != 7:
        digits = digits.str.slice(0, 6).str.pad_end(6, "0")
    good = (length == 0) | (rest.str.starts_with(".") & (length > 1) & (length <= 10))
    micros = digits.cast(pl.UInt32, strict=False).cast(pl.Int64)
    if (length > 7).any():  # beyond microseconds there have to be digits, too
        good &= (length <= 7) | rest.str.slice(7).cast(pl.UInt32, strict=False).is_not_null()
    return micros.set(~good, None).cast(pl.Duration("us"))


def _with_pattern(text: pl.Series, pattern: str, zone: str) -> pl.Series:
    if pattern.endswith("z"):
        return text.str.to_datetime(pattern, time_unit="us", strict=False).dt.convert_time_zone("UTC")
    naive = text.str.to_datetime(pattern, time_unit="us", strict=False)
    return naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")


def _rarer(text: pl.Series, zone: str) -> pl.Series:
    """Read a trailing "UTC" and bare dates."""
    utc = text.str.extract(r"^(.*?)\s*(?:UTC|GMT)$", 1).str.strip_chars()
    first = _with_pattern(utc, NAIVE[1], "UTC")
    first = first.zip_with(first.is_not_null(), _with_pattern(utc, NAIVE[0], "UTC"))
    days = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    days = days.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    return first.zip_with(first.is_not_null(), days)
