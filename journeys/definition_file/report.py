"""The report that a definition file describes: which answers it shows, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from journeys.steps import Step

if TYPE_CHECKING:
    from journeys.api import Journeys
    from journeys.report import Report


def make_report(
    j: Journeys,
    *,
    funnel: Mapping[str, Any],
    ask_funnel: Callable[[str], Any],
    find_step: Callable[[str], Step | str],
    settings: Mapping[str, Any],
) -> Report:
    """Ask the questions of the sections, and make the report of their answers.

    Parameters
    ----------
    funnel
        Steps and options of the funnel that the report is about.
    ask_funnel, find_step
        Answer a funnel, and find a step or event, by name.
    settings
        The section [report].
    """
    options: dict[str, Any] = {"title": settings.get("title")}
    sections = settings.get("sections")
    steps, by = funnel["steps"], settings.get("by", funnel.get("by"))
    if all(isinstance(one, str) for one in steps):
        options |= {"steps": steps, "within": funnel.get("within")} | ({"by": by} if by is not None else {})
    else:
        # the report's own sections are about events; of named steps each is asked here
        own = f":{settings['funnel']}"
        goal = f":{getattr(steps[-1], 'name', steps[-1])}"
        asked = {"funnel": own, "exits": own, "attribution": goal, "flow": goal, "correlation": goal}
        given = sections or ["funnel", "flow", "correlation", "identity"]
        sections = [f"{one}{asked[one]}" if one in asked else one for one in given]
        options |= {"goal": steps[-1]} if isinstance(steps[-1], str) else {}
    if sections is not None:
        options["sections"] = [_answer_section(j, one, ask_funnel=ask_funnel, find_step=find_step) for one in sections]
    report: Report = j.report(**options)
    made_of = {"definitions": j._definitions, "until": j.until}
    return replace(report, settings={**report.settings, **made_of})


def _answer_section(
    j: Journeys, section: str, *, ask_funnel: Callable[[str], Any], find_step: Callable[[str], Step | str]
) -> Any:
    """Answer the question of a section such as "trend:Signed Up"; a name without a colon is the report's own."""
    kind, colon, name = section.partition(":")
    if not colon:
        return section
    match kind:
        case "funnel":
            return ask_funnel(name)
        case "exits":
            return ask_funnel(name).exits()
        case "trend" | "retention" | "correlation" | "attribution":
            return getattr(j, kind)(find_step(name))
        case _:
            return j.flow(end=find_step(name))
