"""From what an analyst wrote to a `FunnelSpec`, with everything that is wrong said at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import polars as pl

from journeys.analyses.funnel.presets import PRESETS
from journeys.analyses.funnel.spec import Exclusion, FunnelSpec
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.steps import (
    Never,
    Step,
    Steps,
    duration_us,
    moment_us,
    parse_period,
    parse_steps,
    resolve_step,
    resolve_steps,
)

__all__ = ["build_spec", "step_row"]

_CALENDAR = {"same day": "day", "same week": "week", "same month": "month", "session": "session"}
_CHOICES = {
    "order": ("loose", "strict", "any"),
    "reentry": ("best", "first", "each"),
    "excluded": ("drops", "removed"),
    "entry": ("first", "any"),
    "count": ("people", "sessions", "entries"),
}
_TIES = ("arrival", "either", "rising", "step_order")
_MOST_OPTIONAL = 6
_MOST_IN_A_RUN = 5


class Known(NamedTuple):
    """The names that a question may use."""

    names: Sequence[str]
    columns: Sequence[str]


def build_spec(
    steps: str | Steps | Sequence[Any],
    *,
    names: Sequence[str],
    columns: Sequence[str],
    people_columns: Sequence[str],
    semantics: str | None = None,
    **options: Any,
) -> FunnelSpec:
    """Resolve steps, names and durations; raise one error that lists every problem."""
    chosen = _with_preset(semantics, options)
    everything = [*columns, *(name for name in people_columns if name not in columns and name != "code")]
    parsed = parse_steps(steps)
    known = Known(names, [name for name in everything if name != "person"])
    flat = resolve_steps(parsed.flat, names=names, columns=known.columns)
    runs = parsed.runs
    problems: list[str] = []
    for name, allowed in _CHOICES.items():
        if chosen[name] not in allowed:
            problems.append(f"{name}: {chosen[name]!r} is none of {', '.join(map(repr, allowed))}.")
    ties, grace = _ties(chosen["ties"], problems)
    by, hold = _names(chosen["by"]), _names(chosen["hold"])
    missing = [
        unknown(argument, name, available=available, what="column")
        for argument, wanted, available in (("by", by, known.columns), ("hold", hold, list(columns)))
        for name in wanted
        if name not in available
    ]
    raise_all(missing, UnknownNameError)
    within, calendar = _within(chosen["within"])
    exclude = _exclusions([*parsed.never, *_listed(chosen["exclude"])], flat, known=known, problems=problems)
    by_at = chosen["by_at"]
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
        names=_row_names(flat, runs, order=chosen["order"]),
        runs=runs,
        optional=tuple(one.optional for one in flat),
        gaps=tuple(one.within if number else None for number, one in enumerate(flat)),
        within=within,
        order=chosen["order"],
        ties=ties,
        grace=grace,
        reuse=bool(chosen.get("reuse")),
        reentry=chosen["reentry"],
        exclude=exclude,
        excluded=chosen["excluded"],
        hold=hold,
        calendar=calendar,
        time_zone=_zone(chosen["time_zone"]),
        entry=chosen["entry"],
        entered=_range(chosen["entered"]),
        count=chosen["count"],
        gap=duration_us(chosen["gap"], argument="gap"),
        campaign_cuts=bool(chosen["campaign_cuts"]),
        by=_shown(by),
        by_columns=by,
        by_at=by_at,
        top=chosen["top"],
    )
    raise_all([*problems, *_contradictions(spec, semantics)])
    return spec


def _with_preset(semantics: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Fill what was not said: by the preset, else by our own meaning."""
    ours = {"within": None, "ties": "arrival", "reentry": "best", "excluded": "drops"}
    if semantics is not None and semantics not in PRESETS:
        raise UnknownNameError(unknown("semantics", semantics, available=list(PRESETS), what="preset"))
    said = {name: value for name, value in options.items() if value is not None}
    preset = dict(PRESETS.get(semantics or "", {}))
    if semantics == "posthog" and options.get("order") == "any":
        preset["excluded"] = "drops"  # there, an exclusion only empties what was collected
    return {**options, **ours, **preset, **said}


def _ties(value: Any, problems: list[str]) -> tuple[str, int]:
    if isinstance(value, timedelta) or (isinstance(value, str) and value[:1].isdigit()):
        return "either", duration_us(value, argument="ties")
    if value not in _TIES:
        problems.append(f"ties: {value!r} is none of {', '.join(map(repr, _TIES))}, nor a duration such as '2s'.")
        return "arrival", 0
    return ("either" if value == "step_order" else value), 0


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))


