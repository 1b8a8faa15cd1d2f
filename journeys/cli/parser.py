"""The command's arguments, and what it prints and returns."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import journeys as jn
from journeys.cli.commands import ask_question, check_sources, write_demo, write_report
from journeys.cli.sources import SYSTEMS
from journeys.errors import JourneysError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 with the reason on standard error when something is refused.

    Parameters
    ----------
    arguments
        The words after `journeys`; those of the command line by default.

    Examples
    --------
    >>> main(["report", "nowhere.csv", "--steps", "Visit > Sign up"])
    1
    """
    parser = _build_parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        return 2
    try:
        options.command(options)
        sys.stdout.flush()
    except JourneysError as error:
        print(f"journeys: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("journeys: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`journeys check … | head`) has seen enough; the rest must not be written when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _build_parser() -> ArgumentParser:
    parser = ArgumentParser(prog="journeys", description="Journey analytics: one timeline per person.")
    parser.add_argument("--version", action="version", version=f"journeys {jn.__version__}")
    commands = parser.add_subparsers(title="commands")
    demo = commands.add_parser("demo", help="read and stitch the sample data, and write its campaign report")
    demo.add_argument("--out", type=Path, default=Path("journeys-demo.html"), help="the file (default: %(default)s)")
    demo.set_defaults(command=write_demo)

    report = commands.add_parser("report", help="write the campaign report on your own files")
    report.add_argument("--steps", required=True, help="'Signed Up > Upgraded Plan'; the last is the goal")
    report.add_argument("--within", help="the funnel's window, such as 14d")
    report.add_argument("--by", help="the column that distinguishes campaigns (default: first_campaign)")
    report.add_argument("--title", help="the title of the page")
    report.add_argument("--out", type=Path, default=Path("journeys-report.html"), help="default: %(default)s")
    report.set_defaults(command=write_report)
    check = commands.add_parser("check", help="show what is in files and what is wrong with them, without stitching")
    check.set_defaults(command=check_sources)

    questions = {
        "funnel": "how many people get how far",
        "flow": "which paths lead to a goal",
        "correlation": "which behaviours go with a goal",
        "attribution": "which campaigns get the credit for a goal",
    }
    asking = [commands.add_parser(name, help=text) for name, text in questions.items()]
    for question, name in zip(asking, questions, strict=True):
        if name == "funnel":
            question.add_argument("--steps", required=True, help="'Signed Up > Upgraded Plan'")
            question.add_argument("--within", help="the window, such as 14d")
            question.add_argument("--by", help="a column to break down by")
        else:
            question.add_argument("--goal", required=True, help="the event that counts as converting")
        if name == "attribution":
            question.add_argument("--model", help="such as last (the default), linear or markov")
        question.add_argument("--json", action="store_true", help="print the table as one JSON object per line")
        question.set_defaults(command=ask_question, question=name)

    for command in (report, check, *asking):
        _add_source_options(command)
    return parser


def _add_source_options(command: ArgumentParser) -> None:
    systems = ", ".join(SYSTEMS)
    command.add_argument(
        "files",
        nargs="+",
        help=f"PATH, detected from its columns, or SYSTEM=PATH ({systems}); or a table with the columns below",
    )
    command.add_argument("--timestamp", help="time column of tables")
    command.add_argument("--event", help="event column of tables")
    command.add_argument("--unit", choices=("s", "ms", "us", "ns"), help="unit of a numeric time column")
    command.add_argument("--time-zone", help="of times that name none, such as Europe/Berlin")
    command.add_argument("--ids", help="identifier columns of tables, most trusted first, separated by commas")
