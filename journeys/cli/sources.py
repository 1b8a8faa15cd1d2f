"""What a command reads: files, sources with their own columns, or those of a definition file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from journeys.cli.output import RefusedError, name_options, print_text, rename_arguments
from journeys.definition_file import SYSTEMS, Definitions, Source, definitions, find_source_problems, read_sources
from journeys.errors import ArgumentError, SourceError, unknown_message
from journeys.events.times import UNITS
from journeys.log.manifest import MANIFEST

if TYPE_CHECKING:
    from journeys.api import Journeys
    from journeys.events import Events

DEFAULT_FILE = "journeys.toml"
FILES = (
    "FILES are exports, whose system is detected from their columns or given as SYSTEM=PATH; tables, whose columns are "
    "named by --timestamp, --event and --ids; or one folder that journeys stitch --out has written. Without FILES, "
    f"{DEFAULT_FILE} says what to read. Systems: {', '.join(SYSTEMS)}."
)
_TABLE_COLUMNS = ("timestamp", "event", "ids", "day_first")

_OPTIONS: Sequence[Callable[[Any], Any]] = (
    click.argument("files", nargs=-1),
    click.option(
        "--source", "sources", multiple=True, metavar="NAME=SYSTEM:PATH[,OPTION=VALUE…]",
        help="A source and the options of its reader, such as web=segment:exports/segment or "
        "shop=table:orders.csv,timestamp=at,event=what,ids=email+user_id:customer (TYPE:COLUMN). Of a table "
        "with a date per event: 'crm=table:deals.csv,timestamp=Lead:Lead Date+Won:Close Date,ids=email'. Columns whose "
        f"names have commas, colons or plus signs need {DEFAULT_FILE}. May be repeated.",
    ),
    click.option(
        "--definitions", type=click.Path(path_type=Path), help=f"The definition file; without FILES, {DEFAULT_FILE}."
    ),
    click.option("--segment", help="Only the people of this segment of the definitions."),
    click.option(
        "--timestamp", help="The time column of tables; with a date per event, 'Lead:Lead Date+Won:Close Date'."
    ),
    click.option("--event", help="The event column of tables."),
    click.option(
        "--ids", help="The identifier columns of tables, most trusted first: email,user_id:customer (TYPE:COLUMN)."
    ),
    click.option(
        "--unit", type=click.Choice(UNITS), help="What numbers in the time column count, such as s: seconds since 1970."
    ),
    click.option(
        "--day-first/--month-first", default=None,
        help="Whether 3/4/2026 in tables is 3 April or 4 March; where it may be either, a row is in quarantine.",
    ),
    click.option("--time-zone", help="The zone of times that name none, and of days and weeks, such as Europe/Berlin."),
)  # fmt: skip


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is read: FILES are paths, detected from their columns, or SYSTEM=PATH."""
    return reduce(lambda wrapped, option: option(wrapped), reversed(_OPTIONS), command)


def load_definitions(given: dict[str, Any]) -> Definitions:
    """Load the definitions that are named, else those of the current folder if no files are named, else none."""
    path = given.get("definitions")
    if path is None and (given.get("files") or given.get("sources") or not Path(DEFAULT_FILE).exists()):
        return Definitions({})
    with name_options({"path": "--definitions"}):
        return definitions(path or DEFAULT_FILE)


def read_events(given: dict[str, Any], found: Definitions) -> list[Events]:
    """Read the files and sources that are named; where none is, those of the definitions."""
    named = [_parse_file(text, given) for text in given["files"]] + [_parse_source(text) for text in given["sources"]]
    if not named and not found.sources:
        raise SourceError(
            f"FILES: nothing to read; name files, or describe them in {DEFAULT_FILE} (journeys init FILES writes one)."
        )
    if not any(source.system in (None, "table") for source in named[: len(given["files"])]):
        _refuse_columns(given, reason="it describes tables among FILES, and there are none")
    stores = [text for text in given["files"] if _is_store(text)]
    if stores:
        raise SourceError(f"FILES: {stores[0]!r} is a store of stitched journeys; a question reads one by itself.")
    return [*read_sources(named)] if named else [*read_sources(found.sources, folder=found.folder)]


