"""The exceptions of this library, and how their messages are composed.

::

    ValueError
    └── JourneysError          any error raised by this library
        ├── UnknownNameError   a step, column or identifier that does not exist
        ├── ArgumentError      an argument with an invalid value
        ├── SourceError        a file or table that cannot be read as requested
        └── StoreError         a saved store that is missing, damaged or of another version
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from difflib import SequenceMatcher, get_close_matches
from math import inf
from numbers import Real
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo, available_timezones

T = TypeVar("T")


class JourneysError(ValueError):
    """Any error raised by this library; catch this to catch them all."""


class UnknownNameError(JourneysError):
    """A step, column or identifier that does not exist."""


class ArgumentError(JourneysError):
    """An argument with an invalid value."""


class SourceError(JourneysError):
    """A file or table that cannot be read as requested."""


class StoreError(JourneysError):
    """A saved store that is missing, damaged or of another version."""


def find_closest(value: str, available: Iterable[str]) -> list[str]:
    """Return the three names most like `value`, best first, whatever their case; none if none is like it.

    A name is alike if it is spelled nearly the same, or has all the words of the other.

    Examples
    --------
    >>> find_closest("sign up", ["Signed Up", "Loaded a Page", "Sign Up"])
    ['Sign Up', 'Signed Up']
    >>> find_closest("user", ["user_id", "amount"]), find_closest("country", ["user_id", "amount"])
    (['user_id'], [])
    """
    folded: dict[str, str] = {}
    for name in available:
        folded.setdefault(name.casefold(), name)
    wanted = value.casefold()
    # Of names of one or two letters half are alike by chance, and none is alike enough otherwise.
    near = get_close_matches(wanted, folded, cutoff=0.75 if len(wanted) > 2 else 0.6)
    words = _split_words(value)
    related = [key for key in folded if key not in near and _share_words(words, _split_words(folded[key]))]
    related.sort(key=lambda key: (-SequenceMatcher(None, wanted, key).ratio(), key))
    return [folded[key] for key in [*near, *related][:3]]


def _split_words(name: str) -> set[str]:
    """Split a name into its words of three letters or more."""
    return {word.casefold() for word in re.findall(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+", name) if len(word) > 2}


def _share_words(one: set[str], other: set[str]) -> bool:
    return bool(one and other) and (one <= other or other <= one)


def unknown_message(argument: str, values: str | Sequence[str], *, available: Sequence[str], what: str = "name") -> str:
    """Compose the message for unknown values of an argument: the closest matches and what is available.

    Examples
    --------
    >>> print(unknown_message("steps", "Signd Up", available=["Signed Up", "Upgraded Plan"], what="event"))
    steps: no event 'Signd Up'; did you mean 'Signed Up'? Available: 'Signed Up', 'Upgraded Plan'.
    >>> print(unknown_message("by", ["contry"], available=[], what="column"))
    by: no column 'contry'. There are none.
    """
    names = [values] if isinstance(values, str) else list(values)
    parts = []
    for name in names:
        match = find_closest(name, available)
        hint = f"; did you mean {' or '.join(repr(m) for m in match)}?" if match else "."
        parts.append(f"{argument}: no {what} {name!r}{hint}")
    shown = ", ".join(repr(name) for name in available[:20])
    more = f" and {len(available) - 20} more" if len(available) > 20 else ""
    tail = f"Available: {shown}{more}." if available else "There are none."
    return " ".join([*parts, tail])


def check_column_names(argument: str, values: object, *, is_required: bool = False) -> None:
    """Raise an ArgumentError where a value that should be the name of a column, or a sequence of names, is none.

    None stands for no column, where one is not required.

    Examples
    --------
    >>> check_column_names("by", ["plan", 3])
    Traceback (most recent call last):
    journeys.errors.ArgumentError: by: 3 is no name of a column; write it as text, such as 'plan'.
    """
    if values is None and not is_required:
        return
    names = values if isinstance(values, list | tuple) else [values]
    raise_all(
        [
            f"{argument}: {first_line(name)} is no name of a column; write it as text, such as 'plan'."
            for name in names
            if not isinstance(name, str)
        ]
    )


_LARGEST = 1_000_000_000


def is_whole_number(value: object, *, least: int = 1, most: int | None = None) -> bool:
    """Return whether a value is a whole number of at least `least` and at most `most`, or a billion.

    Examples
    --------
    >>> is_whole_number(3), is_whole_number(0), is_whole_number(2.0), is_whole_number(True), is_whole_number(10**30)
    (True, False, False, False, False)
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and least <= value <= (_LARGEST if most is None else most)  # type: ignore[operator]


