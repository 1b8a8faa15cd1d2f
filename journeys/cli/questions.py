"""The commands that ask a question: their options are the arguments of the library's function of the same name."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from journeys.api import Journeys
from journeys.cli.output import Command, print_text, say_table
from journeys.cli.sources import FILES, load_definitions, read_journeys, source_options
from journeys.definition_file import Definitions
from journeys.errors import ArgumentError
from journeys.steps import Step

QUESTIONS = {
    "funnel": "How many people get how far?",
    "flow": "Which paths lead to a goal?",
    "correlation": "Which behaviours go with a goal?",
    "attribution": "Which campaigns get the credit for a goal?",
    "retention": "Who comes back?",
    "exits": "Where do people go when they drop off?",
    "dropoff": "After which events do people stop?",
    "trend": "How do counts develop?",
    "sessions": "How do visits go, by landing page, channel or campaign?",
    "dictionary": "Which events are there, and do they still arrive?",
}
"""Names of methods of `Journeys`, with what they answer."""

_STEPS = "Events or steps of the definitions, as 'Signed Up > Upgraded Plan', or a pattern, 'Visit -> [Trial | Demo]'."
_ALIASES = {"flow.end": "--goal"}
_FROM_SOURCES = ("time_zone",)


def build_question(name: str) -> Command:
    """Build the command of a question from the signature and the docstring of its function."""

    @source_options
    @click.option("--json", "as_json", is_flag=True, help="Print the table as one JSON object per line.")
    def run(**given: Any) -> None:
        definitions = load_definitions(given)
        arguments = parse_arguments(name, given, definitions)
        result = ask_question(name, read_journeys(given, definitions), arguments)
        if given["as_json"]:
            say_table(result.table)
            return
        from journeys.analyses.funnel import Funnel
        from journeys.display import text_table

        loss = result.largest_loss if isinstance(result, Funnel) else None
        print_text(f"{' '.join(filter(None, [result.finding, loss]))}\n\n{text_table(result._displayed_table())}")

    options = build_options(name)
    if name in ("funnel", "exits"):
        options.append(click.Option(["--funnel"], help="The funnel of the definitions, instead of steps."))
    if name == "exits":
        options.append(click.Option(["--after"], help="The step after which people left; every step by default."))
        options.append(click.Option(["--hide"], help="An event or a pattern that is passed over, or passive."))
    command = click.command(name, cls=Command, help=f"{QUESTIONS[name]}\n\n{FILES}", short_help=QUESTIONS[name])(run)
    command.params = [*options, *command.params]
    return command


def ask_question(name: str, journeys: Journeys, arguments: dict[str, Any]) -> Any:
    """Ask the question; exits are asked of a funnel."""
    if name != "exits":
        return getattr(journeys, name)(**arguments)
    of_exits = {key: arguments.pop(key) for key in ("after", "hide") if key in arguments}
    return journeys.funnel(**arguments).exits(**of_exits)


def _function_of(name: str) -> Callable[..., Any]:
    return getattr(Journeys, "funnel" if name == "exits" else name)  # type: ignore[no-any-return]


def build_options(name: str) -> list[click.Parameter]:
    """Make an option of each argument of a function that can be written on a command line."""
    function = _function_of(name)
    described = _read_descriptions(inspect.getdoc(function) or "")
    options: list[click.Parameter] = []
    for argument, kind in _find_kinds(function).items():
        names = [f"--{argument.replace('_', '-')}", argument]
        if (alias := _ALIASES.get(f"{name}.{argument}")) is not None:
            names.insert(1, alias)
        if kind is bool:
            names[0] = f"{names[0]}/--no-{argument.replace('_', '-')}"
        options.append(
            click.Option(
                names,
                type=kind if isinstance(kind, click.ParamType) or kind in (int, float, bool) else str,
                multiple=kind is Sequence,
                default=None,
                help=_STEPS if kind == "pattern" else described.get(argument),
            )
        )
    return options


def parse_arguments(name: str, given: dict[str, Any], definitions: Definitions) -> dict[str, Any]:
    """Turn the options that were given into the arguments of the function; names of steps become steps."""
    function = _function_of(name)
    arguments: dict[str, Any] = {}
    for argument, kind in _find_kinds(function).items():
        value = given.get(argument)
        if value is None or value == ():
            continue
        if kind == "pattern":
            value = parse_steps(value, definitions)
        elif kind is Step:
            value = definitions.step(value)
        elif kind is Sequence:
            value = value[0] if len(value) == 1 and argument != "exclude" else [*value]
        arguments[argument] = value
    arguments |= _shared_arguments(function, given, definitions)
    arguments |= {key: given[key] for key in ("after", "hide") if name == "exits" and given[key]}
    if name in ("funnel", "exits") and "steps" not in arguments:
        chosen = given.get("funnel") or definitions._report["funnel"]
        if chosen is not None:
            arguments = dict(definitions._find_name(definitions.funnels, chosen, what="funnel")) | arguments
    missing = [one for one in _find_required(function) if one not in arguments]
    if missing:
        raise click.UsageError(f"Missing option '--{missing[0].replace('_', '-')}'.")
    return arguments


def parse_steps(text: str, definitions: Definitions) -> Any:
    """Split "A > B" into steps; a pattern such as "A -> [B | C]" is left to the library."""
    if "->" in text:
        return text
    steps = [definitions.step(step.strip()) for step in text.split(">") if step.strip()]
    if len(steps) < 2:
        raise ArgumentError(f"--steps: expected at least two events joined by '>', got {text!r}.")
    return steps


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
    """Find what each argument is on a command line; those that only Python can write are left out."""
    hints = _read_hints(function)
    names = [*inspect.signature(function).parameters][1:]
    kinds = {name: _kind_of(hints[name]) for name in names if name not in (*_FROM_SOURCES, "definitions")}
    if "steps" in kinds and kinds["steps"] is not int:
        kinds["steps"] = "pattern"
    return {name: kind for name, kind in kinds.items() if kind is not None}


class _Anything(type):
    """A type whose attributes are itself: it stands for names that are only imported for type checkers."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class _Unknown(metaclass=_Anything):
    pass


