"""Which colour a node has: that of its event, which is given by the event's rank over the whole log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from journeys.analyses.flow.nodes import Nodes, shown_name

__all__ = ["node_colours"]


def node_colours(
    names: Iterable[str], *, nodes: Nodes, ranked: Sequence[str], goal: str | None, dark: bool
) -> dict[str, str] | None:
    """Give nodes their colours; None where they are no events, which have no rank in the log.

    An event with a value has the colour of the event, a group that of its first event.
    """
    if not nodes.by_event:
        return None
    from journeys.charts.theme import event_colours

    goal = None if goal is None else shown_name(goal)
    chosen = event_colours([shown_name(name) for name in ranked], goal=goal, dark=dark)
    events = set(ranked)
    if nodes.groups:
        for event in ranked:
            name = nodes.name(event, None, column=None)
            if name is not None and name not in events:
                chosen[name] = chosen.get(name, chosen[shown_name(event)])
    columns = [event for event, _ in nodes.expand]
    for name in names:
        valued = next((event for event in columns if name.startswith(f"{event}: ")), None)
        if name not in chosen and valued is not None:
            chosen[name] = chosen[shown_name(valued)]
    return chosen
