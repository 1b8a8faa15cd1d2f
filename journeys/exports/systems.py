"""People in the shapes that Customer.io, HubSpot and Segment import."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl

from journeys.errors import ArgumentError
from journeys.exports.cells import (
    flatten_columns,
    has_formula,
    make_unique_names,
    neutralise_formulas,
    replace_non_finite,
)
from journeys.exports.files import check_path, replace_file
from journeys.exports.people import Extra, People, WrittenPeople, build_json_row, build_people_table, write_json_lines


def to_customerio(
    journeys: People, path: str | Path, *, traits: Sequence[str] | None = None, extra: Extra = ()
) -> WrittenPeople:
    """Write these people for Customer.io: a CSV to import, or its identify calls.

    Parameters
    ----------
    path : str or Path
        ".csv" with the columns `id`, `email`, `cio_id` and traits; or ".ndjson" of identify calls. Times are Unix
        seconds, which Customer.io segments by.
    traits, extra
        As in `to_people`.

    Returns
    -------
    WrittenPeople
        People without `user_id`, `email` and `customerio_id` are left out and counted; so are, of a CSV, those with an
        id that a spreadsheet would run as a formula, such as "-NxYz", since a changed id matches nobody.

    Raises
    ------
    ArgumentError
        The ending is another one, or the folder does not exist.
    UnknownNameError
        There are no such traits.

    Examples
    --------
    >>> import polars as pl, journeys as jn, tempfile, pathlib
    >>> table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"], "mail": ["a@x.example", None]})
    >>> ids = {"user_id": "user", "email": "mail"}
    >>> read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=ids, name="app")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = jn.stitch(read).to_customerio(pathlib.Path(folder) / "people.csv")
    >>> written.people, written.left_out
    (2, 0)
    """
    file = check_path(path, endings=[".csv", ".ndjson", ".jsonl"])
    table, ids = build_people_table(journeys, traits=traits, extra=extra)
    columns = {"user_id": "id", "email": "email", "customerio_id": "cio_id"}
    table = table.with_columns(pl.col(pl.Datetime).dt.epoch("s"))
    if file.suffix.lower() == ".csv":
        return _write_csv(
            file, replace_non_finite(table), ids=ids, columns=columns, traits=traits, hint="; an .ndjson file has them"
        )

    def compose_identify(given: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": "person", "action": "identify", "identifiers": given, "attributes": attributes}

    return _write_calls(file, table, ids=ids, columns=columns, traits=traits, compose=compose_identify)


def to_hubspot(
    journeys: People, path: str | Path, *, traits: Sequence[str] | None = None, extra: Extra = ()
) -> WrittenPeople:
    """Write these people for HubSpot's import of contacts.

    Parameters
    ----------
    path : str or Path
        A CSV with "Email", "Record ID" and traits. Times are days (YYYY-MM-DD, in UTC), which is what HubSpot's date
        properties take.
    traits, extra
        As in `to_people`.

    Returns
    -------
    WrittenPeople
        People without `email` and `hubspot_id` are left out and counted, and so are those with one that a spreadsheet
        would run as a formula, since a changed id matches nobody.

    Raises
    ------
    ArgumentError
        The ending is another one, or the folder does not exist.
    UnknownNameError
        There are no such traits.

    Examples
    --------
    >>> import polars as pl, journeys as jn, tempfile, pathlib
    >>> table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"], "mail": ["a@x.example", None]})
    >>> ids = {"user_id": "user", "email": "mail"}
    >>> read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=ids, name="app")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = jn.stitch(read).to_hubspot(pathlib.Path(folder) / "people.csv")
    >>> written.people, written.left_out
    (1, 1)
    """
    file = check_path(path, endings=[".csv"])
    table, ids = build_people_table(journeys, traits=traits, extra=extra)
    in_utc = replace_non_finite(flatten_columns(table))
    days = in_utc.with_columns(pl.col(pl.Datetime).dt.date())
    return _write_csv(file, days, ids=ids, columns={"email": "Email", "hubspot_id": "Record ID"}, traits=traits)


def to_segment(
    journeys: People,
    path: str | Path,
    *,
    call: Literal["identify", "track"] = "identify",
    event: str | None = None,
    at: datetime | None = None,
    traits: Sequence[str] | None = None,
    extra: Extra = (),
) -> WrittenPeople:
    """Write these people as calls of Segment's spec, one per line.

    Parameters
    ----------
    path : str or Path
        ".ndjson", ".jsonl" or ".json".
    call : {"identify", "track"}
        With traits; or an `event` for each person, with the traits as its properties.
    event : str, optional
        The event to track, such as "Entered Audience".
    at : datetime, optional
        The time of the calls, in UTC where it names no zone; now by default.
    traits, extra
        As in `to_people`.

    Returns
    -------
    WrittenPeople
        People with neither `user_id` nor `anonymous_id` are left out and counted. A call's `messageId` is a digest of
        its content: the same call sent twice is one call.

    Raises
    ------
    ArgumentError
        The call or the ending is another one, a track call has no event, or `at` is not a datetime.
    UnknownNameError
        There are no such traits.

    Examples
    --------
    >>> import polars as pl, journeys as jn, tempfile, pathlib
    >>> table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"]})
    >>> read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids={"user_id": "user"}, name="app")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "calls.ndjson"
    ...     written = jn.stitch(read).to_segment(path, call="track", event="Entered")
    >>> written.people, written.left_out
    (2, 0)
    """
    if call not in ("identify", "track"):
        raise ArgumentError(f"call: {call!r} must be 'identify' or 'track'.")
    if call == "track" and not event:
        raise ArgumentError("event: a track call needs the name of an event, such as 'Entered Audience'.")
    if at is not None and not isinstance(at, datetime):
        raise ArgumentError(f"at: {at!r} is not a datetime; pass one such as datetime(2026, 3, 1, tzinfo=UTC).")
    file = check_path(path, endings=[".ndjson", ".jsonl", ".json"])
    table, ids = build_people_table(journeys, traits=traits, extra=extra)
    columns = {"user_id": "userId", "anonymous_id": "anonymousId"}
    moment = at or datetime.now(UTC)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    timestamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def compose_call(given: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"type": call, **given}
        body |= {"event": event, "properties": values} if call == "track" else {"traits": values}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:32]
        return body | {"messageId": f"journeys-{digest}", "timestamp": timestamp}

    # other identifiers are traits: Segment passes them on to the systems that know them
    return _write_calls(file, table, ids=ids, columns=columns, traits=ids, compose=compose_call)


def _write_calls(
    file: Path,
    table: pl.DataFrame,
    *,
    ids: Sequence[str],
    columns: Mapping[str, str],
    traits: Sequence[str] | None,
    compose: Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]],
) -> WrittenPeople:
    """Write one call per person, which `compose` makes of the ids and the traits."""
    id_columns, known = _keep_identified(table, ids=ids, columns=columns)
    rest = _select_traits(known, ids=ids, own=id_columns, traits=traits)

    def compose_row(row: Mapping[str, Any]) -> dict[str, Any]:
        given = {column: row[name] for name, column in id_columns.items() if row[name] is not None}
        return compose(given, build_json_row({name: row[name] for name in rest}))

    write_json_lines(file, (compose_row(row) for row in known.iter_rows(named=True)))
    return WrittenPeople(file, known.height, table.height - known.height, _describe_missing_ids(columns))


def _write_csv(
    file: Path,
    table: pl.DataFrame,
    *,
    ids: Sequence[str],
    columns: Mapping[str, str],
    traits: Sequence[str] | None,
    hint: str = "",
) -> WrittenPeople:
    """Write a system's CSV: its id columns first, without people that it cannot match by an id."""
    id_columns, known = _keep_identified(table, ids=ids, columns=columns)
    formula = has_formula(known, id_columns)
    unknown_count, reason = table.height - known.height, _describe_missing_ids(columns)
    if formula.any():
        # An apostrophe would change the id, and a changed id matches nobody.
        changed = known.filter(formula)
        texts = pl.concat([changed.filter(has_formula(changed, [n]))[n].cast(pl.String) for n in id_columns])
        would_run = f"an id that a spreadsheet would run as a formula, such as {texts[0]!r}{hint}"
        both = f"{unknown_count} with {reason}, {changed.height} with {would_run}"
        reason, known = both if unknown_count else would_run, known.filter(~formula)
    rest = _select_traits(known, ids=ids, own=id_columns, traits=traits)
    written = [pl.col(name).alias(column) for name, column in id_columns.items()]
    with replace_file(file) as place:
        neutralise_formulas(known.select(*written, *_rename_taken(rest, id_columns.values()))).write_csv(place)
    return WrittenPeople(file, known.height, table.height - known.height, reason)


