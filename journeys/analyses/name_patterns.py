"""Names of events written with `*` and `?`, as in a shell."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches_pattern(pattern: str, name: str) -> bool:
    """Return whether a name equals a pattern or matches its `*` and `?`.

    Examples
    --------
    >>> matches_pattern("Viewed *", "Viewed Pricing"), matches_pattern("a[1]", "a[1]")
    (True, True)
    """
    return pattern == name or fnmatchcase(name, pattern)
