"""The hover texts of a Sankey: sentences about its links and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from journeys.charts.labels import wrap_sentence
from journeys.charts.sankey.layout import SankeyLayout, SankeyLink, SankeyNode
from journeys.charts.theme import CONTINUES, DROP_OFF
from journeys.display import format_count, format_duration, format_interval, format_number, format_percent, quote_label

ENOUGH = 30
"""Of fewer no rate is shown."""
_WIDTH = 52


def describe_link(
    link: SankeyLink, row: Mapping[str, Any], *, goal: str | None, unit: str, path_people: int | None = None
) -> str:
    """Describe who went, their share, how many of them reached the goal, and how long it took.

    Of a link on the highlighted path, `path_people` is how many took all of it.
    """
    units = format_count(link.people, unit)
    share = format_percent(link.people / link.source.people) if link.source.people else "–"
    source = quote_label(link.source.name)
    if link.target.name == DROP_OFF and link.target.is_stub:
        text = f"{units} left after {source}: {share} of those there"
    elif link.target.is_stub:
        text = f"{units} went on from {source}, beyond the columns shown: {share} of those there"
    else:
        text = f"{units} went from {source} to {quote_label(link.target.name)}: {share} of those at {source}"
        if goal is not None and link.target.name != goal:
            text += _describe_rate(row, shown=link.people, goal=goal, who="who go this way")
    if row.get("median_time") is not None:
        text += f"; median {format_duration(row['median_time'])}"
    if path_people is not None:
        text += f"; highlighted: the {format_number(path_people)} who took the complete path"
    return wrap_sentence(text + ".", _WIDTH)


def describe_node(
    node: SankeyNode, layout: SankeyLayout, known: Mapping[str, Any], *, goal: str | None, unit: str
) -> str:
    """Describe how many enter a node, go on and drop off there, and how many of them reach the goal."""
    units = format_count(node.people, unit)
    if node.leaving_from is not None:
        source = quote_label(node.leaving_from)
        left = {DROP_OFF: f"left after {source}", CONTINUES: f"went on from {source}, beyond the columns shown"}
        return wrap_sentence(f"{units} {left[node.name]}.", _WIDTH)
    text = f"{units} entered {quote_label(node.name)}, step {node.position + 1}"
    out = [link for link in layout.links if link.source is node]
    went_on = sum(link.people for link in out if link.target.name != DROP_OFF)
    left_here = sum(link.people for link in out if link.target.name == DROP_OFF)
    if out:
        text += (
            f"; {format_number(went_on)} went on, {format_number(left_here)} dropped off "
            f"({format_percent(left_here / node.people)})"
        )
    if goal is not None and node.name != goal:
        text += _describe_rate(known, shown=node.people, goal=goal, who="who pass here")
    return wrap_sentence(text + ".", _WIDTH)


def _describe_rate(row: Mapping[str, Any], *, shown: float, goal: str, who: str) -> str:
    """Describe the rate of all who pass, with its interval; they are more than are drawn where only some are shown."""
    rate, passed, converted = (row.get(name) for name in ("conversion_rate", "passed", "converted"))
    if rate is None:
        return ""
    if passed is None:
        everyone = f"all {who}"
    else:
        everyone = "them" if passed == shown else f"all {format_number(passed)} {who}, shown or not,"
    reached = f"reached {quote_label(goal)}"
    if passed is not None and passed < ENOUGH:
        return (
            f"; {format_number(converted)} of {everyone} {reached}: too few for a rate" if converted is not None else ""
        )
    within = format_interval(row.get("ci_low"), row.get("ci_high"))
    return f"; {format_percent(rate)}{f' ({within})' if within else ''} of {everyone} {reached}"
