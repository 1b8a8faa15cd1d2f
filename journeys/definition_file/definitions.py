"""The definitions of a file `journeys.toml`: what a team has agreed on, to ask journeys by it."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from journeys.definition_file.check import DefinitionsCheck, check_definitions
from journeys.definition_file.contents import ContentReader
from journeys.definition_file.places import name_place
from journeys.definition_file.report import ReportPlan, make_report
from journeys.definition_file.segment import Segment
from journeys.definition_file.source import Source, read_sources
from journeys.definition_file.toml_text import write_toml
from journeys.errors import ArgumentError, SourceError, UnknownNameError, raise_all, unknown_message
from journeys.steps import Moment, Step

if TYPE_CHECKING:
    from journeys.analyses.funnel.result import Funnel
    from journeys.api import Journeys
    from journeys.events import Events
    from journeys.identity import IdentityRules
    from journeys.report import Report

_HASH_DIGITS = 12


@dataclass(frozen=True, eq=False, repr=False)
class Definitions:
    """Sources, names, steps, segments, funnels, the dictionary of events and the report of one file.

    Two are equal when they say the same, in whatever order and layout.

    Attributes
    ----------
    content : mapping
        The file as TOML has it.
    name : str
        The name of the file.
    folder : Path
        Where relative paths of sources begin.
    sources : tuple of Source
        What is read, sorted by name.
    rules : IdentityRules, optional
        How identifiers are stitched.
    rename : mapping of str to str
        Old event name → new name.
    steps : mapping of str to Step
        Named steps.
    segments : mapping of str to Segment
        Named segments.
    funnels : mapping of str to mapping
        The steps and options of each funnel.
    events : mapping of str to mapping
        The declared events: `means` and `owner`.

    Examples
    --------
    >>> d = Definitions.from_toml('''
    ... [steps]
    ... "Came by a paid link" = { column = "campaign_medium", in = ["cpc", "paid_social"] }
    ... [funnels.main]
    ... steps = ["Came by a paid link", "Signed Up"]
    ... within = "30d"
    ... ''')
    >>> d.steps["Came by a paid link"].name, d == Definitions.from_toml(d.to_toml())
    ('Came by a paid link', True)
    """

    content: Mapping[str, Any]
    name: str = "journeys.toml"
    folder: Path = field(default_factory=Path)
    sources: tuple[Source, ...] = field(init=False)
    rules: IdentityRules | None = field(init=False)
    rename: Mapping[str, str] = field(init=False)
    steps: Mapping[str, Step] = field(init=False)
    segments: Mapping[str, Segment] = field(init=False)
    funnels: Mapping[str, Mapping[str, Any]] = field(init=False)
    events: Mapping[str, Mapping[str, str]] = field(init=False)
    _report: Mapping[str, Any] = field(init=False)
    _used_events: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        reader = ContentReader(self.content, file=self.name)
        steps = reader.read_steps()
        funnels, segments = reader.read_funnels(steps), reader.read_segments(steps)
        read: dict[str, Any] = {
            "sources": reader.read_sources(),
            "rules": reader.read_rules(),
            "rename": reader.read_renames(),
            "steps": steps,
            "segments": segments,
            "funnels": funnels,
            "events": reader.read_events(),
            "_report": reader.read_report(funnels, segments),
            "_used_events": reader.parser.events,
        }
        raise_all([*reader.problems, *reader.parser.problems], ArgumentError)
        for attribute, value in read.items():
            object.__setattr__(self, attribute, value)

    @classmethod
    def from_toml(cls, text: str, *, name: str = "journeys.toml", folder: Path | None = None) -> Self:
        """Read definitions from the text of a file.

        Parameters
        ----------
        text : str
            TOML.
        name : str
            The name of the file, for messages and settings.
        folder : Path, optional
            Where relative paths of sources begin; the current folder by default.

        Raises
        ------
        SourceError
            The text is not TOML.
        ArgumentError
            Unknown keys or invalid values; all of them are reported together, with their section.
        """
        try:
            return cls(tomllib.loads(text), name, folder or Path())
        except tomllib.TOMLDecodeError as error:
            raise SourceError(f"{name} is not TOML: {error}.") from None

    def to_toml(self) -> str:
        """Write the definitions as TOML, without the comments of the file."""
        return write_toml(self.content)

    @cached_property
    def hash(self) -> str:
        """A fingerprint of what the definitions say, whatever the order of keys, the layout and the comments.

        The first 12 hexadecimal digits of the SHA-256 of their canonical form.
        """
        kept = {key: value for key, value in self.content.items() if value}
        text = json.dumps(kept, sort_keys=True, default=lambda value: {type(value).__name__: str(value)})
        return hashlib.sha256(text.encode()).hexdigest()[:_HASH_DIGITS]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Definitions) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        from journeys.display import format_count

        kinds = {"source": self.sources, "step": self.steps, "segment": self.segments, "funnel": self.funnels}
        counts = [format_count(len(found), kind) for kind, found in kinds.items()]
        return f"Definitions: {self.name} {self.hash}, {', '.join(counts)}, {format_count(len(self.events), 'event')}."

    def journeys(self, *events: Events) -> Journeys:
        """Read the sources, rename their events, and stitch them.

        Parameters
        ----------
        *events : Events
            What to stitch instead of the sources of the file.

        Returns
        -------
        Journeys
            The settings of its results name the file, its fingerprint, and the moment up to which people were observed.

        Raises
        ------
        ArgumentError
            The file names no sources.
        SourceError
            A source cannot be read.
        """
        from journeys.api import stitch
        from journeys.naming import apply

        if not events and not self.sources:
            raise ArgumentError(f"{self.name}: there is no [sources.…] to read.")
        found = events or read_sources(self.sources, folder=self.folder)
        if self.rename:
            found = tuple(apply(one, mapping=self.rename).events for one in found)
        return self._mark_settings(stitch(*found, rules=self.rules))

    def step(self, name: str) -> Step | str:
        """Return the step of this name; where there is none, the name itself, which is an event's."""
        return self.steps.get(name, name)

    def segment(self, j: Journeys, name: str) -> Journeys:
        """Select the people of a segment.

        Raises
        ------
        UnknownNameError
            There is no such segment, or it uses an event or a column that is not in the log.
        """
        chosen: Segment = self._find_name(self.segments, name, what="segment")
        with name_place(f"{self.name}, [segments.{name}]"):
            return chosen.select(self._mark_settings(j))

    def funnel(self, j: Journeys, name: str) -> Funnel[Journeys]:
        """Ask journeys for a funnel of the file.

        Raises
        ------
        UnknownNameError
            There is no such funnel, or a step or column is not in the log.
        ArgumentError
            Its options contradict each other.
        """
        return self._ask_funnel(j, name)

    def _ask_funnel(self, j: Journeys, name: str, *, entered: tuple[Moment, Moment] | None = None) -> Funnel[Journeys]:
        """Ask for a funnel of the file, perhaps only of people who entered it in a period."""
        options = dict(self._find_name(self.funnels, name, what="funnel"))
        with name_place(f"{self.name}, [funnels.{name}]"):
            return self._mark_settings(j).funnel(options.pop("steps"), entered=entered, **options)

    def check(self, j: Journeys) -> DefinitionsCheck:
        """Check whether the definitions still fit the data: names that are gone, undeclared or never seen.

        Returns
        -------
        DefinitionsCheck
            `passed` is False when anything that is defined is missing, or events are undeclared.
        """
        return check_definitions(self, self._mark_settings(j))

    def report(self, j: Journeys) -> Report:
        """Make the report that the file describes.

        Raises
        ------
        ArgumentError
            The file has no funnel, or several of which none is named "main" or in [report].
        UnknownNameError
            A step, an event or a section does not exist.
        """
        settings = self._report
        if settings["funnel"] is None and not settings.get("sections"):
            raise ArgumentError(
                f'{self.name}, [report]: name the funnel that the report is about, funnel = "…"; there '
                f"{'are ' + ', '.join(map(repr, self.funnels)) if self.funnels else 'is none: write [funnels.main]'}."
            )
        plan = ReportPlan(
            file=self.name,
            folder=self.folder,
            settings=settings,
            funnel=self.funnels.get(settings["funnel"], {}),
            find_step=self.step,
        )
        about, against = (self.segment(j, settings[key]) if key in settings else None for key in ("segment", "against"))
        return make_report(plan, self._mark_settings(about or j), against=against, ask_funnel=self._ask_funnel)

    def _mark_settings(self, j: Journeys) -> Journeys:
        """Let the settings of results name these definitions."""
        return replace(j, _definitions=f"{self.name} {self.hash}") if self.content else j

    def _find_name(self, found: Mapping[str, Any], name: str, *, what: str) -> Any:
        if name not in found:
            raise UnknownNameError(unknown_message("name", name, available=list(found), what=what))
        return found[name]


