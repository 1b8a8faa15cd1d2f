"""What `read_table` was asked for: columns by their names, and identifier types that may be called so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from journeys.errors import raise_all
from journeys.sources.links import wrong_links
from journeys.sources.shape import RESERVED

__all__ = ["check_arguments", "wrong_types"]

# A person may be known by an account's name. What begins with "_" is what reading itself adds.
_LOG = (RESERVED - {"group_id"}) | {"source"}
_OWN = {
    *("_arrival", "_clicked", "_good", "_key", "_key2", "_kind", "_nothing", "_own_time"),
    *("_place", "_problem", "_raw", "_row", "_skew", "_status", "_time"),
}
_NUMBERED = ("_link_", "_rounded")


def check_arguments(
    *,
    ids: object,
    links: object,
    properties: object,
    timestamp: object,
    event: object,
    message_id: object,
    name: object,
) -> None:
    """Refuse what names no columns, before anything is read: all of it at once.

    Raises
    ------
    ArgumentError
        A text where several columns are asked for would be taken letter by letter; other values are no names.
    """
    problems = [
        f"{argument}: expected {what}, got {value!r}."
        for argument, value, what, kinds in (
            ("timestamp", timestamp, "the name of a column", str),
            ("event", event, "the name of a column or an expression", str | pl.Expr),
            ("message_id", message_id, "the name of a column", str | None),
            ("name", name, "a text", str | None),
        )
        if not isinstance(value, kinds)
    ]
    problems += _no_columns("ids", ids, example="user_id") or _none_named(ids)
    if isinstance(ids, Mapping):
        problems += [
            f"ids[{kind!r}]: expected the name of a column, got {column!r}."
            for kind, column in ids.items()
            if not isinstance(column, str)
        ]
    problems += wrong_links(links)
    problems += _no_columns("properties", properties, example="plan") if properties is not None else []
    raise_all(problems)


def _no_columns(argument: str, value: object, *, example: str) -> list[str]:
    if isinstance(value, str | bytes | Iterator) or not isinstance(value, Iterable):
        shown = value if isinstance(value, str) and value else example
        return [f"{argument}: expected a sequence or mapping of columns, got {value!r}; write {argument}=[{shown!r}]."]
    wrong = ", ".join(repr(one) for one in value if not isinstance(one, str))
    return [f"{argument}: expected names, got {wrong}."] if wrong else []


def _none_named(ids: object) -> list[str]:
    named = isinstance(ids, Iterable) and any(True for _ in ids)
    return [] if named else ["ids: no identifier column was named; without one an event belongs to nobody."]


def wrong_types(ids: Mapping[str, str], links: Mapping[str, tuple[str, str]], *, columns: Sequence[str]) -> list[str]:
    """Say which identifier types are called like a column that the log has of its own, or takes from the table's.

    Examples
    --------
    >>> wrong_types({"user_id": "user"}, {"device": ("person", "alias")}, columns=["user", "device"])
    ["links['device']: 'person' is a column of the log itself; name the identifier type apart: 'person_id'."]
    """
    wrong = [
        f"ids: {kind!r} is a column of the log itself; name the identifier type apart: "
        f"ids={{{_apart(kind)!r}: {column!r}, …}}."
        for kind, column in ids.items()
        if _taken(kind)
    ]
    if ids.get("group_id", "group_id") != "group_id" and "group_id" in columns:
        wrong.append(
            f"ids: 'group_id' is said to be the column {ids['group_id']!r}, but there is a column 'group_id', which "
            "names accounts; name the identifier type apart."
        )
    return wrong + [
        f"links[{column!r}]: {kind!r} is a column of the log itself; name the identifier type apart: {_apart(kind)!r}."
        for column, (kind, _) in links.items()
        if _taken(kind)
    ]


def _taken(kind: str) -> bool:
    return kind in _LOG or kind in _OWN or kind.startswith(_NUMBERED)


def _apart(kind: str) -> str:
    plain = kind.lstrip("_")
    return f"own_{plain}" if plain.endswith("_id") else f"{plain}_id"
