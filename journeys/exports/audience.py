"""People of any selection as a table: the ids that systems know them by, and traits out of their journeys."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.exports.places import place_for
from journeys.exports.safe import flat, free_names, runs, write_csv

__all__ = ["Written", "audience", "last_before", "plain_row", "to_people", "write_lines"]


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote: the file, how many people are in it, how many are not and why not, what else to know."""

    path: Path
    people: int
    left_out: int = 0
    reason: str = ""
    note: str = ""

    def __str__(self) -> str:
        from journeys.display import plural

        rest = f"; {plural(self.left_out, 'person', 'people')} left out: {self.reason}" if self.left_out else ""
        note = f"; {self.note}" if self.note else ""
        return f"{plural(self.people, 'person', 'people')} written to {self.path}{rest}{note}"


def last_before(journeys: Any, *, event: str, column: str, name: str | None = None) -> pl.DataFrame:
    """What was the last value of a column before each person's first event of a name?

    Parameters
    ----------
    journeys
        A `Journeys`.
    event
        The event, such as "Signed Up"; its first occurrence counts, and only what came strictly before.
    column
        The property, such as "page_path".
    name
        What to call the trait; else `last_<column>_before_<event>`.

    Returns
    -------
    pl.DataFrame
        `person` and the trait, one row for each person who did the event and had a value before; sorted by person.

    Raises
    ------
    UnknownNameError
        There is no such column or event.

    Examples
    --------
    >>> import polars as pl
    >>> import journeys as jn
    >>> log = pl.DataFrame({"person": [1, 1, 1], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"],
    ...     "event": ["Loaded a Page", "Loaded a Page", "Signed Up"], "page": ["/", "/pricing", None]})
    >>> log = log.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC"))
    >>> j = jn.Journeys.from_table(log, person="person", timestamp="timestamp", event="event")
    >>> last_before(j, event="Signed Up", column="page", name="last_page").rows()
    [(1, '/pricing')]
    """
    schema = journeys.events.collect_schema()
    if column not in schema:
        raise UnknownNameError(unknown("column", column, available=list(schema), what="column"))
    log = journeys.events.select("person", pl.col("event").cast(pl.String), column).with_row_index("_n")
    goals = log.filter(pl.col("event") == event).group_by("person").agg(pl.col("_n").min().alias("_goal")).collect()
    if goals.is_empty():
        names = journeys.events.select(pl.col("event").cast(pl.String).unique()).collect().to_series().sort().to_list()
        if event not in names:
            raise UnknownNameError(unknown("event", event, available=names, what="event"))
    trait = name or f"last_{column}_before_{'_'.join(event.lower().split())}"
    before = (
        log.filter(pl.col(column).is_not_null()).join(goals.lazy(), on="person").filter(pl.col("_n") < pl.col("_goal"))
    )
    last = before.group_by("person").agg(pl.col(column).get(pl.col("_n").arg_max()).alias(trait))
    found: pl.DataFrame = last.sort("person").collect()
    return found


def audience(
    journeys: Any, *, traits: Sequence[str] | None = None, extra: pl.DataFrame | Iterable[pl.DataFrame] = ()
) -> tuple[pl.DataFrame, list[str]]:
    """Put together a row for each person, and name the columns that are identifiers."""
    people: pl.DataFrame = journeys.people
    extras = _tables(extra)
    kinds = _id_types(journeys)
    ids = [kind for kind in kinds if kind in people.columns]
    plain = [c for c in people.columns if c not in {"person", *ids}]
    problems = []
    if traits is not None and (missing := [one for one in traits if one not in plain]):
        problems.append(unknown("traits", missing, available=plain, what="column"))
    problems += [
        f"extra: a table without the column 'person': {', '.join(one.columns)}"
        for one in extras
        if "person" not in one.columns
    ]
    raise_all(problems, UnknownNameError)
    taken = ["person", *ids, *(plain if traits is None else traits)]
    for one in extras:
        shown, dtype = ", ".join(one.columns), one.schema["person"]
        if dtype != people.schema["person"] and not (dtype.is_integer() and people.schema["person"].is_integer()):
            problems.append(f"extra: {shown}: person is {dtype}, but {people.schema['person']} in these journeys")
        elif one["person"].is_duplicated().any():
            problems.append(f"extra: {shown}: a person has more than one row")
        if again := [column for column in one.columns if column != "person" and column in taken]:
            problems.append(f"extra: {', '.join(map(repr, again))} is there already; give it another name")
        taken += one.columns
    raise_all(problems)
    table = people.select("person", *ids, *(plain if traits is None else traits))
    for one in extras:
        known = one.with_columns(pl.col("person").cast(people.schema["person"], strict=False))
        table = table.join(known, on="person", how="left", maintain_order="left")
    return table.sort("person"), ids


