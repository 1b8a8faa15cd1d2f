"""The commands that are no questions: demo, init, check, stitch, run and lab."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import click

import journeys as jn
from journeys.cli.output import Command, RefusedError, name_options, print_text, rename_arguments, say_table
from journeys.cli.report import check_report_path, save_report, write_report
from journeys.cli.sources import (
    DEFAULT_FILE,
    load_definitions,
    print_warnings,
    read_events,
    read_journeys,
    source_options,
)
from journeys.errors import ArgumentError, JourneysError, SourceError
from journeys.exports.files import check_path, check_writable, replace_file
from journeys.log.stored_files import lock_file

_DEMO_STEPS = ("Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan")
_PATH = click.Path(path_type=Path)


@click.command("demo", cls=Command, short_help="Write the report of the sample data.")
@click.option(
    "--out", type=_PATH, default="journeys-demo.html", show_default=True, help="The report: .html, .pdf or .xlsx."
)
def _demo(out: Path) -> None:
    """Read and stitch the sample data, and write its campaign report."""
    check_report_path(out)
    title = "Tidy Boards: from first visit to upgrade"
    write_report(jn.samples.load_journeys().report(steps=_DEMO_STEPS, within="30d", title=title), out)


@click.command("init", cls=Command, short_help="Write a first journeys.toml about your files.")
@click.argument("files", nargs=-1, required=True)
@click.option("--out", type=_PATH, default=DEFAULT_FILE, show_default=True, help="The definition file.")
def _init(files: tuple[str, ...], out: Path) -> None:
    """Look at FILES, and write a first file of definitions, with comments on what to check."""
    from journeys.definition_file import draft_definitions

    file = check_path(out, endings=[".toml"], argument="--out")
    if file.exists():
        raise ArgumentError(f"--out: {str(out)!r} exists already; name another file, or move it away.")
    draft = draft_definitions(files, file=file)
    with replace_file(file) as place:
        place.write_text(draft.text, encoding="utf-8")
    for line in draft.remarks:
        print_text(line)
    funnel = "" if draft.has_funnel else ', and write the funnel of the report, [funnels.main] steps = ["…", "…"]'
    print_text(f"\nThe definitions are in {file}. Read them{funnel}, then: journeys run {file}")


@click.command("check", cls=Command, short_help="Check files, and whether definitions still fit.")
@source_options
@click.option("--json", "as_json", is_flag=True, help="Print the table as one JSON object per line.")
def _check(*, as_json: bool, **given: Any) -> None:
    """Show what is in FILES and what is wrong with them.

    Fails, with exit code 1, if more than a fifth of the rows of a source are in quarantine, or if the data no longer
    fits the definitions: events that never occur, have stopped or are not declared, and columns that are missing. A
    source that ends a week or more before the others is only a warning.
    """
    definitions = load_definitions(given)
    events = read_events(given, definitions)
    checked = jn.check(*events)
    if as_json:
        say_table(checked.table)
    else:
        print_text(rename_arguments(repr(checked), {}))
    failures = [*checked.failures]
    if definitions.content:
        drift = definitions.check(definitions.journeys(*events))
        if drift.passed and not as_json:
            print_text("\nThe definitions fit the data.")
        for warning in drift.warnings:
            print_text(f"Warning: {warning}", is_error=True)
        failures += [f"{definitions.name}, {one}" for one in drift.failures]
    if failures:
        raise SourceError("\n".join(failures))


@click.command("stitch", cls=Command, short_help="Link identifiers: one timeline per person.")
@source_options
@click.option("--out", type=_PATH, help="A folder to save the journeys in; the other commands read it, and jn.open.")
@click.option("--shards", type=int, default=1, show_default=True, help="The number of files in it.")
def _stitch(*, out: Path | None, shards: int, **given: Any) -> None:
    """Link anonymous and known identifiers of FILES: one timeline per person."""
    if out is not None:
        check_writable(out.expanduser().resolve(), path=out, argument="--out")
    journeys = read_journeys(given, load_definitions(given))
    print_text(rename_arguments(f"{journeys}\n{journeys.identity.finding}", {}))
    if out is not None:
        journeys.save(out, shards=shards)
        print_text(f"\nThe journeys are in {out.resolve()}")


@click.command("run", cls=Command, short_help="Make the report that journeys.toml describes.")
@click.argument("file", type=_PATH, default=DEFAULT_FILE)
@click.option("--out", type=_PATH, default="report.html", show_default=True, help="The report: .html, .pdf or .xlsx.")
@click.option("--log", type=_PATH, help="A file to which one line is added about how it went.")
def _run(file: Path, out: Path, log: Path | None) -> None:
    """Make the report that FILE describes; a scheduler such as cron can do so every week.

    Only one run at a time writes a report. It replaces the last one when it is complete; if anything fails, the last
    one stays.
    """
    started = perf_counter()
    check_report_path(out)
    if log is not None:
        _add_line(check_path(log, argument="--log", is_replaced=False), "")
    lock = out.with_name(f".{out.name}.lock")
    refusal = f"--out: {str(out)!r} is being written by {{holder}}; wait until it is done."
    try:
        with lock_file(lock, refusal=refusal):
            with name_options({"path": "FILE"}):
                definitions = jn.definitions(file)
            journeys = definitions.journeys()
            print_warnings(journeys)
            report = definitions.report(journeys)
            save_report(report, out)
    except (JourneysError, RefusedError, OSError, KeyboardInterrupt) as error:
        _add_line(log, f"failed: {' '.join(str(error).split()) or 'interrupted'}")
        if isinstance(error, OSError) and error.filename == lock:
            raise RefusedError(f"--out: {str(out)!r} could not be written: {error.strerror}.") from error
        raise
    seconds = perf_counter() - started
    line = f"{out}: {len(report.sections)} sections, {report.period}, {definitions.name} {definitions.hash}"
    print_text(_add_line(log, f"{line}, {seconds:.1f} s"))


def _add_line(log: Path | None, text: str) -> str:
    """Add a line to the log, and return it; an empty text only tries whether one could be added."""
    line = f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ} journeys run {text}"
    if log is not None:
        try:
            with log.open("a", encoding="utf-8") as file:
                file.write(line + "\n" if text else "")
        except OSError as error:
            raise RefusedError(f"--log: {str(log)!r} could not be written: {error.strerror}.") from error
    return line


@click.command("lab", cls=Command, short_help="Copy the notebooks, and open them in JupyterLab.")
@click.argument("folder", type=_PATH, default="journeys-notebooks")
@click.option("--open/--no-open", "is_opened", default=True, help="Whether to start JupyterLab.")
def _lab(folder: Path, *, is_opened: bool) -> None:
    """Copy the notebooks to FOLDER, and open them in JupyterLab; those that are there already stay as they are."""
    import shutil
    import subprocess
    import sys

    if is_opened and find_spec("jupyterlab") is None:
        raise RefusedError("JupyterLab is not installed: python -m pip install 'journeys[notebook]'.")
    if folder.is_file():
        raise ArgumentError(f"FOLDER: {str(folder)!r} is a file; name a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    new = [one for one in jn.samples.notebook_paths() if not (folder / one.name).exists()]
    for one in new:
        with name_options({"path": "FOLDER"}), replace_file(folder / one.name) as place:
            shutil.copyfile(one, place)
    print_text(f"{len(new)} notebooks copied to {folder.resolve()}")
    if is_opened:
        code = subprocess.run([sys.executable, "-m", "jupyterlab", str(folder)], check=False).returncode  # noqa: S603
        if code:
            raise RefusedError(f"JupyterLab ended with code {code}.")


COMMANDS = {str(one.name): one for one in (_demo, _init, _check, _stitch, _run, _lab)}
