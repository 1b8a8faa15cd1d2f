"""The `journeys` command: a demonstration, a report about one's own files, and a check of them."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from journeys.errors import ArgumentError, JourneysError, SourceError, unknown

if TYPE_CHECKING:
    from journeys.events import Events
    from journeys.report import Report

__all__ = ["main"]

_DEMO_STEPS = ("Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan")
_SYSTEMS = ("segment", "rudderstack", "customerio", "hubspot", "ga4", "mixpanel", "amplitude", "posthog", "snowplow")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 with the reason on standard error when something is refused.

    Parameters
    ----------
    arguments
        The words after `journeys`; those of the command line when not given.

    Examples
    --------
    >>> main(["report", "nowhere.csv", "--steps", "Visit > Sign up"])
    1
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    if not hasattr(asked, "run"):
        parser.print_help()
        return 2
    try:
        asked.run(asked)
        sys.stdout.flush()
    except JourneysError as error:
        print(f"journeys: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read (`journeys check … | head`) has seen enough; what is left must not be written when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="journeys", description="Journey analytics: one timeline a person.")
    commands = parser.add_subparsers(title="commands")
    demo = commands.add_parser("demo", help="read the sample data, stitch it, write the campaign report")
    demo.add_argument("--out", type=Path, default=Path("journeys-demo.html"), help="the file (default: %(default)s)")
    demo.set_defaults(run=_demo)
    report = commands.add_parser("report", help="write the campaign report about your own files")
    report.add_argument("--steps", required=True, help="'Signed Up > Upgraded Plan'; the last is the goal")
    report.add_argument("--within", help="the funnel's window, such as 14d")
    report.add_argument("--title", help="of the page")
    report.add_argument("--out", type=Path, default=Path("journeys-report.html"), help="default: %(default)s")
    report.set_defaults(run=_report)
    check = commands.add_parser("check", help="say what is in files and what is wrong with them, without stitching")
    check.set_defaults(run=_check)
    for command in (report, check):
        command.add_argument(
            "files",
            nargs="+",
            help=f"PATH, told by its columns, or SYSTEM=PATH ({', '.join(_SYSTEMS)}); a table with the columns below",
        )
        command.add_argument("--timestamp", help="time column of tables")
        command.add_argument("--event", help="event column of tables")
        command.add_argument("--unit", choices=("s", "ms", "us", "ns"), help="what numbers in the time column count")
        command.add_argument("--time-zone", help="of times that name none, such as Europe/Berlin")
        command.add_argument("--ids", help="identifier columns of tables, most trusted first, by commas")
    return parser


def _demo(asked: Namespace) -> None:
    from journeys.report import campaign_report
    from journeys.samples import load_journeys

    _can_write(asked.out)
    report = campaign_report(
        load_journeys(),
        goal=_DEMO_STEPS[-1],
        steps=_DEMO_STEPS,
        within="30d",
        title="Tidy Boards: from first visit to upgrade",
    )
    _tell(report, asked.out)


def _report(asked: Namespace) -> None:
    import journeys as jn
    from journeys.report import campaign_report

    _can_write(asked.out)
    steps = [step.strip() for step in asked.steps.split(">") if step.strip()]
    if len(steps) < 2:
        raise ArgumentError(f"--steps: expected at least two events joined by '>', got {asked.steps!r}.")
    journeys = jn.stitch(*_read(asked))
    _tell(
        campaign_report(journeys, goal=steps[-1], steps=steps, within=asked.within, title=asked.title),
        asked.out,
    )


def _check(asked: Namespace) -> None:
    import journeys as jn

    print(jn.check(*_read(asked)))


def _read(asked: Namespace) -> list[Events]:
    """Read each file: with the reader that is named, as a table if its columns are, else as its columns tell."""
    import journeys as jn
    from journeys.sources.check import read_any

    options = {name: told for name in ("unit", "time_zone") if (told := getattr(asked, name)) is not None}
    is_table = any((asked.timestamp, asked.event, asked.ids))
    found = []
    for given in asked.files:
        system, equals, path = given.partition("=")
        if equals and system in _SYSTEMS:
            reader = getattr(jn, f"read_{system}")
            taken = signature(reader).parameters
            found.append(reader(path, **{name: told for name, told in options.items() if name in taken}))
        elif equals and "://" not in system and not Path(given).exists():
            raise SourceError(f"{unknown('files', system, available=_SYSTEMS, what='system')} (in {given!r})")
        elif is_table:
            ids = [name.strip() for name in (asked.ids or "user_id").split(",") if name.strip()]
            timestamp, event = asked.timestamp or "timestamp", asked.event or "event"
            found.append(jn.read_table(given, timestamp=timestamp, event=event, ids=ids, **options))
        else:
            found.append(read_any(given, **options))
    return found


def _can_write(out: Path) -> None:
    """Refuse at once what would fail after the work."""
    if out.is_dir() or not out.parent.is_dir():
        raise ArgumentError(f"--out: {str(out)!r} must be a file in a folder that exists.")


def _tell(report: Report, out: Path) -> None:
    file = report.write(out)
    print(f"{report.title}\n{report.period}\n")
    for number, finding in enumerate(report.findings[:3], start=1):
        print(fill(finding.sentence, 100, initial_indent=f"{number}. ", subsequent_indent="   "))
    print(f"\nThe report is in {file.resolve()}")


if __name__ == "__main__":
    sys.exit(main())
