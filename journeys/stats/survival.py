"""How long until something happens, when some have not been watched long enough to know."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.errors import ArgumentError
from journeys.stats.columns import Column, Floats, critical_value, floats

__all__ = ["Survival", "kaplan_meier", "quantile"]


class Survival(NamedTuple):
    """A Kaplan–Meier curve: one entry for each time at which something happened, ascending."""

    time: Floats
    at_risk: Floats
    happened: Floats
    share: Floats
    ci_low: Floats
    ci_high: Floats


def kaplan_meier(times: Column, *, happened: Column, confidence: float = 0.95) -> Survival:
    """What share has done it by each time, counting those fairly who may still do it?

    Parameters
    ----------
    times
        For each person the time until it happened, or until the watching ended.
    happened
        Whether it happened (true) or the watching ended first (false: censored).
    confidence
        0.95 by default.

    Returns
    -------
    Survival
        `time` (the unit of `times`), `at_risk` (people watched until just before), `happened` (people at this time),
        `share` who have done it by then (1 − S), `ci_low`, `ci_high`.

    Raises
    ------
    ArgumentError
        When the columns differ in length, or a time is negative.

    Notes
    -----
    1 − ∏(1 − d/n), the variance by Greenwood's formula, the interval on the log(−log) scale, so that it stays within
    0 and 1. It assumes that those who are still being watched will do it like those who were watched longer; not so
    when the product or the audience changed. At equal times, what happens comes before what is censored. Kaplan &
    Meier (1958), JASA 53, 457–481; Kalbfleisch & Prentice (1980).

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 5], happened=[True, True, False, False])
    >>> print(curve.time, curve.share)
    [1. 2.] [0.25 0.5 ]
    """
    z = critical_value(confidence)
    time, event = floats(times), np.asarray(happened, dtype=np.bool_)
    if time.shape != event.shape:
        message = f"happened: {event.size} values for {time.size} times; there must be one for each"
        raise ArgumentError(message)
    if (time < 0).any():
        message = f"times: {time.min()} is negative; a time until something cannot be"
        raise ArgumentError(message)
    moments, counts = np.unique(time[event], return_counts=True)
    at_risk = (len(time) - np.searchsorted(np.sort(time), moments, side="left")).astype(np.float64)
    done = counts.astype(np.float64)
    alive = np.asarray(np.cumprod(1 - done / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(done / (at_risk * (at_risk - done)))
        scale = np.log(-np.log(alive))
        error = np.sqrt(greenwood) / np.abs(np.log(alive))
        low, high = 1 - np.exp(-np.exp(scale - z * error)), 1 - np.exp(-np.exp(scale + z * error))
    everyone = alive == 0  # the formula has no value where nobody is left
    low, high = np.where(everyone, np.nan, low), np.where(everyone, np.nan, high)
    return Survival(moments, at_risk, done, 1 - alive, low, high)


def quantile(values: Column, *, q: Column = 0.5) -> Floats:
    """How long does it take half of them, or any other share? Quantiles by linear interpolation.

    Parameters
    ----------
    values
        Numbers; NaN is left out.
    q
        One share or several, between 0 and 1.

    Returns
    -------
    float array
        One value for each share; NaN where there are no values.

    Raises
    ------
    ArgumentError
        When a share is not between 0 and 1.

    Notes
    -----
    Definition 7 of Hyndman & Fan (1996), Am. Statistician 50, 361–365, as numpy, Polars and R have it. Not for people
    some of whom are still on their way: they are missing from `values`, so the answer is too short. See `kaplan_meier`.

    Examples
    --------
    >>> print(quantile([1, 2, 3, 10], q=[0.5, 0.9]))
    [2.5 7.9]
    """
    shares, known = floats(q), floats(values)
    known = known[~np.isnan(known)]
    if ((shares < 0) | (shares > 1)).any():
        message = f"q: {q!r} is not a share between 0 and 1"
        raise ArgumentError(message)
    return np.quantile(known, shares) if len(known) else np.full(np.shape(shares), np.nan)
