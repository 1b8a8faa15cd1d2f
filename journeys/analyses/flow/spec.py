"""What can be asked of flows: the frozen question, with every word checked before anything is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Literal

import polars as pl

from journeys.analyses.flow.nodes import Nodes
from journeys.analyses.flow.problems import Problems
from journeys.errors import ArgumentError
from journeys.events import present_campaign_columns
from journeys.steps import Step, StepLike, duration_us, resolve_step

__all__ = ["Align", "CountWhat", "FlowSpec", "Keep", "Occurrence", "Who", "ask_flow", "told_words"]

Who = Literal["converted", "dropped", "all"]
Occurrence = Literal["first", "last", "each"]
CountWhat = Literal["people", "sessions", "entries"]
Align = Literal["start", "end"]
Keep = Literal["first", "last"]
Collapse = bool | Literal["loops"] | str | timedelta

MOST_STEPS = 20


@dataclass(frozen=True, slots=True, eq=False)
class FlowSpec:
    """One question about flows; durations are microseconds.

    `alone` says that one shard is the whole log, so that small nodes may be folded while counting.
    `apart` says that where the end is reached is no node like others, whatever it is called: it is "(reached)".
    `collapse` is 0 (nothing), 1 (repeats next to each other), 2 (a node counts at its first visit only)
    or 3 (repeats next to each other that follow within `burst`).
    """

    nodes: Nodes
    start: Step | None = None
    end: Step | None = None
    who: Who = "all"
    occurrence: Occurrence = "first"
    count: CountWhat = "people"
    within: int | None = None
    in_session: bool = False
    gap: int = 1_800_000_000
    campaign_cuts: bool = False
    collapse: int = 1
    burst: int = 0
    keep: Keep = "first"
    align: Align = "start"
    steps: int = 6
    top: int | None = 10
    times: bool = True
    alone: bool = False
    apart: bool = False

    @property
    def per_session(self) -> bool:
        """Whether journeys stop at the borders of sessions."""
        return self.count == "sessions" or self.in_session

    @property
    def limited(self) -> bool:
        """Whether a journey may stop before its last event because it was long enough."""
        return self.within is not None or self.in_session

    @property
    def from_first_touch(self) -> bool:
        """Whether the first node of a journey, counted from its start, is the first that somebody ever did."""
        anchored = self.end is not None and (self.limited or self.occurrence == "each")
        return self.start is None and self.count != "sessions" and not anchored

    @property
    def needs_time(self) -> bool:
        """Whether the times of events are needed beside their order."""
        return self.times or self.within is not None or self.collapse == 3

    def but(self, **changes: Any) -> FlowSpec:
        """Return the same question with other words."""
        return replace(self, **changes)


def ask_flow(
    *,
    names: Sequence[str],
    columns: Sequence[str],
    step_columns: Sequence[str],
    nodes: Nodes,
    start: StepLike | None,
    end: StepLike | None,
    goal: str = "end",
    options: Mapping[str, Any],
    problems: Problems,
) -> FlowSpec:
    """Check the words of a question about flows; everything that is wrong, with `problems` before, is said at once."""
    options = {**_DEFAULTS, **options}
    for argument, allowed in _WORDS.items():
        value = options[argument]
        if value not in allowed and not (argument == "who" and value is None):
            problems.words.append(f"{argument}: {value!r} is none of {', '.join(map(repr, allowed))}.")
    steps, top = options["steps"], options["top"]
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        problems.words.append(f"steps: {steps!r} must be a number of columns from 1 to {MOST_STEPS}.")
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 1):
        problems.words.append(f"top: {top!r} must be at least 1, or None for every node.")
    if options.get("who") in ("converted", "dropped") and end is None:
        problems.words.append(f"who: {options['who']!r} needs an end to reach; give end=.")
    problems.words += _contradictions(
        options["occurrence"], options["count"], anchored=start is not None or end is not None
    )
    if options.get("campaign_cuts") and not present_campaign_columns(columns):
        problems.words.append(
            "campaign_cuts: there is no column 'campaign', nor another campaign column, by which sessions could start."
        )
    steps_asked = {
        argument: problems.attempt(partial(resolve_step, given, names=names, columns=step_columns, argument=called))
        for argument, given, called in (("start", start, "start"), ("end", end, goal))
        if given is not None
    }
    # an expression has no name to be called by in a sentence
    for argument, given, called in (("start", start, "start"), ("end", end, goal)):
        step = steps_asked.get(argument)
        if step is not None and isinstance(given, pl.Expr):
            steps_asked[argument] = replace(step, name=f"the {called}")
    collapse, burst = problems.attempt(lambda: _collapse(options["collapse"])) or (1, 0)
    within = options["within"]
    lasts = None if within in (None, "session") else problems.attempt(lambda: _within(within))
    gap = problems.attempt(lambda: duration_us(options["gap"], argument="gap")) or 0
    problems.raise_found()
    count, occurrence = options["count"], options["occurrence"]
    if occurrence == "each" and count == "people":
        count = "entries"
    return FlowSpec(
        nodes=nodes,
        start=steps_asked.get("start"),
        end=steps_asked.get("end"),
        who=options["who"] or ("converted" if end is not None and start is None else "all"),
        occurrence="each" if count == "entries" else occurrence,
        count=count,
        within=lasts,
        in_session=within == "session",
        gap=gap,
        campaign_cuts=bool(options["campaign_cuts"]),
        collapse=collapse,
        burst=burst,
        keep=options["keep"],
        align=options["align"],
        steps=steps,
        top=top,
        times=bool(options["times"]),
    )


def told_words(
    spec: FlowSpec, *, start: StepLike | None, end: StepLike | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Put down what was asked, and what follows from it where another word was left out."""
    steps = {
        argument: str(given) if isinstance(given, pl.Expr) else step and step.name
        for argument, given, step in (("start", start, spec.start), ("end", end, spec.end))
    }
    follows = {name: getattr(spec, name) for name in ("who", "occurrence", "count") if name in options}
    return {**steps, **options, **follows}


