"""Events chosen by name: patterns with `*` and `?`, as in a shell, and the word "passive".

Passive events were done to a person, such as a mail that arrived or a stage that a CRM set. Readers write into the
column `by` whether the "person" or the "system" did something. An event is passive if every row of it was done by the
system. Where a source does not say so, the analyst lists the events:

    hide="passive"                        what the system did, by the column `by`
    hide=["passive", "Received Push *"]   these, and those that match a pattern
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message
from journeys.log import Log

Names = str | Sequence[str]

PASSIVE = "passive"
_BY, _SYSTEM = "by", "system"


def matches_pattern(pattern: str, name: str) -> bool:
    """Return whether a name equals a pattern or matches its `*` and `?`.

    Examples
    --------
    >>> matches_pattern("Viewed *", "Viewed Pricing"), matches_pattern("a[1]", "a[1]")
    (True, True)
    """
    return pattern == name or fnmatchcase(name, pattern)


def parse_patterns(argument: str, given: Names | None) -> tuple[str, ...]:
    """Return the names and patterns given for an argument."""
    if given is None or isinstance(given, str):
        return () if given is None else (given,)
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, str) for one in found):
        raise ArgumentError(f"{argument}: {given!r} is neither a name or pattern nor a list of them.")
    return found


def list_passive_events(log: Log) -> list[str]:
    """List the events that only the system did; none where no source says who did what."""
    if log.schema.get(_BY) != pl.String:
        return []
    is_passive = pl.col(_BY).eq_missing(pl.lit(_SYSTEM)).all().alias("passive")
    parts = [view.events.group_by("event").agg(is_passive).collect() for view in log.shards]
    table = pl.concat(parts).group_by(pl.col("event").cast(pl.String)).agg(pl.col("passive").all())
    return table.filter("passive")["event"].sort().to_list()


def expand_passive(log: Log, patterns: Sequence[str]) -> tuple[str, ...]:
    """Replace the word "passive" among names and patterns by the events that only the system did.

    Raise ArgumentError when no source says who did what.
    """
    if PASSIVE not in patterns:
        return tuple(patterns)
    if log.size.events and log.schema.get(_BY) != pl.String:
        raise ArgumentError(
            f"hide: the log has no column {_BY!r} that says what the system did; list the events, such as "
            "hide=['Received Email']."
        )
    return (*(one for one in patterns if one != PASSIVE), *list_passive_events(log))


def list_hidden_events(log: Log, patterns: Sequence[str]) -> tuple[str, ...]:
    """List the events of the log that names and patterns hide, the word "passive" among them.

    Raise UnknownNameError when a name or pattern matches no event.
    """
    expanded = expand_passive(log, patterns)
    lost = [one for one in expanded if not any(matches_pattern(one, name) for name in log.names)] if log.names else []
    raise_all([unknown_message("hide", lost, available=log.names, what="event")] if lost else [], UnknownNameError)
    return tuple(name for name in log.names if any(matches_pattern(one, name) for one in expanded))
