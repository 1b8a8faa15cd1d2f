"""What each command does."""

from __future__ import annotations

import sys
from argparse import Namespace
from textwrap import fill
from typing import TYPE_CHECKING, Any

from journeys.cli.sources import read_sources
from journeys.errors import ArgumentError, SourceError
from journeys.exports.files import check_path

if TYPE_CHECKING:
    from pathlib import Path

    from journeys.analyses.result import Result
    from journeys.report import Report


_DEMO_STEPS = ("Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan")


def write_demo(options: Namespace) -> None:
    """Write the campaign report on the sample data."""
    from journeys.samples import load_journeys

    check_path(options.out, argument="--out")
    report = load_journeys().report(
        steps=_DEMO_STEPS,
        within="30d",
        title="Tidy Boards: from first visit to upgrade",
    )
    _write(report, options.out)


def write_report(options: Namespace) -> None:
    """Write the campaign report on the analyst's own files."""
    import journeys as jn

    check_path(options.out, argument="--out")
    steps = _split_steps(options.steps)
    journeys = jn.stitch(*read_sources(options))
    by = {"by": options.by} if options.by else {}
    report = journeys.report(steps=steps, within=options.within, title=options.title, **by)
    _write(report, options.out)


def check_sources(options: Namespace) -> None:
    """Print what is in files and what is wrong with them; fail where a source loses more than a fifth of its rows."""
    import journeys as jn

    checked = jn.check(*read_sources(options))
    print(checked)
    if not checked.passed:
        sys.stdout.flush()
        raise SourceError(" ".join(checked.failures))


def ask_question(options: Namespace) -> None:
    """Print the answer to one question: its finding and table, or the table as JSON."""
    import journeys as jn
    from journeys.display import text_table

    steps = _split_steps(options.steps) if options.question == "funnel" else []
    journeys = jn.stitch(*read_sources(options))
    result: Result[Any]
    match options.question:
        case "funnel":
            result = journeys.funnel(steps, within=options.within, by=options.by)
        case "flow":
            result = journeys.flow(end=options.goal)
        case "correlation":
            result = journeys.correlation(options.goal)
        case _:
            result = journeys.attribution(options.goal, model=options.model or "last")
    if options.json:
        result.table.write_ndjson(sys.stdout)
    else:
        print(f"{result.finding}\n\n{text_table(result._displayed_table())}")


def _split_steps(text: str) -> list[str]:
    steps = [step.strip() for step in text.split(">") if step.strip()]
    if len(steps) < 2:
        raise ArgumentError(f"--steps: expected at least two events joined by '>', got {text!r}.")
    return steps


def _write(report: Report, out: Path) -> None:
    file = report.write(out)
    print(f"{report.title}\n{report.period}\n")
    for number, finding in enumerate(report.findings[:3], start=1):
        print(fill(finding.sentence, 100, initial_indent=f"{number}. ", subsequent_indent="   "))
    print(f"\nThe report is in {file.resolve()}")
