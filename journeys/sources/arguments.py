"""What a table's identifiers may be called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from journeys.sources.shape import RESERVED

__all__ = ["wrong_types"]

# A person may be known by an account's name. What begins with "_" is what reading itself adds.
_LOG = (RESERVED - {"group_id"}) | {"source"}
_OWN = {
    *("_arrival", "_clicked", "_good", "_key", "_key2", "_kind", "_nothing", "_own_time"),
    *("_place", "_problem", "_raw", "_row", "_skew", "_status", "_time"),
}
_NUMBERED = ("_link_", "_rounded")


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