def _keep_identified(
    table: pl.DataFrame, *, ids: Sequence[str], columns: Mapping[str, str]
) -> tuple[dict[str, str], pl.DataFrame]:
    """Return those of a system's id columns that there are, and the people who have any of these ids."""
    id_columns = {name: column for name, column in columns.items() if name in ids}
    has_id = pl.any_horizontal(pl.lit(value=False), *(pl.col(name).is_not_null() for name in id_columns))
    return id_columns, flatten_columns(table.filter(has_id))


def _select_traits(
    table: pl.DataFrame, *, ids: Sequence[str], own: Iterable[str], traits: Sequence[str] | None
) -> list[str]:
    """List the traits to write: other identifiers only where they are asked for."""
    return [n for n in table.columns if n != "person" and n not in own and (n not in ids or n in (traits or ()))]


def _describe_missing_ids(id_types: Iterable[str]) -> str:
    return f"neither {' nor '.join(id_types)}"


def _rename_taken(names: Sequence[str], taken: Iterable[str]) -> list[pl.Expr]:
    """Rename a trait that is called like one of the system's own columns."""
    own = {name.lower() for name in taken}
    renamed = make_unique_names(f"trait_{name}" if name.lower() in own else name for name in names)
    return [pl.col(name).alias(unique) for name, unique in zip(names, renamed, strict=True)]
