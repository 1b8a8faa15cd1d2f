"""Check files or Events before stitching, and read files whose system is detected: `check`, `read_any`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import signature
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import ArgumentError, SourceError
from journeys.events import Events
from journeys.events.issues import ALARMING_SHARE
from journeys.events.placeholder_values import is_placeholder
from journeys.sources.reading import Source, find_files, load_files, load_source
from journeys.sources.reading.files import is_lake
from journeys.sources.registry import READERS, Reader, detect_reader

MAX_FILES = 20
# Two moments are the same within a minute; a wrong clock is announced if this many people show it.
MAX_SECONDS_OFF, MIN_PEOPLE, MAX_SAMPLED = 60, 20, 2000
# How far, in quarters of an hour, a time zone is from UTC at most; and the distances that are not whole hours.
MAX_QUARTERS, BROKEN_HOURS = 4 * 14, (10, 14, 18, 22, 23, 26, 35, 38, 42, 46, 51, 55)
# Minutes beside such a distance, at which no clock is wrong: how many people meet there by chance?
BESIDE = (-6, -4, 4, 6)
SCHEMA = pl.Schema({"source": pl.String(), "kind": pl.String(), "reason": pl.String(), "rows": pl.Int64()})


@dataclass(frozen=True, eq=False, slots=True)
class Checked:
    """What a check found, over all sources.

    Attributes
    ----------
    table
        `source`, `kind`, `reason`, `rows` (Int64): first what became of the rows ("read", "kept", "facts",
        "duplicates", "quarantined"), then each source's issues, its event names, and how the sources fit together.
    events
        What was read, to go on with.
    unidentified
        For each of the events, its rows whose identifiers are all placeholders, such as "0" or "NaN": kept, but
        `jn.stitch` sets them apart.
    """

    table: pl.DataFrame
    events: tuple[Events, ...]
    unidentified: tuple[int, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each source with more than a fifth of its rows in quarantine, now or once stitched."""
        from journeys.display import format_percent

        found = []
        for one, lost in zip(self.events, self.unidentified, strict=True):
            issues = one.issues
            if issues.alarm is not None:
                found.append(issues.alarm)
            elif issues.quarantined + lost > ALARMING_SHARE * issues.read:
                found.append(f"WARNING: {format_percent(lost / issues.read)} of the rows of {one.name} name nobody.")
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether the data is fit for use: at least four fifths of each source's rows belong to a person."""
        return not self.failures

    def __repr__(self) -> str:
        from journeys.display import render_text_table

        # "duplicates, in all: 0" of each source would hide what there is
        is_empty = (pl.col("rows") == 0) & pl.col("kind").is_in(["facts", "duplicates", "quarantined"])
        return f"{self._describe_check()}\n{render_text_table(self.table.filter(~is_empty), rows=100, width=80)}"

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        return render_card("Checked", sentence=self._describe_check(), table=self.table, rows=100)

    def _describe_check(self) -> str:
        from journeys.display import format_count, format_number

        read = sum(one.issues.read for one in self.events)
        quarantined = sum(one.issues.quarantined for one in self.events)
        sums = f"{format_count(read, 'row')} read, {format_number(quarantined)} of them in quarantine"
        counts = f"{format_count(len(self.events), 'source')}, {sums}"
        return f"FAILED. {' '.join(self.failures)} {counts}" if self.failures else counts


