"""Frames as small tables, for a notebook and for a terminal; a result as a card.

Everything that becomes HTML is escaped: event names come from outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from html import escape
from typing import Any

import polars as pl

from journeys.display.words import (
    NOTHING,
    day,
    duration,
    moment,
    number,
    p_value,
    percent,
    plural,
    ratio,
    shorten,
    span,
)

__all__ = ["STYLE", "Form", "card", "html_table", "isolated", "settings_words", "text_table"]

Form = Callable[[Any], str]

_WIDEST, _SENTENCE, _LINK = 90, 300, 48
_WEB = re.compile(r"https?://[^\s\x00-\x20<>\"'\\]+", re.IGNORECASE)
# Columns of sentences, which nobody understands when their middle is cut.
_TELLING = ("problems", "reason")
_LETTER = "[\u0590-\u08ff\ufb1d-\ufefc]"
# Words written from right to left, with what may stand between words of one name.
RTL = re.compile(f"{_LETTER}+(?:[ \u00a0_'’-]+{_LETTER}+)*")
_RATES = ("rate", "share", "conversion_rate", "coverage", "precision", "recall")


def form_of(name: str, dtype: pl.DataType, *, beside: Sequence[str] = ()) -> Form:
    """Choose the words for a column by its type and, for fractions, by its name."""
    if dtype.is_integer():
        return str if name in {"person", "position", "step"} or name.endswith("_id") else number
    if dtype == pl.Duration:
        return duration
    if dtype == pl.Datetime:
        return moment
    if dtype == pl.Date:
        return day
    if dtype == pl.Boolean:
        return lambda value: "yes" if value else "no"
    if isinstance(dtype, pl.List | pl.Array):
        return lambda value: " → ".join(NOTHING if item is None else str(item) for item in value)
    if dtype.is_float():
        if name in {"p_value", "q_value"}:
            return p_value
        if name == "credit":
            # Parts of conversions are read down the column.
            return lambda value: f"{value:,.1f}"
        return percent if _is_rate(name, beside) else ratio
    return str


def _is_rate(name: str, beside: Sequence[str]) -> bool:
    """Tell a rate by its name, an interval by the figure that stands before it."""
    if name.startswith("ci_") and name in beside:
        figures = [one for one in beside[: beside.index(name)] if one == "phi" or _is_rate(one, ())]
        return bool(figures) and figures[-1] != "phi"
    return name.startswith(_RATES) or name.endswith(("_rate", "_share"))


def _cells(
    df: pl.DataFrame, columns: Sequence[str] | None, rows: int, forms: Mapping[str, Form] | None
) -> tuple[list[str], list[bool], list[list[str]]]:
    names = [name for name in (df.columns if columns is None else columns) if name in df.columns]
    schema = df.schema
    chosen = {name: form_of(name, schema[name], beside=df.columns) for name in names} | dict(forms or {})
    right = [schema[name].is_numeric() or schema[name] == pl.Duration for name in names]
    body = [
        [NOTHING if value is None else chosen[name](value) for name, value in zip(names, row, strict=True)]
        for row in df.select(names).head(rows).iter_rows()
    ]
    return names, right, body


STYLE = (
    "<style>.jn{font:14px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:inherit;max-width:1080px}"
    ".jn h4{margin:.2em 0;font-size:1.15em}.jn p{margin:.3em 0}.jn .jn-small{font-size:.86em;opacity:.78}"
    ".jn table{border-collapse:collapse;margin:.5em 0;font-size:.92em;font-variant-numeric:tabular-nums;border:0}"
    ".jn table th{font-weight:600;text-align:left;border:0;border-bottom:1px solid;padding:.25em .9em .25em 0;"
    "vertical-align:bottom;background:none}"
    ".jn table td{text-align:left;border:0;padding:.18em .9em .18em 0;vertical-align:top;max-width:28em;"
    "overflow-wrap:break-word;background:none}"
    ".jn table .r{text-align:right;white-space:nowrap}.jn table .n{white-space:nowrap}"
    ".jn .jn-wide{overflow-x:auto}</style>"
)


def html_table(
    df: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    rows: int = 20,
    forms: Mapping[str, Form] | None = None,
    heads: Mapping[str, str] | None = None,
    links: Sequence[str] = (),
    style: bool = True,
) -> str:
    """Write a frame as a small HTML table: numbers in words and right-aligned, every text escaped, no script.

    Parameters
    ----------
    df
        The frame; its order is kept.
    columns
        Which columns, in which order; all when not given, those that are not there are left out.
    rows
        At most so many rows; what is left out is counted below.
    forms
        Words for a column's values, by column name; otherwise chosen by type and name.
    heads
        Headings by column name; otherwise the name with spaces for underscores.
    links
        Columns of web addresses: what begins with http:// or https:// can be followed, everything else is text.
    style
        With the style sheet; a page that has it already (the report) leaves it out.

    Examples
    --------
    >>> df = pl.DataFrame({"name": ["<b>Signed Up</b>"], "people": [1234], "rate_from_start": [0.034]})
    >>> text = html_table(df, style=False)
    >>> "&lt;b&gt;Signed Up&lt;/b&gt;" in text, "1,234" in text, "3.4%" in text
    (True, True, True)
    """
    names, right, body = _cells(df, columns, rows, forms)
    titles = [(heads or {}).get(name, name.replace("_", " ")) for name in names]
    # Said at the cell: notebooks set every cell right, and those that nobody trusted yet lose the style sheet.
    left_set = ' style="text-align:left"'
    marks = [
        ' class="r"' if is_right else f' class="n"{left_set}' if df.schema[name].is_temporal() else left_set
        for name, is_right in zip(names, right, strict=True)
    ]
    head = "".join(f"<th{mark}>{escape(title)}</th>" for mark, title in zip(marks, titles, strict=True))
    lines = [
        "<tr>"
        + "".join(
            _cell(mark, text, link=name in links, widest=_SENTENCE if name in _TELLING else _WIDEST)
            for mark, text, name in zip(marks, line, names, strict=True)
        )
        + "</tr>"
        for line in body
    ]
    left = df.height - len(body)
    more = f'<p class="jn-small">… and {plural(left, "more row", "more rows")}</p>' if left > 0 else ""
    none = '<p class="jn-small">No rows.</p>' if df.height == 0 else ""
    return (
        f'{STYLE if style else ""}<div class="jn jn-wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>{more}{none}</div>"
    )


def _cell(mark: str, text: str, *, link: bool, widest: int) -> str:
    """Cut what would not fit a page; the whole of it shows when pointed at."""
    if link and _WEB.fullmatch(text):
        whole = escape(text, quote=True)
        return f'<td{mark}><a href="{whole}" rel="noopener noreferrer">{isolated(shorten(text, _LINK))}</a></td>'
    if len(text) <= widest:
        return f"<td{mark}>{isolated(text)}</td>"
    return f'<td{mark} title="{escape(text[:2000], quote=True)}">{isolated(shorten(text, widest))}</td>'


def isolated(text: str, *, sentence: bool = False) -> str:
    """Escape, and keep right-to-left names from turning their neighbours round.

    In a sentence each of them is set by itself, so that the number behind it stays there.

    Examples
    --------
    >>> isolated("of تم 46%", sentence=True)
    'of <bdi>تم</bdi> 46%'
    """
    if text.isascii() or not RTL.search(text):
        return escape(text)
    return RTL.sub(lambda run: f"<bdi>{run[0]}</bdi>", escape(text)) if sentence else f"<bdi>{escape(text)}</bdi>"


def text_table(
    df: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    rows: int = 20,
    forms: Mapping[str, Form] | None = None,
    width: int = 40,
) -> str:
    """Write a frame for a terminal: the same words as in HTML, columns padded, long names cut in their middle.

    Examples
    --------
    >>> print(text_table(pl.DataFrame({"name": ["Signed Up", "Upgraded Plan"], "people": [1200, 35]})))
    name           people
    Signed Up       1,200
    Upgraded Plan      35
    """
    names, right, body = _cells(df, columns, rows, forms)
    # A newline or an escape sequence in a name must not reach the terminal.
    grid = [
        [shorten("".join(c if c.isprintable() else " " for c in t), width) for t in line] for line in [names, *body]
    ]
    widths = [max(len(line[i]) for line in grid) for i in range(len(names))]
    lines = [
        "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in grid
    ]
    left = df.height - len(body)
    return "\n".join([*lines, f"… and {plural(left, 'more row')}"] if left > 0 else lines)


def card(
    title: str,
    *,
    sentence: str,
    settings: Mapping[str, object] | str = "",
    table: pl.DataFrame | str = "",
    rows: int = 20,
) -> str:
    """Set a result for a notebook: a sentence, what was asked in small, a small table. Never a script.

    Parameters
    ----------
    title, sentence
        Plain text; both are escaped.
    settings
        What was asked, as a mapping or a ready sentence; escaped.
    table
        A frame, of which at most `rows` rows are shown, or HTML from `html_table`, taken as it is.

    Examples
    --------
    >>> text = card("Funnel", sentence="38% go on", settings={"within": "14d", "people": 1200, "events": 9000})
    >>> "within 14d · 1,200 people, 9,000 events" in text, "<script" in text
    (True, False)
    """
    asked = settings if isinstance(settings, str) else settings_words(settings)
    small = f'<p class="jn-small">{isolated(asked, sentence=True)}</p>' if asked else ""
    head = f"<h4>{isolated(title)}</h4>" if title else ""
    text = f"<p>{isolated(sentence, sentence=True)}</p>" if sentence else ""
    body = table.removeprefix(STYLE) if isinstance(table, str) else html_table(table, rows=rows, style=False)
    return f'{STYLE}<div class="jn">{head}{text}{small}{body}</div>'


def settings_words(settings: Mapping[str, object]) -> str:
    """Say what was asked, of how many people and events, over which days; what was not set is left out.

    Examples
    --------
    >>> settings_words({"steps": ("A", "B"), "within": timedelta(days=14), "by": None, "people": 1, "events": 5})
    'steps A › B · within 14 days · 1 person, 5 events'
    """
    known = {"people", "events", "first", "last", "unit"}
    parts = [f"{k.replace('_', ' ')} {_said(v)}" for k, v in settings.items() if k not in known and v is not None]
    people, events = settings.get("people"), settings.get("events")
    size = [plural(people, str(settings.get("unit", "person")))] if isinstance(people, int) else []
    size += [plural(events, "event")] if isinstance(events, int) else []
    first, last = settings.get("first"), settings.get("last")
    over = [span(first, last)] if isinstance(first, date) and isinstance(last, date) else []
    return " · ".join([*parts, *([", ".join(size)] if size else []), *over])


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    if isinstance(value, timedelta):
        return duration(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | tuple):
        return " › ".join(_said(item) for item in value)
    return str(value)
