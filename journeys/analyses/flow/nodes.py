"""What a node of a flow is: an event, a value of a column, an event with a value, or a group of events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

# No node has one of these names: a value that is spelled like one is quoted when nodes are named.
DROP_OFF, OTHER, CONTINUES, REACHED = "(drop-off)", "(other)", "(continues)", "(reached)"
_RESERVED = frozenset({DROP_OFF, OTHER, CONTINUES, REACHED})

CleaningRules = Sequence[tuple[str, str]]

PATH_RULES: CleaningRules = (
    (r"[?#].*$", ""),
    (r"(?<=/)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?=/|$)", ":id"),
    (r"(?<=/)\d+(?=/|$)", ":id"),
    (r"(?<=/)(?=[A-Za-z_-]*\d)[0-9a-fA-F_-]{8,}(?=/|$)", ":id"),
    (r"(?<=[^/])/+$", ""),
)
PAGE_COLUMNS = frozenset({"page_path", "page_url", "page_referrer", "path", "url"})


@dataclass(frozen=True, slots=True, eq=False)
class NodeSpec:
    """How events are turned into nodes.

    Attributes
    ----------
    source : str or pl.Expr
        "event", another column, or an expression: what a node is called; null is no node.
    expand : tuple of (event, column)
        Events that are split into one node per value of a column.
    groups : tuple of (name, patterns)
        Names and patterns that are merged into one node.
    hide : tuple of str
        Names and patterns that are left out.
    cleaning : tuple of (column, rules)
        How the values of a column are cleaned, one rule after the other.
    """

    source: str | pl.Expr = "event"
    expand: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hide: tuple[str, ...] = ()
    cleaning: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def is_event_based(self) -> bool:
        """Whether nodes are events, expanded or not."""
        return isinstance(self.source, str) and self.source == "event"

    @property
    def value_columns(self) -> tuple[str, ...]:
        """The columns, other than the event, whose values become names."""
        own = (self.source,) if isinstance(self.source, str) and self.source != "event" else ()
        return (*own, *dict.fromkeys(column for _, column in self.expand))

    def name_node(self, event: str, value: str | None, *, column: str | None) -> str | None:
        """Return the name of the node of an event with a value; None when it is hidden."""
        name: str | None = event
        if column is not None:
            clean = None if value is None else clean_value(value, rules=dict(self.cleaning).get(column, ()))
            name = clean
            if self.is_event_based:
                name = event if clean is None else f"{event}: {clean if clean.strip() else display_name(clean)}"
        if name is None or any(
            matches_pattern(pattern, event) or matches_pattern(pattern, name) for pattern in self.hide
        ):
            return None
        for group, patterns in self.groups:
            if any(matches_pattern(pattern, event) or matches_pattern(pattern, name) for pattern in patterns):
                return quote_reserved(group)
        return quote_reserved(name)


def matches_pattern(pattern: str, name: str) -> bool:
    """Return whether a name equals a pattern or matches its `*` and `?`.

    Examples
    --------
    >>> matches_pattern("Viewed *", "Viewed Pricing"), matches_pattern("a[1]", "a[1]")
    (True, True)
    """
    return pattern == name or fnmatchcase(name, pattern)


def quote_reserved(name: str) -> str:
    """Quote a name that would be mistaken for a drop-off, the rest, a continuation or the end.

    Examples
    --------
    >>> quote_reserved("(other)"), quote_reserved("Signed Up")
    ('"(other)"', 'Signed Up')
    """
    return f'"{name}"' if name.strip('"') in _RESERVED else name


def display_name(name: str) -> str:
    """Shorten a name for a sentence, and replace an empty one.

    Examples
    --------
    >>> display_name(""), display_name("Signed Up")
    ('(no name)', 'Signed Up')
    """
    from journeys.display import neutralise_controls, shorten

    return shorten(neutralise_controls(name), 60) if name.strip() else "(no name)"


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
