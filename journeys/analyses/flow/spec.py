"""What a flow was asked: the typed options, and how arguments become them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import polars as pl

from journeys.analyses.flow.nodes import ADDRESS_COLUMNS, PATH_RULES, CleaningRules, NodeSpec, list_names
from journeys.analyses.name_patterns import expand_passive, matches_pattern
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

MAX_STEPS = 20


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
    start: Step | None = None
    end: Step | None = None
    who: Who = "all"
    occurrence: Occurrence = "first"
    count: CountUnit = "people"
    within: int | None = None
    in_session: bool = False
    gap: int = 1_800_000_000
    campaign_cuts: bool = False
    collapse: CollapseMode = "repeats"
    burst_gap: int = 0
    keep: Keep = "first"
    align: Align = "start"
    steps: int = 6
    top: int | None = 10
    times: bool = True
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


Names = str | Sequence[str]
Groups = Mapping[str, Names] | Sequence[str]

DURATION_HINT = "write 'session' or a duration such as '30m' or '14d'"
_COLLAPSE_HINT = "True, False, 'loops' or a duration such as '5m'"


def parse_flow(
    log: Log,
    *,
    nodes: NodeSpec,
    problems: Problems,
    start: StepLike | None = None,
    end: StepLike | None = None,
    end_argument: str = "end",
    who: Who | None = None,
    steps: int = 6,
    top: int | None = None,
    collapse: Collapse = True,
    keep: Keep = "first",
    align: Align = "start",
    occurrence: Occurrence = "first",
    count: CountUnit = "people",
    within: str | timedelta | Literal["session"] | None = None,
    gap: str | timedelta = "30m",
    campaign_cuts: bool = False,
    times: bool = True,
) -> FlowSpec:
    """Check the options of a question about flows, and raise all problems together with those found before.

    `end_argument` is the name of the argument that holds the end. Options that a question does not offer have
    their defaults.
    """
    for argument, value, choices in (
        ("who", who, Who), ("occurrence", occurrence, Occurrence), ("count", count, CountUnit), ("align", align, Align),
        ("keep", keep, Keep),
    ):  # fmt: skip
        if not (argument == "who" and value is None):
            problems.check_choice(argument, value, choices)
    if not is_whole_number(steps, most=MAX_STEPS):
        problems.invalid_values.append(f"steps: {steps!r} must be a number of columns from 1 to {MAX_STEPS}.")
    if top is not None and not is_whole_number(top):
        problems.invalid_values.append(f"top: {top!r} must be at least 1, or None for every node.")
    if who in ("converted", "dropped") and end is None:
        problems.invalid_values.append(f"who: {who!r} needs an end to reach; give end=.")
    problems.invalid_values += _find_conflicts(occurrence, count, has_anchor=start is not None or end is not None)
    if campaign_cuts and not present_campaign_columns(log.schema.names()):
        problems.invalid_values.append(
            "campaign_cuts: the log has no campaign column, such as 'campaign', that could start sessions."
        )
    start_step = problems.run_check(lambda: _parse_step(log, start, argument="start"))
    end_step = problems.run_check(lambda: _parse_step(log, end, argument=end_argument))
    mode, burst_gap = problems.run_check(lambda: _parse_collapse(collapse)) or ("repeats", 0)
    window = None
    if within is not None and within != "session":
        window = problems.run_check(lambda: duration_us(within, argument="within", instead=DURATION_HINT))
    gap_us = problems.run_check(lambda: duration_us(gap, argument="gap")) or 0
    problems.raise_found()
    unit: CountUnit = "entries" if occurrence == "each" and count == "people" else count
    return FlowSpec(
        nodes=nodes,
        start=start_step,
        end=end_step,
        who=who or ("converted" if end is not None and start is None else "all"),
        occurrence="each" if unit == "entries" else occurrence,
        count=unit,
        within=window,
        in_session=within == "session",
        gap=gap_us,
        campaign_cuts=campaign_cuts,
        collapse=mode,
        burst_gap=burst_gap,
        keep=keep,
        align=align,
        steps=steps,
        top=top,
        times=times,
    )


def describe_options(spec: FlowSpec, *, start: StepLike | None, end: StepLike | None, **options: Any) -> dict[str, Any]:
    """Return the options for the settings of a result: what was given, and what was derived from it."""
    described: dict[str, Any] = {}
    for argument, given, step in (("start", start, spec.start), ("end", end, spec.end)):
        described[argument] = str(given) if isinstance(given, pl.Expr) else step and step.name
    node = options.pop("node", "event")
    described |= options
    if isinstance(node, pl.Expr) or node != "event":
        described["node"] = str(node)
    described |= {name: getattr(spec, name) for name in ("who", "occurrence", "count") if name in options}
    return {name: value for name, value in described.items() if value is not None}


def parse_nodes(
    log: Log,
    *,
    node: str | pl.Expr,
    expand: Mapping[str, str] | None,
    groups: Groups | None,
    hide: Names | None,
    clean: bool | CleaningRules | None,
    problems: Problems,
) -> NodeSpec:
    """Check the arguments that say what a node is; invalid ones are collected in `problems`."""
    names, columns = log.names, log.schema.names()
    if not isinstance(node, str | pl.Expr):
        problems.invalid_values.append(f"node: {node!r} is neither the name of a column nor an expression.")
        node = "event"
    pairs = tuple((problems.run_check(lambda: _parse_expand(expand)) or {}).items())
    hidden: tuple[str, ...] = ()
    if hide is not None:
        hidden = problems.run_check(lambda: expand_passive(log, parse_patterns("hide", hide))) or ()
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
    own = problems.run_check(lambda: parse_rules(clean=clean)) or ()
    use_path_rules = {
        column: clean is True or (clean is None and column in ADDRESS_COLUMNS) for column in spec.value_columns
    }
    cleaning = tuple((column, tuple(PATH_RULES) if use else own) for column, use in use_path_rules.items())
    spec = replace(spec, cleaning=cleaning)
    patterns = {"hide": hidden, "groups": tuple(p for _, those in grouped for p in those)}
    if names and not problems.unknown_names:
        problems.unknown_names += _unmatched_patterns(log, spec, patterns)
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


def _unmatched_patterns(log: Log, spec: NodeSpec, patterns: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return a problem for each argument with patterns that match no event and no node."""

    def list_unmatched(those: Iterable[str], names: Sequence[str]) -> list[str]:
        return [pattern for pattern in those if not any(matches_pattern(pattern, name) for name in names)]

    if not any(list_unmatched(those, log.names) for those in patterns.values()):
        return []
    names, what = list(log.names), "event"
    if spec.value_columns or not spec.is_event_based:
        # node names are listed only now: it takes a scan of the log
        names += pl.concat([list_names(view, spec) for view in log.shards])["name"].unique().sort().to_list()
        what = "event or node"
    lost = {argument: list_unmatched(those, names) for argument, those in patterns.items()}
    return [unknown_message(argument, those, available=names, what=what) for argument, those in lost.items() if those]


def parse_patterns(argument: str, given: Names | None) -> tuple[str, ...]:
    """Return the names and patterns given for an argument."""
    if given is None or isinstance(given, str):
        return () if given is None else (given,)
    found = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, str) for one in found):
        raise ArgumentError(f"{argument}: {given!r} is neither a name or pattern nor a list of them.")
    return found


def _parse_groups(groups: Groups | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
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


def parse_rules(*, clean: bool | CleaningRules | None) -> tuple[tuple[str, str], ...]:
    """Return the cleaning rules given; none where `clean` only says whether to clean."""
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
            raise ArgumentError(f"clean: {pattern!r} is not a regular expression ({error}).") from error
    return tuple((pattern, replacement) for pattern, replacement in pairs)
