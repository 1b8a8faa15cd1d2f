"""What a flow says in words: its finding, and what exactly is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from journeys.analyses.flow.nodes import CONTINUES, DROP, OTHER, Nodes, said, shown_name
from journeys.analyses.flow.spec import FlowSpec

__all__ = ["UNITS", "count_units", "define", "find", "first_named", "shades", "told_nodes", "where"]

UNITS = {"people": "person", "sessions": "session", "entries": "entry"}
_LISTED = 3


def count_units(spec: FlowSpec, count: int, *, who: str = "person") -> str:
    """Say how many were counted, with the word for what they are."""
    from journeys.display import plural

    return plural(count, who if spec.count == "people" else UNITS[spec.count])


def find(
    spec: FlowSpec,
    *,
    everyone: int,
    journeys: int,
    reached: int,
    table: pl.DataFrame,
    nodes: pl.DataFrame,
    who: str = "person",
) -> str:
    """Say the most important thing to see, as one sentence; a node that has a name goes before the rest."""
    from journeys.display import agree, percent

    goal = said(spec.end.name if spec.end else "")
    if nodes.is_empty():
        return _find_nothing(spec, everyone=everyone, who=who)
    units = count_units(spec, journeys, who=who)
    if spec.end is not None and spec.who == "all":
        return f"{percent(reached / journeys)} of {units} {agree(journeys, 'reaches', 'reach')} {goal}."
    never = f"who never {agree(journeys, 'reaches', 'reach')}"
    way = "" if spec.end is None else f" {'on the way to' if spec.who == 'converted' else never} {goal}"
    last = spec.steps - 1
    if spec.align == "end" and (spec.end is None or spec.who == "dropped"):
        row = first_named(nodes.filter(position=last), "node")
        return f"{percent(row['share'])} of {units}{way} {agree(journeys, 'ends', 'end')} with {said(row['node'])}."
    if spec.align == "end":
        before = nodes.filter(position=last - 1)
        if before.is_empty():
            return f"{units}{way}: nothing is shown before it."
        row, come = first_named(before, "node"), agree(journeys, "comes", "come")
        return f"{percent(row['people'] / journeys)} of {units}{way} {come} there from {said(row['node'])}."
    begin, stop, go = (agree(journeys, *verb) for verb in (("begins", "begin"), ("stops", "stop"), ("goes", "go")))
    if spec.end is not None and spec.start is None:
        row = first_named(nodes.filter(position=0), "node")
        return f"{percent(row['share'])} of {units}{way} {begin} with {said(row['node'])}."
    moves = table.filter(position=0)
    if moves.is_empty():
        return f"{units}{way}: nothing is shown after the first step."
    row = first_named(moves, "source", "target")
    what = {DROP: stop, CONTINUES: f"{go} on"}.get(row["target"], f"{go} to {said(row['target'])}")
    return f"{percent(row['share'])} of {units}{way} {begin} with {said(row['source'])} and then {what}."


def _find_nothing(spec: FlowSpec, *, everyone: int, who: str) -> str:
    """Say why there is no journey to show; `everyone` counts those that are not shown, too."""
    from journeys.display import agree

    goal, start = (said(step.name) if step is not None else "" for step in (spec.end, spec.start))
    limited = spec.limited or spec.count == "sessions"
    limit = f" within {_limit(spec)}" if limited and not _looks_back(spec) else ""
    if everyone and spec.who == "dropped":
        reach = agree(everyone, "reaches", "reach")
        return (
            f"100% of {count_units(spec, everyone, who=who)} {reach} {goal}{limit}: there is no other journey to show."
        )
    if everyone and start:
        return f"Nobody did {goal} after {start}{limit}: there is no journey to show."
    if start or goal:
        return f"Nobody did {start or goal}: there is no journey to show."
    return "There are no journeys."


def first_named(rows: pl.DataFrame, *columns: str) -> dict[str, Any]:
    """Return the first row whose nodes have a name of their own; the first of all where none has."""
    named = rows.filter(~pl.any_horizontal(pl.col(columns) == OTHER))
    return (rows if named.is_empty() else named).row(0, named=True)


def shades(spec: FlowSpec, *, table: pl.DataFrame, nodes: pl.DataFrame) -> str:
    """Say what colours by the goal mean, and between which phi is what has one."""
    from journeys.charts.sankey.drawing import SAYS_NOTHING
    from journeys.charts.sankey.words import ENOUGH
    from journeys.display import ratio

    goal = "" if spec.end is None else shown_name(spec.end.name)
    drawn = [table.filter(~pl.col("target").is_in([DROP, CONTINUES])), nodes.filter(pl.col("node") != goal)]
    coloured = (pl.col("phi").abs() >= SAYS_NOTHING) & (pl.col("passed") >= ENOUGH)
    phis: list[float] = pl.concat([rows.filter(coloured)["phi"] for rows in drawn]).to_list()
    told = "Blue: goes with getting there; orange: with not; grey: neither, or fewer than 30 people"
    return f"{told} (phi {ratio(min(phis))} to {ratio(max(phis))})." if phis else f"{told}."


def where(spec: FlowSpec, position: int) -> str:
    """Say which column is meant, as its head has it."""
    if spec.align == "start":
        return f"at step {position + 1}"
    back = spec.steps - 1 - position
    return "at the end" if back == 0 else "just before the end" if back == 1 else f"{back} before the end"


def define(spec: FlowSpec, *, units: str, late: bool = False) -> str:
    """Say who is shown, from where to where, and what was left out or made one; `late` as in `name_columns`."""
    who = {"all": "all who enter", "converted": "those who get there", "dropped": "those who never get there"}
    parts = [_stretch(spec, late=late), who[spec.who]]
    if spec.limited and not _looks_back(spec):
        parts.append(f"within {_limit(spec)}")
    return "; ".join([", ".join(parts), *_told(spec), f"n = {units}"]) + "."


def _looks_back(spec: FlowSpec) -> bool:
    """Ask whether a limit is counted back from the end, so that journeys need not begin with a first touch."""
    return spec.limited and spec.start is None and spec.end is not None


def _limit(spec: FlowSpec) -> str:
    from journeys.display import duration

    return "a session" if spec.within is None else duration(spec.within)


def _stretch(spec: FlowSpec, *, late: bool) -> str:
    goal = said(spec.end.name) if spec.end is not None else ""
    last = "the last " if spec.occurrence == "last" else ""
    if spec.start is not None:
        each = "each " if spec.occurrence == "each" else last
        return f"From {each}{said(spec.start.name)}" + (f" to {goal}" if goal else " on")
    touch = "first touch in the period" if late else "first touch"
    begins = "the start of each session" if spec.count == "sessions" else touch
    if spec.end is None:
        return f"From {begins} on"
    if _looks_back(spec):
        limit = "The session" if spec.within is None else f"At most {_limit(spec)}"
        before = "up to" if spec.within is None else "before"
        return f"{limit} {before} {'each ' if spec.occurrence == 'each' else last}{goal}"
    if spec.occurrence == "each":
        return f"From {begins} or the {goal} before to each {goal}"
    return f"From {begins} to {last}{goal}"


def _told(spec: FlowSpec) -> list[str]:
    """Say what was done to the nodes, where anything was."""
    from journeys.display import duration

    repeats = {
        0: "repeats are shown",
        1: "",
        2: "each node at its first visit only",
        3: f"repeats at most {duration(spec.burst)} apart are one" if spec.collapse == 3 else "",
    }[spec.collapse]
    return [words for words in (repeats, *told_nodes(spec.nodes)) if words]


def told_nodes(nodes: Nodes) -> list[str]:
    """Say what the nodes are, where they are more or less than the events."""
    out = []
    if not nodes.by_event:
        out.append(f"nodes are values of {said(nodes.of)}" if isinstance(nodes.of, str) else "nodes are an expression")
    if nodes.expand:
        out.append(f"{_list([f'{event} by {column}' for event, column in nodes.expand])}")
    if nodes.groups:
        out.append(f"made one: {_list([name for name, _ in nodes.groups])}")
    if nodes.hide:
        out.append(f"without {_list(nodes.hide)}")
    return out


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(said(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