def check(*sources: Any) -> Checked:
    """Check whether data is fit for use: what was read, lost, duplicated or unusual, and how the sources fit together.

    Parameters
    ----------
    *sources
        Events, or paths and frames, whose system is detected from their columns.

    Returns
    -------
    Checked
        `passed` is False if more than a fifth of the rows of a source are in quarantine, or name nobody.

    Raises
    ------
    SourceError
        The system of a file is not recognised (read it with `read_table` and check the Events), or a file cannot be
        read.

    Notes
    -----
    Two sources disagree on the time zone when the people that they share have events as far apart as a zone is from UTC
    (a whole number of hours, or one such as 5:30 or 5:45, and less than a minute), 20 people or more, and three times
    as many as at the same time and as by chance (4 and 6 minutes beside it). That needs moments which both systems
    record, such as a sign-up; without them, clocks are not compared.

    Examples
    --------
    >>> import polars as pl
    >>> from journeys.sources.table import read_table
    >>> log = pl.DataFrame({"at": ["2026-03-01 10:00:00", None], "what": ["Signed Up"] * 2, "user_id": ["1", "2"]})
    >>> checked = check(read_table(log, timestamp="at", event="what", ids=["user_id"], name="app"))
    >>> checked.table.filter(kind="quarantined").rows(), checked.passed
    ([('app', 'quarantined', 'in all', 1), ('app', 'quarantined', 'no time', 1)], False)
    """
    from journeys.naming import check as check_names

    if not sources:
        raise ArgumentError("sources: nothing to check was given.")
    events = tuple(source if isinstance(source, Events) else read_any(source) for source in sources)
    rows: list[tuple[str, str, str, int | None]] = []
    for source in events:
        found = source.issues
        totals = {
            "read": found.read, "kept": found.kept, "facts": found.facts,
            "duplicates": found.duplicates, "quarantined": found.quarantined,
        }  # fmt: skip
        rows += [(source.name, kind, "in all", count) for kind, count in totals.items()]
        rows += [(source.name, *row) for row in found.table.filter(pl.col("kind") != "named").iter_rows()]
        named = check_names(source)
        rows += [
            (source.name, "named", f"{name!r}: {'; '.join(problems)}{f' → {better!r}' if better else ''}", count)
            for name, count, problems, better in named.table.iter_rows()
        ]
    unidentified = []
    for source in events:
        count, example = _count_unidentified(source)
        unidentified.append(count)
        if count:
            reason = f"identifiers that are placeholders, such as {example!r} (set apart when stitched)"
            rows.append((source.name, "noticed", reason, count))
    rows += [row for a, b in combinations(events, 2) for row in _compare_clocks(a, b)]
    return Checked(pl.DataFrame(rows, schema=SCHEMA, orient="row"), events, tuple(unidentified))


def _count_unidentified(events: Events) -> tuple[int, str | None]:
    """Count the rows that have identifiers, but only placeholders; give one of these, the first in order."""
    ids = [pl.col(name).cast(pl.String).str.strip_chars() for name in events.ids]
    names_nobody = pl.all_horizontal(is_placeholder(text, kind="id").fill_null(value=True) for text in ids)
    shown = pl.coalesce(pl.when(text != "").then(text) for text in ids).alias("shown")
    counts = events.table.group_by(events.ids).agg(pl.len().cast(pl.Int64).alias("rows")).collect()
    return counts.filter(names_nobody).select("rows", shown).drop_nulls().select(pl.sum("rows"), pl.min("shown")).row(0)


def read_any(source: Source, **options: str) -> Events:
    """Read a file, folder or frame of any known system, detected from its columns.

    The options are `unit` and `time_zone`, for the readers that have them. Raise SourceError when the system is not
    recognised, or the file cannot be read.
    """
    shown = repr(str(source)) if isinstance(source, str | Path) else f"a {type(source).__name__}"
    columns: list[str] = []
    first_error: SourceError | None = None
    for schema in _list_schemas(source):
        if isinstance(schema, SourceError):
            first_error = first_error or schema
            continue
        if (reader := _find_reader(schema)) is not None:
            read = reader.load_function()
            taken = signature(read).parameters
            return read(source, **{name: value for name, value in options.items() if name in taken})
        columns = columns or [name for name in schema if not name.startswith("_")]
    if first_error is not None and not columns:
        raise first_error
    listed = ", ".join(map(repr, columns[:12])) or "none"
    raise SourceError(
        f"source: the system of {shown} is not recognised; read it with read_table and check the Events. "
        f"Its columns: {listed}."
    )


