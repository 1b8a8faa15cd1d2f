"""The convention "Verb + Object" for event names: check a log, find names that are nearly the same, suggest, rename."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["near_duplicates", "words_of"]


def words_of(name: str) -> list[str]:
    """Split a name into its words, however it is written.

    Examples
    --------
    >>> words_of("signedUp"), words_of("signed_up"), words_of("Signed Up")
    (['signed', 'Up'], ['signed', 'up'], ['Signed', 'Up'])
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[\W_]+", spaced) if word]


def near_duplicates(names: Iterable[str]) -> list[list[str]]:
    """Which names are probably one event? Groups of those that differ only in writing and tense.

    Examples
    --------
    >>> near_duplicates(["signup", "Sign Up", "signed_up", "Created Project"])
    [['Sign Up', 'signed_up', 'signup']]
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        key = "".join(_stem(word.lower()) for word in words_of(name))
        groups.setdefault(key or name, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word.removesuffix(ending)
            # "planned" and "plan": the doubled letter goes with the ending.
            return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    return word
