"""What a flow was asked: the typed options, and how arguments become them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, Literal

import polars as pl

from journeys.analyses.cleaning_rules import CleaningRules, choose_rules, clean_value
from journeys.analyses.name_patterns import Names, expand_passive, matches_pattern, parse_patterns
from journeys.errors import ArgumentError, Problems, is_whole_number, unknown_message
from journeys.log import Log
from journeys.log.boundaries import present_campaign_columns
from journeys.steps import Step, StepLike, duration_us, resolve_step

Who = Literal["converted", "dropped", "all"]
Occurrence = Literal["first", "last", "each"]
CountUnit = Literal["people", "sessions", "entries"]
Align = Literal["start", "end"]
Keep = Literal["first", "last"]
Collapse = bool | Literal["loops"] | str | timedelta  # as it is asked for
CollapseMode = Literal["none", "repeats", "loops", "bursts"]
Groups = Mapping[str, Names] | Sequence[str]

MAX_STEPS = 20
DURATION_HINT = "write 'session' or a duration such as '30m' or '14d'"
_CHOICES = {"occurrence": Occurrence, "count": CountUnit, "align": Align, "keep": Keep}
_COLLAPSE_HINT = "True, False, 'loops' or a duration such as '5m'"

# No node has one of these names: a value that is spelled like one is quoted when nodes are named.
DROP_OFF, OTHER, CONTINUES, REACHED = "(drop-off)", "(other)", "(continues)", "(reached)"
_RESERVED = frozenset({DROP_OFF, OTHER, CONTINUES, REACHED})


@dataclass(frozen=True, slots=True, eq=False)
class NodeSpec:
    """How events are turned into nodes.

    Attributes
    ----------
    source : str or pl.Expr
        "event", another column, or an expression, whose values name the nodes; rows with null are left out.
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


@dataclass(frozen=True, slots=True, eq=False)
class FlowSpec:
    """The options of a flow; durations are microseconds.

    Attributes
    ----------
    nodes : NodeSpec
        How events are turned into nodes.
    start, end : Step, optional
        Where journeys start, and which event ends them.
    who, occurrence, count, keep, align, steps, top
        As in `Journeys.flow`.
    within : int, optional
        The longest a journey lasts.
    in_session : bool
        Whether a journey ends with the session that it starts in (or, looking back from the end, ends in).
    gap, campaign_cuts
        What starts a session.
    collapse : {"none", "repeats", "loops", "bursts"}
        Whether repeats next to each other are merged, each node counts at its first visit only, or only repeats that
        follow within `burst_gap` are merged.
    times : bool
        Whether the times of links are computed.
    single_shard : bool
        Whether one shard is the whole log, so that small nodes can be folded while counting.
    separate_end : bool
        Whether reaching the end is a node of its own, "(reached)", whatever the event is called.
    """

    nodes: NodeSpec
    start: Step | None
    end: Step | None
    who: Who
    occurrence: Occurrence
    count: CountUnit
    within: int | None
    in_session: bool
    gap: int
    campaign_cuts: bool
    collapse: CollapseMode
    burst_gap: int
    keep: Keep
    align: Align
    steps: int
    top: int | None
    times: bool
    single_shard: bool = False
    separate_end: bool = False

    @property
    def needs_sessions(self) -> bool:
        """Whether journeys stop at the boundaries of sessions."""
        return self.count == "sessions" or self.in_session

    @property
    def is_limited(self) -> bool:
        """Whether a journey may stop before its last event because its window is over."""
        return self.within is not None or self.in_session

    @property
    def looks_back(self) -> bool:
        """Whether the window is counted back from the end, so that journeys need not begin with a first touch."""
        return self.is_limited and self.start is None and self.end is not None

    @property
    def starts_at_first_touch(self) -> bool:
        """Whether the first node of a journey is the first event of a person."""
        later = self.end is not None and (self.is_limited or self.occurrence == "each")
        return self.start is None and self.count != "sessions" and not later

    @property
    def needs_times(self) -> bool:
        """Whether the times of events are needed besides their order."""
        return self.times or self.within is not None or self.collapse == "bursts"

    @property
    def is_plain(self) -> bool:
        """Whether journeys are all events of a person, in their order, but for repeats: these are counted fast."""
        is_uncut = self.start is None and self.end is None and not self.is_limited and self.count == "people"
        is_unchanged = self.collapse in ("none", "repeats") and self.nodes.is_event_based and not self.nodes.hide
        return is_uncut and is_unchanged and self.keep == "first" and self.align == "start"


@dataclass(frozen=True, slots=True, eq=False)
class FoldedFlow:
    """A flow, and the nodes that keep their name in each of its columns; the rest is "(other)"."""

    spec: FlowSpec
    kept: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """The options of a flow as they were given; the defaults are those of the question."""

    start: StepLike | None = None
    end: StepLike | None = None
    who: Who | None = None
    steps: int = 6
    top: int | None = 10
    collapse: Collapse = True
    keep: Keep = "first"
    align: Align = "start"
    occurrence: Occurrence = "first"
    count: CountUnit = "people"
    within: str | timedelta | Literal["session"] | None = None
    gap: str | timedelta = "30m"
    campaign_cuts: bool = False
    times: bool = True


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """What a node is, as it was given; the defaults are those of all questions about nodes."""

    node: str | pl.Expr = "event"
    expand: Mapping[str, str] | None = None
    groups: Groups | None = None
    hide: Names | None = None
    clean: bool | CleaningRules | None = None


