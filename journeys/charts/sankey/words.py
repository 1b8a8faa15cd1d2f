"""What a Sankey says when it is pointed at: sentences about links and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from journeys.charts.labels import lines_of, plain
from journeys.charts.sankey.layout import Layout, Link, Node
from journeys.charts.theme import CONTINUES, DROP_OFF
from journeys.display import duration, interval, number, percent, plural

__all__ = ["ENOUGH", "link_words", "node_words"]

ENOUGH = 30
"""Of fewer no rate is said."""
_WIDE = 52


def link_words(link: Link, row: Mapping[str, Any], *, goal: str | None, unit: str, whole: int | None = None) -> str:
    """Say of a link who went, of whom that is a share, how many of them got to the goal, and how long it took.

    Of a link on the way that is set off, `whole` is how many went all of that way.
    """
    units = plural(link.people, unit)
    share = percent(link.people / link.source.people) if link.source.people else "–"
    where = plain(link.source.name)
    if link.target.name == DROP_OFF and link.target.leaving_from is not None:
        told = f"{units} left after {where}: {share} of those there"
    elif link.target.leaving_from is not None:
        told = f"{units} went on from {where}, beyond the columns shown: {share} of those there"
    else:
        told = f"{units} went from {where} to {plain(link.target.name)}: {share} of those at {where}"
        if goal is not None and link.target.name != goal:
            told += _reached(row, shown=link.people, goal=goal, who="who go this way")
    if row.get("median_time") is not None:
        told += f"; median {duration(row['median_time'])}"
    if whole is not None:
        told += f"; set off: the {number(whole)} who went the whole way"
    return lines_of(told + ".", _WIDE)


def node_words(one: Node, laid: Layout, known: Mapping[str, Any], *, goal: str | None, unit: str) -> str:
    """Say of a node how many are there, how many leave there, and how many of them get to the goal."""
    units = plural(one.people, unit)
    if one.leaving_from is not None:
        where = plain(one.leaving_from)
        left = {DROP_OFF: f"left after {where}", CONTINUES: f"went on from {where}, beyond the columns shown"}
        return lines_of(f"{units} {left[one.name]}.", _WIDE)
    told = f"{units} at {plain(one.name)}, step {one.position + 1}"
    left_here = sum(link.people for link in laid.links if link.source is one and link.target.name == DROP_OFF)
    if left_here:
        told += f"; {number(left_here)} of them left there ({percent(left_here / one.people)})"
    if goal is not None and one.name != goal:
        told += _reached(known, shown=one.people, goal=goal, who="who pass here")
    return lines_of(told + ".", _WIDE)


def _reached(row: Mapping[str, Any], *, shown: float, goal: str, who: str) -> str:
    """Say the rate of all who pass, with its interval: they are more than are drawn where only some are shown."""
    rate, passed, converted = (row.get(name) for name in ("conversion_rate", "passed", "converted"))
    if rate is None:
        return ""
    told = f"reached {plain(goal)}"
    if passed is None:
        everyone = f"all {who}"
    elif passed == shown:
        everyone = "them"
    else:
        everyone = f"all {number(passed)} {who}, shown or not,"
    if passed is not None and passed < ENOUGH:
        return f"; {number(converted)} of {everyone} {told}: too few for a rate" if converted is not None else ""
    within = interval(row.get("ci_low"), row.get("ci_high"))
    return f"; {percent(rate)}{f' ({within})' if within else ''} of {everyone} {told}"
