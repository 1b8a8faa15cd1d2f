"""What a funnel was asked: the typed options, and how arguments become them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from itertools import combinations, permutations
from math import factorial, prod
from typing import Any, Literal, NamedTuple, cast, get_args

import polars as pl

from journeys.analyses.breakdown import describe_ungroupable, describe_wrong_top
from journeys.errors import (
    ArgumentError,
    UnknownNameError,
    check_column_names,
    check_zone,
    raise_all,
    unknown_message,
)
from journeys.log import Log
from journeys.steps import (
    Moment,
    Never,
    Step,
    StepLike,
    Steps,
    duration_us,
    parse_pattern,
    parse_range,
    resolve_step,
    resolve_steps,
)

Order = Literal["loose", "strict", "any"]
Ties = Literal["arrival", "either", "rising"]
Reentry = Literal["best", "first", "each"]
OnExclusion = Literal["drops", "removed"]
Entry = Literal["first", "any"]
Count = Literal["people", "sessions", "entries"]
WindowPeriod = Literal["day", "week", "month", "session"]
ByAt = Literal["first", "last", "all"] | int
Semantics = Literal["mixpanel", "amplitude", "posthog", "ga4", "clickhouse"]

PRESETS: dict[Semantics, dict[str, Any]] = {
    "mixpanel": {"within": "7d", "ties": "2s", "reentry": "first", "on_exclusion": "drops"},
    "amplitude": {"within": "1d", "ties": "1s", "reentry": "best", "on_exclusion": "removed"},
    "posthog": {"within": "14d", "ties": "step_order", "reentry": "best", "on_exclusion": "removed"},
    "ga4": {"ties": "arrival", "reentry": "best", "on_exclusion": "drops"},
    "clickhouse": {"ties": "either", "reentry": "best", "reuse": True},
}
"""What each tool means by a funnel, from its documentation or source; an option that is given wins over it."""


OPTION_FIELDS = {
    "within": ("within", "calendar"),
    "ties": ("ties", "grace"),
    "steps": ("steps", "names", "runs", "step_windows", "optional"),
}
"""The fields of a spec that hold one option together."""

NOT_COMPARED = frozenset({"is_reversed", "has_chosen_reentry", "top", "by", "by_columns", "by_at"})
"""Fields in which two funnels are not compared."""


class Exclusion(NamedTuple):
    """An event that must not happen after table row `low` and before table row `high` (both from 0)."""

    step: Step
    low: int
    high: int


class Slot(NamedTuple):
    """One place in an ordered attempt: the number of its condition, and the table row in which it counts."""

    condition: int
    row: int


@dataclass(frozen=True, eq=False)
class FunnelSpec:
    """The options of a funnel, checked.

    Attributes
    ----------
    steps : tuple of Step
        The conditions; as many as the table has rows.
    names : tuple of str
        What the table rows are called.
    runs : tuple of tuple of int
        The steps in order; those that may come in any order among themselves are in one tuple.
    optional : tuple of bool
        Steps that an attempt may leave out.
    step_windows : tuple of int or None
        Longest time (µs) since the step before, for each step.
    within : int or None
        Longest time (µs) from the first step to the last.
    grace : int
        With ``ties="either"``: how far apart (µs) two events may be and still count as simultaneous.
    reuse : bool
        Whether one event may serve two equal steps.
    has_chosen_reentry : bool
        Whether `reentry` was given, by the analyst or by a preset.
    by : tuple of str
        What the columns of the breakdown are called in tables.
    by_columns : tuple of str
        The columns of events or people that they are taken from.
    top : int or None
        How many groups are shown; None shows all.
    is_reversed : bool
        Whether the log and the steps are read backwards: A → B within 2 days becomes B → A, and the window of B is
        that of the step from B to A.
    """

    steps: tuple[Step, ...]
    names: tuple[str, ...]
    runs: tuple[tuple[int, ...], ...]
    optional: tuple[bool, ...]
    step_windows: tuple[int | None, ...]
    within: int | None = None
    order: Order = "loose"
    ties: Ties = "arrival"
    grace: int = 0
    reuse: bool = False
    reentry: Reentry = "best"
    has_chosen_reentry: bool = False
    exclude: tuple[Exclusion, ...] = ()
    on_exclusion: OnExclusion = "drops"
    hold: tuple[str, ...] = ()
    calendar: WindowPeriod | None = None
    time_zone: str = "UTC"
    entry: Entry = "first"
    entered: tuple[int | None, int | None] = (None, None)
    count: Count = "people"
    gap: int = 1_800_000_000
    campaign_cuts: bool = False
    by: tuple[str, ...] = ()
    by_columns: tuple[str, ...] = ()
    by_at: ByAt = "first"
    top: int | None = 25
    is_reversed: bool = False

    @property
    def step_count(self) -> int:
        """How many steps there are: as many rows has the table."""
        return len(self.steps)

    def list_step_sequences(self) -> list[tuple[Slot, ...]]:
        """List every order of conditions that makes a whole attempt; one, unless steps are optional or in any order.

        For instance, A, optional B, C give (A, B, C) and (A, C), whose slots keep the table rows 0 and 2.
        """
        found: list[tuple[Slot, ...]] = [()]
        row = 0
        for run in self.runs:
            rows = range(row, row + len(run))
            found = [(*head, *map(Slot, order, rows)) for head in found for order in permutations(run)]
            row += len(run)
        if any(self.optional):
            found = [shorter for sequence in found for shorter in self._leave_out_optional(sequence)]
        if self.entry == "any":
            found = [sequence[start:] for sequence in found for start in range(len(sequence))]
        return found

    def _leave_out_optional(self, sequence: tuple[Slot, ...]) -> list[tuple[Slot, ...]]:
        """Leave out optional slots in every way: as few as possible first, and of equally many, later ones first."""
        skippable = [slot for slot in sequence if self.optional[slot.row]]
        kept = [some for size in range(len(skippable), -1, -1) for some in combinations(skippable, size)]
        return [tuple(slot for slot in sequence if not self.optional[slot.row] or slot in some) for some in kept]

    def find_required_before(self, row: int) -> int:
        """Return the table row that a row's rate is measured against: the last before it that is not optional."""
        before = max(row - 1, 0)
        while before > 0 and self.optional[before]:
            before -= 1
        return before

    def find_window_after(self, row: int, *, goal: int) -> int | None:
        """Return the longest time (µs) from a table row's step to the next one on the way to the row of a goal.

        None where there is no limit. Where several steps may come next, of a run in any order or because some are
        optional, it is the longest of their windows.
        """
        limits = []
        for run in self.runs:
            if run[-1] > row:
                limits += [self.step_windows[step] for step in run if step <= goal]
                if run[-1] >= goal or not all(self.optional[step] for step in run):
                    break
        known = [limit for limit in limits if limit is not None]
        return max(known) if known and len(known) == len(limits) else None

    def list_exclusions_between(self, row: int, next_row: int) -> list[int]:
        """List the exclusions in force between one table row and another."""
        return [number for number, one in enumerate(self.exclude) if row < one.high and next_row > one.low]

    def start_clock_at_entry(self) -> FunnelSpec:
        """Return the funnel whose times are measured: from the first entry, unless `reentry` was chosen.

        The best attempt starts as late as it can: a person who tries often and converts once would always be quick.
        """
        if self.has_chosen_reentry or self.count == "entries":
            return self
        return replace(self, reentry="first")

    @property
    def takes_any_next(self) -> bool:
        """Whether the earliest next step is always as good as a later one."""
        return not self.exclude and not any(self.step_windows)


