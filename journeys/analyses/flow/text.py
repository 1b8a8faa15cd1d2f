"""Sentences about a flow: its finding, its settings, the labels of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from journeys.analyses.flow.spec import CONTINUES, DROP_OFF, OTHER, FlowSpec, NodeSpec, display_name
from journeys.analyses.flow.top_path import Path
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.steps import Step

UNITS = {"people": "person", "sessions": "session", "entries": "entry"}
_LISTED = 3
_MAX_NAMES = 7  # of a path in a sentence


def count_units(spec: FlowSpec, count: int, *, person: str = "person") -> str:
    """Write how many were counted, with the word for what they are."""
    from journeys.display import format_count

    return format_count(count, person if spec.count == "people" else UNITS[spec.count])


def write_finding(
    spec: FlowSpec,
    *,
    everyone: int,
    shown: int,
    reached: int,
    table: pl.DataFrame,
    nodes: pl.DataFrame,
    top_path: Path | None = None,
    person: str = "person",
) -> str:
    """Write the finding of a flow as one sentence; a node that has a name goes before "(other)".

    A path, a move or a node that it names has at least `MIN_PEOPLE` journeys itself.
    `everyone` counts all journeys, `shown` those of the picture, `reached` those of all that reach the end.
    """
    from journeys.display import choose_form, quote_label, quote_labels

    goal = quote_step(spec.end)
    if nodes.is_empty():
        return NoFinding(_find_nothing(spec, everyone=everyone, person=person))
    if shown < MIN_PEOPLE:
        does = {"converted": f"reached {goal}", "dropped": f"never reached {goal}"} if spec.end is not None else {}
        return _say_too_few(spec, shown, does.get(spec.who, "began a journey"), person=person)
    units = count_units(spec, shown, person=person)

    def choose_verb(singular: str, plural: str) -> str:
        return choose_form(shown, singular, plural)

    if spec.end is not None and spec.who == "all":
        return f"{_format_part(reached, shown, units)} {choose_verb('reaches', 'reach')} {goal}."
    if top_path is not None and top_path.people >= MIN_PEOPLE and OTHER not in top_path.path:
        names = top_path.path
        ends = [names] if len(names) <= _MAX_NAMES else [names[:3], names[-3:]]
        path = " → … → ".join(map(quote_labels, ends))
        return f"The most-travelled path to {goal} is {path}: {_format_part(top_path.people, shown, units)}."
    which = ""
    if spec.end is not None:
        which = " on the way to" if spec.who == "converted" else f" who never {choose_verb('reaches', 'reach')}"
        which += f" {goal}"
    last = spec.steps - 1
    if spec.align == "end":
        is_end_known = spec.end is not None and spec.who != "dropped"
        column = nodes.filter(position=last - 1 if is_end_known else last)
        if column.is_empty():
            return f"{units}{which}: nothing is shown before it."
        row = first_named(column, "node")
        do = choose_verb("comes", "come") + " there from" if is_end_known else choose_verb("ends", "end") + " with"
        if row["people"] >= MIN_PEOPLE:
            return f"{_format_part(row['people'], shown, units)}{which} {do} {quote_label(row['node'])}."
        place = describe_position(spec, row["position"])
        return _say_too_few(spec, row["people"], f"passed {quote_label(row['node'])} {place}", person=person)
    if spec.end is not None and spec.who == "dropped":
        left = nodes.group_by("node").agg(pl.col("dropped").sum()).sort("dropped", "node", descending=[True, False])
        row = first_named(left, "node")
        if row["dropped"] >= MIN_PEOPLE:
            leaves = f"{choose_verb('leaves', 'leave')} after {quote_label(row['node'])}"
            return f"{_format_part(row['dropped'], shown, units)}{which} {leaves}."
    moves = table.filter(position=0)
    if moves.is_empty():
        return f"{units}{which}: nothing is shown after the first step."
    row = first_named(moves, "source", "target")
    begin = f"{choose_verb('begins', 'begin')} with"
    if row["people"] >= MIN_PEOPLE:
        does = {DROP_OFF: choose_verb("stops", "stop"), CONTINUES: f"{choose_verb('goes', 'go')} on"}
        then = does.get(row["target"], f"{choose_verb('goes', 'go')} to {quote_label(row['target'])}")
        part = _format_part(row["people"], shown, units)
        return f"{part}{which} {begin} {quote_label(row['source'])} and then {then}."
    first = first_named(nodes.filter(position=0), "node")
    if first["people"] >= MIN_PEOPLE:
        return f"{_format_part(first['people'], shown, units)}{which} {begin} {quote_label(first['node'])}."
    return _say_too_few(spec, first["people"], f"began with {quote_label(first['node'])}", person=person)


def _say_too_few(spec: FlowSpec, count: int, did: str, *, person: str) -> NoFinding:
    """Write in place of a finding that too few journeys did what it would be about."""
    return say_too_few(count, did, unit=person if spec.count == "people" else UNITS[spec.count])


def _format_part(part: int, whole: int, units: str) -> str:
    """Write a part of all journeys as a rate."""
    from journeys.display import format_percent

    return f"{format_percent(part / whole)} of {units}"


def _find_nothing(spec: FlowSpec, *, everyone: int, person: str) -> str:
    """Write why there is no journey to show."""
    from journeys.display import adapt_words, choose_form

    goal, start = quote_step(spec.end), quote_step(spec.start)
    is_limited = (spec.is_limited or spec.count == "sessions") and not spec.looks_back
    limit = f" within {_describe_window(spec)}" if is_limited else ""
    if everyone and spec.who == "dropped":
        units, reach = count_units(spec, everyone, person=person), choose_form(everyone, "reaches", "reach")
        everyone_does = f"All {units} {reach}" if everyone > 1 else f"The only {units.removeprefix('1 ')} {reach}"
        return f"{everyone_does} {goal}{limit}: there is no other journey to show."
    if everyone and start:
        return f"{adapt_words('No one')} did {goal} after {start}{limit}: there is no journey to show."
    if start or goal:
        return f"{adapt_words('No one')} did {start or goal}: there is no journey to show."
    return "There are no journeys."


def first_named(rows: pl.DataFrame, *columns: str) -> dict[str, Any]:
    """Return the first row whose nodes all have a name; the first of all where none has."""
    named = rows.filter(~pl.any_horizontal(pl.col(columns) == OTHER))
    return (rows if named.is_empty() else named).row(0, named=True)


def describe_position(spec: FlowSpec, position: int) -> str:
    """Write which column a position is, as its heading has it."""
    if spec.align == "start":
        return f"at step {position + 1}"
    back = spec.steps - 1 - position
    return "at the end" if back == 0 else "just before the end" if back == 1 else f"{back} before the end"


def write_definition(spec: FlowSpec, *, units: str, late: bool = False) -> str:
    """Write who is shown, from where to where, and what was left out or merged; `late` as in `label_columns`."""
    who = {"all": "all who enter", "converted": "those who get there", "dropped": "those who never get there"}
    parts = [_describe_stretch(spec, late=late), who[spec.who]]
    if spec.is_limited and not spec.looks_back:
        parts.append(f"within {_describe_window(spec)}")
    return "; ".join([", ".join(parts), *_describe_collapse(spec), *describe_nodes(spec.nodes), f"n = {units}"]) + "."


def _describe_window(spec: FlowSpec) -> str:
    from journeys.display import format_duration

    return "a session" if spec.within is None else format_duration(spec.within)


def _describe_stretch(spec: FlowSpec, *, late: bool) -> str:
    """Say which stretch of each journey a flow draws, from where to where."""
    goal = quote_step(spec.end)
    last = "the last " if spec.occurrence == "last" else ""
    if spec.start is not None:
        each = "each " if spec.occurrence == "each" else last
        return f"From {each}{quote_step(spec.start)}" + (f" to {goal}" if goal else " on")
    touch = "first touch in the period" if late else "first touch"
    begins = "the start of each session" if spec.count == "sessions" else touch
    if spec.end is None:
        return f"From {begins} on"
    if spec.looks_back:
        limit = "The session up to" if spec.within is None else f"At most {_describe_window(spec)} before"
        return f"{limit} {'each ' if spec.occurrence == 'each' else last}{goal}"
    if spec.occurrence == "each":
        return f"From {begins} or the {goal} before to each {goal}"
    return f"From {begins} to {last}{goal}"


def _describe_collapse(spec: FlowSpec) -> list[str]:
    from journeys.display import format_duration

    if spec.collapse == "repeats":
        return []
    if spec.collapse == "bursts":
        return [f"repeats at most {format_duration(spec.burst_gap)} apart are merged"]
    return ["repeats are shown" if spec.collapse == "none" else "each node at its first visit only"]


def describe_nodes(nodes: NodeSpec) -> list[str]:
    """Write what the nodes are, where they are more or less than the events."""
    from journeys.display import quote_name

    described = []
    if not nodes.is_event_based:
        is_column = isinstance(nodes.source, str)
        described.append(
            f"nodes are values of {display_name(str(nodes.source))}" if is_column else "nodes are an expression"
        )
    if nodes.expand:
        described.append(_list_parts([f"{quote_name(event)} by {column}" for event, column in nodes.expand]))
    if nodes.groups:
        described.append(f"merged: {_list_parts([quote_name(name) for name, _ in nodes.groups])}")
    if nodes.hide:
        described.append(f"without {_list_parts([quote_name(name) for name in nodes.hide])}")
    return described


def _list_parts(parts: Sequence[str]) -> str:
    listed = ", ".join(parts[:_LISTED])
    return listed if len(parts) <= _LISTED else f"{listed} and {len(parts) - _LISTED} more"


def starts_late(journeys: JourneysProtocol) -> bool:
    """Return whether a selection in time cut off the beginning of the log."""
    return journeys.observed_period[0] != journeys._log.size.first


def label_columns(spec: FlowSpec, *, late: bool = False) -> list[str]:
    """Label the first columns, or with `align="end"` all of them.

    `late` says that the beginning of the log was cut off: a first touch is then that of a period only.
    """
    if spec.align == "end":
        back = range(spec.steps - 1, 0, -1)
        return [f"{n} before" if n > 1 else "Just before" for n in back] + [_label_step(spec.end)]
    if spec.start is not None:
        return [_label_step(spec.start)]
    if spec.count == "sessions":
        return ["Session begins"]
    if not spec.starts_at_first_touch:
        return ["Step 1"]
    return ["First touch in the period" if late else "First touch"]


def _label_step(step: Step | None) -> str:
    """Label a column after its step; an unnamed one is "The start" or "The end"."""
    if step is None:
        return "The end"
    return display_name(step.name) if step.is_named else step.name.capitalize()


def quote_step(step: Step | None) -> str:
    """Write the name of a step for a sentence, in quotes unless nobody gave it; nothing for no step."""
    from journeys.display import quote_name

    if step is None:
        return ""
    return quote_name(step.name) if step.is_named else step.name
