"""Shares of people and differences of shares, with their uncertainty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.stats.columns import Column, Floats, critical_value, floats, ratio


def wilson(successes: Column, n: Column, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Compute Wilson's score interval for `successes` out of `n`.

    Parameters
    ----------
    successes, n
        Counts of people; columns of equal length, or single numbers.
    confidence
        0.95 by default.

    Returns
    -------
    tuple of two float arrays
        Lower and upper end, within [0, 1]; NaN where `n` is 0.

    Raises
    ------
    ArgumentError
        When `confidence` is not between 0 and 1.

    Notes
    -----
    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). It assumes independent people, each of whom counts once.
    Do not use it for sessions or entries of few people who come back: those are not independent.
    Wilson, E. B. (1927), JASA 22, 209–212; recommended for all n by Brown, Cai & DasGupta (2001), Statist. Sci. 16.

    Examples
    --------
    >>> low, high = wilson([8, 0], [10, 0])
    >>> print(low.round(3), high.round(3))
    [0.49   nan] [0.943   nan]
    """
    z = critical_value(confidence)
    k, total = floats(successes), floats(n)
    share = ratio(k, total)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = share + z * z / (2 * total)
        half = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
        low, high = (centre - half) / (1 + z * z / total), (centre + half) / (1 + z * z / total)
    # At 0 of n and n of n the end is exactly 0 and 1; rounding must not make it −1e-17.
    return np.where(k == 0, 0.0, low) + 0 * share, np.where(k == total, 1.0, high) + 0 * share


class Difference(NamedTuple):
    """A difference of two shares, a − b: `estimate`, its interval, and the p-value of no difference."""

    estimate: Floats
    ci_low: Floats
    ci_high: Floats
    p_value: Floats


def difference(
    successes_a: Column,
    n_a: Column,
    successes_b: Column,
    n_b: Column,
    *,
    confidence: float = 0.95,
) -> Difference:
    """Compare two shares: by how much a exceeds b, and whether that could be chance.

    Parameters
    ----------
    successes_a, n_a, successes_b, n_b
        Counts of two separate groups of people; columns of equal length, or single numbers.
    confidence
        0.95 by default.

    Returns
    -------
    Difference
        `estimate` = a − b (so +0.042 is 4.2 points in favour of a), `ci_low`, `ci_high`, `p_value`. NaN where a group
        is empty.

    Raises
    ------
    ArgumentError
        When `confidence` is not between 0 and 1.

    Notes
    -----
    Interval: the square-and-add of two Wilson intervals, Newcombe's method 10 (1998, Statistics in Medicine 17,
    873–890). p: the pooled chi-square test without continuity correction; Fisher's exact test where an expected
    count is below 5. The groups must not share people.

    Examples
    --------
    >>> d = difference(56, 70, 48, 80)
    >>> print(d.estimate.round(4), d.ci_low.round(4), d.ci_high.round(4), d.p_value.round(4))
    0.2 0.0524 0.3339 0.008
    """
    from journeys.stats.tables import independence_p

    a, total_a, b, total_b = floats(successes_a), floats(n_a), floats(successes_b), floats(n_b)
    share_a, share_b = ratio(a, total_a), ratio(b, total_b)
    low_a, high_a = wilson(a, total_a, confidence=confidence)
    low_b, high_b = wilson(b, total_b, confidence=confidence)
    gap = share_a - share_b
    low = gap - np.sqrt((share_a - low_a) ** 2 + (high_b - share_b) ** 2)
    high = gap + np.sqrt((high_a - share_a) ** 2 + (share_b - low_b) ** 2)
    p_value = independence_p(a, total_a - a, b, total_b - b)
    return Difference(gap, low, high, p_value)