_DEFAULTS: dict[str, Any] = {
    "who": None,
    "steps": 6,
    "top": None,
    "collapse": True,
    "keep": "first",
    "align": "start",
    "occurrence": "first",
    "count": "people",
    "within": None,
    "gap": "30m",
    "campaign_cuts": False,
    "times": True,
}

_WORDS: dict[str, tuple[str, ...]] = {
    "who": ("converted", "dropped", "all"),
    "occurrence": ("first", "last", "each"),
    "count": ("people", "sessions", "entries"),
    "align": ("start", "end"),
    "keep": ("first", "last"),
}


def _contradictions(occurrence: str, count: str, *, anchored: bool) -> list[str]:
    """Say what of an occurrence could not be heeded: it would be overridden without a word."""
    if occurrence in ("last", "each") and not anchored:
        return [f"occurrence: {occurrence!r} needs a start or an end to be asked of; give start= or end=."]
    if occurrence == "last" and count == "entries":
        return ["occurrence: 'last' is one journey a person, but count='entries' counts each; leave one of them out."]
    if occurrence == "each" and count == "sessions":
        instead = "leave count= out, with within='session' to stop at the borders of sessions"
        return [f"occurrence: 'each' counts entries, but count='sessions' counts sessions; {instead}."]
    return []


def _collapse(given: Collapse) -> tuple[int, int]:
    if isinstance(given, bool):
        return int(given), 0
    if given == "loops":
        return 2, 0
    if isinstance(given, str | timedelta):
        choices = "write True, False, 'loops' or a duration such as '5m'"
        return 3, duration_us(given, argument="collapse", instead=f"{choices}: repeats at most so long apart are one")
    raise ArgumentError(f"collapse: {given!r} is none of True, False, 'loops' or a duration such as '5m'.")


def _within(given: str | timedelta) -> int:
    return duration_us(given, argument="within", instead="write 'session' or a duration such as '30m' or '14d'")
