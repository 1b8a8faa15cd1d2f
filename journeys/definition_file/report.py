"""The report that a definition file describes: which answers it shows, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from journeys.definition_file.places import name_place
from journeys.errors import raise_all, unknown_message
from journeys.steps import Moment, Step, duration_us

if TYPE_CHECKING:
    from journeys.analyses.funnel import Funnel
    from journeys.api import Journeys
    from journeys.report import Report

KINDS = {
    "funnel": "name", "exits": "name", "trend": "events", "retention": "start", "flow": "end", "correlation": "goal",
    "attribution": "goal", "messages": "by", "value": "column", "impact": "of", "last_before": "of",
    "lifecycle": "event", "stickiness": "event", "sessions": "by", "dropoff": "goal", "experiment": "variant",
    "transitions": "count",
}  # fmt: skip
"""Kinds of sections, each with the argument that is written behind the colon: "trend:Signed Up"."""

_GOALS = {"value": "of", "impact": "on"}
_OWN_FUNNEL = {"steps", "within", "by"}


@dataclass(frozen=True)
class ReportPlan:
    """What [report] says, with what it needs of the other tables.

    Attributes
    ----------
    file
        The name of the file, for messages.
    folder
        Where the path of the logo begins.
    settings
        The table, with the name of its funnel.
    funnel
        Steps and options of the funnel that the report is about; empty where it is about none.
    find_step
        Finds a step or event by name.
    """

    file: str
    folder: Path
    settings: Mapping[str, Any]
    funnel: Mapping[str, Any]
    find_step: Callable[[str], Step | str]

    @property
    def place(self) -> str:
        """The table, for messages."""
        return f"{self.file}, [report]"

    @property
    def side_names(self) -> tuple[str, str] | None:
        """The names of the segments that are compared, if there are two sides."""
        settings = self.settings
        return (settings.get("segment", "everyone"), settings["against"]) if "against" in settings else None

    @property
    def goal(self) -> Step | str | None:
        """What counts as converting: the last step of the funnel, else what the table says."""
        if self.funnel:
            return self.funnel["steps"][-1]  # type: ignore[no-any-return]
        return self.find_step(self.settings["goal"]) if "goal" in self.settings else None


class AskFunnel(Protocol):
    """Asks journeys for a funnel of the file, by its name."""

    def __call__(self, j: Journeys, name: str, *, entered: tuple[Moment, Moment] | None = None) -> Funnel[Journeys]:
        """Ask for the funnel, perhaps only of people who entered it in a period."""


def make_report(plan: ReportPlan, j: Journeys, *, against: Journeys | None, ask_funnel: AskFunnel) -> Report:
    """Ask the questions of the sections, and make the report of their answers.

    Parameters
    ----------
    plan
        What the file says.
    j, against
        The people that the report is about, and those that they are compared with.
    ask_funnel
        Asks for a funnel of the file.
    """
    settings, goal = plan.settings, plan.goal
    options = {key: settings[key] for key in ("title", "names", "colours", "value") if key in settings}
    if "logo" in settings:
        options["logo"] = plan.folder / Path(settings["logo"]).expanduser()
    entered = None
    if "entered" in settings:
        entered = find_period(settings["entered"], j, within=plan.funnel.get("within"))
    sections = settings.get("sections")
    if (
        plan.funnel
        and _OWN_FUNNEL.issuperset(plan.funnel)
        and all(isinstance(one, str) for one in plan.funnel["steps"])
    ):
        options |= {"steps": plan.funnel["steps"], "within": plan.funnel.get("within")}
        options |= {"entered": entered, "against": against, "sides": plan.side_names}
        options |= {"by": by} if (by := settings.get("by", plan.funnel.get("by"))) is not None else {}
    else:
        # the report's own sections are about a funnel of events without options; others are asked here
        options |= {"goal": goal} if isinstance(goal, str) else {}
        if plan.funnel:
            name = f":{settings['funnel']}"
            own = {"funnel": name, "exits": name, "comparison": name}
            own |= {one: f":{getattr(goal, 'name', goal)}" for one in ("attribution", "flow", "correlation")}
            compared = ["comparison"] if against is not None or entered is not None else []
            given = sections or ["funnel", *compared, "flow", "correlation", "identity"]
            sections = [f"{one}{own[one]}" if isinstance(one, str) and one in own else one for one in given]
    if sections is not None:
        asked = _Sections(plan, j, against, entered, ask_funnel)
        options["sections"] = [asked.answer(one) for one in sections]
    of_funnel = f"{plan.file}, [funnels.{settings['funnel']}]"
    with name_place(plan.place, {"steps": of_funnel, "within": of_funnel} if plan.funnel else {}):
        report: Report = j.report(**options)
    made_of = {"definitions": j._definitions, "until": j.until}
    return replace(report, settings={**report.settings, **made_of})


@dataclass(frozen=True)
class _Sections:
    """Answers the sections that the table lists."""

    plan: ReportPlan
    j: Journeys
    against: Journeys | None
    entered: tuple[Moment, Moment] | None
    ask_funnel: AskFunnel

    def answer(self, section: str | Mapping[str, Any]) -> Any:
        """Answer a section such as "trend:Signed Up"; the report's own names, and text, stay as they are."""
        kind, argument = split_section(section)
        if kind is None:
            return section
        if kind in ("funnel", "exits", "comparison"):
            funnel = self.ask_funnel(self.j, argument["name"], entered=self.entered)
            if kind != "comparison":
                return funnel if kind == "funnel" else funnel.exits()
            if self.against is None:
                other = funnel.previous()
            else:
                other = self.ask_funnel(self.against, argument["name"], entered=self.entered)
            return replace(funnel.compare(other), sides=self.plan.side_names)
        with name_place(f"{self.plan.place}: sections: {kind}"):
            return self._ask(kind, argument)

    def _ask(self, kind: str, argument: Mapping[str, Any]) -> Any:
        """Ask a question; where it needs a goal and none is given, about the report's."""
        ask = getattr(self.j, kind)
        parameters = signature(ask).parameters
        wrong = [name for name in argument if name not in parameters]
        problems = [unknown_message("options", wrong, available=[*parameters], what="option")] if wrong else []
        given = dict(argument)
        goal = _GOALS.get(kind, "goal")
        if goal in parameters and goal not in given and self.plan.goal is not None and kind != "sessions":
            given[goal] = self.plan.goal
        missing = [name for name, one in parameters.items() if one.default is one.empty and name not in given]
        raise_all(
            [*problems, *(f"{name}: it is missing; write {{ kind = {kind!r}, {name} = … }}." for name in missing)]
        )
        return ask(**{name: self._find_steps(value, parameters[name].annotation) for name, value in given.items()})

    def _find_steps(self, value: Any, annotation: object) -> Any:
        """Turn names of steps into the steps, where the question takes steps."""
        if "StepLike" not in str(annotation):
            return value
        if isinstance(value, Mapping):
            return {name: self._find_steps(one, annotation) for name, one in value.items()}
        return self.plan.find_step(value) if isinstance(value, str) else value


