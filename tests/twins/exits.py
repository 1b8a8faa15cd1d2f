"""Exits in plain loops: what is known of somebody whose attempt ended, from their events in log order."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from tests.twins.funnel import Asked, Event, counted


def exit_of(
    events: Sequence[Event],
    asked: Asked,
    *,
    hidden: Collection[str],
    until: int,
    gap: int,
    goal: Callable[[Event], bool],
) -> dict[str, Any] | None:
    """The row of one person; None for somebody who never entered, or took the last step."""
    attempt = counted(events, asked)
    if attempt is None or attempt[-1][1] == asked.step_count - 1:
        return None
    start, (left, step) = attempt[0][0], attempt[-1]
    session = 0
    sessions = []
    for number, event in enumerate(events):
        session += number == 0 or event["t"] - events[number - 1]["t"] >= gap
        sessions.append(session)
    shown = [number for number, event in enumerate(events) if event["event"] not in hidden]
    following = next((number for number in shown if number > left), None)
    recorded = [number for number, event in enumerate(events) if event["replay"] is not None]
    replay = [number for number in recorded if sessions[number] == sessions[left]]
    if not replay:
        end = len(events) if following is None else following
        replay = [number for number in recorded if number < end and sessions[number] >= sessions[start]]
    campaigns = [event["campaign"] for event in events[: left + 1] if event["campaign"] is not None]
    has_time = asked.within is not None and events[start]["t"] + asked.within > until
    went = asked.order != "any" and any(goal(event) for event in events[start + 1 :])
    return {
        "step": step + 1,
        "entered_at": events[start]["t"],
        "left_at": events[left]["t"],
        "state": "went another way" if went else "still has time" if has_time else "left",
        "next_event": None if following is None else events[following]["event"],
        "next_at": None if following is None else events[following]["t"],
        "last_event": events[shown[-1]]["event"] if shown else None,
        "last_at": events[shown[-1]]["t"] if shown else None,
        "silent_for": until - events[shown[-1]]["t"] if shown else None,
        "replay_url": events[replay[-1]]["replay"] if replay else None,
        "last_campaign": campaigns[-1] if campaigns else None,
    }
