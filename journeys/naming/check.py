"""Find event names that break the convention, and suggest better ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from journeys.errors import ArgumentError
from journeys.naming.words import (
    PARTICLES,
    PREPOSITIONS,
    is_past,
    near_duplicates,
    split_fused,
    split_words,
    to_past_tense,
    verb_of,
)

PLACE = re.compile(
    r"(?i)\b(?:on|at|in|from)\s+(?:the\s+)?(?:[\w-]+\s+){0,2}?(?:page|screen|view|home ?page|dashboard|header|footer"
    r"|sidebar|menu|modal|dialog|app|site|website)\b"
)
MANNER = re.compile(r"(?i)\b(?:via|using|through|with|by)\s+[\w-]+(?:\s+[\w-]+)?$")
VALUE = re.compile(r"\b(?:\d{2,}|[0-9a-f]{8,}|[0-9a-f]{8}-[0-9a-f-]{27})\b")
SMALL = frozenset({"a", "an", "the", "to", "from", "for", "of", "in", "on", "and", "or", "with", "by"})
OWN = re.compile(r"^[$\[]")
# Abbreviations, which keep their capitals; in PROJECT_CREATED there are none.
SHORT = frozenset(
    {"ai", "api", "crm", "csv", "cta", "faq", "id", "mql", "pdf", "qr", "sms", "sql", "sso", "ui", "url", "vip"}
)
PARTICIPLE = re.compile(r"(?i)[^e]ed$")
BRAND = re.compile(r"[a-z][A-Z]\w*")
SCHEMA = pl.Schema(
    {"event": pl.String(), "rows": pl.Int64(), "problems": pl.List(pl.String()), "suggestion": pl.String()}
)
_FORMS = {"problems": "; ".join}


@dataclass(frozen=True, eq=False, slots=True)
class NamingCheck:
    """What a check of event names found.

    Attributes
    ----------
    table
        One row per name that breaks the convention: `event`, `rows` (Int64, null where only names were given),
        `problems` (List[String]), `suggestion` (null where there is none); sorted by name.
    checked
        How many names were checked.
    groups
        Names that are nearly the same and probably one event.
    """

    table: pl.DataFrame
    checked: int
    groups: list[list[str]]

    @property
    def mapping(self) -> dict[str, str]:
        """The suggestions, as a mapping for `apply` or `save_mapping`; review them first."""
        return {a: b for a, b in self.table.select("event", "suggestion").iter_rows() if b is not None}

    def __repr__(self) -> str:
        from journeys.display import render_text_table

        return f"{self._describe_names()}\n{render_text_table(self.table, forms=_FORMS)}"

    def _repr_html_(self) -> str:
        from journeys.display import render_card, render_html_table

        return render_card(
            "Event names",
            sentence=self._describe_names(),
            table=render_html_table(self.table, forms=_FORMS, style=False),
        )

    def _describe_names(self) -> str:
        from journeys.display import choose_form, format_count, format_number

        keep = self.checked - self.table.height
        counts = f"{format_number(keep)} of {format_count(self.checked, 'event name')} {choose_form(keep, 'is', 'are')}"
        return f"{counts} Verb + Object, without place or manner"


def check(names: Any) -> NamingCheck:
    """Find the event names that break the convention "Verb + Object", and suggest better ones.

    Parameters
    ----------
    names
        Names, or anything that has events: `Events`, a `Journeys`.

    Returns
    -------
    NamingCheck

    Raises
    ------
    ArgumentError
        Something that has neither names nor events.

    Notes
    -----
    The words are English; of a name in another language only the style is checked. Names that a system makes
    ("$pageview", "[Amplitude] Page Viewed") are checked like all others: they deserve a name of your own.

    Examples
    --------
    >>> for row in check(["Created Project", "signup", "Sign Up", "Clicked Button on Pricing Page"]).table.iter_rows():
    ...     print(row[0], row[2], row[3])
    Clicked Button on Pricing Page ['names a place'] Clicked Button
    Sign Up ['not in the past tense', "nearly the same as 'signup'"] Signed Up
    signup ['not written as Words with Capitals', 'not in the past tense', "nearly the same as 'Sign Up'"] Signed Up
    """
    counted = names_and_counts(names)
    groups = near_duplicates(counted)
    similar = {name: [other for other in group if other != name] for group in groups for name in group}
    rows = []
    for name in sorted(counted):
        problems = _find_problems(name)
        if others := similar.get(name):
            problems.append(f"nearly the same as {', '.join(map(repr, others))}")
        if problems:
            better = suggest(name)
            rows.append((name, counted[name], problems, better if better != name else None))
    return NamingCheck(pl.DataFrame(rows, schema=SCHEMA, orient="row"), len(counted), groups)


def suggest(name: str) -> str | None:
    """Suggest what an event should be called; None when no verb can be found in its name.

    Examples
    --------
    >>> [suggest(name) for name in ("project_created", "signup", "user clicks CTA via email", "Pricing")]
    ['Created Project', 'Signed Up', 'Clicked CTA', None]
    >>> [suggest(name) for name in ("Checkout Started", "Login Failed", "Viewed Article 4711")]
    ['Started Checkout', 'Failed Login', 'Viewed Article']
    >>> [suggest(name) for name in ("PROJECT_CREATED", "iOS App Opened", "Added to Cart", "Planned Upgrade")]
    ['Created Project', 'Opened iOS App', 'Added to Cart', None]
    """
    if name.isupper():
        name = " ".join(word if word.lower() in SHORT else word.lower() for word in split_words(name))
    plain = MANNER.sub("", PLACE.sub("", " ".join(split_words(VALUE.sub(" ", name))))).strip()
    words = split_fused(VALUE.sub(" ", plain).split())
    if words and words[0].lower() in ("user", "visitor", "customer") and len(words) > 1:
        words = words[1:]
    place = next((n for n, word in enumerate(words) if is_past(word)), None)
    if place is None and words and PARTICIPLE.search(words[0]):
        return None  # an unknown verb: what follows is its object, even where that may be a verb
    if place is None:
        place = next((n for n in (0, len(words) - 1) if words and verb_of(words[n])), None)
    if place is None:
        # "Email link clicks": a verb in the middle is one only when nothing else is.
        place = next((n for n, word in enumerate(words) if verb_of(word)), None)
    if place is None:
        return None
    verb = verb_of(words[place]) or ""
    tail = (
        words[place + 1 : place + 2] if words[place + 1 : place + 2] and words[place + 1].lower() in PARTICLES else []
    )
    rest = words[:place] + words[place + 1 + len(tail) :]
    after = [one.lower() if one.lower() in PREPOSITIONS else one.capitalize() for one in tail]
    past_form = words[place] if is_past(words[place]) else to_past_tense(verb)
    return " ".join([past_form.capitalize(), *after, *map(_title_case, rest)])


def names_and_counts(names: Any) -> dict[str, int | None]:
    """Give names, and how often each occurs, from whatever has them."""
    table = getattr(names, "table", None) if hasattr(names, "issues") else getattr(names, "events", None)
    if isinstance(table, pl.LazyFrame | pl.DataFrame):
        event = pl.col("event").cast(pl.String)
        found = table.lazy().group_by(event.alias("event")).agg(pl.len().cast(pl.Int64)).sort("event").collect()
        return {name: rows for name, rows in found.iter_rows() if name is not None}
    if isinstance(names, pl.DataFrame | pl.LazyFrame):
        raise ArgumentError(f"names: a {type(names).__name__} is not a list of names; give one column of it.")
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ArgumentError(f"names: {type(names).__name__} has neither event names nor events; give a list of names.")
    listed = list(names)
    wrong = [one for one in listed if not isinstance(one, str)]
    if wrong:
        raise ArgumentError(f"names: {wrong[0]!r} is not an event name; give text.")
    return dict.fromkeys(listed)


def _find_problems(name: str) -> list[str]:
    """List what is unusual about the name of an event; of names that are not ASCII, only what needs no English."""
    found = []
    words = split_words(name)
    if name != name.strip() or "  " in name:
        found.append("has extra blanks")
    if OWN.match(name):
        found.append("named by a system")
    elif not _has_right_style(name):
        found.append("not written as Words with Capitals")
    if not words:
        return [*found, "has no word"]
    if not name.isascii():
        return found
    split = split_fused(words)
    if verb_of(split[0]) is None:
        found.append("the verb is not first" if any(is_past(word) for word in split[1:]) else "no verb in front")
    elif not is_past(split[0]):
        found.append("not in the past tense")
    if len(split) == 1:
        found.append("no object")
    if PLACE.search(name):
        found.append("names a place")
    if MANNER.search(name):
        found.append("names a manner")
    if VALUE.search(name):
        found.append("holds a value: make it a property")
    return found


def _has_right_style(name: str) -> bool:
    words = name.split()
    plain = re.fullmatch(r"[\w'’&/+-]+(?: [\w'’&/+-]+)*", name) is not None and "_" not in name
    return plain and all(
        word[:1].isupper() or not word[:1].isalpha() or word.lower() in SMALL or BRAND.fullmatch(word) for word in words
    )


def _title_case(word: str) -> str:
    if word.lower() in (SMALL - PARTICLES) | PREPOSITIONS:
        return word.lower()
    return word if any(char.isupper() for char in word) else word.capitalize()
