"""Normal forms of identifiers and event names, and values that identify no one."""

from __future__ import annotations

from typing import Literal

import polars as pl


def normalise_ids(ids: pl.Series) -> pl.Series:
    """Strip blanks and ".0", and make empty text null; fast where identifiers need neither.

    Examples
    --------
    >>> normalise_ids(pl.Series([" u1", "42.0", "4.2", "  "])).to_list()
    ['u1', '42', '4.2', None]
    """
    text = ids.str.strip_chars()
    if text.str.ends_with(".0").any():
        text = text.str.replace(r"^(\d+)\.0$", "$1")
    is_empty = text == ""
    return text.zip_with(~is_empty, pl.Series([None], dtype=pl.String)) if is_empty.any() else text


def normalise_names(names: pl.Expr) -> pl.Expr:
    """Strip the blanks around event names."""
    return names.str.strip_chars()


PlaceholderKind = Literal["id", "campaign", "medium", "text"]

_OPEN, _CLOSE = r"^[\s\"'`(\[<{]*", r"[\s\"'`)\]>}]*$"
_NULL_WORDS = (
    r"null|nil|none|nan|undefined|unknown|unset|n/a|#n/?a|#null!|#ref!|#value!|#name\?|\\N|not[ _-]?(set|available|"
    r"applicable|provided|specified|defined)|no[ _-]?(value|data)|data not available|empty|blank|missing"
)
_NULL = rf"(?i){_OPEN}({_NULL_WORDS}){_CLOSE}"
# "(none)" is what web analytics writes as the medium of direct traffic: there it is a value
_NULL_MEDIUM = rf"(?i){_OPEN}({_NULL_WORDS.replace('none|', '')}){_CLOSE}|^(?i:none)$"
_MARKED_WORDS = r"(?i)^\((none|direct|organic|referral)\)$"
_TEMPLATE = (
    # {{user.id}} %7B%7Buser.id%7D%7D ${user.id} #{user_id} {userId} <user id> %USER_ID% %%EMAIL%% *|EMAIL|* __AD_ID__
    r"^(\{\{.*\}\}|(?i:%7B%7B).*(?i:%7D%7D)|\$\{.*\}|#\{.*\}|\{[A-Za-z_][\w .:-]*\}|<[^<>]*>|%%[\w .:=()-]+%%|"
    r"%[A-Za-z_][\w .-]*%|\[%.*%\]|\*\|.*\|\*|__[A-Z][A-Z_]*__)$"
)
_CODE = r"(?i)^\[?object \w+\]?$"
_DASHES = r"^-+$"
_TEMPLATE_INSIDE = r"\{\{.*\}\}|\$\{.*\}|^\[[A-Za-z_ .]+\]$"
_SIGNED_OUT = rf"(?i){_OPEN}(not|un|no)?[ _.-]?(logged|signed)[ _.-]?(in|out|off)([ _.-]?(user|visitor))?{_CLOSE}"
_NO_ACCOUNT = (
    rf"(?i){_OPEN}(anonymous|anon|guest|visitor|unregistered|unidentified|unauthenticated|not[ _.-]?(authenticated|"
    r"identified|registered)|no[ _.-]?user|test|tests|testing|tester|dummy|demo)([ _.-]?(user|visitor|account))?"
    rf"{_CLOSE}"
)
_FIELD_NAME = (
    rf"(?i){_OPEN}(((user|anonymous|anon|distinct|device|client|customer|contact|visitor|account|member|session)"
    rf"[ _.-]?)?(id|uuid|guid)|uid|e-?mail([ _.-]?address)?|user[ _.-]?name){_CLOSE}"
)
_TEST_ADDRESS = r"(?i)^(test|tests|tester|testing|demo|noreply|no-reply|no_reply|donotreply|do-not-reply)(\+[^@]*)?@"
_UNREADABLE = r"[\x00-\x1f\x7f\x{FFFD}]"

PLACEHOLDER_TEXTS: tuple[str, ...] = (_NULL, _TEMPLATE, _CODE, _DASHES)
"""Regular expressions of text that is not a value in any column: null words, unfilled templates, dashes."""

PLACEHOLDER_IDS: dict[str, str] = {
    r"^[0\-]+$": "nothing but zeros",
    r"^[fF\-]{8,}$": "nothing but the letter f",
    r"^-1$": "a number for no value",
    _NULL: "a word for no value",
    r"(?i)^(na|true|false)$": "a word for no value",
    _TEMPLATE: "a template that was never filled in",
    _TEMPLATE_INSIDE: "a template that was never filled in",
    _CODE: "a mistake of the website's code",
    _SIGNED_OUT: "a word for a visitor without an account",
    _NO_ACCOUNT: "a word for a visitor without an account",
    _FIELD_NAME: "the name of a field, not its value",
    r"^-?\d(\.\d+)?[eE]\+\d\d$": "a number whose last digits are lost",
    _TEST_ADDRESS: "an address for tests or without a reader",
    _UNREADABLE: "unreadable characters",
}
"""Regular expressions of text that identifies nobody, each with what such text is."""

_BY_KIND: dict[PlaceholderKind, tuple[str, ...]] = {
    "id": tuple(PLACEHOLDER_IDS),
    "campaign": (*PLACEHOLDER_TEXTS, _MARKED_WORDS),
    "medium": (_NULL_MEDIUM, _TEMPLATE, _CODE, _DASHES),
    "text": PLACEHOLDER_TEXTS,
}


def is_placeholder(text: pl.Expr, *, kind: PlaceholderKind) -> pl.Expr:
    """Flag text that stands for no value, blank text included; null stays null.

    Parameters
    ----------
    text : pl.Expr
        A String column; blanks around the text do not matter.
    kind : {"id", "campaign", "medium", "text"}
        ``"id"`` for identifiers of people and accounts. ``"campaign"`` for name, term and content of a campaign:
        "(direct)", "(organic)", "(referral)" and "(none)" are no campaigns either. ``"medium"``: "(none)" is the
        medium of direct traffic, and stays. ``"text"`` for sources ("(direct)" is one), pages, referrers and all else.

    Examples
    --------
    >>> words = pl.DataFrame({"word": ["NULL", "(not set)", "{{user_id}}", "test", "(none)", "ann"]})
    >>> kinds = ("id", "campaign", "medium", "text")
    >>> words.select(is_placeholder(pl.col("word"), kind=kind).alias(kind) for kind in kinds).rows()[3:]
    [(True, False, False, False), (True, True, False, True), (False, False, False, False)]
    """
    patterns = ("^$", *_BY_KIND[kind])
    return text.str.strip_chars().str.contains("|".join(f"(?:{pattern})" for pattern in patterns))


def null_if_placeholder(text: pl.Expr, *, kind: PlaceholderKind) -> pl.Expr:
    """Return the text, and null where it stands for no value; see `is_placeholder`.

    Examples
    --------
    >>> tags = pl.DataFrame({"campaign_medium": ["(none)", "(not set)", "email", "undefined"]})
    >>> tags.select(null_if_placeholder(pl.col("campaign_medium"), kind="medium")).to_series().to_list()
    ['(none)', None, 'email', None]
    """
    return pl.when(~is_placeholder(text, kind=kind)).then(text)
