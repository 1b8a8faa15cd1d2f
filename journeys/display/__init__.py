"""How tables and numbers look in a notebook and in a terminal: only what is shown is rounded."""

from journeys.display.tables import STYLE, card, html_table, isolated, settings_words, text_table
from journeys.display.words import (
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
    shorten,
    span,
)

__all__ = [
    "STYLE",
    "card",
    "compact",
    "day",
    "duration",
    "html_table",
    "interval",
    "isolated",
    "moment",
    "number",
    "p_value",
    "percent",
    "plural",
    "points",
    "ratio",
    "settings_words",
    "shorten",
    "span",
    "text_table",
]