def definitions(path: str | Path = "journeys.toml") -> Definitions:
    r"""Read the definitions of a team from a file: sources, names, steps, segments, funnels and the report.

    The file holds data, never code: conditions are of a closed grammar.

    Parameters
    ----------
    path : str or Path
        A TOML file; `journeys init` writes a first one. Paths of sources are relative to its folder.

    Returns
    -------
    Definitions

    Raises
    ------
    SourceError
        There is no such file, or it is not TOML.
    ArgumentError
        Unknown keys (with the closest name) or invalid values; all are reported together, with their section.

    Notes
    -----
    Sections: ``[sources.NAME]`` (`system`, `path` and the options of its reader; `event_name` for a table of one kind
    of event), ``[identity]`` (`preset` and the options of `IdentityRules`), ``[rename]``, ``[steps]``, ``[segments]``
    (`did`, `times`, `within`, `never`, `where`), ``[funnels.NAME]`` (`steps` and the options of `j.funnel`),
    ``[events.NAME]`` (`means`, `owner`) and
    ``[report]``: `title`, `funnel` (or `goal`), `by`, `value`, `names`, `logo`, `colours` as in `j.report`; `segment`,
    the people that it is about, and `against`, the segment that they are compared with; `entered`, two dates, or
    ``"7d"`` for the last seven days of people who have had the funnel's window, compared with the days before; and
    `sections`: names as in `j.report`, ``"trend:Signed Up"``, tables such as
    ``{ kind = "impact", of = "Signed Up", on = "Created Project" }`` with the arguments of `j.impact`, and Markdown.

    A condition is an event name, the name of a step, a list of which any holds, or one of
    ``{ column = "plan", is = "pro" }`` (also `in`, `matches`, `above`, `below`), ``{ any = [...] }``,
    ``{ all = [...] }`` and ``{ not = ... }``. A missing value satisfies no comparison.

    Examples
    --------
    >>> import tempfile, polars as pl, journeys as jn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "journeys.toml"
    ...     _ = file.write_text('[funnels.main]\nsteps = ["Loaded a Page", "Signed Up"]\nwithin = "30d"')
    ...     d = jn.definitions(file)
    >>> log = {"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["Loaded a Page", "Signed Up"]}
    >>> d.funnel(jn.Journeys.from_table(pl.DataFrame(log)), "main").table["people"].to_list()
    [1, 1]
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SourceError(f"path: there is no file {str(file)!r}; journeys init FILES writes a first one.") from None
    except OSError as error:
        raise SourceError(f"path: there is no file {str(file)!r} that can be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise SourceError(f"path: {str(file)!r} is not TOML: it is not UTF-8 text.") from None
    return Definitions.from_toml(text, name=file.name, folder=file.parent)
