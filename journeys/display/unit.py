"""Whether texts speak of people or of accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_UNIT: ContextVar[str] = ContextVar("unit", default="person")
_OF_ACCOUNTS = {
    "everyone else": "all other accounts",
    "everybody else": "all other accounts",
    "a person": "an account",
    "accounts who": "accounts that",
    "people who": "accounts that",
    "people whom": "accounts that",
    "people whose": "accounts whose",
    "person who": "account that",
    "somebody who": "an account that",
    "person": "account",
    "people": "accounts",
    "nobody": "no account",
    "somebody": "an account",
    "everybody": "every account",
    "everyone": "every account",
}
_WORDS = re.compile(rf"\b(?:{'|'.join(_OF_ACCOUNTS)})\b", re.IGNORECASE)
# of "the 522 who came" and, where a title breaks, "those<br>who came", but not of "and who came"
_RELATIVE = re.compile(r"((?:\d|\b(?:those|accounts|all|share))(?: |<br>)|^ )whom?\b", re.IGNORECASE)


@contextmanager
def use_unit(unit: str) -> Iterator[None]:
    """Speak of accounts (`unit` "account") or of people ("person") in all texts, tables and charts written inside.

    Examples
    --------
    >>> with use_unit("account"):
    ...     adapt_words("Nobody is lost"), adapt_words("per person"), adapt_words("12 people who left")
    ('No account is lost', 'per account', '12 accounts that left')
    """
    token = _UNIT.set(unit)
    try:
        yield
    finally:
        _UNIT.reset(token)


def adapt_words(words: str) -> str:
    """Return words of the library's own, without names of events, with "people" and the like as `use_unit` says.

    Examples
    --------
    >>> adapt_words("fewer than 30 people")
    'fewer than 30 people'
    """
    return words if _UNIT.get() == "person" else _RELATIVE.sub(r"\1that", _WORDS.sub(_replace_word, words))


def adapt_pronouns(text: str, *, names: Sequence[str] = ()) -> str:
    """Return a whole text with "that" for "who" where it speaks of accounts; `names` and what is quoted stay.

    Examples
    --------
    >>> with use_unit("account"):
    ...     adapt_pronouns('Of those who left, 95 who were there did "All who came".')
    'Of those that left, 95 that were there did "All who came".'
    """
    if _UNIT.get() == "person":
        return text
    kept = "|".join(['"[^"]*"', *map(re.escape, sorted(names, key=len, reverse=True))])
    parts = re.split(f"({kept})", text)
    return "".join(part if at % 2 else _RELATIVE.sub(r"\1that", part) for at, part in enumerate(parts))


def _replace_word(found: re.Match[str]) -> str:
    word = _OF_ACCOUNTS[found[0].lower()]
    return word[0].upper() + word[1:] if found[0][0].isupper() else word
