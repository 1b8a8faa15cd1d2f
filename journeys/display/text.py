"""Names and sentences made safe and short: escaped, cut in their middle, kept in their direction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape

from journeys.display.formats import MONTHS

_LETTER = "[\u0590-\u08ff\ufb1d-\ufefc]"
# Right-to-left words, with what may stand between the words of one name.
RTL = re.compile(f"{_LETTER}+(?:[ \u00a0_'’-]+{_LETTER}+)*")
# Embeddings, overrides and isolates: unclosed ones reorder the text that follows the name.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")


_NAMES: ContextVar[tuple[re.Pattern[str], Mapping[str, str]] | None] = ContextVar("names", default=None)


@contextmanager
def use_names(names: Mapping[str, str]) -> Iterator[None]:
    """Show events under other names, in all texts, tables and charts that are written inside.

    Examples
    --------
    >>> with use_names({"Signed Up": "Account made"}):
    ...     apply_display_names('40% did "Signed Up"'), apply_display_names("Account made")
    ('40% did "Account made"', 'Account made')
    """
    # A new name stands for itself, so that text that is written twice does not change twice; longer names come first.
    shown = {new: new for new in names.values()} | dict(names)
    words = "|".join(re.escape(name) for name in sorted(shown, key=len, reverse=True) if name)
    token = _NAMES.set((re.compile(rf"(?<!\w)(?:{words})(?!\w)"), shown) if words else None)
    try:
        yield
    finally:
        _NAMES.reset(token)


def apply_display_names(text: str) -> str:
    """Replace the names of events in a text by those that `use_names` gave them."""
    known = _NAMES.get()
    return text if known is None else known[0].sub(lambda name: known[1][name[0]], text)


def neutralise_controls(text: str) -> str:
    """Replace characters that would reorder the text beside a name by their code points.

    Examples
    --------
    >>> neutralise_controls("\u202eBuy")
    '[U+202E]Buy'
    """
    return text if text.isascii() else _BIDI_CONTROLS.sub(lambda control: f"[U+{ord(control[0]):04X}]", text)


def shorten_words(text: str, most: int = 80) -> str:
    """Cut words that are too long for a line in their middle.

    Examples
    --------
    >>> shorten_words("https://a.example/" + "x" * 80 + " is long", 20)
    'https://a…xxxxxxxxxx is long'
    """
    return re.sub(rf"\S{{{most + 1},}}", lambda word: shorten_name(word[0], most), text)


def escape_html(text: str, *, sentence: bool = False) -> str:
    """Escape text for HTML, and isolate right-to-left names so that they do not reorder their neighbours.

    In a sentence each name is isolated by itself, so that the number after it stays there, and words that are longer
    than a line are cut.

    Examples
    --------
    >>> escape_html("of تم 46%", sentence=True)
    'of <bdi>تم</bdi> 46%'
    """
    text = apply_display_names(text)
    safe = escape(neutralise_controls(shorten_words(text) if sentence else text))
    if text.isascii() or not RTL.search(text):
        return safe
    return RTL.sub(lambda name: f"<bdi>{name[0]}</bdi>", safe) if sentence else f"<bdi>{safe}</bdi>"


def describe_blank(name: str) -> str:
    """Return what is shown for a name without any visible character.

    Examples
    --------
    >>> describe_blank(""), describe_blank("  ")
    ('(no name)', '(blank)')
    """
    return "(blank)" if name else "(no name)"


def quote_name(name: str, width: int = 60) -> str:
    """Put a name in double quotes, cut in its middle, so that it is not read as part of the sentence.

    Examples
    --------
    >>> quote_name("Signed Up"), quote_name(" "), quote_name('"(none)"')
    ('"Signed Up"', '(blank)', '"(none)"')
    """
    if name.startswith('"(') and name.endswith(')"'):
        name = name[1:-1]  # the label of a value that is spelled "(none)" is quoted already
    shown = shorten_name(neutralise_controls(apply_display_names(name)), width)
    return f'"{shown}"' if name.strip() else describe_blank(name)


def quote_label(label: str, width: int = 60) -> str:
    """Quote the label of a node or of a value as `quote_name` does; what stands for no single one stays as it is.

    Examples
    --------
    >>> quote_label("Signed Up"), quote_label("(other)"), quote_label('"(other)"')
    ('"Signed Up"', '(other)', '"(other)"')
    """
    return label if label in _PLACEHOLDERS else quote_name(label, width)


def quote_labels(labels: Iterable[object], *, between: str = " → ") -> str:
    """Quote labels that belong together: those of a path in their order, or with " · " those that make a group.

    Examples
    --------
    >>> quote_labels(["Signed Up", "(other)"])
    '"Signed Up" → (other)'
    """
    return between.join(quote_label(str(label)) for label in labels)


# A value that is spelled like one of these is quoted where labels are made.
_PLACEHOLDERS = frozenset({"(none)", "(other)", "(drop-off)", "(continues)", "(reached)", "(nothing more)"})


def shorten_name(text: str, width: int) -> str:
    """Cut a long name in its middle, since beginnings and ends distinguish names.

    Examples
    --------
    >>> shorten_name("Loaded a Page: /blog/how-to-plan-a-launch", 24)
    'Loaded a Pa…lan-a-launch'
    >>> len(_), shorten_name("Signed Up", 24)
    (24, 'Signed Up')
    """
    if len(text) <= width:
        return text
    if width < 3:
        return "…"[:width]
    tail = width // 2
    return f"{text[: width - 1 - tail].rstrip(' …')}…{text[len(text) - tail :].lstrip(' …')}"


def shorten_sentence(text: str, width: int) -> str:
    """Cut a long sentence or list at its end, between two items or else between two words.

    Examples
    --------
    >>> shorten_sentence("days without any event: 1 January 2024, 2 January 2024, 3 January 2024", 60)
    'days without any event: 1 January 2024, 2 January 2024, …'
    >>> shorten_sentence("a time that cannot be read", 20), shorten_sentence("x" * 9, 5)
    ('a time that cannot …', 'xx…xx')
    """
    if len(text) <= width:
        return text
    start = text[: max(width - 1, 0)]
    for separator in (", ", "; ", " "):
        end = start.rfind(separator) + len(separator)
        if end > max(width // 2, len(separator)):
            return f"{start[:end]}…"
    return shorten_name(text, width)


def keep_units_together(text: str) -> str:
    """Keep a number on one line with its unit or month, and with the "n =" before it.

    Examples
    --------
    >>> keep_units_together("38% of 12 people; n = 4,875").count("\N{NO-BREAK SPACE}")
    3
    """
    return _NUMBER_SPACE.sub("\N{NO-BREAK SPACE}", text)


_NUMBER_SPACE = re.compile(
    r"(?<=\d) (?=(?:points?|people|person|(?:second|minute|hour|day|year)s?|" + "|".join(MONTHS) + r")(?!\w))"
    r"|(?<=\bn) (?== \d)|(?<=\bn[ \N{NO-BREAK SPACE}]=) (?=\d)"
)
