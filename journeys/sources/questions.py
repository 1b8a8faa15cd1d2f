"""Is this SQL a question? What changes a database is refused before the database sees it."""

from __future__ import annotations

import re

from journeys.errors import ArgumentError

__all__ = ["check_question"]

ASKS = (
    "select",
    "with",
    "from",
    "values",
    "table",
    "show",
    "describe",
    "desc",
    "explain",
    "summarize",
    "pivot",
    "unpivot",
)
# Words in these stand for themselves: they ask nothing and change nothing.
QUOTED = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|(\$\w*\$).*?\1",
    re.DOTALL,
)
THINGS = r"(?:or\s+replace\s+|temp(?:orary)?\s+)*(?:table|view|schema|database|index|function|user|role)"
CHANGES = re.compile(
    r"\b(delete\s+from|into|update\s+[\w.]+(?:\s+(?:as\s+)?\w+)?\s+set|truncate\s+table|"
    rf"(?:drop|alter|create)\s+{THINGS})\s",
    re.IGNORECASE,
)


def check_question(query: str) -> None:
    """Refuse what is no question, or several.

    Raises
    ------
    ArgumentError
        The statement may change the database.

    Examples
    --------
    >>> check_question("select 'delete from' as what -- drop table x")
    >>> check_question("delete from log")
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: query: it begins with 'delete' and is no question; read_sql asks and changes nothing:
    give one of select, with, from, values, table, show, describe, desc, explain, summarize, pivot, unpivot
    """
    plain = (
        QUOTED.sub(lambda found: " " if found[0][:2] in ("--", "/*") else " x ", query).strip("\ufeff \t\r\n;(") + " "
    )
    first = re.match(r"\w*", plain)
    word = first[0] if first else ""
    if word.lower() not in ASKS:
        said = f"it begins with {word!r} and is no question" if word else "it is empty"
        raise ArgumentError(f"query: {said}; read_sql asks and changes nothing: give one of {', '.join(ASKS)}")
    if ";" in plain:
        raise ArgumentError("query: it holds several statements, by its ';'; read_sql asks one question")
    if changes := CHANGES.search(plain):
        raise ArgumentError(
            f"query: {' '.join(changes[1].split())!r} changes the database; read_sql asks and changes nothing"
        )
