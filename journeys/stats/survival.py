"""How long until something happens, when some were not observed long enough to know."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from journeys.errors import ArgumentError
from journeys.stats.tables import Column, Floats, critical_value, to_floats


class Survival(NamedTuple):
    """A Kaplan–Meier curve: one entry per time at which something happened, ascending."""

    time: Floats
    at_risk: Floats
    happened: Floats
    share: Floats
    ci_low: Floats
    ci_high: Floats


def kaplan_meier(times: Column, *, happened: Column, confidence: float = 0.95) -> Survival:
    """Estimate the share who have done something by each time, when some may still do it.

    Parameters
    ----------
    times
        For each person the time until it happened, or until observation ended.
    happened
        Whether it happened (true) or observation ended first (false: censored).
    confidence
        0.95 by default.

    Returns
    -------
    Survival
        `time` (the unit of `times`), `at_risk` (people observed until just before), `happened` (people at this time),
        `share` who have done it by then (1 − S), `ci_low`, `ci_high`.

    Raises
    ------
    ArgumentError
        When the columns differ in length, or a time is negative.

    Notes
    -----
    1 − ∏(1 − d/n), the variance by Greenwood's formula, the interval on the log(−log) scale, so that it stays within
    0 and 1. It assumes that those who are still observed will do it like those who were observed longer; not so
    when the product or the audience changed. At equal times, what happens comes before what is censored. Kaplan &
    Meier (1958), JASA 53, 457–481; Kalbfleisch & Prentice (1980).

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 5], happened=[True, True, False, False])
    >>> print(curve.time, curve.share)
    [1. 2.] [0.25 0.5 ]
    """
    critical_value(confidence)
    time, event = to_floats(times), np.asarray(happened, dtype=np.bool_)
    if time.shape != event.shape:
        raise ArgumentError(f"happened: {event.size} values for {time.size} times; there must be one for each.")
    if (time < 0).any():
        raise ArgumentError(f"times: {time.min()} is negative; a time until something cannot be.")
    moments, counts = np.unique(time[event], return_counts=True)
    at_risk = (len(time) - np.searchsorted(np.sort(time), moments)).astype(np.float64)
    done = counts.astype(np.float64)
    if not len(moments):
        return Survival(moments, at_risk, done, moments, moments, moments)
    from scipy.stats import CensoredData, ecdf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nobody is left after the last time: no interval there
        curve = ecdf(CensoredData(uncensored=time[event], right=time[~event])).sf
        bounds = curve.confidence_interval(confidence, method="log-log")
    low, high = (1 - end.evaluate(moments) for end in (bounds.high, bounds.low))
    alive = curve.evaluate(moments)
    low, high = (np.where(alive == 0, np.nan, end) for end in (low, high))
    return Survival(moments, at_risk, done, 1 - alive, low, high)


def quantile(values: Column, *, q: Column = 0.5) -> Floats:
    """Compute quantiles by linear interpolation: how long it takes half of them, or any other share.

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
    shares, known = to_floats(q), to_floats(values)
    known = known[~np.isnan(known)]
    if ((shares < 0) | (shares > 1)).any():
        raise ArgumentError(f"q: {q!r} is not a share between 0 and 1.")
    return np.quantile(known, shares) if len(known) else np.full(np.shape(shares), np.nan)
