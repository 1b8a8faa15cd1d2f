"""People of any selection as a table: the ids that systems know them by, and traits computed from their journeys."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message
from journeys.exports.cells import flatten_columns, has_formula, make_unique_names, write_csv
from journeys.exports.files import check_path, replace_file

Extra = pl.DataFrame | Iterable[pl.DataFrame]


class People(Protocol):
    """The part of `Journeys` that exports use."""

    @property
    def people(self) -> pl.DataFrame:
        """One row per person."""

    @property
    def events(self) -> pl.LazyFrame:
        """One row per event."""

    @property
    def until(self) -> datetime | None:
        """The moment up to which people were observed."""

    @property
    def _filters(self) -> tuple[pl.Expr | pl.Series, ...]:
        """What was selected: expressions cut events, series keep people."""

    @property
    def _identifiers(self) -> pl.DataFrame | None:
        """The identifiers of stitched people: `id_type`, `id`, `person`, `first_seen`."""

    @property
    def _member_ids(self) -> pl.DataFrame | None:
        """The identifiers of the members, where each row of `people` is an account."""


@dataclass(frozen=True, slots=True)
class WrittenPeople:
    """What an export wrote.

    Attributes
    ----------
    path
        The file.
    people, left_out
        How many people are in it, and how many are not.
    reason
        Why those were left out.
    note
        What else to know about the file.
    """

    path: Path
    people: int
    left_out: int = 0
    reason: str = ""
    note: str = ""

    def __str__(self) -> str:
        from journeys.display import format_count

        left_out = f"{format_count(self.left_out, 'person')} left out: {self.reason}" if self.left_out else ""
        return "; ".join(
            filter(None, [f"{format_count(self.people, 'person')} written to {self.path}", left_out, self.note])
        )


def build_people_table(
    journeys: People, *, traits: Sequence[str] | None = None, extra: Extra = ()
) -> tuple[pl.DataFrame, list[str]]:
    """Build a table with one row per person: `person`, identifiers, traits; return it with the identifier types.

    Accounts are written as their members: each has the identifiers of its own, and the traits of its account.
    """
    people, extras = journeys.people, _check_extra_tables(extra)
    ids = [name for name in _list_id_types(journeys._identifiers) if name in people.columns]
    available = people.columns[people.columns.index("person") + 1 :]
    if people.columns[0] == "account":
        extras = [one if "person" in one.columns else one.rename({"account": "person"}, strict=False) for one in extras]
    chosen = [name for name in available if name not in ids] if traits is None else list(traits)
    missing = [name for name in chosen if name not in available]
    problems = [unknown_message("traits", missing, available=available, what="column")] if missing else []
    problems += [
        f"extra: a table without the column 'person': {', '.join(one.columns)}."
        for one in extras
        if "person" not in one.columns
    ]
    raise_all(problems, UnknownNameError)
    table = people.select("person", *dict.fromkeys([*ids, *chosen]))
    expected, taken = people.schema["person"], table.columns
    for one in extras:
        shown, dtype = ", ".join(one.columns), one.schema["person"]
        if dtype != expected and not (dtype.is_integer() and expected.is_integer()):
            problems.append(f"extra: {shown}: person is {dtype}, but {expected} in these journeys.")
        elif one["person"].is_duplicated().any():
            problems.append(f"extra: {shown}: a person has more than one row.")
        if again := [name for name in one.columns if name != "person" and name in taken]:
            problems.append(f"extra: {', '.join(map(repr, again))} is there already; give it another name.")
        taken = [*taken, *one.columns]
    raise_all(problems)
    for one in extras:
        same_type = one.with_columns(pl.col("person").cast(expected, strict=False))
        table = table.join(same_type, on="person", how="left", maintain_order="left")
    if journeys._member_ids is not None:
        return _replace_accounts_by_members(table, journeys, journeys._member_ids)
    return table.sort("person"), ids


def _replace_accounts_by_members(
    accounts: pl.DataFrame, journeys: People, member_ids: pl.DataFrame
) -> tuple[pl.DataFrame, list[str]]:
    """Give each member a row: their first identifier of each type, and the traits of the account they were last in."""
    last = journeys.events.select("member", "person", "timestamp").sort("timestamp", "person")
    members = last.group_by("member").agg(pl.col("person").last().alias("account")).collect()
    ids = _list_id_types(member_ids)
    table = members.rename({"member": "person"})
    for id_type in ids:
        known = member_ids.filter(pl.col("id_type").cast(pl.String) == id_type).sort("person", "first_seen", "id")
        first = known.group_by("person").agg(pl.col("id").first().alias(id_type))
        table = table.join(first, on="person", how="left")
    traits = accounts.rename({"person": "account"}).drop("account", *ids, strict=False)
    joined = table.join(traits.with_columns(account=accounts["person"]), on="account", how="left")
    return joined.select("person", *ids, "account", *traits.columns).sort("person"), ids


def _check_extra_tables(extra: object) -> list[pl.DataFrame]:
    is_several = isinstance(extra, Iterable) and not isinstance(extra, pl.DataFrame | Mapping | str)
    given: list[object] = [*extra] if isinstance(extra, Iterable) and is_several else [extra]
    tables = [one for one in given if isinstance(one, pl.DataFrame)]
    if wrong := [one for one in given if not isinstance(one, pl.DataFrame)]:
        raise ArgumentError(f"extra: {type(wrong[0]).__name__} is not a DataFrame with a column 'person' and traits.")
    return tables


def _add_other_ids(table: pl.DataFrame, journeys: People, ids: Sequence[str]) -> pl.DataFrame:
    """Add the further identifiers of people who have several of a type, as lists."""
    known_ids = journeys._member_ids if journeys._member_ids is not None else journeys._identifiers
    if known_ids is None:
        return table
    identity = known_ids.with_columns(pl.col("id_type").cast(pl.String))
    for id_type in ids:
        known = identity.filter(pl.col("id_type") == id_type).join(table.select("person", id_type), on="person")
        rest = known.filter(pl.col("id").ne_missing(pl.col(id_type))).sort("person", "first_seen", "id")
        if rest.height:
            name = make_unique_names([*table.columns, f"other_{id_type}"])[-1]
            lists = rest.group_by("person", maintain_order=True).agg(pl.col("id").alias(name))
            table = table.join(lists, on="person", how="left", maintain_order="left")
    return table


def _list_id_types(identifiers: pl.DataFrame | None) -> list[str]:
    """List the types of identifiers; people who were known from the start have none."""
    return [] if identifiers is None else identifiers["id_type"].cast(pl.String).unique().sort().to_list()


def to_people(
    journeys: People, path: str | Path, *, traits: Sequence[str] | None = None, extra: Extra = ()
) -> WrittenPeople:
    """Write these people as a plain table: person, every identifier, every trait.

    Accounts are written as their members, with the traits of the account; so are they for the other systems.

    Parameters
    ----------
    path : str or Path
        ".csv", ".parquet", ".ndjson" or ".jsonl".
    traits : sequence of str, optional
        Columns of `people` to write; all by default.
    extra : pl.DataFrame or several
        Further traits: tables with one row per person, such as `LastBefore.trait` returns.

    Returns
    -------
    WrittenPeople
        A person's first identifier of each type is in the column of that name; where anybody has more, a last column
        such as `other_email` lists them. `note` says whether a CSV has identifiers with an apostrophe, without which a
        spreadsheet would run them as a formula.

    Raises
    ------
    ArgumentError
        The ending is another one, the folder does not exist, or an `extra` does not fit.
    UnknownNameError
        There are no such traits.

    Examples
    --------
    >>> import polars as pl, journeys as jn, tempfile, pathlib
    >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-01"] * 2, "event": ["x", "y"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     jn.Journeys.from_table(log).to_people(pathlib.Path(folder) / "people.csv").people
    2
    """
    file = check_path(path, endings=[".csv", ".parquet", ".ndjson", ".jsonl"])
    table, ids = build_people_table(journeys, traits=traits, extra=extra)
    table, note = _add_other_ids(table, journeys, ids), ""
    if file.suffix.lower() == ".parquet":
        with replace_file(file) as place:
            table.write_parquet(place)
    elif file.suffix.lower() == ".csv":
        note = _write_formula_note(table, ["person", *ids])
        with replace_file(file) as place:
            write_csv(table, place)
    else:
        write_json_lines(file, (build_json_row(row) for row in flatten_columns(table).iter_rows(named=True)))
    return WrittenPeople(file, table.height, note=note)


def _write_formula_note(table: pl.DataFrame, ids: Sequence[str]) -> str:
    """Count the people whose identifier gets an apostrophe in a CSV."""
    from journeys.display import format_count

    columns = [name for name in table.columns if name.removeprefix("other_") in ids]
    count = int(has_formula(flatten_columns(table.select(columns)), columns).sum())
    have = format_count(count, "person has", "people have")
    return (
        f"{have} an id that a spreadsheet would run as a formula: it starts with an apostrophe here, "
        "but not in a .parquet or .ndjson file"
        if count
        else ""
    )


def build_json_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as JSON can: times in ISO 8601, without nulls and numbers that are not finite."""
    return {
        key: value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
        for key, value in row.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }


