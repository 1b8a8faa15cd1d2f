"""What a node of a flow is called: the event, a value of a column, an event with a value, or a group of events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from journeys.analyses.flow.problems import Problems
from journeys.errors import ArgumentError, unknown

__all__ = ["CONTINUES", "DROP", "OTHER", "REACHED", "Nodes", "Rules", "ask_nodes", "clean_value", "said", "shown_name"]

DROP, OTHER, CONTINUES, REACHED = "(drop-off)", "(other)", "(continues)", "(reached)"
RESERVED = frozenset({DROP, OTHER, CONTINUES, REACHED})

Rules = Sequence[tuple[str, str]]

PATH_RULES: Rules = (
    (r"[?#].*$", ""),
    (r"(?<=/)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?=/|$)", ":id"),
    (r"(?<=/)\d+(?=/|$)", ":id"),
    (r"(?<=/)(?=[A-Za-z_-]*\d)[0-9a-fA-F_-]{8,}(?=/|$)", ":id"),
    (r"(?<=[^/])/+$", ""),
)
PAGE_COLUMNS = frozenset({"page_path", "page_url", "page_referrer", "path", "url"})


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """The rule that names the nodes.

    Attributes
    ----------
    of : str or pl.Expr
        "event", another column, or an expression: what the node is called; null is no node.
    expand : tuple of (event, column)
        Events that become one node a value of a column.
    groups : tuple of (name, patterns)
        Names and patterns that become one node.
    hide : tuple of str
        Names and patterns that are no nodes.
    rules : mapping of column to rules
        How the values of a column are cleaned, one rule after the other.
    """

    of: str | pl.Expr = "event"
    expand: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    hide: tuple[str, ...] = ()
    rules: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether nodes are named by the event alone, so that its codes will do."""
        return self.by_event and not self.expand

    @property
    def by_event(self) -> bool:
        """Whether nodes are events, expanded or not."""
        return isinstance(self.of, str) and self.of == "event"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose values become names, beside the event."""
        own = (self.of,) if isinstance(self.of, str) and self.of != "event" else ()
        return (*own, *dict.fromkeys(column for _, column in self.expand))

    def name(self, event: str, value: str | None, *, column: str | None) -> str | None:
        """Name the node of an event with a value; None when it is hidden."""
        label: str | None = event
        if column is not None:
            clean = None if value is None else clean_value(value, rules=dict(self.rules).get(column, ()))
            valued = event if clean is None else f"{event}: {clean if clean.strip() else said(clean)}"
            label = valued if self.by_event else clean
        if label is None or any(matches(pattern, event) or matches(pattern, label) for pattern in self.hide):
            return None
        for group, patterns in self.groups:
            if any(matches(pattern, event) or matches(pattern, label) for pattern in patterns):
                return shown_name(group)
        return shown_name(label)


def matches(pattern: str, name: str) -> bool:
    """Ask whether a name is meant: it is the pattern itself, or fits its `*` and `?`.

    Examples
    --------
    >>> matches("Viewed *", "Viewed Pricing"), matches("a[1]", "a[1]")
    (True, True)
    """
    return pattern == name or fnmatchcase(name, pattern)


def shown_name(name: str) -> str:
    """Put a name in quotes that would be taken for a drop-off, the rest, a continuation or those who arrived.

    Examples
    --------
    >>> shown_name("(other)"), shown_name("Signed Up")
    ('"(other)"', 'Signed Up')
    """
    return f'"{name}"' if name.strip('"') in RESERVED else name


def said(name: str) -> str:
    """Put a name into a sentence: long ones are cut in the middle, an empty one is not passed over.

    Examples
    --------
    >>> said(""), said("Signed Up")
    ('(no name)', 'Signed Up')
    """
    from journeys.display import shorten

    return shorten(name, 60) if name.strip() else "(no name)"


def clean_value(value: str, *, rules: Rules = PATH_RULES) -> str:
    """Clean a page path: identifiers become `:id`, query strings and closing slashes go.

    Parameters
    ----------
    value : str
        A path or an address.
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