def split_section(section: str | Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Split a section into its kind and its arguments; the kind is None for the report's own names, and for text.

    Examples
    --------
    >>> split_section("trend:Signed Up"), split_section({"kind": "trend", "events": "Signed Up", "every": "1d"})
    (('trend', {'events': 'Signed Up'}), ('trend', {'events': 'Signed Up', 'every': '1d'}))
    >>> split_section("funnel"), split_section("Next: we wait.")
    ((None, {}), (None, {}))
    """
    if not isinstance(section, str):
        return str(section["kind"]), {key: value for key, value in section.items() if key != "kind"}
    kind, colon, argument = section.partition(":")
    if not colon or (kind not in (*KINDS, "comparison") and (" " in kind or argument.startswith((" ", "\n")))):
        return None, {}
    return kind, {KINDS.get(kind, "name"): argument.strip()}


def find_period(given: Sequence[Moment] | str, j: Journeys, *, within: object = None) -> tuple[Moment, Moment]:
    """Return the two ends of a period; of a duration, the last so many days of people who have had their window.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a"], "timestamp": ["2026-03-20 09:00"], "event": ["Visit"]})
    >>> [end.date().isoformat() for end in find_period("7d", jn.Journeys.from_table(log), within="10d")]
    ['2026-03-03', '2026-03-10']
    """
    if not isinstance(given, str):
        start, end = (one if one != "" else None for one in given)
        return start, end
    if j.until is None:
        return None, None
    window = duration_us(within, argument="within") if isinstance(within, str) and within[:1].isdigit() else 0
    until = j.until - timedelta(microseconds=window)
    end = datetime.combine(until.date(), time(), until.tzinfo)
    return end - timedelta(microseconds=duration_us(given, argument="entered")), end