Excluded = StepLike | Never

CALENDAR_PERIODS = {"day": "1d", "week": "1w", "month": "1mo"}
"""How long the windows last that end with a calendar period."""
_CALENDARS: dict[str, WindowPeriod] = {
    "same day": "day",
    "same week": "week",
    "same month": "month",
    "session": "session",
}
_LITERALS = {"order": Order, "reentry": Reentry, "on_exclusion": OnExclusion, "entry": Entry, "count": Count}
_TIES = (*get_args(Ties), "step_order")
_MOST_OPTIONAL = 6
_MOST_IN_A_RUN = 5
_MOST_STEPS = 100
_MOST_SEQUENCES = 500
_LONGEST_TIE = 86_400_000_000
_USED_COLUMNS = {
    *("", "step", "name", "people", "dropped", "rate_from_start", "rate_from_previous", "ci_low", "ci_high"),
    *("median_time_from_previous", "median_time_from_start", "entered", "from_previous", "from_start", "known"),
    *("since", "mean", "from", "to", "share", "open", "took", "waiting", "time", "at_risk", "converted"),
    *("people_against", "rate", "rate_against", "difference", "p_value", "q_value", "sessions", "sessions_against"),
    *("entries", "entries_against", "continued", "at_previous", "late", "code", "period", "complete", "position"),
    *("after", "at_least", "self", "event"),
}
"""Names that the columns of a breakdown cannot have: of other columns, and of arguments next to those of groups."""