def ask_nodes(
    *,
    node: str | pl.Expr,
    expand: Mapping[str, str] | None,
    groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None,
    hide: str | Sequence[str] | None,
    clean: bool | Rules | None,
    names: Sequence[str],
    columns: Sequence[str],
    problems: Problems,
    met: Callable[[Nodes], Sequence[str]],
) -> Nodes:
    """Check the words that say what a node is; what is wrong with them is kept in `problems`.

    `met` names the nodes that there are, where they are more than events: asked about patterns only that fit none.
    """
    if not isinstance(node, str | pl.Expr):
        problems.words.append(f"node: {node!r} is neither the name of a column nor an expression.")
        node = "event"
    pairs = tuple((problems.attempt(lambda: _pairs(expand)) or {}).items())
    hidden = problems.attempt(lambda: _patterns("hide", hide)) or ()
    grouped = problems.attempt(lambda: _groups(groups)) or ()
    wanted = {"node": [node] if isinstance(node, str) else node.meta.root_names(), "expand": [c for _, c in pairs]}
    for argument, asked in wanted.items():
        missing = [name for name in dict.fromkeys(asked) if name not in columns]
        if missing:
            problems.names.append(unknown(argument, missing, available=columns, what="column"))
    unknown_events = [event for event, _ in pairs if names and event not in names]
    if unknown_events:
        problems.names.append(unknown("expand", unknown_events, available=names, what="event"))
    if pairs and not (isinstance(node, str) and node == "event"):
        problems.words.append("expand: only nodes that are events can be expanded; leave node= out.")
    out = Nodes(of=node, expand=pairs)
    own = problems.attempt(lambda: _own_rules(clean=clean))
    rules = tuple((column, _rules(column, clean=clean, own=own)) for column in out.columns)
    bare = Nodes(of=node, expand=pairs, rules=rules)
    patterns = {"hide": hidden, "groups": tuple(p for _, those in grouped for p in those)}
    if names and any(_unmatched(those, names) for those in patterns.values()) and not problems.names:
        there = names if bare.plain else [*names, *met(bare)]
        what = "event" if bare.plain else "event or node"
        lost = {argument: _unmatched(those, there) for argument, those in patterns.items()}
        problems.names += [
            unknown(argument, those, available=there, what=what) for argument, those in lost.items() if those
        ]
    return Nodes(of=node, expand=pairs, groups=grouped, hide=hidden, rules=rules)


def _unmatched(patterns: Iterable[str], names: Sequence[str]) -> list[str]:
    return [pattern for pattern in patterns if not any(matches(pattern, name) for name in names)]


def _patterns(argument: str, given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None or isinstance(given, str):
        return () if given is None else (given,)
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, str) for one in found):
        raise ArgumentError(f"{argument}: {given!r} is neither a name or pattern nor a list of them.")
    return found


def _pairs(expand: Mapping[str, str] | None) -> Mapping[str, str]:
    if expand is None:
        return {}
    texts = isinstance(expand, Mapping) and all(isinstance(one, str) for pair in expand.items() for one in pair)
    if not texts:
        raise ArgumentError(
            f"expand: {expand!r} must give the column of each event, as {{'Loaded a Page': 'page_path'}}."
        )
    return expand


def _groups(
    groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None,
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if isinstance(groups, Mapping):
        _patterns("groups", groups)
        return tuple((name, _patterns("groups", patterns)) for name, patterns in groups.items())
    return tuple((pattern, (pattern,)) for pattern in _patterns("groups", groups))


def _own_rules(*, clean: bool | Rules | None) -> tuple[tuple[str, str], ...]:
    if clean is None or isinstance(clean, bool):
        return ()
    rules = () if isinstance(clean, str) or not isinstance(clean, Iterable) else tuple(clean)
    pairs = [rule for rule in rules if not isinstance(rule, str) and isinstance(rule, Sequence) and len(rule) == 2]
    if not rules or len(pairs) < len(rules) or not all(isinstance(one, str) for pair in pairs for one in pair):
        raise ArgumentError(f"clean: {clean!r} is neither True, False nor a list of (regular expression, replacement).")
    for pattern, replacement in pairs:
        try:
            re.sub(pattern, replacement, "")
        except (re.error, IndexError) as error:
            raise ArgumentError(f"clean: {pattern!r} is no regular expression ({error}).") from error
    return tuple((pattern, replacement) for pattern, replacement in pairs)


def _rules(
    column: str, *, clean: bool | Rules | None, own: tuple[tuple[str, str], ...] | None
) -> tuple[tuple[str, str], ...]:
    if clean is True or (clean is None and column in PAGE_COLUMNS):
        return tuple(PATH_RULES)
    return own or ()
