"""A funnel in words: its steps and other options, its window, its periods of entries, what is lost after a step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from journeys.analyses.explain_difference import describe_step
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.periods import describe_period, show_period
from journeys.steps import moment_us

_DAY = 86_400_000_000


def describe_steps(spec: FunnelSpec) -> str:
    """Write the steps in their order, such as "A → B (amount > 30) → C and D in any order"."""
    from journeys.display import format_duration

    runs = []
    for run in spec.runs:
        members = []
        for row in run:
            window = spec.step_windows[row]
            notes = [] if window is None else [f"within {format_duration(window)}"]
            notes += ["optional"] if spec.optional[row] else []
            members.append(describe_step(spec.steps[row], notes=notes))
        runs.append(members[0] if len(members) == 1 else f"{' and '.join(members)} in any order")
    return (", " if spec.order == "any" else " → ").join(runs)


def describe_exclusions(spec: FunnelSpec) -> str:
    """Write what must not happen, such as "X between A and B"; "none" where there is nothing."""
    names = []
    for one in spec.exclude:
        is_everywhere = (one.low, one.high) == (0, spec.step_count - 1)
        between = "" if is_everywhere else f" between {spec.steps[one.low].name} and {spec.steps[one.high].name}"
        names.append(f"{describe_step(one.step)}{between}")
    return ", ".join(names) or "none"


def describe_entries(spec: FunnelSpec) -> str:
    """Write the period of entries in dates of the funnel's time zone, such as "1 to 31 May 2026"."""
    return show_period(describe_period(spec.entered, time_zone=spec.time_zone))


def name_unit(spec: FunnelSpec, person: str) -> str:
    """Name what a funnel counts, in the singular; `person` is what the log calls one."""
    return {"people": person, "sessions": "session", "entries": "entry"}[spec.count]


OPTION_TEXTS = {"steps": describe_steps, "exclude": describe_exclusions, "entered": describe_entries}
"""How options are written that need words of their own."""


def describe_periods(here: FunnelSpec, there: FunnelSpec) -> tuple[str, str] | None:
    """Describe the periods of entries of two funnels; None where they have the same, or none."""
    if here.entered == there.entered:
        return None
    return (
        describe_period(here.entered, time_zone=here.time_zone),
        describe_period(there.entered, time_zone=there.time_zone),
    )


def describe_late_start(sides: Sequence[tuple[FunnelSpec, datetime | None]]) -> str:
    """Return a sentence where the log begins within a period, or after it.

    Each side is a funnel, and the first moment of its log. A log that begins within the first day of a period is taken
    to hold all of it.
    """
    late = [
        (spec, first)
        for spec, first in sides
        if first is not None and spec.entered[0] is not None and moment_us(first) >= spec.entered[0] + _DAY
    ]
    if not late:
        return ""
    spec, first = late[-1]
    period = describe_period(spec.entered, time_zone=spec.time_zone)
    end = spec.entered[1]
    held = "nothing" if end is not None and moment_us(first) >= end else "only part"
    return f"The log begins on {first:%Y-%m-%d} and holds {held} of {period}."


def describe_window(spec: FunnelSpec) -> str | None:
    """Describe the window of a funnel, such as "14 days" or "the same week"; None where there is none."""
    from journeys.display import format_duration

    if spec.calendar:
        return f"the same {spec.calendar}"
    return None if spec.within is None else format_duration(spec.within)


def describe_loss(table: pl.DataFrame, step: int, *, count: str, unit: str, window: str | None) -> str:
    """Write how many are lost after a step (from 1), as one sentence; outside of the window they may have gone on."""
    from journeys.display import format_count, format_number, format_percent, quote_name

    row, following = table.rows(named=True)[step - 1 : step + 1]
    units = f"{format_count(2, unit).removeprefix('2 ')} {'who' if count == 'people' else 'that'}"
    within = f" within {window}" if window else ""
    return (
        f"{format_percent(row['dropped'] / row[count])} of {units} reached {quote_name(row['name'])} did not go on to "
        f"{quote_name(following['name'])}{within}: {format_number(row['dropped'])} of {format_number(row[count])}."
    )


def describe_question(spec: FunnelSpec, first: datetime | None, last: datetime | None) -> str:
    """Describe what was asked of which days, for the subtitle of a chart."""
    from journeys.display import format_period

    window = describe_window(spec)
    within = "no window" if window is None else f"within {window}"
    days = format_period(first, last) if first and last else "no events"
    asked = f"{spec.order} order, {within}; {days}"
    if not spec.by:
        return asked
    by = " and ".join(name.replace("_", " ") for name in spec.by)
    share = f"Of those who began, the share who got there, by {by}; in brackets how many began"
    return f"{share}. {asked[0].upper()}{asked[1:]}"
