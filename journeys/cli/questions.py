"""The commands that ask a question: their options are the arguments of the library's function of the same name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import click

from journeys.api import Journeys
from journeys.cli.argument_kinds import find_kinds, read_descriptions
from journeys.cli.help_texts import find_help
from journeys.cli.output import Command, name_options, print_text, rename_arguments, say_table
from journeys.cli.sources import FILES, load_definitions, print_warnings, read_journeys, select_segment, source_options
from journeys.definition_file import Definitions
from journeys.errors import ArgumentError

QUESTIONS = {
    "funnel": "How many people get how far?",
    "flow": "Which paths lead to a goal?",
    "correlation": "Which behaviours go with a goal?",
    "attribution": "Which campaigns get the credit for a goal?",
    "retention": "Who comes back?",
    "exits": "Where do people go when they drop off?",
    "dropoff": "After which events do people stop?",
    "last-before": "Which page, campaign or article came last before a goal?",
    "trend": "How do counts develop?",
    "lifecycle": "Who is new, returning, resurrecting or dormant?",
    "stickiness": "On how many days of a week or month are people active?",
    "sessions": "How do visits go, by landing page, channel or campaign?",
    "transitions": "Which event directly follows which?",
    "messages": "Which messages are read, clicked and followed by a goal?",
    "value": "How much do people pay, by the time since they started?",
    "impact": "What do people do after they first use something?",
    "experiment": "Which variant converts better?",
    "overlap": "Who is in several segments of the definitions at once?",
    "timeline": "What did one person do?",
    "dictionary": "Which events are there, and do they still arrive?",
}
"""Names of methods of `Journeys`, with what they answer."""

_ALIASES = {"flow.end": "--goal"}
# where --event is the event column of tables
_OTHER_OPTIONS = {"event": "events"}
_FROM_SOURCES = ("time_zone",)


def build_question(name: str) -> Command:
    """Build the command of a question from the signature and the docstring of its function."""

    @source_options
    @click.option("--json", "as_json", is_flag=True, help="Print the table as one JSON object per line.")
    def run(**given: Any) -> None:
        """Ask the question of the journeys, and print its finding and its table."""
        definitions = load_definitions(given)
        arguments = parse_arguments(name, given, definitions)
        journeys = read_journeys(given, definitions)
        print_warnings(journeys)
        with name_options(find_options(name) | _name_places(given, arguments, definitions)):
            result = ask_question(name, journeys, arguments, definitions)
        if given["as_json"]:
            say_table(result.table)
            return
        from journeys.analyses.funnel import Funnel
        from journeys.display import render_text_table

        loss = result.largest_loss if isinstance(result, Funnel) else None
        finding = rename_arguments(result.finding, find_options(name))
        print_text(f"{' '.join(filter(None, [finding, loss]))}\n\n{render_text_table(result._displayed_table())}")

    command = click.command(name, cls=Command, help=f"{QUESTIONS[name]}\n\n{FILES}", short_help=QUESTIONS[name])(run)
    command.params = [*build_options(name), *_build_own_options(name), *command.params]
    return command


def ask_question(name: str, journeys: Journeys, arguments: dict[str, Any], definitions: Definitions) -> Any:
    """Ask the question; exits are asked of a funnel, an overlap of segments, a comparison of two funnels."""
    if name in ("funnel", "exits", "flow", "report") and "against" in arguments:
        arguments["against"] = select_segment(journeys._everyone(), definitions, arguments["against"], "against")
    if name == "overlap":
        from journeys.analyses.overlap import overlap

        chosen = arguments.get("segments") or definitions.segments
        if len(chosen) < 2:
            raise ArgumentError("segments: name two or more; they are defined under [segments] in a definition file.")
        return overlap({one: select_segment(journeys, definitions, one, "segments") for one in chosen})
    if name != "exits":
        result = getattr(journeys, name.replace("-", "_"))(**arguments)
        return result.comparison if name == "funnel" and "against" in arguments else result
    of_exits = {key: arguments.pop(key) for key in ("after", "hide") if key in arguments}
    return journeys.funnel(**arguments).exits(**of_exits)


def _function_of(name: str) -> Callable[..., Any]:
    return getattr(Journeys, {"exits": "funnel"}.get(name, name.replace("-", "_")))  # type: ignore[no-any-return]


def build_options(name: str) -> list[click.Parameter]:
    """Make an option of each argument of a function that can be written on a command line."""
    if name == "overlap":
        return []
    function = _function_of(name)
    described = read_descriptions(inspect.getdoc(function) or "")
    shown = find_options(name)
    options: list[click.Parameter] = []
    for argument, kind in _find_kinds(function).items():
        names = [shown[argument], _OTHER_OPTIONS.get(argument, argument)]
        if (alias := _ALIASES.get(f"{name}.{argument}")) is not None:
            names.insert(1, alias)
        if kind.type is bool:
            names[0] = f"{names[0]}/{names[0].replace('--', '--no-', 1)}"
        options.append(
            click.Option(
                names,
                type=kind.type,
                multiple=kind.is_repeated,
                nargs=kind.width,
                metavar=kind.metavar,
                default=None,
                help=find_help(
                    name.replace("-", "_"),
                    argument,
                    otherwise=kind.help or rename_arguments(described.get(argument) or "", shown),
                    function=function,
                    repeats=kind.is_repeated,
                ),
            )
        )
    return options


def _build_own_options(name: str) -> list[click.Parameter]:
    """Make the options that are no arguments of the function."""
    options: list[click.Parameter] = []
    if name in ("funnel", "exits"):
        options.append(click.Option(["--funnel"], help="The funnel of the definitions, instead of steps."))
    if name == "exits":
        options.append(click.Option(["--after"], help="The step after which people left; every step by default."))
        options.append(
            click.Option(
                ["--hide"], help='An event or a pattern that is passed over; "passive" is what the system did.'
            )
        )
    if name == "overlap":
        options.append(
            click.Option(
                ["--segments"],
                multiple=True,
                help="A segment of the definitions; all of them by default. May be repeated.",
            )
        )
    return options


def find_options(name: str) -> dict[str, str]:
    """Return what the command calls each argument of its function."""
    if name == "overlap":
        return {"segments": "--segments"}
    names = inspect.signature(_function_of(name)).parameters
    found = {
        one: f"--{_OTHER_OPTIONS.get(one, one).replace('_', '-')}" for one in names if one not in ("journeys", "j")
    }
    return found | ({"after": "--after", "hide": "--hide"} if name == "exits" else {})


def parse_arguments(name: str, given: dict[str, Any], definitions: Definitions) -> dict[str, Any]:
    """Turn the options that were given into the arguments of the function; names of steps become steps."""
    if name == "overlap":
        return {"segments": given["segments"]}
    function = _function_of(name)
    arguments: dict[str, Any] = {}
    with name_options(find_options(name)):
        for argument, kind in _find_kinds(function).items():
            value = given.get(_OTHER_OPTIONS.get(argument, argument))
            if value is not None and value != ():
                arguments[argument] = kind.read(argument, value, definitions)
    arguments |= _shared_arguments(function, given, definitions)
    arguments |= {key: given[key] for key in ("after", "hide") if name == "exits" and given[key]}
    if given.get("funnel") and "steps" in arguments:
        raise click.UsageError("Give '--steps' or '--funnel', not both.")
    if name in ("funnel", "exits") and "steps" not in arguments:
        chosen = _choose_funnel(given, definitions)
        if chosen is not None:
            with name_options({"name": "--funnel"}):
                arguments = dict(definitions._find_name(definitions.funnels, chosen, what="funnel")) | arguments
    missing = [one for one in _find_required(function) if one not in arguments]
    if missing:
        raise click.UsageError(f"Missing option '{find_options(name)[missing[0]]}'.")
    return arguments


def _name_places(given: dict[str, Any], arguments: dict[str, Any], definitions: Definitions) -> dict[str, str]:
    """Return where each argument stands that comes from a funnel of the definitions, rather than from an option."""
    chosen = _choose_funnel(given, definitions)
    if "steps" not in arguments or given.get("steps") or chosen is None:
        return {}
    from_file = [one for one in definitions.funnels[chosen] if given.get(one) in (None, ())]
    return {one: f"{definitions.name}, [funnels.{chosen}]: {one}" for one in from_file}


def _choose_funnel(given: dict[str, Any], definitions: Definitions) -> str | None:
    chosen: str | None = given.get("funnel") or definitions._report["funnel"]
    return chosen


def _shared_arguments(function: Callable[..., Any], given: dict[str, Any], definitions: Definitions) -> dict[str, Any]:
    """Return the arguments that come from the options of the sources."""
    parameters = inspect.signature(function).parameters
    found = {name: given[name] for name in _FROM_SOURCES if name in parameters and given.get(name) is not None}
    if "definitions" in parameters and definitions.content:
        found["definitions"] = definitions
    return found


def _find_required(function: Callable[..., Any]) -> list[str]:
    parameters = [*inspect.signature(function).parameters.values()][1:]
    return [one.name for one in parameters if one.default is one.empty]


def _find_kinds(function: Callable[..., Any]) -> dict[str, Any]:
    return find_kinds(function, without=(*_FROM_SOURCES, "definitions"))
