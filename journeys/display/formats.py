"""Numbers, durations and dates as people write them, and whether words speak of people or of accounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from math import floor, isfinite, log10

_MANY = {"person": "people", "entry": "entries"}

NOTHING = "–"
MINUS = "−"

_UNITS = (
    (1, "microsecond"),
    (1_000, "millisecond"),
    (1_000_000, "second"),
    (60_000_000, "minute"),
    (3_600_000_000, "hour"),
    (86_400_000_000, "day"),
    (2 * 365 * 86_400_000_000, "year"),
)
_MICROSECONDS_PER_YEAR = 365.25 * 86_400_000_000
_UNIT: ContextVar[str] = ContextVar("unit", default="person")
_OF_ACCOUNTS = {
    "everyone else": "all other accounts",
    "everybody else": "all other accounts",
    "a person": "an account",
    "accounts who": "accounts that",
    "people who": "accounts that",
    "people whom": "accounts that",
    "people whose": "accounts whose",
    "person who": "account that",
    "somebody who": "an account that",
    "person": "account",
    "people": "accounts",
    "no one": "no account",
    "nobody": "no account",
    "somebody": "an account",
    "everybody": "every account",
    "everyone": "every account",
}
_WORDS = re.compile(rf"\b(?:{'|'.join(_OF_ACCOUNTS)})\b", re.IGNORECASE)
# of "the 522 who came" and, where a title breaks, "those<br>who came", but not of "and who came"
_RELATIVE = re.compile(r"((?:\d|\b(?:those|accounts?|all|share))(?: |<br>)|^ )whom?\b", re.IGNORECASE)


@contextmanager
def use_unit(unit: str) -> Iterator[None]:
    """Speak of accounts (`unit` "account") or of people ("person") in all texts, tables and charts written inside.

    Examples
    --------
    >>> with use_unit("account"):
    ...     adapt_words("No one is lost"), adapt_words("per person"), adapt_words("12 people who left")
    ('No account is lost', 'per account', '12 accounts that left')
    """
    token = _UNIT.set(unit)
    try:
        yield
    finally:
        _UNIT.reset(token)


def adapt_words(words: str) -> str:
    """Return words of the library's own, without names of events, with "people" and the like as `use_unit` says.

    Examples
    --------
    >>> adapt_words("fewer than 30 people")
    'fewer than 30 people'
    """
    return words if _UNIT.get() == "person" else _RELATIVE.sub(r"\1that", _WORDS.sub(_replace_word, words))


def adapt_pronouns(text: str, *, names: Sequence[str] = ()) -> str:
    """Return a whole text with "that" for "who" where it speaks of accounts; `names` and what is quoted stay.

    Examples
    --------
    >>> with use_unit("account"):
    ...     adapt_pronouns('Of those who left, 95 who were there did "All who came".')
    'Of those that left, 95 that were there did "All who came".'
    """
    if _UNIT.get() == "person":
        return text
    kept = "|".join(['"[^"]*"', *map(re.escape, sorted(names, key=len, reverse=True))])
    parts = re.split(f"({kept})", text)
    return "".join(part if at % 2 else _RELATIVE.sub(r"\1that", part) for at, part in enumerate(parts))


def _replace_word(found: re.Match[str]) -> str:
    word = _OF_ACCOUNTS[found[0].lower()]
    return word[0].upper() + word[1:] if found[0][0].isupper() else word


def format_number(value: float | None) -> str:
    """Format a count: thousands are grouped, without decimals.

    Examples
    --------
    >>> format_number(12345), format_number(-3), format_number(None)
    ('12,345', '−3', '–')
    """
    if value is None or not isfinite(value):
        return NOTHING
    return f"{value:,.0f}".replace("-", MINUS)


def format_amount(value: float | None, currency: str | None = None) -> str:
    """Format an amount of money: two decimals below 100, none above.

    Examples
    --------
    >>> format_amount(12.5), format_amount(-1234.4, "EUR"), format_amount(None)
    ('12.50', '−1,234 EUR', '–')
    """
    if value is None or not isfinite(value):
        return NOTHING
    text = format_number(value) if abs(value) >= 99.995 else f"{value:.2f}".replace("-", MINUS)
    return f"{text} {currency}" if currency else text


def format_count(count: float, noun: str, many: str | None = None) -> str:
    """Format a count with its noun.

    Examples
    --------
    >>> format_count(1, "person"), format_count(0, "person")
    ('1 person', '0 people')
    >>> format_count(1200, "event"), format_count(2, "entry", "entries")
    ('1,200 events', '2 entries')
    """
    form = choose_form(count, noun, many or _MANY.get(noun, noun + "s"))
    return f"{format_number(count)} {adapt_words(form) if noun == 'person' else form}"


def choose_form(count: float, one: str, many: str) -> str:
    """Choose the singular or plural form that goes with a count.

    Examples
    --------
    >>> choose_form(1, "begins", "begin"), choose_form(7, "begins", "begin")
    ('begins', 'begin')
    """
    return one if count == 1 else many


def format_definite_count(count: float, noun: str) -> str:
    """Format a total as it follows the word "of".

    Examples
    --------
    >>> format_definite_count(149, "conversion"), format_definite_count(1, "conversion")
    ('the 149 conversions', 'the only conversion')
    """
    return f"the only {adapt_words(noun)}" if count == 1 else f"the {format_count(count, noun)}"


def _round_digits(value: float) -> str:
    """Round to two significant digits, but keep all digits before the point; drop trailing zeros."""
    if value == 0:
        return "0"
    decimals = max(0, 1 - floor(log10(abs(value))))
    text = f"{round(value, decimals):,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", MINUS)


def format_percent(rate: float | None) -> str:
    """Format a rate: one decimal below 10%, none above; never rounded to 0% or 100%.

    Examples
    --------
    >>> [format_percent(rate) for rate in (0.034, 0.381, 0.0004, 0.9996, 1.0, None)]
    ['3.4%', '38%', '< 0.1%', '> 99%', '100%', '–']
    """
    if rate is None or not isfinite(rate):
        return NOTHING
    return f"{_percent_digits(rate)}%"


def _percent_digits(rate: float) -> str:
    value = rate * 100
    if 0 < abs(value) < 0.05:
        return "< 0.1" if value > 0 else f"> {MINUS}0.1"
    if 99.5 <= value < 100:
        return "> 99"
    text = f"{value:,.1f}" if abs(value) < 9.95 else f"{value:,.0f}"
    return text.removesuffix(".0").replace("-", MINUS) if abs(value) < 0.05 else text.replace("-", MINUS)


def format_interval(
    low: float | None, high: float | None, *, form: Callable[[float | None], str] = format_percent
) -> str:
    """Format an interval; percentages share one sign, and negative bounds are joined by "to".

    Examples
    --------
    >>> format_interval(0.28, 0.34), format_interval(0.011, 0.126), format_interval(None, 0.3)
    ('28–34%', '1.1–13%', '')
    >>> format_interval(-0.21, 0.05, form=format_ratio)
    '−0.21 to 0.05'
    """
    if low is None or high is None or not (isfinite(low) and isfinite(high)):
        return ""
    joined = "–" if low >= 0 else " to "
    return f"{form(low).removesuffix('%')}{joined}{form(high)}"


def format_points(difference: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format the difference of two rates in percentage points, with its sign and, if given, its interval.

    Examples
    --------
    >>> format_points(0.042, 0.011, 0.073), format_points(-0.005), format_points(None)
    ('+4.2 points (1.1 to 7.3)', '−0.5 points', '–')
    """
    if difference is None or not isfinite(difference):
        return NOTHING
    sign = "+" if difference > 0 else MINUS if difference < 0 else ""
    text = f"{sign}{abs(difference) * 100:.1f} points"
    if low is None or high is None or not (isfinite(low) and isfinite(high)):
        return text
    return f"{text} ({low * 100:.1f} to {high * 100:.1f})".replace("-", MINUS)


