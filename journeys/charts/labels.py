"""Names in a chart: escaped, never rendered as TeX, cut in the middle, isolated in their direction."""

from __future__ import annotations

from collections.abc import Sequence
from os.path import commonprefix
from textwrap import wrap

import polars as pl

from journeys.display import (
    apply_display_names,
    describe_blank,
    keep_units_together,
    neutralise_controls,
    quote_label,
    shorten_name,
)
from journeys.display.text import RTL

_START, _END = "\u2068", "\u2069"


def write_label(text: str, width: int | None = None) -> str:
    """Make a name safe in a chart's text, cut in its middle to `width` characters.

    Plotly reads a subset of HTML in every label, and text between two dollar signs as TeX where MathJax is loaded: both
    are escaped. Right-to-left names are isolated, so that they do not reorder the number beside them.

    Examples
    --------
    >>> write_label("<b>Signed & Up</b>"), write_label("$pageview")
    ('&lt;b&gt;Signed &amp; Up&lt;/b&gt;', '&#36;pageview')
    >>> write_label("Loaded a Page: /blog/how-to-plan-a-launch", 24)
    'Loaded a Pa…lan-a-launch'
    """
    flat = flatten_name(text)
    cut = shorten_name(flat, width) if width else flat
    return f"{_START}{_make_safe(cut)}{_END}" if RTL.search(cut) else _make_safe(cut)


def write_labels(texts: Sequence[str], width: int) -> list[str]:
    """Make names safe and cut them as `write_label` does, but so that they stay distinct.

    Examples
    --------
    >>> write_labels(["campaign 1 of the spring sale", "campaign 2 of the spring sale", "search"], 16)
    ['…ign 1 of the s…', '…ign 2 of the s…', 'search']
    """
    flat = [flatten_name(text) for text in texts]
    cut = [shorten_name(name, width) for name in flat]
    for short in {one for one in cut if cut.count(one) > 1}:
        alike = [at for at, one in enumerate(cut) if one == short and len(flat[at]) > width]
        # show the part in which they differ, with as much before it as after
        start = len(commonprefix([flat[at] for at in alike])) - width // 4  # noqa: RUF071  # letters are meant
        for at in alike:
            cut[at] = f"…{flat[at][start : start + width - 2]}…"
    return [f"{_START}{_make_safe(one)}{_END}" if RTL.search(one) else _make_safe(one) for one in cut]


def write_sentence(text: str) -> str:
    """Make a line of a sentence safe; each right-to-left name is isolated, so that the number after it stays there.

    Examples
    --------
    >>> write_sentence("of تم 46% & more").encode("ascii", "namereplace").decode().count("ISOLATE")
    2
    """
    return RTL.sub(lambda run: f"{_START}{run[0]}{_END}", _make_safe(flatten_name(text)))


def _make_safe(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
    # A percent sign before a brace starts a template in hover texts.
    return safe.replace("%{", "%&#123;")


def flatten_name(text: str) -> str:
    """Put a name on one line, not yet escaped; an empty or blank one is named.

    Examples
    --------
    >>> flatten_name("Signed  Up"), flatten_name(""), flatten_name("  ")
    ('Signed Up', '(no name)', '(blank)')
    """
    return neutralise_controls(apply_display_names(" ".join(text.split()))) or describe_blank(text)


def write_full_name(text: str) -> str:
    """Make a name safe for a hover label: in full, up to the width of a screen."""
    return write_label(text, 160)


def write_quoted_name(label: str) -> str:
    """Make a name safe for a sentence in a hover label: in full, and in quotes unless it stands for no single one.

    Examples
    --------
    >>> write_quoted_name("Signed Up"), write_quoted_name("(other)")
    ('"Signed Up"', '(other)')
    """
    return write_label(quote_label(label, 160))


def wrap_sentence(text: str, width: int) -> str:
    """Wrap a sentence for a hover label; the text is escaped.

    Examples
    --------
    >>> wrap_sentence("412 people went from Pricing to Signed Up", 24)
    '412 people went from<br>Pricing to Signed Up'
    """
    return "<br>".join(write_sentence(line) for line in wrap(keep_units_together(apply_display_names(text)), width))


def rename_counts(table: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """Call the counts of a table "people", whatever they count; return with it the noun for one of them.

    Examples
    --------
    >>> rename_counts(pl.DataFrame({"sessions": [2]}))[1]
    'session'
    """
    units = {"people": "person", "sessions": "session", "entries": "entry"}
    name = next(name for name in units if name in table.columns)
    return table.rename({name: "people"}), units[name]
