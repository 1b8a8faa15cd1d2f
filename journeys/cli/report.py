"""The command that writes the report of one's own files."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from journeys.cli.output import Command, RefusedError, name_options, print_text
from journeys.cli.questions import ask_question, build_options, find_options, parse_arguments
from journeys.cli.sources import FILES, load_definitions, print_warnings, read_journeys, source_options
from journeys.exports.files import check_path

if TYPE_CHECKING:
    from journeys.definition_file import Definitions
    from journeys.report import Report


def build_report() -> Command:
    """Build the command from the signature of `Journeys.report`."""

    @source_options
    @click.option(
        "--out",
        type=click.Path(path_type=Path),
        default="journeys-report.html",
        show_default=True,
        help="The report: .html, .pdf or .xlsx.",
    )
    def run(**given: Any) -> None:
        """Write the report of the definition file's sections, or else that of the steps and the goal given."""
        check_report_path(given["out"])
        definitions = load_definitions(given)
        if (
            not given["steps"]
            and not given.get("goal")
            and (definitions.funnels or definitions._report.get("sections"))
        ):
            _refuse_options(given, definitions)
            journeys = read_journeys(given, definitions)
            print_warnings(journeys)
            write_report(definitions.report(journeys), given["out"])
            return
        arguments = parse_arguments("report", given, definitions)
        journeys = read_journeys(given, definitions)
        print_warnings(journeys)
        with name_options(find_options("report")):
            report = ask_question("report", journeys, arguments, definitions)
        write_report(report, given["out"])

    text = f"Write the campaign report on your own files, or the one that the definitions describe.\n\n{FILES}"
    command = click.command("report", cls=Command, help=text, short_help="Write the report on your own files.")(run)
    command.params = [*build_options("report"), *command.params]
    return command


def _refuse_options(given: dict[str, Any], definitions: Definitions) -> None:
    """Refuse options that would change nothing, since the definitions say what is in the report."""
    wrong = [shown for name, shown in find_options("report").items() if given.get(name) not in (None, ())]
    if wrong:
        raise RefusedError(
            f"{wrong[0]}: it has no effect, since {definitions.name} describes the report; write it there, in "
            "[report], or give --steps."
        )


def check_report_path(out: Path) -> Path:
    """Return a path that a report can be written to; a device, such as /dev/stdout, may have any name."""
    is_device = out.exists() and not out.is_file()
    return check_path(out, endings=() if is_device else (".html", ".htm", ".pdf", ".xlsx"), argument="--out")


def save_report(report: Report, out: Path) -> Path:
    """Write a report as what the ending of its file says: a page, a PDF or a workbook."""
    write = {".pdf": report.pdf, ".xlsx": report.xlsx}.get(out.suffix.lower(), report.write)
    return write(out)


def write_report(report: Report, out: Path) -> None:
    """Write a report, and print its first three findings."""
    file = save_report(report, out)
    print_text(f"{report.title}\n{report.period}\n")
    for number, finding in enumerate(report.findings[:3], start=1):
        print_text(fill(finding.sentence, 100, initial_indent=f"{number}. ", subsequent_indent="   "))
    print_text(f"\nThe report is in {file.resolve()}")