def parse_flow(
    options: FlowOptions, *, nodes: NodeSpec, log: Log, problems: Problems, end_argument: str = "end"
) -> FlowSpec:
    """Check the options of a question about flows, and raise all problems together with those found before.

    `end_argument` is the name of the argument that holds the end.
    """
    who, start, end = options.who, options.start, options.end
    for argument, choices in (({} if who is None else {"who": Who}) | _CHOICES).items():
        problems.check_choice(argument, getattr(options, argument), choices)
    if not is_whole_number(options.steps, most=MAX_STEPS):
        problems.invalid_values.append(f"steps: {options.steps!r} must be a number of columns from 1 to {MAX_STEPS}.")
    if options.top is not None and not is_whole_number(options.top):
        problems.invalid_values.append(f"top: {options.top!r} must be at least 1, or None for every node.")
    if who in ("converted", "dropped") and end is None:
        problems.invalid_values.append(f"who: {who!r} needs an end to reach; give end=.")
    has_anchor = start is not None or end is not None
    problems.invalid_values += _find_conflicts(options.occurrence, options.count, has_anchor=has_anchor)
    if options.campaign_cuts and not present_campaign_columns(log.schema.names()):
        problems.invalid_values.append(
            "campaign_cuts: the log has no campaign column, such as 'campaign', that could start sessions."
        )
    start_step = problems.run_check(lambda: _parse_step(log, start, argument="start"))
    end_step = problems.run_check(lambda: _parse_step(log, end, argument=end_argument))
    mode, burst_gap = problems.run_check(lambda: _parse_collapse(options.collapse)) or ("repeats", 0)
    window, within = None, options.within
    if within is not None and within != "session":
        window = problems.run_check(lambda: duration_us(within, argument="within", instead=DURATION_HINT))
    gap = problems.run_check(lambda: duration_us(options.gap, argument="gap")) or 0
    problems.raise_found()
    each = options.occurrence == "each" or options.count == "entries"
    return FlowSpec(
        nodes=nodes,
        start=start_step,
        end=end_step,
        who=who or ("converted" if end is not None and start is None else "all"),
        occurrence="each" if each else options.occurrence,
        count="entries" if each else options.count,
        within=window,
        in_session=within == "session",
        gap=gap,
        campaign_cuts=options.campaign_cuts,
        collapse=mode,
        burst_gap=burst_gap,
        keep=options.keep,
        align=options.align,
        steps=options.steps,
        top=options.top,
        times=options.times,
    )


def describe_options(options: FlowOptions, spec: FlowSpec) -> dict[str, Any]:
    """Return the options of a flow for the settings of its result; those that follow from others as they turned out."""
    described = {one.name: getattr(options, one.name) for one in fields(options)}
    described |= {name: describe_step(described[name], getattr(spec, name)) for name in ("start", "end")}
    described |= {name: getattr(spec, name) for name in ("who", "occurrence", "count")}
    return {name: value for name, value in described.items() if value is not None}


def describe_step(given: StepLike | None, step: Step | None) -> str | None:
    """Return what the settings of a result call a step: an expression as it was written, else its name."""
    if step is None:
        return None
    return str(given) if isinstance(given, pl.Expr) else step.name


def describe_node_options(options: NodeOptions) -> dict[str, Any]:
    """Return the options of nodes that were given, for the settings of a result."""
    described = {"expand": options.expand, "groups": options.groups, "hide": options.hide}
    if isinstance(options.node, pl.Expr) or options.node != "event":
        described["node"] = str(options.node)
    return {name: value for name, value in described.items() if value is not None}