def detect_source(source: Source) -> Reader | None:
    """Find the reader of a file or folder by its columns; None if no known system has them, or they cannot be read."""
    found = (detect_reader(schema) for schema in _list_schemas(source) if not isinstance(schema, SourceError))
    return next((reader for reader in found if reader is not None), None)


def _list_schemas(source: Source) -> Iterator[Iterable[str] | SourceError]:
    """Yield the columns of each file, or why it has none: the first file may be unclear or broken."""
    if not isinstance(source, str | Path) or is_lake(source):
        yield list(load_source(source).schema)
        return
    files = find_files(source)
    for found in [found for found in files if found.size][:MAX_FILES] or files[:1]:
        try:
            yield list(load_files([found], name=Path(source).name, text_columns=None).schema)
        except SourceError as error:
            yield error


def _find_reader(columns: Iterable[str]) -> Reader | None:
    """Find the reader of a table; one with an anonymous or user id, also in capitals, is read as a warehouse's."""
    given = list(columns)
    if (reader := detect_reader(given)) is not None:
        return reader
    warehouse = next(reader for reader in READERS if reader.system == "Segment's warehouse")
    lower = {name.lower() for name in given}
    is_warehouse = detect_reader(lower) is warehouse or bool({"anonymous_id", "user_id"} & lower)
    return warehouse if is_warehouse else None


def _compare_clocks(a: Events, b: Events) -> list[tuple[str, str, str, int | None]]:
    """Look for a clock that is as far off as a time zone is from UTC, between two sources that share people."""
    for id_type in (id_type for id_type in a.ids if id_type in b.ids):
        shared = (
            a.table.select(id_type).filter(pl.col(id_type).is_not_null()).unique()
            .join(b.table.select(id_type).unique(), on=id_type, how="semi").sort(id_type).head(MAX_SAMPLED)
        )  # fmt: skip
        left, right = (one.table.select(id_type, "timestamp").join(shared, on=id_type, how="semi") for one in (a, b))
        apart = (pl.col("timestamp_b") - pl.col("timestamp")).dt.total_seconds()
        quarters = (apart / 900).round(0).cast(pl.Int64)
        off = apart - quarters * 900
        offsets = {"people": 0, **{f"beside {minutes}": 60 * minutes for minutes in BESIDE}}
        is_close = pl.any_horizontal((off - seconds).abs() < MAX_SECONDS_OFF for seconds in offsets.values())
        is_zone = (quarters % 4 == 0) & (quarters.abs() <= MAX_QUARTERS) | quarters.abs().is_in(BROKEN_HOURS)
        pairs = left.join(right, on=id_type, suffix="_b").filter(is_close & is_zone)
        counted = pairs.group_by(quarters.alias("quarters")).agg(
            pl.col(id_type).filter((off - seconds).abs() < MAX_SECONDS_OFF).n_unique().cast(pl.Int64).alias(name)
            for name, seconds in offsets.items()
        )
        found = {distance: counts for distance, *counts in counted.collect().iter_rows()}
        people = {distance: counts[0] for distance, counts in found.items()}
        best = max(people, key=lambda distance: (people[distance], -abs(distance), distance), default=0)
        # Where moments of two systems are spread evenly, every distance occurs: a wrong clock stands out.
        by_chance = max(found[best][1:]) if found else 0
        if best and people[best] >= MIN_PEOPLE and people[best] >= 3 * max(people.get(0, 0), by_chance):
            distance = f"{_format_hours(best)} {'behind' if best < 0 else 'ahead of'}"
            finding = f"{b.name} runs {distance} {a.name} for people they share: is one of them not in UTC?"
            return [(f"{a.name} and {b.name}", "clock", finding, people[best])]
    return []


def _format_hours(quarters: int) -> str:
    from journeys.display import format_count

    hours, rest = divmod(abs(quarters), 4)
    return format_count(hours, "hour") + (f" and {15 * rest} minutes" if rest else "")