@dataclass(frozen=True, slots=True)
class FunnelOptions:
    """The options of a funnel as they were given; the defaults are those of the question."""

    within: str | timedelta | None = None
    order: Order = "loose"
    by: str | Sequence[str] | None = None
    by_at: ByAt = "first"
    top: int | None = 25
    exclude: Excluded | Sequence[Excluded] | None = None
    on_exclusion: OnExclusion | None = None
    hold: str | Sequence[str] | None = None
    count: Count = "people"
    gap: str | timedelta = "30m"
    campaign_cuts: bool = False
    entry: Entry = "first"
    entered: tuple[Moment, Moment] | None = None
    ties: str | timedelta | None = None
    reentry: Reentry | None = None
    time_zone: str = "UTC"
    semantics: Semantics | None = None
    reuse: bool = False


def apply_preset(options: FunnelOptions) -> FunnelOptions:
    """Fill the options that were not given: from the preset of another tool, else with ours."""
    semantics = options.semantics
    if semantics is not None and semantics not in PRESETS:
        raise UnknownNameError(unknown_message("semantics", semantics, available=list(PRESETS), what="preset"))
    preset = dict(PRESETS[semantics]) if semantics else {}
    if semantics == "posthog" and options.order == "any":
        preset["on_exclusion"] = "drops"  # there, an exclusion only empties what was collected
    given = {name for name in preset if name != "reuse" and getattr(options, name) is not None}
    return replace(options, **{name: value for name, value in preset.items() if name not in given})


def parse_funnel(steps: str | Steps | Sequence[Any], *, options: FunnelOptions, log: Log) -> FunnelSpec:
    """Resolve steps, names and durations; raise one error that lists every problem."""
    columns, known = log.schema.names(), log.step_columns
    parsed = (parse_pattern(steps) if isinstance(steps, str) else Steps.of(steps)).require_complete()
    flat = resolve_steps(parsed.flat, log)
    problems = [
        f"{name}: {getattr(options, name)!r} is none of {', '.join(map(repr, get_args(choices)))}."
        for name, choices in _LITERALS.items()
        if getattr(options, name) not in (None, *get_args(choices))
    ]
    ties, grace = _parse_ties(options.ties, problems)
    by, hold = _list_names(options.by, argument="by"), _list_names(options.hold, argument="hold")
    missing = [
        unknown_message(argument, name, available=available, what="column")
        for argument, wanted, available in (("by", by, known), ("hold", hold, columns))
        for name in wanted
        if name not in available
    ]
    raise_all(missing, UnknownNameError)
    within, calendar = _parse_within(options.within)
    excluded = [*parsed.never, *_list_exclusions(options.exclude)]
    exclude = _parse_exclusions(excluded, flat, log=log, problems=problems)
    by_at = options.by_at
    if not (by_at in ("first", "last", "all") or (isinstance(by_at, int) and 1 <= by_at <= len(flat))):
        problems.append(f"by_at: {by_at!r} is none of 'first', 'last', 'all' or a step from 1 to {len(flat)}.")
    if by_at == "all":
        problems += [
            f"by_at: with 'all' the value is held constant, so {name!r} has to be a column of the events."
            for name in by
            if name not in columns
        ]
        hold = (*hold, *(name for name in by if name not in hold))
    spec = FunnelSpec(
        steps=flat,
        names=_name_rows(flat, parsed.runs, order=options.order),
        runs=parsed.runs,
        optional=tuple(one.optional for one in flat),
        step_windows=tuple(one.within if number else None for number, one in enumerate(flat)),
        within=within,
        order=options.order,
        ties=ties,
        grace=grace,
        reuse=options.reuse,
        reentry=options.reentry or "best",
        has_chosen_reentry=options.reentry is not None,
        exclude=exclude,
        on_exclusion=options.on_exclusion or "drops",
        hold=hold,
        calendar=calendar,
        time_zone=check_zone(options.time_zone),
        entry=options.entry,
        entered=(None, None)
        if options.entered is None
        else parse_range(options.entered, argument="entered", time_zone=options.time_zone),
        count=options.count,
        gap=duration_us(options.gap, argument="gap"),
        campaign_cuts=bool(options.campaign_cuts),
        by=_name_groups(by),
        by_columns=by,
        by_at=by_at,
        top=options.top,
    )
    raise_all([*problems, *_find_contradictions(spec, options.semantics)])
    kinds = {**log.people_schema, **log.schema}
    raise_all([problem for name in by for problem in describe_ungroupable(name, kinds[name])])
    return spec


