"""Upper bounds of the width of text, so that names can be cut before a browser renders them in an unknown font."""

from __future__ import annotations

from unicodedata import category, east_asian_width

from journeys.charts.labels import flatten_name
from journeys.display import shorten_name

# Widths in em in DejaVu Sans, the widest of the usual fallback fonts.
_USUAL, _CAPITAL, _OTHER, _IDEOGRAM, _EMOJI = 0.61, 0.7, 0.68, 1.0, 1.28
_WIDTHS = {
    **dict.fromkeys("ijlI.,:;'|! \u00a0’‘·", 0.32), **dict.fromkeys("ftr()[]-/\\", 0.4), **dict.fromkeys("csz", 0.54),
    **dict.fromkeys("mwMW@%—…", 0.97),
}  # fmt: skip


def measure_text(text: str, size: float = 12) -> float:
    """Bound the width of a text in pixels, at a font size.

    An emoji is as wide as two letters, an ideograph as one and a half; a combining mark has no width.

    Examples
    --------
    >>> round(measure_text("Signed Up")), round(measure_text("😀😀😀"))
    (61, 46)
    """
    return size * sum(map(_sign_width, text))


def _sign_width(sign: str) -> float:
    known = _WIDTHS.get(sign)
    if known is not None:
        return known
    if category(sign) in {"Mn", "Me", "Cf"}:
        return 0.0
    if east_asian_width(sign) in "WF" or sign >= "\U0001f000":
        return _IDEOGRAM if sign.isalpha() else _EMOJI
    if sign >= "\u0250":
        return _OTHER
    return _CAPITAL if sign.isupper() else _USUAL


def fit_text(text: str, pixels: float, *, size: float = 12) -> str:
    """Cut a name in its middle until it fits, but never to fewer than five characters.

    Examples
    --------
    >>> fit_text("Connected Integration", 90), fit_text("Signed Up", 90)
    ('Conne…ration', 'Signed Up')
    """
    return _cut_text(flatten_name(text), pixels, size=size)


def _cut_text(flat: str, pixels: float, *, size: float) -> str:
    if measure_text(flat, size) <= pixels:
        return flat
    few, many = 5, max(5, len(flat) - 1)
    while few < many:
        half = (few + many + 1) // 2
        few, many = (half, many) if measure_text(shorten_name(flat, half), size) <= pixels else (few, half - 1)
    return shorten_name(flat, few)


def break_text(text: str, pixels: float, *, size: float = 12, tail: str = "") -> list[str]:
    """Break a name into at most two lines, and cut it in its middle where it needs more.

    Parameters
    ----------
    text
        The name.
    pixels, size
        The width of a line, and the font size.
    tail
        Text that follows on the last line, for which there must be room.

    Examples
    --------
    >>> break_text("Connected an Integration", 90), break_text("Signed Up", 90, tail="1,124")
    (['Connected an', 'Integration'], ['Signed Up', ''])
    """
    flat = flatten_name(text)
    few, many, best = 4, len(flat), [fit_text(flat, pixels, size=size)]
    while few <= many:
        half = many if many == len(flat) else (few + many) // 2
        lines = _wrap_text(shorten_name(flat, half), pixels, size=size, tail=tail)
        if len(lines) <= 2:
            best, few = lines, half + 1
        else:
            many = half - 1
    return best


def _wrap_text(text: str, pixels: float, *, size: float, tail: str) -> list[str]:
    # A word that is too long for a line is cut by itself first: "Received / Annou…ment".
    lines: list[str] = []
    for word in (_cut_text(word, pixels, size=size) for word in text.split()):
        if lines and measure_text(f"{lines[-1]} {word}", size) <= pixels:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if tail and measure_text(f"{lines[-1]} {tail}", size) > pixels:
        lines.append("")
    return lines