def read_journeys(given: dict[str, Any], found: Definitions) -> Journeys:
    """Read and stitch what is named, or open the store that it is."""
    if len(given["files"]) == 1 and not given["sources"] and _is_store(given["files"][0]):
        from journeys.api import open_journeys

        _refuse_columns(given, reason=f"{given['files'][0]!r} is a store, whose columns are known")
        with name_options({"path": "FILES"}):
            journeys = found._mark_settings(open_journeys(given["files"][0]))
    else:
        journeys = found.journeys(*read_events(given, found))
    return select_segment(journeys, found, given["segment"], "segment") if given["segment"] else journeys


def print_warnings(journeys: Journeys) -> None:
    """Print what may be wrong with who is who or with the rows, which answers alone would not show."""
    for warning in journeys._warnings():
        print_text(f"Warning: {rename_arguments(warning, {})}", is_error=True)


def select_segment(journeys: Journeys, found: Definitions, name: str, argument: str) -> Journeys:
    """Select the people of a segment that an option names."""
    with name_options({"name": f"--{argument}"}):
        return found.segment(journeys, name)


def _refuse_columns(given: dict[str, Any], *, reason: str) -> None:
    """Refuse options that would change nothing."""
    wrong = [name for name in _TABLE_COLUMNS if given[name] is not None]
    if wrong:
        raise ArgumentError(f"{wrong[0]}: {given[wrong[0]]!r} has no effect; {reason}.")


def _is_store(text: str) -> bool:
    return (Path(text) / MANIFEST).is_file()


def _parse_file(text: str, given: dict[str, Any]) -> Source:
    """Read a file as its system, as a table where columns are named, else as its columns indicate."""
    shared = {name: given[name] for name in ("unit", "time_zone") if given[name] is not None}
    system, equals, path = text.partition("=")
    if equals and system in SYSTEMS and system != "table":
        return Source(None, system, (path,), shared)
    if equals and "://" not in system and not Path(text).exists() and system != "table":
        raise SourceError(unknown_message(f"FILES: {text!r}", system, available=SYSTEMS, what="system"))
    if any(given[name] is not None for name in _TABLE_COLUMNS):
        times = _parse_value("timestamp", given["timestamp"] or "timestamp")
        columns = {"timestamp": times, "ids": _parse_columns(given["ids"] or "user_id", separator=",")}
        if given["event"] or isinstance(times, str):
            columns["event"] = given["event"] or "event"
        if given["day_first"] is not None:
            columns["day_first"] = given["day_first"]
        return Source(None, "table", (path if equals and system == "table" else text,), columns | shared)
    return Source(None, None, (text,), shared)


def _parse_source(text: str) -> Source:
    """Parse a source such as `crm=table:deals.csv,timestamp=at,event=stage,ids=email+user_id:customer`."""
    name, equals, rest = text.partition("=")
    # Without a name, the first "=" is that of an option.
    if not equals or not name.strip() or ":" in name or "," in name:
        example = "web=table:log.csv,timestamp=at,event=stage,ids=user_id"
        raise RefusedError(f"--source: expected NAME=SYSTEM:PATH, got {text!r}. Write e.g. {example}.")
    system, colon, after = rest.partition(":")
    path, *written = re.split(r",(?=[a-z_]+=)", after if colon else rest)
    options = dict(one.split("=", 1) for one in written)
    values = {key: _parse_value(key, value) for key, value in options.items()}
    source = Source(name.strip(), system if colon else None, (path,), values, place=f"--source {name.strip()}")
    problems = find_source_problems(source, place=source.place)
    if problems:
        raise SourceError(" ".join(problems))
    return source


def _parse_value(key: str, value: str) -> Any:
    """Parse the value of an option: a text, yes or no, or columns joined by "+", such as user_id:customer+email."""
    if value in ("true", "false"):
        return value == "true"
    if key in ("properties", "decimal_comma"):
        return [one.strip() for one in value.split("+")]
    if key in ("ids", "links", "columns") or (key == "timestamp" and ":" in value):
        return _parse_columns(value, separator="+")
    return value


def _parse_columns(text: str, *, separator: str) -> list[str] | dict[str, str]:
    """Parse names of columns; where any is called otherwise, as NAME:COLUMN, all of them by name.

    "email+phone" is ["email", "phone"]; "email+user_id:customer" is {"email": "email", "user_id": "customer"}.
    """
    listed = [one.strip() for one in text.split(separator) if one.strip()]
    if not any(":" in one for one in listed):
        return listed
    pairs = [one.partition(":") if ":" in one else (one, ":", one) for one in listed]
    return {name.strip(): column.strip() for name, _, column in pairs}