def describe_options(given: FunnelOptions, applied: FunnelOptions, spec: FunnelSpec) -> dict[str, Any]:
    """Keep the options that are not the default, given by the analyst or by a preset; the window always."""
    preset = PRESETS[given.semantics] if given.semantics else {}
    chosen = {one.name: getattr(given, one.name) for one in fields(given) if one.name not in ("exclude", "reuse")}
    chosen |= {name: getattr(applied, name) for name in preset}
    defaults = FunnelOptions()
    described = {name: value for name, value in chosen.items() if value not in (None, getattr(defaults, name))}
    if spec.exclude:
        described["exclude"] = ", ".join(one.step.name for one in spec.exclude)
    return {"within": given.within, **described}


def find_step(step: int | str, *, names: Sequence[str], argument: str) -> int:
    """Find the table row (from 0) of a step named by its number or its name."""
    if isinstance(step, int) and not isinstance(step, bool):
        if not 1 <= step <= len(names):
            raise ArgumentError(f"{argument}: there is no step {step}; the funnel has the steps 1 to {len(names)}.")
        return step - 1
    hits = [row for row, name in enumerate(names) if name == step]
    if not hits:
        raise UnknownNameError(unknown_message(argument, str(step), available=list(names), what="step"))
    if len(hits) > 1:
        numbers = ", ".join(str(row + 1) for row in hits)
        raise ArgumentError(f"{argument}: {step!r} is the name of the steps {numbers}; say which by its number.")
    return hits[0]


def _parse_ties(value: str | timedelta | None, problems: list[str]) -> tuple[Ties, int]:
    """Return what equal times mean, and how far apart (µs) two events still count as simultaneous."""
    if isinstance(value, timedelta) or (isinstance(value, str) and value[:1].isdigit()):
        grace = duration_us(value, argument="ties")
        if grace > _LONGEST_TIE:
            problems.append(
                f"ties: {value!r} is too long, at most a day is valid: events of different days are not simultaneous."
            )
        return "either", grace
    if value is not None and value not in _TIES:
        problems.append(f"ties: {value!r} is none of {', '.join(map(repr, _TIES))}, nor a duration such as '2s'.")
        return "arrival", 0
    return ("either" if value == "step_order" else cast("Ties", value or "arrival")), 0


def _list_names(value: str | Sequence[str] | None, *, argument: str) -> tuple[str, ...]:
    check_column_names(argument, value)
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))


def _name_groups(by: Sequence[str]) -> tuple[str, ...]:
    """Name the columns of a breakdown as they are called in the log, unless a table has such a column anyway."""
    return tuple(
        f"by_{name}" if name in _USED_COLUMNS or name.startswith("_") or re.fullmatch(r"q[\d.e+-]+", name) else name
        for name in by
    )


def _list_exclusions(value: Excluded | Sequence[Excluded] | None) -> list[Excluded]:
    if value is None:
        return []
    return [value] if isinstance(value, str | pl.Expr | Step | Never) else cast("list[Excluded]", list(value))


def _parse_within(value: str | timedelta | None) -> tuple[int | None, WindowPeriod | None]:
    """Return the window: its length (µs), or the calendar period in which it ends."""
    if value is None:
        return None, None
    if isinstance(value, str) and value in _CALENDARS:
        return None, _CALENDARS[value]
    return duration_us(value, argument="within"), None


