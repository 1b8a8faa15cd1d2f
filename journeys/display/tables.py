"""Frames as small tables, for notebooks and terminals; a result as a card.

Everything that becomes HTML is escaped, since event names come from outside.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.display.formats import (
    NOTHING,
    adapt_words,
    format_count,
    format_day,
    format_duration,
    format_moment,
    format_number,
    format_p_value,
    format_percent,
    format_period,
    format_ratio,
)
from journeys.display.text import apply_display_names, escape_html, neutralise_controls, shorten_name, shorten_sentence

if TYPE_CHECKING:
    import pandas as pd


Form = Callable[[Any], str]

# The most characters of a cell, of a cell of sentences, of a link.
_MAX_CELL, _MAX_SENTENCE, _MAX_LINK = 90, 300, 48
_WEB = re.compile(r"https?://[^\s\x00-\x20<>\"'\\]+", re.IGNORECASE)
# Columns of sentences, which are unreadable with their middle cut out: they are cut at their end.
_SENTENCES = ("problems", "reason")
# Settings whose values are the library's own words.
_WORDS = ("count", "rank", "note")
_P_VALUES = {
    *("p_value", "q_value", "p_equal_time", "q_equal_time", "p_permuted", "p_family", "p_within", "q_within"),
}
_RATES = ("rate", "share", "conversion_rate", "coverage", "precision", "recall")


def convert_to_pandas(table: pl.DataFrame) -> pd.DataFrame:
    """Convert a table to pandas (which must be installed), without the need for pyarrow.

    Lists become Python lists, durations timedeltas, and text objects.
    """
    import pandas as pd

    return pd.DataFrame(table.to_dict(as_series=False))


def choose_format(name: str, dtype: pl.DataType, *, columns: Sequence[str] = ()) -> Form:
    """Choose how a column is written by its type and, for fractions, by its name."""
    if dtype.is_integer():
        return str if name in {"person", "position", "step"} or name.endswith("_id") else format_number
    if dtype == pl.Duration:
        return format_duration
    if dtype == pl.Datetime:
        return format_moment
    if dtype == pl.Date:
        return format_day
    if dtype == pl.Boolean:
        return lambda value: "yes" if value else "no"
    if isinstance(dtype, pl.List | pl.Array):
        return lambda value: " → ".join(NOTHING if item is None else str(item) for item in value)
    if dtype.is_float():
        if name in _P_VALUES:
            return format_p_value
        if name == "credit":
            # Parts of conversions are read down the column.
            return lambda value: f"{value:,.1f}"
        return format_percent if is_rate(name, columns) else format_ratio
    return str


def is_rate(name: str, columns: Sequence[str] = ()) -> bool:
    """Recognise a rate by its name, an interval by the last rate or phi before it."""
    if name.startswith("ci_") and name in columns:
        estimates = [one for one in columns[: columns.index(name)] if one == "phi" or is_rate(one)]
        return bool(estimates) and estimates[-1] != "phi"
    return name.startswith(_RATES) or name.endswith(("_rate", "_share"))


def format_rows(df: pl.DataFrame, *, forms: Mapping[str, Form] | None = None) -> list[list[str]]:
    """Write each cell as people read it: by `forms`, else by the type and name of its column."""
    columns = [(forms or {}).get(n, choose_format(n, dtype, columns=df.columns)) for n, dtype in df.schema.items()]
    return [
        [NOTHING if value is None else form(value) for form, value in zip(columns, row, strict=True)]
        for row in df.iter_rows()
    ]


def _is_right_aligned(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Duration


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


def render_html_table(
    df: pl.DataFrame,
    *,
    columns: Sequence[str] | None = None,
    rows: int = 20,
    forms: Mapping[str, Form] | None = None,
    links: Sequence[str] = (),
    style: bool = True,
) -> str:
    """Write a frame as a small HTML table: numbers formatted and right-aligned, every text escaped, no script.

    Parameters
    ----------
    df
        The frame; its order is kept.
    columns
        Which columns, in which order; all by default, and missing ones are left out.
    rows
        At most so many rows; the rest is counted below.
    forms
        How to write a column's values, by column name; otherwise chosen by type and name.
    links
        Columns of web addresses: what starts with http:// or https:// becomes a link, everything else is text.
    style
        With the style sheet; a page that has its own (the report) leaves it out.

    Examples
    --------
    >>> df = pl.DataFrame({"name": ["<b>Signed Up</b>"], "people": [1234], "rate_from_start": [0.034]})
    >>> text = render_html_table(df, style=False)
    >>> "&lt;b&gt;Signed Up&lt;/b&gt;" in text, "1,234" in text, "3.4%" in text
    (True, True, True)
    """
    shown = df.select([name for name in (df.columns if columns is None else columns) if name in df.columns])
    # The alignment is set at the cell: notebooks align all cells right, and untrusted ones lose the style sheet.
    align_left = ' style="text-align:left"'
    marks = [
        ' class="r"' if _is_right_aligned(dtype) else f' class="n"{align_left}' if dtype.is_temporal() else align_left
        for dtype in shown.dtypes
    ]
    titles = [escape_html(shorten_name(adapt_words(name.replace("_", " ")), _MAX_CELL)) for name in shown.columns]
    head = "".join(f"<th{mark}>{title}</th>" for mark, title in zip(marks, titles, strict=True))
    lines = [
        "<tr>"
        + "".join(
            _write_cell(mark, text, is_link=name in links, is_sentence=name in _SENTENCES)
            for mark, text, name in zip(marks, row, shown.columns, strict=True)
        )
        + "</tr>"
        for row in format_rows(shown.head(rows), forms=forms)
    ]
    left = df.height - len(lines)
    more = f'<p class="jn-small">… and {format_count(left, "more row", "more rows")}</p>' if left > 0 else ""
    none = '<p class="jn-small">No rows.</p>' if df.height == 0 else ""
    return (
        f'{STYLE if style else ""}<div class="jn jn-wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>{more}{none}</div>"
    )


def _write_cell(mark: str, text: str, *, is_link: bool, is_sentence: bool) -> str:
    """Cut what is too long for a page; the whole text shows on hover."""
    if is_link and _WEB.fullmatch(text):
        address = escape(text, quote=True)
        return (
            f'<td{mark}><a href="{address}" rel="noopener '
            f'noreferrer">{escape_html(shorten_name(text, _MAX_LINK))}</a></td>'
        )
    whole = escape(neutralise_controls(text[:2000]), quote=True)
    most, shorten = (_MAX_SENTENCE, shorten_sentence) if is_sentence else (_MAX_CELL, shorten_name)
    title = f' title="{whole}"' if len(text) > most else ""
    return f"<td{mark}{title}>{escape_html(shorten(apply_display_names(text), most))}</td>"


def render_text_table(
    df: pl.DataFrame, *, rows: int = 20, forms: Mapping[str, Form] | None = None, width: int = 40
) -> str:
    """Write a frame for a terminal: formatted as in HTML, columns padded, long names cut in their middle.

    Examples
    --------
    >>> print(render_text_table(pl.DataFrame({"name": ["Signed Up", "Upgraded Plan"], "people": [1200, 35]})))
    name           people
    Signed Up       1,200
    Upgraded Plan      35
    """
    body = format_rows(df.head(rows), forms=forms)
    # A newline or an escape sequence in a name must not reach the terminal.
    cuts = [shorten_sentence if name in _SENTENCES else shorten_name for name in df.columns]
    grid = [
        [cut("".join(c if c.isprintable() else " " for c in t), width) for cut, t in zip(cuts, line, strict=True)]
        for line in [df.columns, *body]
    ]
    right = [_is_right_aligned(dtype) for dtype in df.dtypes]
    widths = [max(len(line[i]) for line in grid) for i in range(df.width)]
    lines = [
        "  ".join(t.rjust(w) if r else t.ljust(w) for t, w, r in zip(line, widths, right, strict=True)).rstrip()
        for line in grid
    ]
    left = df.height - len(body)
    return "\n".join([*lines, f"… and {format_count(left, 'more row')}"] if left > 0 else lines)


def render_card(
    title: str,
    *,
    sentence: str,
    settings: Mapping[str, object] | str = "",
    table: pl.DataFrame | str = "",
    rows: int = 20,
) -> str:
    """Show a result in a notebook: a sentence, the settings in small, a small table; never a script.

    Parameters
    ----------
    title, sentence
        Plain text; both are escaped.
    settings
        As a mapping or as text; escaped.
    table
        A frame, of which at most `rows` rows are shown, or HTML from `render_html_table`, used as it is.

    Examples
    --------
    >>> text = render_card("Funnel", sentence="38% go on", settings={"within": "14d", "people": 1200, "events": 9000})
    >>> "within 14d · 1,200 people, 9,000 events" in text, "<script" in text
    (True, False)
    """
    described = settings if isinstance(settings, str) else describe_settings(settings)
    small = f'<p class="jn-small">{escape_html(described, sentence=True)}</p>' if described else ""
    head = f"<h4>{escape_html(title)}</h4>" if title else ""
    text = f"<p>{escape_html(sentence, sentence=True)}</p>" if sentence else ""
    body = table.removeprefix(STYLE) if isinstance(table, str) else render_html_table(table, rows=rows, style=False)
    return f'{STYLE}<div class="jn">{head}{text}{small}{body}</div>'


def describe_settings(settings: Mapping[str, object]) -> str:
    """Describe settings, the number of people and events, and the period; options that were not set are left out.

    Examples
    --------
    >>> describe_settings({"steps": ("A", "B"), "within": timedelta(days=14), "by": None, "people": 1, "events": 5})
    'steps A › B · within 14 days · 1 person, 5 events'
    """
    known = {"people", "events", "first", "last", "unit"}
    parts = [
        f"{adapt_words(name.replace('_', ' '))} {adapt_words(str(value)) if name in _WORDS else _describe_value(value)}"
        for name, value in settings.items()
        if name not in known and value is not None
    ]
    people, events = settings.get("people"), settings.get("events")
    size = [format_count(people, str(settings.get("unit", "person")))] if isinstance(people, int) else []
    size += [format_count(events, "event")] if isinstance(events, int) else []
    first, last = settings.get("first"), settings.get("last")
    over = [format_period(first, last)] if isinstance(first, date) and isinstance(last, date) else []
    return " · ".join([*parts, *([", ".join(size)] if size else []), *over])


def _describe_value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return format_number(value)
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, datetime):
        return format_moment(value)
    if isinstance(value, list | tuple):
        return " › ".join(_describe_value(item) for item in value)
    return str(value)
