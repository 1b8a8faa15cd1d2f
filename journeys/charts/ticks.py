"""Ticks of axes of rates and of differences between rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Any

from journeys.display import format_day, format_duration, format_number

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECOND = 1_000_000
_SHORT_UNITS = tuple((s * _SECOND, name) for s, name in ((31_536_000, "y"), (86_400, "d"), (3_600, "h"), (60, "min")))
_SHORT_UNITS += ((_SECOND, "s"),)
_TIME_UNITS = ((86_400_000_000, "days"), (3_600_000_000, "hours"), (60_000_000, "minutes"), (1_000_000, "seconds"))

SHORTEST = 1_000_000
"""The shortest time (µs) on a logarithmic axis, where there is no zero: shorter ones are drawn there."""
_MARKS = tuple(
    1_000_000 * seconds for seconds in (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000, 31_557_600)
)


def choose_time_unit(longest: int) -> tuple[int, str]:
    """Choose the unit of an axis of times: its length (µs) and name, the largest that the longest time has twice.

    Examples
    --------
    >>> choose_time_unit(3 * 86_400_000_000)
    (86400000000, 'days')
    """
    return next(((size, name) for size, name in _TIME_UNITS if longest >= 2 * size), _TIME_UNITS[-1])


def write_bin_edges(edges: Sequence[int]) -> tuple[int, str, list[str]]:
    """Write the edges of bins of times (µs): the unit of the axis, its name and the edges in it.

    Edges that are not equally far apart are written with a unit each.

    Examples
    --------
    >>> write_bin_edges([0, 5 * 86_400_000_000, 10 * 86_400_000_000])
    (86400000000, 'days', ['0', '5', '10'])
    >>> write_bin_edges([0, 3_600_000_000, 86_400_000_000])[1:]
    ('time taken, in bins that grow', ['0', '1 h', '1 d'])
    """
    if len({high - low for low, high in pairwise(edges)}) > 1:
        return 0, "time taken, in bins that grow", [_write_time(edge) for edge in edges]
    longest = choose_time_unit(edges[-1])
    # the largest unit in which edges are short
    units = [pair for pair in _TIME_UNITS if pair[0] <= longest[0]]
    short = [pair for pair in units if edges[-1] < 1_000 * pair[0] and not any(10 * edge % pair[0] for edge in edges)]
    size, unit = short[0] if short else longest
    written = [[f"{edge / size:.{digits}f}" for edge in edges] for digits in (0, 1, 2, 3)]
    distinct = next((texts for texts in written if len(set(texts)) == len(edges)), written[-1])
    return size, unit, [text.removesuffix(".0") for text in distinct]


def _write_time(time: int) -> str:
    size, unit = next((pair for pair in _SHORT_UNITS if time and not time % pair[0]), (1, ""))
    return f"{time // size:,} {unit}".strip()


def place_log_time_ticks(times: Iterable[int], *, size: int, most: int) -> dict[str, Any]:
    """Return the settings of a logarithmic axis of times (µs), drawn in a unit of `size` µs.

    Examples
    --------
    >>> place_log_time_ticks([20_000_000, 86_400_000_000], size=3_600_000_000, most=9)["ticktext"]
    ['1 minute', '10 minutes', '1 hour', '6 hours', '1 day']
    """
    known = [max(time, SHORTEST) for time in times]
    low, high = min(known), max(known)
    inside = [mark for mark in _MARKS if low <= mark <= high]
    at = inside[:: -(-len(inside) // most)] or [low, high]
    room = 0.06 * log10(high / low) + 0.04
    return {
        "type": "log", "tickmode": "array", "tickvals": [mark / size for mark in at],
        "ticktext": [format_duration(mark) for mark in at],
        "range": [log10(low / size) - room, log10(high / size) + room],
    }  # fmt: skip


def place_percent_ticks(rates: Iterable[float | None], *, most: int = 6) -> dict[str, Any]:
    """Place ticks from 0 to the highest rate.

    Examples
    --------
    >>> place_percent_ticks([0.02, None, 0.071])["ticktext"]
    ['0%', '2%', '4%', '6%', '8%']
    """
    return _tick_settings([0.0, *rates], most=most, form=lambda value: f"{value:.10g}%")


def place_point_ticks(differences: Iterable[float | None], *, most: int = 7) -> dict[str, Any]:
    """Place ticks over differences of rates, in points with their sign.

    Examples
    --------
    >>> place_point_ticks([-0.02, 0.04])["ticktext"]
    ['−2', '−1', '0', '+1', '+2', '+3', '+4']
    """
    return _tick_settings(
        [0.0, *differences], most=most, form=lambda value: f"{value:+.10g}".replace("-", "−") if value else "0"
    )


def place_count_ticks(low: int, high: int) -> dict[str, Any]:
    """Place ticks over counts that are drawn upwards and downwards from zero, each without a sign.

    Examples
    --------
    >>> place_count_ticks(-60, 130)["ticktext"]
    ['100', '50', '0', '50', '100', '150']
    """
    # a whole step: there is no half person
    ticks = _tick_settings([low / 100, high / 100, 0.0], most=max(2, min(7, high - low + 1)), form=str)
    whole = [value * 100 for value in ticks["tickvals"] if (value * 100).is_integer()]
    return ticks | {"tickvals": whole, "ticktext": [format_number(abs(value)) for value in whole]}


def label_rows(names: Sequence[str], *, colour: str, margin: float = 0.6) -> dict[str, Any]:
    """Name the rows of a chart on its y axis, from the top down at 0, −1, −2 and so on.

    Examples
    --------
    >>> label_rows(["Visit", "Sign up"], colour="black")["range"]
    [-1.6, 0.6]
    """
    return {
        "tickvals": [-row for row in range(len(names))],
        "ticktext": list(names),
        "tickfont": {"size": 13, "color": colour},
        "range": [1 - len(names) - margin, margin],
        "fixedrange": True,
    }


def place_period_ticks(periods: Sequence[date], *, most: int) -> dict[str, Any]:
    """Place ticks at the starts of some periods, which Plotly's own would miss, and the year where it changes.

    Examples
    --------
    >>> place_period_ticks([date(2025, 12, 29), date(2026, 1, 5), date(2026, 1, 12)], most=2)["ticktext"]
    ['29 December<br>2025', '12 January<br>2026']
    """
    at = list(periods[:: -(-len(periods) // most)])
    words = [format_day(period).rsplit(" ", 1) for period in at]
    years = [None, *(year for _, year in words)]
    texts = [
        text if year == before else f"{text}<br>{year}" for (text, year), before in zip(words, years, strict=False)
    ]
    return {"tickmode": "array", "tickvals": at, "ticktext": texts}


def _tick_settings(values: Iterable[float | None], *, most: int, form: Callable[[float], str]) -> dict[str, Any]:
    known = [100 * value for value in values if value is not None and isfinite(value)]
    low, high = min(known), max(known)
    rough = max(high - low, 1e-9) / (most - 1)
    unit = 10.0 ** floor(log10(rough))
    step = next(nice * unit for nice in _NICE if nice * unit >= rough * (1 - 1e-9))
    places = range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)
    at = [round(place * step, 12) for place in places]
    return {"tickmode": "array", "tickvals": [value / 100 for value in at], "ticktext": [form(value) for value in at]}
