"""Checks of the arguments of `read_table`: names of columns, and names of identifier types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from journeys.errors import raise_all
from journeys.sources.column_mapping import RESERVED, find_link_problems

# An account's name may identify a person. Names that begin with "_" are those of columns that reading itself adds.
_RESERVED_TYPES = (RESERVED - {"group_id"}) | {"source"}
_INTERNAL = {
    *("_arrival", "_clicked", "_date_only", "_good", "_key", "_key2", "_kind", "_nothing", "_own_time"),
    *("_place", "_problem", "_raw", "_row", "_skew", "_status", "_time", "_unread"),
}
_NUMBERED = ("_link_", "_inexact")


def check_arguments(
    *,
    ids: object,
    links: object,
    properties: object,
    timestamp: object,
    event: object,
    message_id: object,
    name: object,
    columns: object,
    decimal_comma: object,
) -> None:
    """Refuse arguments that do not name columns, before anything is read; all problems are reported together.

    Raises
    ------
    ArgumentError
        A wrong type; also a text where several columns are expected, which would be taken letter by letter.
    """
    problems = [
        f"{argument}: expected {what}, got {value!r}."
        for argument, value, what, kinds in (
            ("timestamp", timestamp, "the name of a column, or a mapping from event to column", str | Mapping),
            ("event", event, "the name of a column or an expression", str | pl.Expr | None),
            ("message_id", message_id, "the name of a column", str | None),
            ("name", name, "a text", str | None),
        )
        if not isinstance(value, kinds)
    ]
    problems += _find_event_problems(timestamp, event, message_id)
    problems += _find_column_problems("ids", ids, example="user_id") or _find_empty_ids(ids)
    if isinstance(ids, Mapping):
        problems += [
            f"ids[{id_type!r}]: expected the name of a column, got {column!r}."
            for id_type, column in ids.items()
            if not isinstance(column, str)
        ]
    problems += find_link_problems(links)
    problems += _find_column_problems("decimal_comma", decimal_comma, example="amount")
    if not isinstance(columns, Mapping) or any(not isinstance(one, str) for one in columns.values()):
        problems.append(f"columns: expected a mapping from meaning to the name of a column, got {columns!r}.")
    problems += _find_column_problems("properties", properties, example="plan") if properties is not None else []
    raise_all(problems)


def _find_event_problems(timestamp: object, event: object, message_id: object) -> list[str]:
    """Say what is wrong where `timestamp` names the events, or where nothing does."""
    if not isinstance(timestamp, Mapping):
        return ["event: name the column of events, or an expression."] if event is None else []
    pairs = [*timestamp.items()]
    wrong = [(name, column) for name, column in pairs if not (isinstance(name, str) and isinstance(column, str))]
    problems = [f"timestamp: expected event names and columns, got {name!r}: {column!r}." for name, column in wrong]
    if not pairs:
        problems.append("timestamp: the mapping from event to column is empty.")
    if event is not None:
        problems.append(f"event: {event!r} has no effect, since timestamp names the events; leave it out.")
    if message_id is not None:
        problems.append(f"message_id: {message_id!r} names a row, which is several events; leave it out.")
    return problems


def _find_column_problems(argument: str, value: object, *, example: str) -> list[str]:
    if isinstance(value, str | bytes | Iterator) or not isinstance(value, Iterable):
        shown = value if isinstance(value, str) and value else example
        return [f"{argument}: expected a sequence or mapping of columns, got {value!r}; write {argument}=[{shown!r}]."]
    wrong = ", ".join(repr(one) for one in value if not isinstance(one, str))
    return [f"{argument}: expected names, got {wrong}."] if wrong else []


def _find_empty_ids(ids: object) -> list[str]:
    has_column = isinstance(ids, Iterable) and any(True for _ in ids)
    return [] if has_column else ["ids: no identifier column was named; without one an event belongs to nobody."]


def find_type_problems(
    ids: Mapping[str, str], links: Mapping[str, tuple[str, str]], *, columns: Sequence[str]
) -> list[str]:
    """Say which identifier types have the name of a column of the log, or of another column of the table.

    Examples
    --------
    >>> find_type_problems({"user_id": "user"}, {"device": ("person", "alias")}, columns=["user", "device"])
    ["links['device']: 'person' is a column of the log itself; choose another name for the type: 'person_id'."]
    """
    wrong = [
        f"ids: {id_type!r} is a column of the log itself; choose another name for the type: "
        f"ids={{{name_otherwise(id_type)!r}: {column!r}, …}}."
        for id_type, column in ids.items()
        if is_taken(id_type)
    ]
    if ids.get("group_id", "group_id") != "group_id" and "group_id" in columns:
        wrong.append(
            f"ids: 'group_id' is the column {ids['group_id']!r}, but the table has a column 'group_id', which names "
            "accounts; choose another name for the type."
        )
    return wrong + [
        f"links[{column!r}]: {id_type!r} is a column of the log itself; choose another name for the type: "
        f"{name_otherwise(id_type)!r}."
        for column, (id_type, _) in links.items()
        if is_taken(id_type)
    ]


def is_taken(id_type: str) -> bool:
    """Return whether an identifier type has the name of a column of the log itself, such as "person"."""
    return id_type in _RESERVED_TYPES or id_type in _INTERNAL or id_type.startswith(_NUMBERED)


def name_otherwise(id_type: str) -> str:
    """Return another name for an identifier type that is taken.

    Examples
    --------
    >>> name_otherwise("person")
    'person_id'
    """
    plain = id_type.lstrip("_")
    return f"own_{plain}" if plain.endswith("_id") else f"{plain}_id"
