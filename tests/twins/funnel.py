"""Funnels by exhaustion: list every attempt that a person could be said to have made, then choose one.

Nothing here is clever. An attempt is a list of (event number, table row) pairs; all of them are built by
trying every event as the next one, and the rules of the options decide which are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise, permutations
from statistics import median
from typing import Any

Event = dict[str, Any]  # "t": a number, "event": a name, and properties; a list of them is in log order
Attempt = list[tuple[int, int]]  # (number of the event, row of the table), in the order of the steps


@dataclass(frozen=True)
class Asked:
    """What is asked; `steps` holds tests of an event, a nested list is a run in any order."""

    steps: Sequence[Any]
    within: float | None = None
    gaps: dict[int, float] = field(default_factory=dict)  # table row → longest time since the step before
    optional: frozenset[int] = frozenset()  # table rows
    order: str = "loose"
    ties: str = "arrival"  # arrival, rising, either
    grace: float = 0
    reuse: bool = False
    reentry: str = "best"
    on_exclusion: str = "drops"
    exclude: Sequence[tuple[Callable[[Event], bool], int, int]] = ()  # (test, from row, to row), rows from 0
    entered: tuple[float | None, float | None] = (None, None)
    entry: str = "first"

    @property
    def step_count(self) -> int:
        return sum(len(one) if isinstance(one, list) else 1 for one in self.steps)


def shapes(asked: Asked) -> list[list[tuple[Callable[[Event], bool], int]]]:
    """Every order in which the steps may be asked for: (test, table row) lists."""
    found: list[list[tuple[Callable[[Event], bool], int]]] = [[]]
    row = 0
    for one in asked.steps:
        run = one if isinstance(one, list) else [one]
        rows = range(row, row + len(run))
        found = [[*head, *zip(tail, rows, strict=True)] for head in found for tail in permutations(run)]
        row += len(run)
    thinned = []
    for shape in found:
        skippable = [slot for slot in shape if slot[1] in asked.optional]
        for size in range(len(skippable), -1, -1):
            for kept in combinations(skippable, size):
                thinned.append([slot for slot in shape if slot[1] not in asked.optional or slot in kept])
    if asked.entry == "any":
        thinned = [shape[start:] for shape in thinned for start in range(len(shape))]
    return thinned


def follows(events: Sequence[Event], p: int, r: int, asked: Asked) -> bool:
    """May event r be the step after event p?"""
    if asked.order == "strict" and asked.ties != "either":
        return r == p + 1 and (asked.ties == "arrival" or events[r]["t"] > events[p]["t"])
    if asked.order == "strict" and any(
        events[p]["t"] + asked.grace < event["t"] < events[r]["t"] - asked.grace for event in events
    ):
        return False
    if asked.ties == "arrival":
        return r > p
    if asked.ties == "rising":
        return events[r]["t"] > events[p]["t"]
    return events[r]["t"] >= events[p]["t"] - asked.grace


def spoiled(events: Sequence[Event], p: int, r: int, rows: tuple[int, int], asked: Asked) -> bool:
    """Is there an excluded event between p and r, going from table row to table row?"""
    for test, low, high in asked.exclude:
        if not (rows[0] < high and rows[1] > low):
            continue
        for x, event in enumerate(events):
            if not test(event):
                continue
            if asked.ties == "either":
                between = events[p]["t"] + asked.grace < event["t"] < events[r]["t"] - asked.grace
            else:
                between = p < x < r
            if between:
                return True
    return False


def allowed(events: Sequence[Event], attempt: Attempt, r: int, row: int, asked: Asked) -> bool:
    """May event r be taken as table row `row` by an attempt that has come this far?"""
    first, (p, before) = attempt[0][0], attempt[-1]
    if not asked.reuse and r in [number for number, _ in attempt]:
        return False
    if not follows(events, p, r, asked):
        return False
    if asked.within is not None and events[r]["t"] - events[first]["t"] > asked.within:
        return False
    if row in asked.gaps and events[r]["t"] - events[p]["t"] > asked.gaps[row]:
        return False
    return not spoiled(events, p, r, (before, row), asked)


def in_range(event: Event, asked: Asked) -> bool:
    low, high = asked.entered
    return (low is None or event["t"] >= low) and (high is None or event["t"] < high)


def attempts(events: Sequence[Event], asked: Asked, *, start: int | None = None) -> Iterator[Attempt]:
    """Every attempt that there is, of any length, from any start or from the one given."""
    if asked.order == "any":
        yield from collections(events, asked, start=start)
        return

    def longer(attempt: Attempt, shape: Sequence[tuple[Callable[[Event], bool], int]]) -> Iterator[Attempt]:
        yield attempt
        if len(attempt) < len(shape):
            test, row = shape[len(attempt)]
            for r, event in enumerate(events):
                if test(event) and allowed(events, attempt, r, row, asked):
                    yield from longer([*attempt, (r, row)], shape)

    for shape in shapes(asked):
        if shape:
            for r, event in enumerate(events):
                if (start is None or r == start) and shape[0][0](event) and in_range(event, asked):
                    yield from longer([(r, shape[0][1])], shape)


def collections(events: Sequence[Event], asked: Asked, *, start: int | None = None) -> Iterator[Attempt]:
    """Any order: every set of events that serve different steps within one window."""
    for size in range(1, len(asked.steps) + 1):
        for numbers in combinations(range(len(events)), size):
            if start is not None and numbers[0] != start:
                continue
            if not in_range(events[numbers[0]], asked):
                continue
            if asked.within is not None and events[numbers[-1]]["t"] - events[numbers[0]]["t"] > asked.within:
                continue
            if any(test(events[x]) for test, _, _ in asked.exclude for x in range(numbers[0] + 1, numbers[-1])):
                continue
            serves = any(
                all(test(events[number]) for test, number in zip(chosen, numbers, strict=True))
                for chosen in permutations(asked.steps, size)
            )
            if serves:
                yield [(number, row) for row, number in enumerate(numbers)]


def worth(attempt: Attempt, asked: Asked) -> tuple[Any, ...]:
    """Order attempts: furthest, most optional steps, first to get there, latest start, then each step early."""
    numbers = [number for number, _ in attempt]
    required = [row for _, row in attempt if row not in asked.optional]
    if asked.entry == "any":
        far: tuple[int, int] = (attempt[-1][1], len(attempt))
    else:
        far = (len(required), len(attempt) - len(required))
    return (*far, -numbers[-1], numbers[0], *(-number for number in numbers[1:-1]))


def best(found: Iterator[Attempt], asked: Asked) -> Attempt | None:
    return max(found, key=lambda attempt: worth(attempt, asked), default=None)


def starts(events: Sequence[Event], asked: Asked) -> list[int]:
    """The numbers of the events that may start an attempt."""
    return sorted({attempt[0][0] for attempt in attempts(events, asked)})


def counted(events: Sequence[Event], asked: Asked) -> Attempt | None:
    """The one attempt that counts for a person (or session), or None for somebody who never entered."""
    if asked.reentry == "first":
        found = starts(events, asked)
        return best(attempts(events, asked, start=found[0]), asked) if found else None
    return best(attempts(events, asked), asked)


def complete(attempt: Attempt, asked: Asked) -> bool:
    return attempt[-1][1] == asked.step_count - 1


def removed(events: Sequence[Event], asked: Asked) -> bool:
    """Did an exclusion hit an attempt, and did the person not convert cleanly?"""
    mine = counted(events, asked)
    if mine is None or complete(mine, asked):
        return False
    first = starts(events, asked)[0] if asked.reentry == "first" else None
    found = list(attempts(events, asked, start=first))
    for test, low, high in asked.exclude:
        for x, event in enumerate(events):
            if test(event):
                for attempt in found:
                    (first_number, _), (p, row) = attempt[0], attempt[-1]
                    if not low <= row < high or not after(events, p, x, asked):
                        continue
                    if asked.within is not None and event["t"] - events[first_number]["t"] > asked.within:
                        continue
                    if row + 1 in asked.gaps and event["t"] - events[p]["t"] > asked.gaps[row + 1]:
                        continue
                    went_on = any(
                        len(other) > len(attempt)
                        and other[: len(attempt)] == attempt
                        and after(events, other[len(attempt)][0], x, asked, at=True)
                        for other in found
                    )
                    if not went_on and p == max(
                        other[-1][0] for other in found if other[-1][1] == row and after(events, other[-1][0], x, asked)
                    ):
                        return True
    return False


def after(events: Sequence[Event], p: int, x: int, asked: Asked, *, at: bool = False) -> bool:
    """Does x come after p, as exclusions see it? With `at`, x being p itself counts."""
    if asked.ties == "either":
        return bool(events[x]["t"] > events[p]["t"] + asked.grace)
    return x > p or (at and x == p)


def entries(events: Sequence[Event], asked: Asked) -> list[Attempt]:
    """Successive attempts: the next begins after conversion, time-out or exclusion of the one before."""
    found: list[Attempt] = []
    possible = starts(events, asked)
    if asked.reentry == "each":
        bounds = [*possible, len(events)]
        for low, high in pairwise(bounds):
            part = best(attempts(events[:high], asked, start=low), asked)
            assert part is not None
            found.append(part)
        return found
    floor = 0
    for s in possible:
        over = floor > 0 and found and (asked.order == "strict" or complete(found[-1], asked))
        if s < floor or (found and not over and alive(events, found[-1][0][0], s, asked)):
            continue
        attempt = best(attempts(events, asked, start=s), asked)
        assert attempt is not None
        found.append(attempt)
        done = complete(attempt, asked) or asked.order == "strict"
        floor = attempt[-1][0] + 1 if done else s + 1
    return found


def alive(events: Sequence[Event], start: int, q: int, asked: Asked) -> bool:
    """Could the attempt from `start` still go on at event q, whatever q is?"""
    for attempt in attempts(events[:q], asked, start=start):
        if complete(attempt, asked):
            continue
        p, row = attempt[-1]
        if asked.within is not None and events[q]["t"] - events[start]["t"] > asked.within:
            continue
        if row + 1 in asked.gaps and events[q]["t"] - events[p]["t"] > asked.gaps[row + 1]:
            continue
        if not spoiled(events, p, q, (row, row + 1), asked):
            return True
    return False


def split(events: Sequence[Event], key: Callable[[Event], Any]) -> dict[Any, list[Event]]:
    """Parts of one person's log by a key; rows whose key is None are nowhere."""
    parts: dict[Any, list[Event]] = {}
    for event in events:
        if key(event) is not None:
            parts.setdefault(key(event), []).append(event)
    return parts


def table(found: Sequence[Sequence[float | None]], width: int) -> list[dict[str, Any]]:
    """Rows of the funnel from the times of the counted attempts; None where a step was not taken."""
    out = []
    for row in range(width):
        reached = [times for times in found if times[row] is not None]
        last = [times for times in reached if not any(t is not None for t in times[row + 1 :])]
        previous, start = [], []
        for times in reached:
            before = [t for t in times[:row] if t is not None]
            if before:
                previous.append(max(0, times[row] - before[-1]))
                start.append(max(0, times[row] - before[0]))
        out.append(
            {
                "step": row + 1,
                "people": len(reached),
                "dropped": len(last) if row < width - 1 else 0,
                "previous": median(previous) if previous else None,
                "start": median(start) if start else None,
            }
        )
    return out


def times_of(events: Sequence[Event], attempt: Attempt, width: int) -> list[float | None]:
    by_row = {row: events[number]["t"] for number, row in attempt}
    return [by_row.get(row) for row in range(width)]


def first_touch(events: Sequence[Event], attempt: Attempt, column: str) -> Any:
    """The campaign of the first touch up to and including the event with which the attempt starts."""
    for event in events[: attempt[0][0] + 1]:
        if event[column] is not None:
            return event[column]
    return None