def format_signed(value: float | None, *, form: Callable[[float | None], str]) -> str:
    """Format a difference with its sign; one that rounds to zero has none.

    Examples
    --------
    >>> [format_signed(value, form=format_ratio) for value in (0.25, -0.25, -0.001, None)]
    ['+0.25', '−0.25', '0.00', '–']
    """
    if value is None or not isfinite(value):
        return form(value)
    text = form(abs(value))
    return text if text == form(0.0) else f"{'+' if value > 0 else MINUS}{text}"


def format_ratio(value: float | None) -> str:
    """Format a coefficient, an odds ratio or a lift: two decimals, fewer for large values.

    Examples
    --------
    >>> format_ratio(0.309005), format_ratio(-0.2), format_ratio(12.04), format_ratio(1234.5), format_ratio(0.0004)
    ('0.31', '−0.20', '12.0', '1,234', '0.00')
    """
    if value is None:
        return NOTHING
    if not isfinite(value):
        return "∞" if value > 0 else f"{MINUS}∞" if value < 0 else NOTHING
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", MINUS)


def format_p_value(value: float | None) -> str:
    """Format a p- or q-value; the smallest are "< 0.001".

    Examples
    --------
    >>> format_p_value(0.0312), format_p_value(1e-12), format_p_value(0.5), format_p_value(None)
    ('0.031', '< 0.001', '0.50', '–')
    """
    if value is None or not isfinite(value):
        return NOTHING
    if value < 0.001:
        return "< 0.001"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _fills_unit(micros: float, size: int) -> bool:
    """Return whether a duration, rounded as in the next smaller unit, reaches this one."""
    smaller = max((u[0] for u in _UNITS if u[0] < size), default=1)
    decimals = 0 if abs(micros) / smaller >= 10 else 1
    return round(abs(micros) / smaller, decimals) * smaller >= size