def write_json_lines(path: Path, rows: Iterator[Mapping[str, Any]]) -> None:
    """Write one JSON object per line."""
    with replace_file(path) as place, place.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, default=str, allow_nan=False) + "\n" for row in rows)


def save_as(journeys: People, path: str | Path) -> WrittenPeople:
    """Save who is selected, as a segment to come back to: people and identifiers, with when and how many.

    Parameters
    ----------
    path : str or Path
        ".parquet"; its metadata say up to when people were observed (`until`), how many they are, and what was cut.

    Returns
    -------
    WrittenPeople

    Raises
    ------
    ArgumentError
        The ending is another one, or the folder does not exist.

    Notes
    -----
    The file is a list of people, frozen at `until`: it is not computed again when it is read. A person's number may
    change when other data are stitched, so select by it only in the same log, or by an identifier.

    Examples
    --------
    >>> import polars as pl, journeys as jn, tempfile, pathlib
    >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-01"] * 2, "event": ["x", "y"]})
    >>> j = jn.Journeys.from_table(log)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "readers.parquet"
    ...     _ = j.only(jn.did("x")).save_as(path)
    ...     j.only(pl.read_parquet(path)).people["person"].to_list()
    ['a']
    """
    file = check_path(path, endings=[".parquet"])
    table, _ = build_people_table(journeys, traits=[])
    definition = {
        "until": "" if journeys.until is None else journeys.until.isoformat(),
        "people": str(table.height),
        "cuts": ", ".join(str(one) for one in journeys._filters if isinstance(one, pl.Expr)),
    }
    with replace_file(file) as place:
        table.write_parquet(place, metadata=definition)
    return WrittenPeople(file, table.height)
