"""Rates of events per time: are two of them equal?"""

from __future__ import annotations

import numpy as np

from journeys.stats.tables import Column, Floats, to_floats


def poisson_rates(a: Column, b: Column, *, exposure: tuple[float, float] = (1.0, 1.0)) -> Floats:
    """Compute the exact p-value that two Poisson counts come from one rate.

    Parameters
    ----------
    a, b
        Counts of events.
    exposure
        How long each was observed, in any unit.

    Returns
    -------
    float array
        Two-sided p-values, twice the smaller tail; NaN where both counts are 0.

    Notes
    -----
    Given a + b, a is binomial with probability t_a / (t_a + t_b) if the rates are equal (Przyborowski & Wilenski
    1940, Biometrika 31, 313–323). It assumes independent events: do not use it where a few people cause many of them,
    since counts vary more then, and the p-value is too small.

    Examples
    --------
    >>> print(poisson_rates([5, 0], [20, 40], exposure=(7, 28)).round(4))
    [1.e+00 3.e-04]
    """
    from scipy.special import bdtr, bdtrc

    count, other = to_floats(a), to_floats(b)
    total, share = (count + other).astype(np.int64), exposure[0] / (exposure[0] + exposure[1])
    at_most = bdtr(count, total, share)
    at_least = np.where(count > 0, bdtrc(np.maximum(count - 1, 0), total, share), 1.0)
    return np.where(total > 0, np.minimum(1.0, 2 * np.minimum(at_most, at_least)), np.nan)
