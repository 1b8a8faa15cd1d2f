"""What the command prints: sentences and tables without control characters, and refusals that name its options."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

import click
import polars as pl

from journeys.errors import JourneysError

# What the library calls by another name than the command.
_OTHER_NAMES = {"path": "--out", "source": "FILES", "sources": "FILES"}


class ReaderGoneError(Exception):
    """The reader of the output (`journeys check … | head`) has seen enough."""


class RefusedError(click.ClickException):
    """Something was refused, for a reason that the message gives."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the reason."""
        print(f"journeys: {escape_controls(self.message)}", file=file or sys.stderr)


class Command(click.Command):
    """A command whose errors name its options, not the arguments of Python."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except JourneysError as error:
            named = {name: _OTHER_NAMES[name] for name in _OTHER_NAMES}
            named |= {str(one.name): one.opts[0] if one.opts[0].startswith("-") else "FILES" for one in self.params}
            raise RefusedError(_name_options(str(error), named)) from error
        except BrokenPipeError:
            raise ReaderGoneError from None
        except OSError as error:
            raise RefusedError(f"{error.filename or 'output'}: {error.strerror or error}.") from error


def _name_options(text: str, options: Mapping[str, str]) -> str:
    """Call the arguments that an error names by the options of the command.

    Examples
    --------
    >>> _name_options("within: '3 days' is not valid.", {"within": "--within"})
    "--within: '3 days' is not valid."
    """
    named = re.sub(r"^(- )?(\w+)(?=: )", lambda one: (one[1] or "") + options.get(one[2], one[2]), text, flags=re.M)
    return named.replace(", or pass a timedelta", "")


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


def print_text(text: str) -> None:
    """Print a text."""
    try:
        print(escape_controls(text), flush=True)
    except BrokenPipeError:
        raise ReaderGoneError from None


def say_table(table: pl.DataFrame) -> None:
    """Print a table as one JSON object per line."""
    written = BytesIO()
    table.write_ndjson(written)
    for line in written.getvalue().decode().splitlines():
        print_text(escape_controls(line, as_json=True))
