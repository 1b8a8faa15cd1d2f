"""Why a value is nobody, in words."""

from __future__ import annotations

__all__ = ["why_nobody"]

_WORDS = {
    r"^$": "blank",
    r"^[0\-]+$": "nothing but zeros",
    r"^[0\-]*$": "nothing but zeros",
    r"^[fF\-]{8,}$": "nothing but the letter f",
    r"^-1$": "a number for nothing",
    r"(?i)^(null|\(null\)|<null>|\\N|none|\(none\)|nil|nan|n/a|#n/a|undefined|unknown|anonymous|guest|true|false)$": (
        "a word for nothing"
    ),
    r"^null$": "a word for nothing",
    r"^anonymous$": "a word for nothing",
    r"(?i)^(distinct_?id|id|user_?id|anonymous_?id|email|not_authenticated|not set|\(not set\))$": (
        "the name of a field, not its value"
    ),
    r"(?i)^\[object object\]$": "a mistake of the website's code",
    r"^-?\d(\.\d+)?[eE]\+\d\d$": "a number whose last digits are lost",
    r"(?i)^(test|tests|tester|testing|demo|noreply|no-reply|no_reply|donotreply|do-not-reply)(\+[^@]*)?@": (
        "an address for tests or without a reader"
    ),
    r"[\x00-\x1f\x7f\x{FFFD}]": "unreadable characters",
    r"(?i)^(anonymous|guest|distinctid|distinct_id|id|not_authenticated|email|undefined|true|false)$": (
        "a word for nothing, or the name of a field"
    ),
    r"^(\[object Object\]|NaN|None|none|null|0)$": "a word for nothing, or a mistake of the website's code",
}


def why_nobody(pattern: str) -> str:
    """Say in words what the values are that a pattern of the rules takes for nobody.

    Examples
    --------
    >>> why_nobody(r"^-1$"), why_nobody("^visitor$")
    ('a number for nothing', 'by the rule ^visitor$')
    """
    return _WORDS.get(pattern, f"by the rule {pattern}")