_TAKEN = {
    *("", "step", "name", "people", "dropped", "rate_from_start", "rate_from_previous", "ci_low", "ci_high"),
    *("median_time_from_previous", "median_time_from_start", "entered", "from_previous", "from_start", "known"),
    *("since", "mean", "from", "to", "share", "open", "took", "waiting", "time", "at_risk", "converted"),
    *("people_against", "rate", "rate_against", "difference", "p_value", "q_value", "people_rest"),
    *("after", "at_least", "self"),
}
"""What columns of a funnel's tables, and arguments beside a group's, are called."""


def _shown(by: Sequence[str]) -> tuple[str, ...]:
    """Name the breakdown's columns: as they are called in the log, unless a table has such a column anyway."""
    return tuple(
        f"by_{name}" if name in _TAKEN or name.startswith("_") or re.fullmatch(r"q[\d.e+-]+", name) else name
        for name in by
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return [value] if isinstance(value, str | pl.Expr | Step | Never) else list(value)


def _within(value: Any) -> tuple[int | None, str | None]:
    if value is None:
        return None, None
    if isinstance(value, str) and value in _CALENDAR:
        return None, _CALENDAR[value]
    return duration_us(value, argument="within"), None


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ArgumentError(f"time_zone: no zone {name!r}; write e.g. 'Europe/Berlin'.") from error
    return name


def _range(value: Any) -> tuple[int | None, int | None]:
    if value is None:
        return None, None
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ArgumentError(f"entered: {value!r} is no (start, end); either may be None.")
    low, high = parse_period(*value, arguments=("entered", "entered"))
    return None if low is None else moment_us(low), None if high is None else moment_us(high)


def _exclusions(
    given: Sequence[Any], flat: tuple[Step, ...], *, known: Known, problems: list[str]
) -> tuple[Exclusion, ...]:
    out = []
    for one in given:
        never = one if isinstance(one, Never) else Never(one)
        step = resolve_step(never.what, names=known.names, columns=known.columns, argument="exclude")
        low, high = 0, len(flat) - 1
        if never.after is not None:
            low = step_row(never.after, names=[s.name for s in flat], argument="exclude, after")
        if never.before is not None:
            high = step_row(never.before, names=[s.name for s in flat], argument="exclude, before")
        if low >= high and len(flat) > 1:
            problems.append(
                f"exclude: {step.name!r} is to be absent after step {low + 1} and before step {high + 1}: "
                "the first has to come before the second."
            )
        out.append(Exclusion(step, low, high))
    return tuple(out)


def step_row(step: int | str, *, names: Sequence[str], argument: str) -> int:
    """Find the table row (from 0) of a step named by its number or its name."""
    if isinstance(step, int) and not isinstance(step, bool):
        if not 1 <= step <= len(names):
            raise ArgumentError(f"{argument}: there is no step {step}; the funnel has the steps 1 to {len(names)}.")
        return step - 1
    hits = [row for row, name in enumerate(names) if name == step]
    if not hits:
        raise UnknownNameError(unknown(argument, str(step), available=list(names), what="step"))
    if len(hits) > 1:
        numbers = ", ".join(str(row + 1) for row in hits)
        raise ArgumentError(f"{argument}: {step!r} is the name of the steps {numbers}; say which by its number.")
    return hits[0]


def _row_names(flat: Sequence[Step], runs: Sequence[tuple[int, ...]], *, order: str) -> tuple[str, ...]:
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


def _contradictions(spec: FunnelSpec, semantics: str | None) -> list[str]:
    problems = []
    if spec.order == "any":
        if any(spec.gaps):
            problems.append("order: steps in any order have no step before them, so no window of their own.")
        if any(spec.optional):
            problems.append("order: in any order every step may be missing; optional steps need order='loose'.")
        if spec.ties == "rising":
            problems.append("ties: 'rising' has no meaning where steps come in any order.")
        if any((one.low, one.high) != (0, spec.width - 1) for one in spec.exclude):
            problems.append("exclude: in any order nothing lies between two given steps; leave out after= and before=.")
        if any(len(run) > 1 for run in spec.runs):
            problems.append("steps: a run in any order inside a funnel in any order says the same twice.")
        if spec.entry == "any":
            problems.append("entry: in any order people enter at any step already.")
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
    if spec.count == "entries" and spec.excluded == "removed":
        problems.append("excluded: 'removed' speaks of people; entries that meet an exclusion are drop-offs.")
    if semantics == "clickhouse" and spec.within is None:
        problems.append("within: semantics='clickhouse' has no default window; say one.")
    if not isinstance(spec.top, int) or spec.top < 1:
        problems.append(f"top: {spec.top!r} must be a whole number of at least 1.")
    return problems
