"""The group of commands, and how a run of it ends: with 0, or with the reason on standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import journeys as jn
from journeys.cli.commands import COMMANDS
from journeys.cli.output import ReaderGoneError, RefusedError
from journeys.cli.questions import QUESTIONS, build_question
from journeys.cli.report import build_report
from journeys.errors import JourneysError, find_closest


class _Commands(click.Group):
    """Commands that are built when they are first asked for: those of questions import the analyses."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*COMMANDS, "report", *QUESTIONS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS or cmd_name not in self.list_commands(ctx):
            return COMMANDS.get(cmd_name)
        return build_report() if cmd_name == "report" else build_question(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            near = find_closest(args[0], self.list_commands(ctx))
            ctx.fail(f"No such command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else "."))
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Completion: eval "$(_JOURNEYS_COMPLETE=bash_source journeys)", or zsh_source, or fish_source.',
)
@click.version_option(jn.__version__, prog_name="journeys", message="%(prog)s %(version)s")
@click.pass_context
def _journeys(ctx: click.Context) -> int:
    """Journey analytics: one timeline per person.

    With your own files: journeys init FILES writes journeys.toml, journeys check tests it, and journeys run makes the
    report. To look around first: journeys demo.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
        return 2
    return 0


def _prepare_streams() -> None:
    """Let nothing fail for an output that is closed, or whose encoding lacks a character: its code is written."""
    if sys.stderr is None:  # as after 2>&-
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these words; return its exit code, or raise KeyboardInterrupt."""
    _prepare_streams()
    try:
        outcome: Any = _journeys.main(
            args=None if arguments is None else [*arguments], prog_name="journeys", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except JourneysError as error:
        RefusedError(str(error)).show()
        return 1
    except OSError as error:  # of the help, which no command writes
        RefusedError(f"output: {error.strerror or error}.").show()
        return 1
    except click.Abort:
        raise KeyboardInterrupt from None
    except ReaderGoneError:
        # what is left must not be written when Python exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return outcome if isinstance(outcome, int) else 0