def _read_hints(function: Callable[..., Any]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    while True:
        try:
            return get_type_hints(function, localns=names)
        except NameError as error:
            if error.name in names:
                raise
            names[str(error.name)] = _Unknown


def _kind_of(hint: Any) -> Any:
    """Choose how values of a type are written: int, float, bool, str, a choice, a step, several texts, or None.

    str | timedelta | None           str
    Literal["loose", "strict"]       click.Choice
    str | Sequence[str] | Step       Step: an event or a step of the definitions
    str | Sequence[str] | None       Sequence: the option may be repeated
    Mapping[str, str], tuple, J      None: not on a command line
    """
    members = [one for one in _flatten_hint(hint) if one is not type(None)]
    choices = [str(value) for one in members if get_origin(one) is Literal for value in get_args(one)]
    rest = [one for one in members if get_origin(one) is not Literal]
    if choices and not rest:
        return click.Choice(choices)
    if Step in rest:
        return Step
    if any(get_origin(one) is not None and issubclass(get_origin(one), Sequence) and str in get_args(one)
           for one in rest if get_origin(one) is not tuple):  # fmt: skip
        return Sequence
    if str in rest or choices:
        return str
    return next((kind for kind in (bool, int, float) if kind in rest), None)


def _flatten_hint(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [member for one in get_args(hint) for member in _flatten_hint(one)]
    return [hint]


def _read_descriptions(text: str) -> dict[str, str]:
    """Read the first sentence on each parameter from a numpydoc docstring."""
    section = text.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", section):
        head, _, body = block.partition("\n")
        sentence = re.split(r"(?<=\.)\s", " ".join(body.split()), maxsplit=1)[0]
        for name in head.partition(" : ")[0].split(","):
            found[name.strip()] = sentence.replace("`", "")
    return found
