"""The report that a definition file describes: which answers it shows, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from journeys.errors import ArgumentError
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
    place: str,
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
    place
        The file and the section, for messages.
    """
    named = [getattr(one, "name", one) for one in funnel["steps"] if not isinstance(one, str)]
    if named:
        raise ArgumentError(
            f"{place}: the steps of its funnel {settings['funnel']!r} must be event names; "
            f'{", ".join(map(repr, named))} is a step of [steps]. Show such a funnel as a section: "funnel:NAME".'
        )
    options: dict[str, Any] = {"within": funnel.get("within"), "title": settings.get("title")}
    if (by := settings.get("by", funnel.get("by"))) is not None:
        options["by"] = by
    if "sections" in settings:
        options["sections"] = [
            _answer_section(j, one, ask_funnel=ask_funnel, find_step=find_step) for one in settings["sections"]
        ]
    return j.report(steps=funnel["steps"], **options)


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
