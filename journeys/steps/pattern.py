"""Steps as text: ``"Viewed Page -> [Read Article | Opened Email] -> Signed Up <= 7d"``.

============== =======================================================
``A -> B``     B after A
``[A | B]``    any of them
``{A, B}``     both, in any order
``B?``         optional
``B <= 2d``    at most two days after the step before
``!X``         X must not happen between its neighbours
``"A -> B"``   a name in quotes is taken literally
============== =======================================================
"""

from __future__ import annotations

from journeys.errors import ArgumentError
from journeys.steps.steps import AnyOrder, Never, Step, StepLike, Steps, step

_CLOSING = {"[": "]", "{": "}"}


def parse_pattern(pattern: str) -> Steps:
    """Parse a pattern of steps.

    Parameters
    ----------
    pattern : str
        The steps with ``->`` between them; the module's docstring has the rest of the syntax.

    Returns
    -------
    Steps

    Raises
    ------
    ArgumentError
        When it cannot be parsed; the place is shown.

    Examples
    --------
    >>> parse_pattern("Viewed Page -> [Read Article | Opened Email] -> !Left -> Signed Up").flat[1].events
    ('Read Article', 'Opened Email')
    >>> parse_pattern("A -> {B, C} -> D?").runs
    ((0,), (1, 2), (3,))
    >>> parse_pattern("A -> -> B")
    Traceback (most recent call last):
        ...
    journeys.errors.ArgumentError: steps: a step is missing here:
        A -> -> B
             ^
    """
    return Steps.of([_parse_part(pattern, low, high) for low, high in _split_pattern(pattern, "->", 0, len(pattern))])


def _pattern_error(pattern: str, at: int, what: str) -> ArgumentError:
    return ArgumentError(f"steps: {what}:\n    {pattern}\n    {' ' * at}^")


def _split_pattern(pattern: str, mark: str, low: int, high: int) -> list[tuple[int, int]]:
    """Split `pattern[low:high]` at a mark outside quotes and brackets; return where each part begins and ends.

    "A -> [B | C]" split at "->" gives (0, 2) and (4, 12); the bar inside the brackets splits only their content.
    """
    parts: list[tuple[int, int]] = []
    start = at = low
    brackets: list[tuple[str, int]] = []  # those still open, and where
    while at < high:
        sign = pattern[at]
        if sign == '"':
            close = pattern.find('"', at + 1, high)
            if close < 0:
                raise _pattern_error(pattern, at, "this quote is never closed")
            at = close + 1
            continue
        if sign in _CLOSING:
            brackets.append((sign, at))
        elif sign in _CLOSING.values():
            if not brackets or _CLOSING[brackets[-1][0]] != sign:
                raise _pattern_error(pattern, at, f"this {sign!r} closes nothing")
            brackets.pop()
        elif not brackets and pattern.startswith(mark, at):
            parts.append((start, at))
            at += len(mark)
            start = at
            continue
        at += 1
    if brackets:
        raise _pattern_error(pattern, brackets[-1][1], f"this {brackets[-1][0]!r} is never closed")
    return [*parts, (start, high)]


def _trim_blanks(pattern: str, low: int, high: int) -> tuple[int, int]:
    """Move both ends of `pattern[low:high]` inwards past blanks."""
    while low < high and pattern[low].isspace():
        low += 1
    while low < high and pattern[high - 1].isspace():
        high -= 1
    return low, high


def _parse_part(pattern: str, low: int, high: int) -> StepLike | AnyOrder | Never:
    """Parse what stands between two arrows: a step, steps in any order, or an event that must not happen.

    "[B | C]? " gives an optional step, "B <= 2d" one with a window, "{B, C}" an `AnyOrder`, "!X" a `Never`.
    """
    within: str | None = None
    pieces = _split_pattern(pattern, "<=", low, high)
    if len(pieces) > 2:
        raise _pattern_error(pattern, pieces[2][0] - 2, "only one window can be given for a step")
    if len(pieces) == 2:
        at, end = _trim_blanks(pattern, *pieces[1])
        within = pattern[at:end]
        low, high = pieces[0]
    low, high = _trim_blanks(pattern, low, high)
    if low < high and pattern[low] == "!":
        if within is not None:
            raise _pattern_error(pattern, low, "an event that must not happen has no window")
        return Never(_parse_names(pattern, low + 1, high))
    optional = low < high and pattern[high - 1] == "?"
    if optional:
        low, high = _trim_blanks(pattern, low, high - 1)
    if low < high and pattern[low] == "{":
        if within is not None or optional:
            raise _pattern_error(pattern, low, "a run in any order can have no window of its own, nor be optional")
        return AnyOrder(tuple(_parse_names(pattern, *one) for one in _split_pattern(pattern, ",", low + 1, high - 1)))
    found = _parse_names(pattern, low, high)
    return step(found.name, found.events, within=within, optional=optional)


def _parse_names(pattern: str, low: int, high: int) -> Step:
    """Parse a name, or names in square brackets with bars between them."""
    low, high = _trim_blanks(pattern, low, high)
    if low < high and pattern[low] == "[":
        if pattern[high - 1] != "]":
            raise _pattern_error(pattern, low, "something stands behind the bracket that opens here")
        names = [_parse_name(pattern, *one) for one in _split_pattern(pattern, "|", low + 1, high - 1)]
        return step(" or ".join(names), names)
    return step(_parse_name(pattern, low, high))


def _parse_name(pattern: str, low: int, high: int) -> str:
    low, high = _trim_blanks(pattern, low, high)
    if low == high:
        raise _pattern_error(pattern, min(low, len(pattern)), "a step is missing here")
    if pattern[low] == '"' and pattern[high - 1] == '"' and high - low > 1:
        return pattern[low + 1 : high - 1]
    return pattern[low:high]
