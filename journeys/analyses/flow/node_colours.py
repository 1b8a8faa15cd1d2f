"""The colours of a flow's nodes: those of their events in every chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from journeys.analyses.flow.spec import NodeSpec, quote_reserved


def choose_node_colours(
    names: Iterable[str], *, nodes: NodeSpec, ranked: Sequence[str], goal: str | None, dark: bool
) -> dict[str, str] | None:
    """Choose the colours of nodes; None where nodes are values, which have no rank in the log.

    An event with a value has the colour of the event, a group that of its first event.
    """
    from journeys.charts.theme import assign_event_colours

    if not nodes.is_event_based:
        return None
    goal = None if goal is None else quote_reserved(goal)
    chosen = assign_event_colours([quote_reserved(name) for name in ranked], goal=goal, dark=dark)
    events = set(ranked)
    if nodes.groups:
        for event in ranked:
            name = nodes.name_node(event, None, column=None)
            if name is not None and name not in events:
                chosen[name] = chosen.get(name, chosen[quote_reserved(event)])
    expanded = [event for event, _ in nodes.expand]
    for name in names:
        event_of = next((event for event in expanded if name.startswith(f"{event}: ")), None)
        if name not in chosen and event_of is not None:
            chosen[name] = chosen[quote_reserved(event_of)]
    return chosen
