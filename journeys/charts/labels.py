"""Names as they may stand in a chart: escaped, never set as mathematics, cut in the middle, kept in their direction."""

from __future__ import annotations

from journeys.display import shorten, unbroken

__all__ = ["full", "label", "lines_of", "plain"]

_START, _END = "\u2068", "\u2069"


def label(text: str, width: int | None = None) -> str:
    """Make a name safe in a chart's text, cut in its middle to `width` signs.

    Plotly reads a subset of HTML in every label, and text between two dollar signs as TeX where MathJax is loaded: both
    are switched off. Right-to-left names are isolated, so that they do not turn the number beside them round.

    Examples
    --------
    >>> label("<b>Signed & Up</b>"), label("$pageview")
    ('&lt;b&gt;Signed &amp; Up&lt;/b&gt;', '&#36;pageview')
    >>> label("Loaded a Page: /blog/how-to-plan-a-launch", 24)
    'Loaded a Pa…lan-a-launch'
    """
    flat = plain(text)
    cut = shorten(flat, width) if width else flat
    safe = cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
    # A percent sign before a brace starts a template in hover texts.
    safe = safe.replace("%{", "%&#123;")
    return f"{_START}{safe}{_END}" if any("\u0590" <= c <= "\u08ff" or "\ufb1d" <= c <= "\ufefc" for c in cut) else safe


def plain(text: str) -> str:
    """Put a name on one line, not yet safe; what has nothing to see is said.

    Examples
    --------
    >>> plain("Signed  Up"), plain(""), plain("  ")
    ('Signed Up', '(no name)', '(blank)')
    """
    return " ".join(text.split()) or ("(blank)" if text else "(no name)")


def full(text: str) -> str:
    """Make a name safe for a hover label: whole, but never longer than a screen."""
    return label(text, 160)


def lines_of(text: str, width: int) -> str:
    """Break a sentence for a hover label into lines; the text is escaped.

    Examples
    --------
    >>> lines_of("412 people went from Pricing to Signed Up", 24)
    '412 people went from<br>Pricing to Signed Up'
    """
    from textwrap import wrap

    return "<br>".join(label(line) for line in wrap(unbroken(text), width))
