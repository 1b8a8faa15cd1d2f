"""Whether texts are for the analyst who asks, or for readers of a page who cannot ask again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_FOR_READERS: ContextVar[bool] = ContextVar("is_for_readers", default=False)


@contextmanager
def write_for_readers() -> Iterator[None]:
    """Leave advice on what to ask next out of all texts written inside.

    Examples
    --------
    >>> with write_for_readers():
    ...     "12 ended on a hidden event" + give_advice(": hide='passive' counts them before") + "."
    '12 ended on a hidden event.'
    """
    token = _IS_FOR_READERS.set(True)
    try:
        yield
    finally:
        _IS_FOR_READERS.reset(token)


def give_advice(advice: str, *, otherwise: str = "") -> str:
    """Return advice on what to ask, which names options, for an analyst; something else for readers of a page.

    Examples
    --------
    >>> give_advice(" Pass it over with skip=.")
    ' Pass it over with skip=.'
    """
    return otherwise if _IS_FOR_READERS.get() else advice
