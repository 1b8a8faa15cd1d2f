"""The options of a funnel in words, where two funnels are compared option by option."""

from __future__ import annotations

from journeys.analyses.explain_difference import describe_step
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.periods import describe_period, show_period


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


OPTION_TEXTS = {"steps": describe_steps, "exclude": describe_exclusions, "entered": describe_entries}
"""How options are written that need words of their own."""