def parse_nodes(options: NodeOptions, *, log: Log, problems: Problems) -> NodeSpec:
    """Check the options that say what a node is; invalid ones are collected in `problems`."""
    node, hide, groups, clean = options.node, options.hide, options.groups, options.clean
    names, columns = log.names, log.schema.names()
    if not isinstance(node, str | pl.Expr):
        problems.invalid_values.append(f"node: {node!r} is neither the name of a column nor an expression.")
        node = "event"
    pairs = tuple((problems.run_check(lambda: _parse_expand(options.expand)) or {}).items())
    hidden: tuple[str, ...] = ()
    if hide is not None:
        hidden = problems.run_check(lambda: expand_passive(log, parse_patterns("hide", hide))) or ()
    grouped: tuple[tuple[str, tuple[str, ...]], ...] = ()
    if groups is not None:
        grouped = problems.run_check(lambda: _parse_groups(groups)) or ()
    wanted = {"node": [node] if isinstance(node, str) else node.meta.root_names(), "expand": [c for _, c in pairs]}
    for argument, asked in wanted.items():
        missing = [name for name in dict.fromkeys(asked) if name not in columns]
        if missing:
            problems.unknown_names.append(unknown_message(argument, missing, available=columns, what="column"))
    unknown_events = [event for event, _ in pairs if names and event not in names]
    if unknown_events:
        problems.unknown_names.append(unknown_message("expand", unknown_events, available=names, what="event"))
    if pairs and not (isinstance(node, str) and node == "event"):
        problems.invalid_values.append("expand: only nodes that are events can be expanded; leave node= out.")
    spec = NodeSpec(source=node, expand=pairs)
    if spec.value_columns or clean is not None:
        rules = problems.run_check(lambda: choose_rules(spec.value_columns, clean=clean)) or {}
        spec = replace(spec, cleaning=tuple(rules.items()))
    patterns = {"hide": hidden, "groups": tuple(p for _, those in grouped for p in those)}
    if names and not problems.unknown_names:
        problems.unknown_names += _describe_unmatched(log, spec, patterns)
    return replace(spec, groups=grouped, hide=hidden)


def _parse_step(log: Log, given: StepLike | None, *, argument: str) -> Step | None:
    if isinstance(given, pl.Expr):  # it has no name of its own that could stand in a sentence
        given = Step(f"the {argument}", given, is_named=False)
    return resolve_step(given, log, argument=argument)


def _find_conflicts(occurrence: str, count: str, *, has_anchor: bool) -> list[str]:
    """Return why an occurrence cannot be combined with the other options."""
    if occurrence in ("last", "each") and not has_anchor:
        return [f"occurrence: {occurrence!r} needs a start or an end; give start= or end=."]
    if occurrence == "last" and count == "entries":
        return ["occurrence: 'last' is one journey per person, but count='entries' counts each; leave one of them out."]
    if occurrence == "each" and count == "sessions":
        instead = "leave count= out, with within='session' to stop at the boundaries of sessions"
        return [f"occurrence: 'each' counts entries, but count='sessions' counts sessions; {instead}."]
    return []


def _parse_collapse(given: Collapse) -> tuple[CollapseMode, int]:
    if isinstance(given, bool):
        return ("repeats" if given else "none"), 0
    if given == "loops":
        return "loops", 0
    if isinstance(given, str | timedelta):
        instead = f"write {_COLLAPSE_HINT}: repeats at most that far apart are merged"
        return "bursts", duration_us(given, argument="collapse", instead=instead)
    raise ArgumentError(f"collapse: {given!r} is none of {_COLLAPSE_HINT}.")


def _describe_unmatched(log: Log, spec: NodeSpec, patterns: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Describe, for each argument, the patterns that match no event and no node."""

    def list_unmatched(those: Iterable[str], names: Sequence[str]) -> list[str]:
        return [pattern for pattern in those if not any(matches_pattern(pattern, name) for name in names)]

    if not any(list_unmatched(those, log.names) for those in patterns.values()):
        return []
    names, what = list(log.names), "event"
    if spec.value_columns or not spec.is_event_based:
        # node names are listed only now: it takes a scan of the log
        names += _list_value_names(log, spec)
        what = "event or node"
    lost = {argument: list_unmatched(those, names) for argument, those in patterns.items()}
    return [unknown_message(argument, those, available=names, what=what) for argument, those in lost.items() if those]


def _parse_groups(groups: Groups) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if isinstance(groups, Mapping):
        parse_patterns("groups", list(groups))
        return tuple((name, parse_patterns("groups", patterns)) for name, patterns in groups.items())
    return tuple((pattern, (pattern,)) for pattern in parse_patterns("groups", groups))


def _parse_expand(expand: Mapping[str, str] | None) -> Mapping[str, str]:
    if expand is None:
        return {}
    if not isinstance(expand, Mapping) or not all(isinstance(one, str) for pair in expand.items() for one in pair):
        raise ArgumentError(
            f"expand: {expand!r} must give the column of each event, as {{'Loaded a Page': 'page_path'}}."
        )
    return expand


def _list_value_names(log: Log, spec: NodeSpec) -> list[str]:
    """List the names of the nodes that come from values of columns, or of an expression."""
    source = spec.source
    found: set[str | None] = set()
    for view in log.shards:
        if spec.is_event_based:
            read = [(view.events.filter(pl.col("event") == event), column) for event, column in spec.expand]
        else:
            read = [(view.events, source if isinstance(source, str) else "")]
        for rows, column in read:
            value = source if isinstance(source, pl.Expr) else pl.col(column)
            pairs = rows.select(pl.col("event").cast(pl.String), value.cast(pl.String).alias("_value")).unique()
            found |= {spec.name_node(event, name, column=column) for event, name in pairs.collect().iter_rows()}
    return sorted(name for name in found if name is not None)


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
    from journeys.display import describe_blank, neutralise_controls, shorten_name

    return shorten_name(neutralise_controls(name), 60) if name.strip() else describe_blank(name.strip())
