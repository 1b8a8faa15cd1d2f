"""A report as a value: findings, sections, pictures; written as one HTML file that needs no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from journeys.display import card, escape_html
from journeys.errors import ArgumentError, raise_all

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Finding", "Picture", "Report", "Section"]


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A chart for a page: as drawn for a wide one and, if it has such a form, for a telephone.

    Attributes
    ----------
    wide, narrow
        Figures in the light theme; the page itself turns them dark.
    least
        The width in pixels below which the wide form scrolls sideways.
    """

    wide: go.Figure
    narrow: go.Figure | None = None
    least: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with its numbers, and the section that it links to."""

    sentence: str
    section: str


@dataclass(frozen=True, eq=False, slots=True)
class Section:
    """One question and its answer.

    Attributes
    ----------
    name
        Short and unique, for links: letters, digits and hyphens.
    question, finding
        What is asked; the answer as a sentence, which is the section's heading.
    definition
        Who, from when to when, in which window.
    pictures
        Its charts, without titles: the headings say them.
    means, not_means
        What the answer means, and what it does not.
    table
        The numbers, folded away.
    counted
        How it is counted, folded away.
    columns
        Which columns of the table are shown; all when empty.
    """

    name: str
    question: str
    finding: str
    definition: str = ""
    pictures: tuple[Picture, ...] = ()
    means: str = ""
    not_means: str = ""
    table: pl.DataFrame | None = None
    counted: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """A page of questions about journeys, each answered by a sentence, a chart and a table.

    Attributes
    ----------
    title, period, lead
        What it is about, over which time, and one paragraph that says how things stand.
    findings
        Three to five sentences; each links to the section that shows it.
    sections
        One a question.
    settings
        What was asked, for the foot of the page.

    Examples
    --------
    >>> section = Section(name="funnel", question="Where do they stop?", finding="Few upgrade.")
    >>> report = Report(title="Spring", period="1 to 9 March 2026", lead="", sections=(section,),
    ...     findings=(Finding("Few upgrade.", "funnel"),))
    >>> page = report.html()
    >>> "Few upgrade." in page, "http-equiv" in page
    (True, True)
    """

    title: str
    period: str
    lead: str
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [section.name for section in self.sections]
        problems = [f"sections: two are called {n!r}." for n in sorted({n for n in names if names.count(n) > 1})]
        problems += [f"sections: {n!r} must be letters, digits and hyphens." for n in names if not _is_name(n)]
        known = ", ".join(map(repr, names)) or "none"
        problems += [
            f"findings: no section {one.section!r} to link to; there are {known}."
            for one in self.findings
            if one.section not in names
        ]
        raise_all(problems, ArgumentError)

    def html(self) -> str:
        """Return the page: complete, and closed to the network by its own content policy."""
        from journeys.report.page import write_page

        return write_page(self)

    def write(self, path: str | Path) -> Path:
        """Write the page as one file.

        Parameters
        ----------
        path
            The file; it is overwritten. Its folder must exist.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        ArgumentError
            When the folder does not exist, or the path is a folder.
        """
        file = Path(path)
        if file.is_dir():
            raise ArgumentError(f"path: {str(file)!r} is a folder; name a file in it, such as 'report.html'.")
        if not file.parent.is_dir():
            raise ArgumentError(f"path: there is no folder {str(file.parent)!r}.")
        file.write_text(self.html(), encoding="utf-8")
        return file

    def _repr_html_(self) -> str:
        listed = "".join(f"<li>{escape_html(one.sentence, sentence=True)}</li>" for one in self.findings)
        return card(self.title, sentence=self.lead, settings=self.period, table=f"<ol>{listed}</ol>")

    def __repr__(self) -> str:
        return "\n".join([f"Report: {self.title} ({self.period})", *(f"- {one.sentence}" for one in self.findings)])


def _is_name(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name) is not None
