"""How tables and numbers look in a notebook and in a terminal: only what is shown is rounded."""

from journeys.display.formats import (
    agree,
    compact,
    day,
    duration,
    interval,
    moment,
    number,
    p_value,
    percent,
    plural,
    points,
    ratio,
    signed,
    span,
    the_count,
)
from journeys.display.tables import STYLE, card, describe_settings, formatted_rows, html_table, text_table
from journeys.display.text import escape_html, neutralise_controls, shorten, unbroken

__all__ = [
    "STYLE",
    "agree",
    "card",
    "compact",
    "day",
    "describe_settings",
    "duration",
    "escape_html",
    "formatted_rows",
    "html_table",
    "interval",
    "moment",
    "neutralise_controls",
    "number",
    "p_value",
    "percent",
    "plural",
    "points",
    "ratio",
    "shorten",
    "signed",
    "span",
    "text_table",
    "the_count",
    "unbroken",
]
