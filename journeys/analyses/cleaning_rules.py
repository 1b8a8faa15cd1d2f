"""How page paths and URLs are cleaned before their values are counted: identifiers and query strings go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from journeys.errors import ArgumentError

CleaningRules = Sequence[tuple[str, str]]

PATH_RULES: tuple[tuple[str, str], ...] = (
    (r"[?#].*$", ""),
    (r"(?<=/)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?=/|$)", ":id"),
    (r"(?<=/)\d+(?=/|$)", ":id"),
    (r"(?<=/)(?=[A-Za-z_-]*\d)[0-9a-fA-F_-]{8,}(?=/|$)", ":id"),
    (r"(?<=[^/])/+$", ""),
)
_ADDRESSES = frozenset({"page_path", "page_url", "page_referrer", "path", "url"})


def clean_value(value: str, *, rules: CleaningRules = PATH_RULES) -> str:
    """Clean a page path: identifiers become `:id`; query strings and trailing slashes are removed.

    Parameters
    ----------
    value : str
        A path or a URL.
    rules : sequence of (pattern, replacement)
        Regular expressions, applied one after the other.

    Examples
    --------
    >>> clean_value("/projects/123/tasks/9f86d081-884c-4d65-9a2f-eaa0c55ad015/?tab=2")
    '/projects/:id/tasks/:id'
    >>> clean_value("/")
    '/'
    """
    for pattern, replacement in rules:
        value = re.sub(pattern, replacement, value)
    return value


def choose_rules(
    columns: Iterable[str], *, clean: bool | CleaningRules | None
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Choose the rules of each column: those given, else those of page paths for columns that hold addresses.

    Raises
    ------
    ArgumentError
        When `clean` is neither True, False nor a list of valid rules.

    Examples
    --------
    >>> choose_rules(["plan"], clean=[("^pro$", "Pro")]), choose_rules(["page_path"], clean=False)
    ({'plan': (('^pro$', 'Pro'),)}, {'page_path': ()})
    """
    given = () if clean is None or isinstance(clean, bool) else _parse_rules(clean)
    return {name: PATH_RULES if clean is True or (clean is None and name in _ADDRESSES) else given for name in columns}


def _parse_rules(clean: CleaningRules) -> tuple[tuple[str, str], ...]:
    """Check that rules are pairs of a regular expression and its replacement."""
    rules = () if isinstance(clean, str) or not isinstance(clean, Iterable) else tuple(clean)
    pairs = [rule for rule in rules if not isinstance(rule, str) and isinstance(rule, Sequence) and len(rule) == 2]
    if not rules or len(pairs) < len(rules) or not all(isinstance(one, str) for pair in pairs for one in pair):
        raise ArgumentError(f"clean: {clean!r} is neither True, False nor a list of (regular expression, replacement).")
    for pattern, replacement in pairs:
        try:
            re.sub(pattern, replacement, "")
        except (re.error, IndexError) as error:
            raise ArgumentError(f"clean: {pattern!r} is not a regular expression ({error}).") from error
    return tuple((pattern, replacement) for pattern, replacement in pairs)