def describe_wrong_number(
    argument: str, value: object, *, least: int = 1, most: int | None = None, otherwise: str = ""
) -> list[str]:
    """Return why a value is no whole number as `is_whole_number` has it; nothing where it is one.

    None is valid where `otherwise` says what it stands for.

    Examples
    --------
    >>> describe_wrong_number("top", 2.5, otherwise="None for all")
    ['top: 2.5 must be a whole number of at least 1, or None for all.']
    >>> describe_wrong_number("days", 0, most=365), describe_wrong_number("top", None, otherwise="None for all")
    (['days: 0 must be a whole number from 1 to 365.'], [])
    """
    if (value is None and otherwise) or is_whole_number(value, least=least, most=most):
        return []
    if most is None and isinstance(value, int) and value > _LARGEST:
        most = _LARGEST
    highest = "" if most is None else f"{most:,}" if most >= 10_000 else f"{most}"
    valid = f"of at least {least}" if most is None else f"from {least} to {highest}"
    return [f"{argument}: {value!r} must be a whole number {valid}{f', or {otherwise}' if otherwise else ''}."]


def is_number(value: object) -> bool:
    """Return whether a value is a finite number; True, False and text are none.

    Examples
    --------
    >>> is_number(0.5), is_number("0.5"), is_number(float("nan")), is_number(True)
    (True, False, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool) and -inf < value < inf  # type: ignore[operator]


def raise_all(problems: Sequence[str], error: type[JourneysError] = ArgumentError) -> None:
    """Raise one error that lists every problem; do nothing when there is none."""
    if problems:
        raise error(problems[0] if len(problems) == 1 else "\n".join(f"- {problem}" for problem in problems))


class Problems:
    """The invalid arguments of one question, collected so that they are reported together."""

    def __init__(self) -> None:
        self.unknown_names: list[str] = []
        self.invalid_values: list[str] = []

    def run_check(self, check: Callable[[], T]) -> T | None:
        """Return the result of `check`; where it raises, keep the reasons and return None."""
        try:
            return check()
        except JourneysError as error:
            kept = self.unknown_names if isinstance(error, UnknownNameError) else self.invalid_values
            kept += str(error).removeprefix("- ").split("\n- ")
            return None

    def check_choice(self, argument: str, value: object, choices: Any) -> None:
        """Record a value that is none of the choices of a Literal."""
        allowed = get_args(choices)
        if value not in allowed:
            self.invalid_values.append(f"{argument}: {value!r} is none of {', '.join(map(repr, allowed))}.")

    def raise_found(self) -> None:
        """Raise one error that lists all; an `UnknownNameError` when only names are wrong."""
        raise_all(
            [*self.invalid_values, *self.unknown_names], ArgumentError if self.invalid_values else UnknownNameError
        )


def check_zone(zone: str) -> str:
    """Return the name of a time zone; refuse one that is not.

    Raises
    ------
    ArgumentError
        Not a time zone; the message gives the closest names.

    Examples
    --------
    >>> check_zone("UTC+2")
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: time_zone: 'UTC+2' is not a time zone; did you mean 'Etc/GMT-2'? Give a name such
    as 'Europe/Berlin'.
    """
    import polars as pl

    try:
        pl.Series([datetime(2026, 1, 1)]).dt.replace_time_zone(zone)
        ZoneInfo(zone)
    except (pl.exceptions.PolarsError, ValueError, TypeError, KeyError, OSError):
        # In these names east of Greenwich is minus.
        fixed = re.fullmatch(r"(?:UTC|GMT)?([+-])0?(\d{1,2})(?::?00)?", str(zone).strip().upper())
        near = find_closest(str(zone), sorted(available_timezones()))
        if fixed:
            near = [f"Etc/GMT{'-' if fixed[1] == '+' else '+'}{fixed[2]}"]
        hint = f"; did you mean {' or '.join(map(repr, near))}? Give" if near else "; give"
        raise ArgumentError(f"time_zone: {zone!r} is not a time zone{hint} a name such as 'Europe/Berlin'.") from None
    return zone


def first_line(error: object) -> str:
    """Return the first line of another library's error or value, without its period; its class where it says nothing.

    Examples
    --------
    >>> first_line(OSError("no space left.")), first_line(KeyboardInterrupt())
    ('no space left', 'KeyboardInterrupt')
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
