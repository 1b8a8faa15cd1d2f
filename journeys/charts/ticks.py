"""Ticks of axes of rates and of differences between rates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, floor, isfinite, log10
from typing import Any

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_UNITS = ((86_400_000_000, "days"), (3_600_000_000, "hours"), (60_000_000, "minutes"), (1_000_000, "seconds"))


def time_unit(longest: int) -> tuple[int, str]:
    """Choose the unit of an axis of times: its length (µs) and name, the largest that the longest time has twice.

    Examples
    --------
    >>> time_unit(3 * 86_400_000_000)
    (86400000000, 'days')
    """
    return next(((size, name) for size, name in _TIME_UNITS if longest >= 2 * size), _TIME_UNITS[-1])


def percent_ticks(rates: Iterable[float | None], *, most: int = 6) -> dict[str, Any]:
    """Place ticks from 0 to the highest rate.

    Examples
    --------
    >>> percent_ticks([0.02, None, 0.071])["ticktext"]
    ['0%', '2%', '4%', '6%', '8%']
    """
    return _tick_settings([0.0, *rates], most=most, form=lambda value: f"{value:.10g}%")


def point_ticks(differences: Iterable[float | None], *, most: int = 7) -> dict[str, Any]:
    """Place ticks over differences of rates, in points with their sign.

    Examples
    --------
    >>> point_ticks([-0.02, 0.04])["ticktext"]
    ['−2', '−1', '0', '+1', '+2', '+3', '+4']
    """
    return _tick_settings(
        [0.0, *differences], most=most, form=lambda value: f"{value:+.10g}".replace("-", "−") if value else "0"
    )


def _tick_settings(values: Iterable[float | None], *, most: int, form: Callable[[float], str]) -> dict[str, Any]:
    known = [100 * value for value in values if value is not None and isfinite(value)]
    low, high = min(known), max(known)
    rough = max(high - low, 1e-9) / (most - 1)
    unit = 10.0 ** floor(log10(rough))
    step = next(nice * unit for nice in _NICE if nice * unit >= rough * (1 - 1e-9))
    places = range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)
    at = [round(place * step, 12) for place in places]
    return {"tickmode": "array", "tickvals": [value / 100 for value in at], "ticktext": [form(value) for value in at]}
