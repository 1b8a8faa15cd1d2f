"""A report as a value: findings and sections, written as one HTML file that needs no network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from journeys.display import escape_html, render_card, show_progress, use_names, use_unit
from journeys.errors import ArgumentError, raise_all
from journeys.exports.files import check_path, replace_file
from journeys.report.section import Finding, Section


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """A page of questions about journeys, each answered by a sentence, a chart and a table.

    Attributes
    ----------
    title, period, lead
        What it is about, over which time, and one paragraph of summary.
    findings
        Three to five sentences; each links to the section that shows it.
    sections
        One per question.
    left_out
        Which sections that were asked for have no answer, and why, in one sentence; empty if all have one.
    settings
        The settings, for the foot of the page.
    data, code
        A fingerprint of the data, and the code that makes the report again.
    names
        How events are called on the page.
    logo, colours
        A picture as a data: address; colours by role, for light and for dark pages.
    unit
        Whether its tables are about a "person" or an "account".

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
    left_out: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    data: str = ""
    code: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    logo: str = ""
    colours: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    unit: str = "person"

    def __post_init__(self) -> None:
        """Report all problems with names and links together."""
        names = [section.name for section in self.sections]
        problems = [f"sections: two are named {n!r}." for n in sorted({n for n in names if names.count(n) > 1})]
        invalid = [name for name in names if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name)]
        problems += [f"sections: {name!r} must be letters, digits and hyphens." for name in invalid]
        known = ", ".join(map(repr, names)) or "none"
        problems += [
            f"findings: no section {one.section!r} to link to; there are {known}."
            for one in self.findings
            if one.section not in names
        ]
        raise_all(problems, ArgumentError)

    def html(self) -> str:
        """Return the page: complete, and closed to the network by its own content policy."""
        from journeys.report.page import render_page

        with use_names(self.names), use_unit(self.unit), show_progress("Drawing the report"):
            return render_page(self)

    def write(self, path: str | Path) -> Path:
        """Write the page as one file, readable by its owner only.

        Parameters
        ----------
        path
            The file; an existing one is replaced as a whole, and stays as it was on failure. Its folder must exist.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            The folder does not exist, the path is a folder, or its ending is that of a PDF or a workbook.
        JourneysError
            The file cannot be written.
        """
        file = check_path(path)
        if file.suffix.lower() in (".pdf", ".xlsx"):
            raise ArgumentError(
                f"path: {file.name!r} is no page; use {file.suffix.lower()}(...) instead of .write(...)."
            )
        page = self.html()
        with replace_file(file) as place:
            place.write_text(page, encoding="utf-8")
        return file

    def pdf(self, path: str | Path) -> Path:
        """Print the page as PDF, on A4, by a browser that is installed: Chromium, Chrome, Edge or Brave.

        Parameters
        ----------
        path
            The file, as for `write`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            There is no browser, or the path cannot be used.
        JourneysError
            The browser fails, or the file cannot be written.
        """
        from journeys.report.browser import print_page

        file = check_path(path, endings=[".pdf"])
        with replace_file(file) as place:
            page = self.html()
            with show_progress("Printing the report"):
                print_page(page, place)
        return file

    def xlsx(self, path: str | Path) -> Path:
        """Write the numbers of all sections as an Excel file, one sheet each, with the findings on the first.

        Events are called as on the page. Text stays text: nothing is a formula. Needs the extra `excel`.

        Parameters
        ----------
        path
            The file, as for `write`.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        ArgumentError
            The package xlsxwriter is not installed, a table is too large for a sheet, or the path cannot be used.
        JourneysError
            The file cannot be written.
        """
        from journeys.exports.excel import to_excel

        with use_names(self.names), use_unit(self.unit):
            return to_excel({one.name: one for one in self.sections if one.table is not None}, path=path)

    def _repr_html_(self) -> str:
        listed = "".join(f"<li>{escape_html(one.sentence, sentence=True)}</li>" for one in self.findings)
        return render_card(self.title, sentence=self.lead, settings=self.period, table=f"<ol>{listed}</ol>")

    def __repr__(self) -> str:
        return "\n".join([f"Report: {self.title} ({self.period})", *(f"- {one.sentence}" for one in self.findings)])