def _tables(extra: object) -> list[pl.DataFrame]:
    given: Iterable[object] = [extra]
    if isinstance(extra, Iterable) and not isinstance(extra, pl.DataFrame | Mapping | str):
        given = extra
    tables: list[pl.DataFrame] = []
    for one in given:
        if not isinstance(one, pl.DataFrame):
            raise ArgumentError(f"extra: {type(one).__name__} is no DataFrame with a column 'person' and traits")
        tables.append(one)
    return tables


def _others(journeys: Any, table: pl.DataFrame, ids: Sequence[str]) -> pl.DataFrame:
    """Add the further identifiers of people who have several of a type, as lists."""
    if not ids:
        return table
    identity = journeys.identity.table.with_columns(pl.col("id_type").cast(pl.String))
    for kind in ids:
        known = identity.filter(pl.col("id_type") == kind).join(table.select("person", kind), on="person")
        rest = known.filter((pl.col("id") != pl.col(kind)) | pl.col(kind).is_null()).sort("person", "first_seen", "id")
        if rest.height:
            name = free_names([*table.columns, f"other_{kind}"])[-1]
            lists = rest.group_by("person", maintain_order=True).agg(pl.col("id").alias(name))
            table = table.join(lists, on="person", how="left", maintain_order="left")
    return table


def _id_types(journeys: Any) -> list[str]:
    from journeys.errors import JourneysError

    try:
        identity = journeys.identity.table
    except JourneysError:
        return []  # people who were known from the start have no identifiers but themselves
    return [str(kind) for kind in identity["id_type"].cast(pl.String).unique().sort()]


def to_people(
    journeys: Any,
    *,
    path: str | Path,
    traits: Sequence[str] | None = None,
    extra: pl.DataFrame | Iterable[pl.DataFrame] = (),
) -> Written:
    """Write people as a plain table (CSV, Parquet or NDJSON, by the ending): person, identifiers, traits.

    Of each type of identifier, such as `email`, a person's first stands in the column of that name, by which systems
    look people up; where anybody has more of them, a last column `other_email` lists the rest.

    Parameters
    ----------
    journeys
        Any `Journeys`: everybody, a segment, those who dropped off.
    path
        Where to; ".csv", ".parquet", ".ndjson" or ".jsonl".
    traits
        Columns of `Journeys.people` to write (all, when not given).
    extra
        Further traits: tables with one row a person, as `last_before` gives.

    Returns
    -------
    Written
        Its `note` says whether a CSV has identifiers with an apostrophe, without which a spreadsheet would run them.

    Raises
    ------
    ArgumentError
        Another ending, a folder that is not there, or an `extra` that does not fit.
    UnknownNameError
        There are no such traits.
    """
    place = place_for(path, endings=[".csv", ".parquet", ".ndjson", ".jsonl"])
    table, ids = audience(journeys, traits=traits, extra=extra)
    table = _others(journeys, table, ids)
    note = ""
    if place.suffix.lower() == ".csv":
        write_csv(table, path=place)
        note = _marked(table, ["person", *ids])
    elif place.suffix.lower() == ".parquet":
        table.write_parquet(place)
    else:
        write_lines(place, (plain_row(row) for row in flat(table).iter_rows(named=True)))
    return Written(place, table.height, note=note)


def _marked(table: pl.DataFrame, ids: Sequence[str]) -> str:
    """Say how many people have an identifier that is not written as it is."""
    from journeys.display import plural

    others = [name for name in table.columns if name.removeprefix("other_") in ids]
    marked = int(runs(flat(table.select(others)), others).sum())
    if not marked:
        return ""
    whom = (
        f"{plural(marked, 'person has', 'people have')} an id with an apostrophe put in, as a spreadsheet would run it"
    )
    return f"{whom} as a formula: .parquet and .ndjson have it as it is"


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as JSON can: times in ISO 8601, nothing for what is null or no finite number."""
    return {
        key: value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
        for key, value in row.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str, allow_nan=False) + "\n")
