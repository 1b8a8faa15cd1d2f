"""Retention by plain loops: every cohort entry, every period, every event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One event: minutes since the start of the log, its calendar period, and what it counts as."""

    minute: int
    period: int
    is_start: bool
    is_back: bool


def retained(
    people: dict[str, list[Event]],
    *,
    periods: int,
    when: str,
    cohorts: str,
    at_least: int,
    own_period: Callable[[int], int] | None,
) -> dict[tuple[int, int], set[str]]:
    """Return who is in each cohort (period -1) and who of them is back in each period from 0."""
    cells: dict[tuple[int, int], set[str]] = {}
    for person, events in people.items():
        starts = [at for at, event in enumerate(events) if event.is_start]
        entries: list[int] = []
        for at in starts:
            known = {events[one].period for one in entries}
            if (cohorts == "first" and not entries) or (cohorts == "each" and events[at].period not in known):
                entries.append(at)
        for at in entries:
            cohort = events[at].period
            cells.setdefault((cohort, -1), set()).add(person)
            seen: dict[int, int] = {}
            for event in events[at + 1 :]:
                if event.is_back:
                    elapsed = event.minute - events[at].minute
                    number = event.period - cohort if own_period is None else own_period(elapsed)
                    seen[number] = seen.get(number, 0) + 1
            active = {number for number, count in seen.items() if count >= at_least}
            for period in range(periods + 1):
                is_back = {
                    "on": period in active,
                    "on or after": any(number >= period for number in active),
                    "on or before": any(number <= period for number in active),
                    "streak": period > 0 and all(number in active for number in range(1, period + 1)),
                }[when]
                if is_back:
                    cells.setdefault((cohort, period), set()).add(person)
    return cells
