"""What the command prints: sentences and tables without control characters, and refusals that name its options."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any

import click
import polars as pl

from journeys.errors import JourneysError

# What the library calls by another name than the command.
_OTHER_NAMES = {"path": "--out", "pdf": "--out", "source": "FILES", "sources": "FILES"}
_OTHER_WORDS = {
    ", or pass a timedelta": "",
    "('sum', column)": "sum:COLUMN",
    "{'delivered': ..., 'clicked': ...}": "delivered=EVENT and --stages clicked=EVENT",
    "save the sheet as CSV, or read it with pl.read_excel and pass the DataFrame.": "save its sheet as CSV first.",
    "day_first=True or day_first=False": "--day-first or --month-first",
    "--day-first or --day-first False": "--day-first or --month-first",
    "; see issues.quarantine": "",
    ": see quarantine.": "; journeys check says why.",
    ": see identity.giants.": ".",
    "rules=jn.IdentityRules(exclusive=...)": "[identity], exclusive, of journeys.toml",
    "read it with read_table and check the Events.": "name its columns by --timestamp, --event and --ids.",
    "Or write the page with .write(...)": "Or name a file that ends in .html",
}


class ReaderGoneError(Exception):
    """The reader of the output (`journeys check … | head`) has seen enough."""


class RefusedError(click.ClickException):
    """Something was refused, for a reason that the message gives."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the reason."""
        several = f"{self.message.count(chr(10)) + 1} problems:\n" if self.message.startswith("- ") else ""
        print(f"journeys: {several}{escape_controls(self.message)}", file=file or sys.stderr)


class Command(click.Command):
    """A command whose errors name its options, not the arguments of Python."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        named = {str(one.name): one.opts[0] if one.opts[0].startswith("-") else "FILES" for one in self.params}
        try:
            with name_options(_OTHER_NAMES | named):
                return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            raise RefusedError(f"{error.filename or 'output'}: {error.strerror or error}.") from error


@contextmanager
def name_options(options: Mapping[str, str]) -> Iterator[None]:
    """Let errors of the library call its arguments by the options of the command."""
    try:
        yield
    except JourneysError as error:
        raise RefusedError(rename_arguments(str(error), options)) from error


def rename_arguments(text: str, options: Mapping[str, str]) -> str:
    """Call the arguments that a text of the library names by the options of the command.

    Examples
    --------
    >>> rename_arguments("end: 'x' is not valid; give start= or top=None.", {"end": "--end", "start": "--start"})
    "--end: 'x' is not valid; give --start or top=None."
    >>> rename_arguments("- gap: it needs count='sessions'. count['a']: no.", {"gap": "--gap", "count": "--count"})
    "- --gap: it needs --count 'sessions'. --count 'a': no."
    """
    text = re.sub(
        r"(^|^- |[.?] )([a-z]\w*)(?:\[('[^']*')\])?(?=: )",
        lambda one: f"{one[1]}{options[one[2]]}{' ' * bool(one[3])}{one[3] or ''}" if one[2] in options else one[0],
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(
        r"(?<![\w.])([a-z]\w*)=(\[…\]|…|\.{3}|True\b)?(?!=)(?=(\S?))",
        lambda one: one[0] if one[1] not in options else options[one[1]] + _space_before(one[3]),
        text,
    )
    text = re.sub(r"(--ids) \{'(\w+)': '([^']*)', …\}", r"\1 \2:\3", text)
    for words, others in _OTHER_WORDS.items():
        text = text.replace(words, others)
    return text


def _space_before(following: str) -> str:
    return " " if following and following not in ".,;:)" else ""


def escape_controls(text: str, *, as_json: bool = False) -> str:
    r"""Replace what is not printable, such as escape sequences in the name of an event, by its code.

    Examples
    --------
    >>> escape_controls("\x1b[31mBuy\u202e")
    '\\u001b[31mBuy\\u202e'
    """
    if text.isprintable():
        return text
    kept = "\n" if as_json else "\n\t"
    return "".join(c if c.isprintable() or c in kept else json.dumps(c)[1:-1] for c in text)


def print_text(text: str, *, is_error: bool = False) -> None:
    """Print a text; errors and warnings go to standard error."""
    try:
        print(escape_controls(text), file=sys.stderr if is_error else sys.stdout, flush=True)
    except BrokenPipeError:
        raise ReaderGoneError from None


def say_table(table: pl.DataFrame) -> None:
    """Print a table as one JSON object per line."""
    written = BytesIO()
    table.write_ndjson(written)
    for line in written.getvalue().decode().splitlines():
        print_text(escape_controls(line, as_json=True))
