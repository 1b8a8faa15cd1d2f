"""How tables and numbers look in a notebook and in a terminal: only what is shown is rounded."""

from journeys.display.formats import (
    choose_form,
    format_compact,
    format_count,
    format_day,
    format_duration,
    format_interval,
    format_moment,
    format_number,
    format_p_value,
    format_percent,
    format_period,
    format_points,
    format_ratio,
    format_signed,
    the_count,
)
from journeys.display.progress import show_progress
from journeys.display.tables import (
    STYLE,
    as_pandas,
    describe_settings,
    formatted_rows,
    html_table,
    render_card,
    text_table,
)
from journeys.display.text import (
    display_names,
    escape_html,
    join_numbers,
    neutralise_controls,
    quote_name,
    shorten_name,
    shorten_words,
    use_names,
)

__all__ = [
    "STYLE",
    "as_pandas",
    "choose_form",
    "describe_settings",
    "display_names",
    "escape_html",
    "format_compact",
    "format_count",
    "format_day",
    "format_duration",
    "format_interval",
    "format_moment",
    "format_number",
    "format_p_value",
    "format_percent",
    "format_period",
    "format_points",
    "format_ratio",
    "format_signed",
    "formatted_rows",
    "html_table",
    "join_numbers",
    "neutralise_controls",
    "quote_name",
    "render_card",
    "shorten_name",
    "shorten_words",
    "show_progress",
    "text_table",
    "the_count",
    "use_names",
]

# names of before, for callers that are being moved
number = format_number
compact = format_compact
plural = format_count
agree = choose_form
percent = format_percent
interval = format_interval
points = format_points
signed = format_signed
ratio = format_ratio
duration = format_duration
day = format_day
moment = format_moment
span = format_period
p_value = format_p_value
card = render_card
quoted = quote_name
shorten = shorten_name
unbroken = join_numbers
