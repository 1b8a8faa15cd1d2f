"""How an argument of the library is written on a command line: decided by its type, for all questions alike."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from journeys.definition_file import Definitions
from journeys.errors import ArgumentError
from journeys.steps import Step

_STEPS = "Events or steps of the definitions, as 'Signed Up > Upgraded Plan', or a pattern, 'Visit -> [Trial | Demo]'."


@dataclass(frozen=True, slots=True)
class Kind:
    """How the values of an argument are written, and how they are read.

    Attributes
    ----------
    read
        Turns the name of the argument, what was written and the definitions into the value.
    type
        What click checks.
    is_repeated
        Whether the option may be given several times.
    width
        How many words follow the option.
    metavar
        What the help calls the value.
    help
        What the help says, instead of the library's docstring.
    """

    read: Callable[[str, Any, Definitions], Any] = lambda _, value, __: value
    type: Any = str
    is_repeated: bool = False
    width: int = 1
    metavar: str | None = None
    help: str | None = None


def find_kinds(function: Callable[..., Any], *, without: Sequence[str] = ()) -> dict[str, Kind]:
    """Find how each argument of a function is written; those that only Python can write are left out."""
    hints = _read_hints(function)
    names = [name for name in [*inspect.signature(function).parameters][1:] if name not in without]
    kinds = {name: _find_kind(name, hints[name]) for name in names}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def _find_kind(name: str, hint: Any) -> Kind | None:
    """Choose how values of a type are written.

    str | timedelta | None                text
    Literal["loose", "strict"]            a choice
    str | Sequence[str] | Step            an event or a step of the definitions; of several, any counts
    Step | Mapping[str, Step]             the same; several are NAME=EVENT
    str | Sequence[str] | None            the option may be repeated
    Mapping[str, float]                   NAME=NUMBER, repeated
    Literal["people"] | tuple["sum", str] a choice, or STATISTIC:COLUMN
    tuple[date | str | None, date | …]    two dates, "-" for an open end
    """
    members = [one for one in _flatten_hint(hint) if one is not type(None)]
    choices = [str(value) for one in members if get_origin(one) is Literal for value in get_args(one)]
    rest = [one for one in members if get_origin(one) is not Literal]
    mapping = next((one for one in rest if get_origin(one) is Mapping), None)
    lists = [one for one in rest if get_origin(one) not in (None, Mapping, tuple)]
    items = [_flatten_hint(get_args(one)[0]) for one in lists if issubclass(get_origin(one), Sequence)]
    if name == "against" and not choices:
        return Kind(metavar="SEGMENT", help="Compare with the people of this segment of the definitions.")
    if name == "steps" and int not in rest:
        return Kind(_read_path, metavar="STEPS", help=_STEPS)
    if name == "sides":
        return Kind(lambda _, value, __: tuple(value), width=2, metavar="NAME NAME")
    if any(get_origin(one) is tuple for one in rest):
        return _find_pair(next(one for one in rest if get_origin(one) is tuple))
    if mapping is not None:
        return _find_mapping(mapping, has_steps=Step in rest, has_lists=bool(items))
    if choices and not rest:
        return Kind(type=click.Choice(choices))
    if Step in rest:
        return Kind(_read_steps, is_repeated=True)
    if any(str in one for one in items):
        return Kind(lambda name, value, _: _read_list(value, is_list=name == "exclude"), is_repeated=True)
    if [float] in items:
        return Kind(lambda _, value, __: [*value], type=float, is_repeated=True)
    if str in rest or choices or Any in rest:
        return Kind(_read_flag if bool in rest else _read_number if int in rest else Kind().read)
    return next((Kind(type=kind) for kind in (bool, int, float) if kind in rest), None)


def _find_pair(hint: Any) -> Kind:
    """Two dates, or a statistic with its column."""
    if Literal in [get_origin(one) for one in _flatten_hint(get_args(hint)[0])] or get_args(hint) == (str, str):
        return Kind(_read_statistic, metavar="STATISTIC:COLUMN")
    return Kind(lambda _, value, __: tuple(None if one == "-" else one for one in value), width=2, metavar="START END")


def _find_mapping(hint: Any, *, has_steps: bool, has_lists: bool) -> Kind:
    """NAME=VALUE, repeated; where the library also takes a step or a list, plain values as well."""
    values = _flatten_hint(get_args(hint)[1])
    if has_steps:
        return Kind(_read_series, is_repeated=True, metavar="EVENT or NAME=EVENT")
    if has_lists:
        return Kind(_read_groups, is_repeated=True, metavar="PATTERN or NAME=PATTERN")
    if float in values:
        return Kind(_read_numbers, is_repeated=True, metavar="NAME=NUMBER")
    if Step in values:
        return Kind(_read_named_steps, is_repeated=True, metavar="NAME=EVENT")
    return Kind(lambda name, value, _: dict(_split_pairs(name, value)), is_repeated=True, metavar="NAME=VALUE")


def _read_path(name: str, text: str, definitions: Definitions) -> Any:
    """Split "A > B" into steps; a pattern such as "A -> [B | C]" is left to the library."""
    if "->" in text:
        return text
    steps = [definitions.step(step.strip()) for step in text.split(">") if step.strip()]
    if len(steps) < 2:
        raise ArgumentError(f"{name}: expected at least two events joined by '>', got {text!r}.")
    return steps


def _read_steps(_: str, values: Sequence[str], definitions: Definitions) -> Any:
    return definitions.step(values[0]) if len(values) == 1 else [*values]


def _read_list(values: Sequence[str], *, is_list: bool) -> Any:
    return values[0] if len(values) == 1 and not is_list else [*values]


def _read_series(_: str, values: Sequence[str], definitions: Definitions) -> Any:
    """Read one event, or several that are called by their own name or by the one before "="."""
    if len(values) == 1:
        return definitions.step(values[0])
    pairs = [one.split("=", 1) if "=" in one else (one, one) for one in values]
    return {key: definitions.step(event) for key, event in pairs}


def _read_groups(name: str, values: Sequence[str], _: Definitions) -> Any:
    """Read patterns, or NAME=PATTERN with several of one name."""
    return _collect_pairs(name, values) if any("=" in one for one in values) else [*values]


def _read_named_steps(name: str, values: Sequence[str], definitions: Definitions) -> Any:
    found = _collect_pairs(name, values)
    return {key: definitions.step(events[0]) if len(events) == 1 else events for key, events in found.items()}


def _read_numbers(name: str, values: Sequence[str], _: Definitions) -> dict[str, float]:
    try:
        return {key: float(value) for key, value in _split_pairs(name, values)}
    except ValueError:
        raise ArgumentError(f"{name}: expected NAME=NUMBER, got {' '.join(values)!r}.") from None


def _read_statistic(_: str, value: str, __: Definitions) -> Any:
    return tuple(value.split(":", 1)) if ":" in value else value


def _read_flag(_: str, value: str, __: Definitions) -> Any:
    return {"true": True, "false": False}.get(value, value)


def _read_number(_: str, value: str, __: Definitions) -> Any:
    return int(value) if re.fullmatch(r"\d{1,9}", value) else value


def _split_pairs(name: str, values: Sequence[str]) -> list[tuple[str, str]]:
    wrong = [one for one in values if not one.partition("=")[0] or "=" not in one]
    if wrong:
        raise ArgumentError(f"{name}: expected NAME=VALUE, got {wrong[0]!r}.")
    return [(one.partition("=")[0], one.partition("=")[2]) for one in values]


def _collect_pairs(name: str, values: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in _split_pairs(name, values):
        found.setdefault(key, []).append(value)
    return found


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


def _flatten_hint(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [member for one in get_args(hint) for member in _flatten_hint(one)]
    return [hint]


def read_descriptions(text: str) -> dict[str, str]:
    """Read the first sentence on each parameter from a numpydoc docstring."""
    section = text.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", section):
        head, _, body = block.partition("\n")
        sentence = re.split(r"(?<=\.)\s", " ".join(body.split()), maxsplit=1)[0]
        for name in head.partition(" : ")[0].split(","):
            found[name.strip()] = sentence.replace("`", "")
    return found