def format_duration(value: timedelta | float | None) -> str:
    """Format a duration (a timedelta, or microseconds) in the largest unit that it fills, with two digits.

    Examples
    --------
    >>> format_duration(timedelta(hours=50)), format_duration(timedelta(minutes=4)), format_duration(timedelta(0))
    ('2.1 days', '4 minutes', '0 seconds')
    >>> [format_duration(value) for value in (90_000_000, timedelta(days=1), timedelta(days=900), None)]
    ['1.5 minutes', '1 day', '2.5 years', '–']
    """
    if value is None:
        return NOTHING
    micros = value / timedelta(microseconds=1) if isinstance(value, timedelta) else float(value)
    if not isfinite(micros):
        return NOTHING
    if micros == 0:
        return "0 seconds"
    # 59.7 seconds would become "60 seconds": what rounds up to the next unit is written in it.
    size, unit = next((u for u in reversed(_UNITS) if _fills_unit(micros, u[0])), _UNITS[0])
    amount = _round_digits(micros / (_MICROSECONDS_PER_YEAR if unit == "year" else size))
    if abs(micros) < size:
        amount = "1" if micros > 0 else f"{MINUS}1"
    return f"{amount} {unit if amount in {'1', MINUS + '1'} else unit + 's'}"


def format_day(value: date | None) -> str:
    """Format a date.

    Examples
    --------
    >>> format_day(date(2026, 3, 1)), format_day(None)
    ('1 March 2026', '–')
    """
    return NOTHING if value is None else f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def format_moment(value: datetime | None) -> str:
    """Format a date and time, to the minute.

    Examples
    --------
    >>> format_moment(datetime(2026, 3, 1, 9, 5))
    '1 March 2026, 09:05'
    """
    return NOTHING if value is None else f"{format_day(value)}, {value:%H:%M}"


def format_period(start: date | None, end: date | None) -> str:
    """Format a period; year and month are written once where both ends share them.

    Examples
    --------
    >>> format_period(date(2026, 3, 1), date(2026, 6, 30)), format_period(date(2025, 12, 1), date(2026, 1, 5))
    ('1 March to 30 June 2026', '1 December 2025 to 5 January 2026')
    >>> format_period(date(2026, 3, 1), date(2026, 3, 9)), format_period(date(2026, 3, 1), date(2026, 3, 1))
    ('1 to 9 March 2026', '1 March 2026')
    """
    if start is None or end is None:
        return NOTHING
    first, last = date(start.year, start.month, start.day), date(end.year, end.month, end.day)
    if first == last:
        return format_day(first)
    if first.year != last.year:
        return f"{format_day(first)} to {format_day(last)}"
    if first.month != last.month:
        return f"{first.day} {MONTHS[first.month - 1]} to {format_day(last)}"
    return f"{first.day} to {format_day(last)}"


# strftime("%B") follows the machine's locale; the sentences around it are English.
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