def _parse_exclusions(
    given: Sequence[Excluded], flat: tuple[Step, ...], *, log: Log, problems: list[str]
) -> tuple[Exclusion, ...]:
    """Resolve what must not happen, and between which table rows."""
    out = []
    for one in given:
        never = one if isinstance(one, Never) else Never(one)
        step = resolve_step(never.what, log, argument="exclude")
        low, high = 0, len(flat) - 1
        if never.after is not None:
            low = find_step(never.after, names=[s.name for s in flat], argument="exclude, after")
        if never.before is not None:
            high = find_step(never.before, names=[s.name for s in flat], argument="exclude, before")
        if low >= high and len(flat) > 1:
            problems.append(
                f"exclude: {step.name!r} is to be absent after step {low + 1} and before step {high + 1}: "
                "the first has to come before the second."
            )
        out.append(Exclusion(step, low, high))
    return tuple(out)


def _name_rows(flat: Sequence[Step], runs: Sequence[tuple[int, ...]], *, order: Order) -> tuple[str, ...]:
    """Name the table rows: after their steps, or after how many steps in any order have been taken."""
    if order == "any":
        return tuple(f"any {n} of {len(flat)}" if n < len(flat) else f"all {n}" for n in range(1, len(flat) + 1))
    out: list[str] = []
    for run in runs:
        members = ", ".join(flat[number].name for number in run)
        for n, number in enumerate(run, start=1):
            if len(run) == 1:
                out.append(flat[number].name)
            else:
                out.append(f"any {n} of {members}" if n < len(run) else f"all of {members}")
    return tuple(out)


def _find_contradictions(spec: FunnelSpec, semantics: Semantics | None) -> list[str]:
    """List the combinations of options that have no meaning."""
    problems = []
    if spec.order == "any":
        if any(spec.step_windows):
            problems.append("order: steps in any order have no step before them, so no window of their own.")
        if any(spec.optional):
            problems.append("order: in any order every step may be missing; optional steps need order='loose'.")
        if spec.ties == "rising":
            problems.append("ties: 'rising' has no meaning where steps come in any order.")
        if any((one.low, one.high) != (0, spec.step_count - 1) for one in spec.exclude):
            problems.append("exclude: in any order nothing lies between two given steps; leave out after= and before=.")
        if any(len(run) > 1 for run in spec.runs):
            problems.append("steps: a run in any order inside a funnel in any order says the same twice.")
        if spec.entry == "any":
            problems.append("entry: in any order people enter at any step already.")
    if spec.step_count > _MOST_STEPS:
        problems.append(f"steps: at most {_MOST_STEPS} steps can be asked for, got {spec.step_count}.")
    sequences = prod(factorial(len(run)) for run in spec.runs) * 2 ** sum(spec.optional)
    if sequences > _MOST_SEQUENCES and sum(spec.optional) <= _MOST_OPTIONAL:
        problems.append(
            f"steps: the runs in any order and the optional steps can come in {sequences:,} orders, at most "
            f"{_MOST_SEQUENCES} are searched; leave some out, or use order='any'."
        )
    if spec.optional[0] or spec.optional[-1]:
        problems.append("steps: the first and the last step cannot be optional.")
    if sum(spec.optional) > _MOST_OPTIONAL:
        problems.append(f"steps: at most {_MOST_OPTIONAL} steps may be optional, got {sum(spec.optional)}.")
    if max(map(len, spec.runs)) > _MOST_IN_A_RUN:
        problems.append(f"steps: a run in any order holds at most {_MOST_IN_A_RUN} steps; order='any' has no limit.")
    if spec.count == "entries" and spec.ties == "either" and spec.order == "strict":
        problems.append("count: entries of a strict funnel need ties='arrival' or 'rising'.")
    if spec.hold and spec.ties == "either" and spec.order == "strict":
        problems.append("hold: a strict funnel that holds a value needs ties='arrival' or 'rising'.")
    if spec.reentry == "each" and spec.count != "entries":
        problems.append("reentry: 'each' makes every first step an entry; it needs count='entries'.")
    if spec.reentry == "each" and spec.order == "any":
        problems.append("reentry: 'each' makes every first step an entry; in any order no step is the first.")
    if spec.count == "entries" and spec.on_exclusion == "removed":
        problems.append("on_exclusion: 'removed' is for people; entries that meet an exclusion are drop-offs.")
    if semantics == "clickhouse" and spec.within is None:
        problems.append("within: semantics='clickhouse' has no default window; give one.")
    return problems + describe_wrong_top(spec.top)
