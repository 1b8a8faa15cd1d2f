"""Say in which table of a definition file the argument stands that an error of the library names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from journeys.errors import JourneysError


@contextmanager
def name_place(
    place: str, others: Mapping[str, str] | None = None, *, names: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Let errors name the table of the file before the argument.

    Parameters
    ----------
    place : str
        The file and the table, such as "journeys.toml, [report]".
    others : mapping of str to str, optional
        Arguments that stand in another table, each with that table.
    names : mapping of str to str, optional
        Arguments that the file calls by another name, each with that name.

    Examples
    --------
    >>> from journeys.errors import ArgumentError
    >>> with name_place("journeys.toml, [report]", {"within": "journeys.toml, [funnels.main]"}):
    ...     raise ArgumentError("within: 'x' is not a valid duration.")
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: journeys.toml, [funnels.main]: within: 'x' is not a valid duration.
    """
    try:
        yield
    except JourneysError as error:
        raise type(error)(_name_places(str(error), place, others or {}, names or {})) from error


def _name_places(text: str, place: str, others: Mapping[str, str], names: Mapping[str, str]) -> str:
    lines = []
    for line in text.split("\n"):
        dash, problem = ("- ", line[2:]) if line.startswith("- ") else ("", line)
        argument = re.match(r"[a-z_]+(?=(\[[^\]]*\])?: )", problem)
        table = others.get(argument[0], place) if argument else place
        if argument and argument[0] in names:
            problem = names[argument[0]] + problem[argument.end() :]
        lines.append(f"{dash}{table}: {problem}")
    return "\n".join(lines)
