"""People of any selection as a table: the ids that systems know them by, and traits out of their journeys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.exports.safe import flat, harmless

__all__ = ["Written", "audience", "last_before", "plain_row", "to_people", "write_lines"]


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote: the file, how many people are in it, how many are not, and why not."""

    path: Path
    people: int
    left_out: int = 0
    reason: str = ""

    def __str__(self) -> str:
        from journeys.display import plural

        rest = f"; {plural(self.left_out, 'person', 'people')} left out: {self.reason}" if self.left_out else ""
        return f"{plural(self.people, 'person', 'people')} written to {self.path}{rest}"


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
    extras = [extra] if isinstance(extra, pl.DataFrame) else list(extra)
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
    doubled = [one for one in extras if one["person"].is_duplicated().any()]
    if doubled:
        raise ArgumentError(f"extra: {', '.join(doubled[0].columns)}: a person has more than one row")
    table = people.select("person", *ids, *(plain if traits is None else traits))
    for one in extras:
        table = table.join(one, on="person", how="left", maintain_order="left")
    return table.sort("person"), ids


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

    Raises
    ------
    ArgumentError
        Another ending.
    UnknownNameError
        There are no such traits.
    """
    table, _ = audience(journeys, traits=traits, extra=extra)
    place = Path(path)
    if place.suffix == ".csv":
        harmless(flat(table)).write_csv(place, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    elif place.suffix == ".parquet":
        table.write_parquet(place)
    elif place.suffix in (".ndjson", ".jsonl"):
        write_lines(place, (plain_row(row) for row in flat(table).iter_rows(named=True)))
    else:
        raise ArgumentError(f"path: {place.name!r} ends in none of '.csv', '.parquet', '.ndjson', '.jsonl'")
    return Written(place, table.height)


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as JSON can: times in ISO 8601, nothing for what is null."""
    return {
        key: value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
        for key, value in row.items()
        if value is not None
    }


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
