"""Messages in plain loops: rows (person, minute, event, group) in log order, each with a stage or a goal."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = tuple[str, int, str, str | None]


def follow(
    rows: Sequence[Row],
    *,
    stages: Mapping[str, str],
    goal: str,
    within: int,
    touch: Sequence[str],
    every: bool,
    until: int,
) -> dict[str | None, dict[str, Any]]:
    """Return people per stage and group, and who converted; `stages` maps event names to stages."""
    found: dict[str | None, dict[str, Any]] = {}
    for group in {row[3] for row in rows if row[2] in stages}:
        numbers = {name: set() for name in ("people", "read", "clicked", "already", "pending", "eligible", "converted")}
        conversions = 0
        for person in {row[0] for row in rows}:
            own = [row for row in rows if row[0] == person]
            places = [at for at, row in enumerate(own) if row[2] in stages and row[3] == group]
            if not places:
                continue
            numbers["people"].add(person)
            for at in places:
                if (stage := stages[own[at][2]]) in numbers:
                    numbers[stage].add(person)
            if had := any(row[2] == goal for row in own[: places[0]]):
                numbers["already"].add(person)
            if had and not every:
                continue
            if own[places[0]][1] + within > until:
                numbers["pending"].add(person)
                continue
            numbers["eligible"].add(person)
            credited = _credited(own, group, stages=stages, goal=goal, within=within, touch=touch, every=every)
            conversions += credited
            if credited:
                numbers["converted"].add(person)
        known = {stages[row[2]] for row in rows if row[2] in stages}
        found[group] = {
            **numbers,
            "conversions": conversions,
            "messages": _messages(rows, group, stages=stages),
            "read_rate": len(numbers["read"]) / len(numbers["people"]) if "read" in known else None,
            "click_rate": len(numbers["clicked"]) / len(numbers["people"]) if "clicked" in known else None,
        }
    return found


def _credited(
    own: Sequence[Row],
    group: str | None,
    *,
    stages: Mapping[str, str],
    goal: str,
    within: int,
    touch: Sequence[str],
    every: bool,
) -> int:
    count = 0
    for at, row in enumerate(own):
        if row[2] != goal:
            continue
        touches = [k for k in range(at) if stages.get(own[k][2]) in touch]
        if not touches:
            continue
        latest = touches[-1]
        is_first = not any(own[k][2] == goal for k in range(latest, at))
        if own[latest][3] == group and row[1] - own[latest][1] <= within and (every or is_first):
            count += 1
    return count


def _messages(rows: Sequence[Row], group: str | None, *, stages: Mapping[str, str]) -> int:
    count = 0
    for person in {row[0] for row in rows}:
        begun = None
        for row in rows:
            if row[0] == person and row[2] in stages and row[3] == group and (begun is None or row[1] >= begun + 1440):
                begun = row[1]
                count += 1
    return count
