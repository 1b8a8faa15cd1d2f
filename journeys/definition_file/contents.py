"""The contents of a definition file, checked: which sections, keys and types there may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from journeys.definition_file.conditions import ConditionParser
from journeys.definition_file.report import KINDS, split_section
from journeys.definition_file.segment import Segment
from journeys.definition_file.source import Source, find_source_problems
from journeys.errors import JourneysError, unknown_message
from journeys.identity import IdentityRules
from journeys.steps import Step, duration_us

FUNNEL_OPTIONS = (
    *("within", "order", "by", "by_at", "top", "exclude", "on_exclusion", "hold", "count", "gap", "entry"),
    "campaign_cuts",
    *("ties", "reentry", "time_zone", "semantics"),
)
_SECTIONS = ("sources", "identity", "rename", "steps", "segments", "funnels", "events", "report")
_OF_TABLES = ("sources", "segments", "funnels", "events")
_KEYS = {
    "segments": ("did", "times", "within", "never", "where"),
    "funnels": ("steps", *FUNNEL_OPTIONS),
    "events": ("means", "owner"),
    "report": (
        *("title", "funnel", "goal", "by", "segment", "against", "entered", "value", "sections"),
        *("names", "logo", "colours"),
    ),
}
_DAY_US = 86_400_000_000


class ContentReader:
    """Reads the tables of a definition file into values, and collects all that is wrong with them.

    Parameters
    ----------
    content : mapping
        The file as TOML has it.
    file : str
        Its name, for messages.
    """

    def __init__(self, content: Mapping[str, Any], *, file: str) -> None:
        self.file = file
        self.problems: list[str] = []
        unknown_sections = [name for name in content if name not in _SECTIONS]
        if unknown_sections:
            self.problems.append(unknown_message(file, unknown_sections, available=_SECTIONS, what="section"))
        self.content = {name: self._check_section(name, content.get(name, {})) for name in _SECTIONS}
        self.parser = ConditionParser(self.content["steps"], file=file)

    def read_sources(self) -> tuple[Source, ...]:
        """Read the sources, in the order of their names: the order in the file changes no answer."""
        found = []
        for name, table in sorted(self.content["sources"].items()):
            place = f"sources.{name}"
            self._expect_key(place, table, "system", str, "the name of a system", is_needed=True)
            self._expect_key(place, table, "path", str | list, "a path or a list of paths", is_needed=True)
            options = {key: value for key, value in table.items() if key not in ("system", "path")}
            path = table.get("path")
            paths = path if isinstance(path, list) else [path]
            said = f"{self.file}, [{place}]"
            source = Source(name, str(table.get("system", "")), tuple(map(str, paths)), options, said)
            if isinstance(table.get("system"), str):
                self.problems += find_source_problems(source, place=said)
            found.append(source)
        return tuple(found)

    def read_rules(self) -> IdentityRules | None:
        """Read the rules of identity: a preset's name, and options that replace its own."""
        given = dict(self.content["identity"])
        if not given:
            return None
        presets = [name for name, made in vars(IdentityRules).items() if isinstance(made, classmethod)]
        preset = given.pop("preset", None)
        if preset is not None and preset not in presets:
            self._add_problem("identity", unknown_message("preset", str(preset), available=presets, what="preset"))
            return None
        options = [one.name for one in fields(IdentityRules)]
        wrong = [name for name in given if name not in options]
        if wrong:
            self._add_unknown("identity", wrong, available=["preset", *options])
            return None
        try:
            return replace(IdentityRules() if preset is None else getattr(IdentityRules, preset)(), **given)
        except JourneysError as error:
            self._add_problem("identity", str(error))
            return None

    def read_renames(self) -> dict[str, str]:
        """Read the new names of events."""
        for old, new in self.content["rename"].items():
            if not isinstance(new, str) or not new.strip():
                self._add_problem("rename", f"the new name of {old!r} is {new!r}; write a text that is not empty.")
        return dict(self.content["rename"])

    def read_steps(self) -> dict[str, Step]:
        """Read the named steps."""
        found = {name: self.parser.parse_step(name) for name in self.content["steps"]}
        return {name: step for name, step in found.items() if step is not None}

    def read_segments(self, steps: Mapping[str, Step]) -> dict[str, Segment]:
        """Read the segments."""
        found = {}
        for name, table in self.content["segments"].items():
            place = f"segments.{name}"
            times = table.get("times", 1)
            if isinstance(times, bool) or not isinstance(times, int) or times < 1:
                self._add_problem(place, f"times: {times!r} is not a whole number of at least 1.")
            self._check_duration(place, table)
            if not {"did", "never", "where"} & set(table):
                self._add_problem(place, "a segment needs 'did', 'never' or 'where'.")
            behaviours = {}
            for key in ("did", "never"):
                if key in table:
                    self._expect_key(place, table, key, str, "the name of an event or a step")
                    behaviours[key] = self._step_or_event(str(table[key]), steps, place=place)
            where = self.parser.parse(table["where"], place=place) if "where" in table else None
            found[name] = Segment(name, times=times, within=table.get("within"), where=where, **behaviours)
        return found

    def read_funnels(self, steps: Mapping[str, Step]) -> dict[str, dict[str, Any]]:
        """Read the funnels: for each its steps and its options."""
        found = {}
        for name, table in self.content["funnels"].items():
            place, given = f"funnels.{name}", table.get("steps")
            if not isinstance(given, list) or len(given) < 2:
                self._add_problem(place, f"steps: expected a list of at least two steps, got {given!r}.")
                given = []
            self._check_duration(place, table)
            resolved: list[Any] = []
            for number, one in enumerate(given, start=1):
                if isinstance(one, str):
                    resolved.append(self._step_or_event(one, steps, place=place))
                elif isinstance(one, list) and one and all(isinstance(event, str) for event in one):
                    resolved.append([self._step_or_event(event, {}, place=place) for event in one])
                else:
                    self._add_problem(
                        place, f"steps: step {number} is {one!r}; write an event name, a list of them or a step."
                    )
            found[name] = {**table, "steps": resolved}
        return found

    def read_report(self, funnels: Mapping[str, Any], segments: Mapping[str, Any]) -> dict[str, Any]:
        """Read the report's settings; its funnel is the one that is named, else "main", else the only one."""
        table = dict(self.content["report"])
        for key in ("title", "funnel", "goal", "by", "segment", "against", "value", "logo"):
            self._expect_key("report", table, key, str, "a text")
        for key in ("names", "colours"):
            self._expect_key("report", table, key, Mapping, "a table of texts")
            wrong = table[key] if isinstance(table.get(key), Mapping) else {}
            for name, value in wrong.items():
                if not isinstance(value, str):
                    self._add_problem("report", f"{key}: {name!r} is {value!r}, not a text.")
        self._expect_key("report", table, "sections", list, "a list of texts and tables")
        self._check_period(table.get("entered"))
        chosen = table.get("funnel", next((name for name in funnels if name == "main" or len(funnels) == 1), None))
        named = [chosen] if isinstance(chosen, str) else []
        sections = table.get("sections")
        for one in sections if isinstance(sections, list) else []:
            named += self._check_report_section(one)
        missing = [name for name in dict.fromkeys(named) if name not in funnels]
        if missing:
            self._add_problem("report", unknown_message("funnel", missing, available=list(funnels), what="funnel"))
        for key in ("segment", "against"):
            if isinstance(table.get(key), str) and table[key] not in segments:
                self._add_problem("report", unknown_message(key, table[key], available=list(segments), what="segment"))
        return {**table, "funnel": chosen}

    def _check_report_section(self, one: Any) -> list[str]:
        """Check a section of the report; return the funnels that it names."""
        if not isinstance(one, str) and not (isinstance(one, Mapping) and isinstance(one.get("kind"), str)):
            self._add_problem(
                "report", f'sections: expected a text or a table such as {{ kind = "trend" }}, got {one!r}.'
            )
            return []
        kind, argument = split_section(one)
        if kind is not None and kind not in KINDS:
            self._add_problem(
                "report", unknown_message("sections", kind, available=list(KINDS), what="kind of section")
            )
        return [str(argument.get("name", ""))] if kind in ("funnel", "exits") else []

    def _check_period(self, entered: Any) -> None:
        """Check the period of the report: two dates, of which one may be open, or how long ago it began."""
        try:
            is_period = (
                isinstance(entered, list) and len(entered) == 2 and all(isinstance(one, str | date) for one in entered)
                if not isinstance(entered, str)
                else duration_us(entered, argument="entered") % _DAY_US == 0
            )
        except JourneysError:
            is_period = False
        if entered is not None and not is_period:
            self._add_problem(
                "report",
                f'entered: expected two dates, or whole days such as "7d" for the last seven, got {entered!r}.',
            )

    def read_events(self) -> dict[str, dict[str, str]]:
        """Read the dictionary of events: what each means, and who owns it."""
        for name, table in self.content["events"].items():
            for key in _KEYS["events"]:
                self._expect_key(f"events.{name}", table, key, str, "a text")
        return dict(self.content["events"])

    def _check_section(self, section: str, given: Any) -> dict[str, Any]:
        """Return a section whose keys are known; what is not a table is left out."""
        if not isinstance(given, Mapping):
            self._add_problem(section, f"expected a table, got {given!r}.")
            return {}
        if section not in _OF_TABLES:
            if section in _KEYS:
                self._check_keys(section, given, keys=_KEYS[section])
            return dict(given)
        found = {}
        for name, table in given.items():
            if not isinstance(table, Mapping):
                self._add_problem(section, f"{name!r} is {table!r}, not a table.")
                continue
            if section in _KEYS:
                self._check_keys(f"{section}.{name}", table, keys=_KEYS[section])
            found[name] = dict(table)
        return found

    def _check_keys(self, place: str, given: Mapping[str, Any], *, keys: tuple[str, ...]) -> None:
        wrong = [key for key in given if key not in keys]
        if wrong:
            self._add_unknown(place, wrong, available=keys)

    def _step_or_event(self, name: str, steps: Mapping[str, Step], *, place: str) -> Step | str:
        if name in steps:
            return steps[name]
        self.parser.events.setdefault(name, place)
        return name

    def _check_duration(self, place: str, table: Mapping[str, Any]) -> None:
        within = table.get("within")
        if within is None or (isinstance(within, str) and within.startswith(("same ", "session"))):
            return
        try:
            duration_us(within, argument="within")
        except JourneysError as error:
            self._add_problem(place, str(error))

    def _expect_key(
        self, place: str, table: Mapping[str, Any], key: str, kind: Any, what: str, *, is_needed: bool = False
    ) -> None:
        if key not in table:
            if is_needed:
                self._add_problem(place, f"{key!r} is missing; write {what}.")
        elif not isinstance(table[key], kind):
            self._add_problem(place, f"{key}: expected {what}, got {table[key]!r}.")

    def _add_unknown(self, place: str, wrong: list[str], *, available: Any) -> None:
        self.problems.append(unknown_message(f"{self.file}, [{place}]", wrong, available=available, what="key"))

    def _add_problem(self, place: str, problem: str) -> None:
        self.problems.append(f"{self.file}, [{place}]: {problem}")
