"""The equal-time test of a behaviour against a goal: the log-rank test with a time-dependent covariate.

Those who convert early had little time to do anything, and those who arrived late had little time for either, so that
time alone relates any behaviour to any goal (immortal-time bias). Here everybody has had the same time: at each
conversion, whoever converts is compared with all who were observed for at least as long without converting. With three
people, of whom p and q convert, and r is observed for 5 days::

            behaviour  goal        conversion after 2 days (q): at risk p, q, r; exposed p and q     chance 2/3
    p       day 1      day 3       conversion after 3 days (p): at risk p, r;    exposed p           chance 1/2
    q       day 1      day 2
    r       day 4                  observed: p and q were exposed, 2; expected 2/3 + 1/2

r is not exposed at either conversion: it did the behaviour after both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.stats.columns import Column, Floats, floats, ratio

__all__ = ["MantelByar", "mantel_byar"]

# Up to these variances all but 1e-19 of a sum of draws lies within half so many values of its mean (Bernstein's
# inequality); beyond, the normal approximation is used.
_VALUES = ((1.0, 64), (20.0, 128), (100.0, 256))
_MOST_SHARES = 256
_CHUNK = 1 << 22


class MantelByar(NamedTuple):
    """Exposed people among those who converted, one entry per behaviour, and what no effect would give.

    Attributes
    ----------
    observed, expected : np.ndarray
        Converters who had done the behaviour before, and how many of them there would be without an effect.
    z : np.ndarray
        (observed - expected) / standard error; NaN where nobody, or everybody, was exposed at every conversion.
    p_value : np.ndarray
        Two-sided; NaN where `z` is.
    """

    observed: Floats
    expected: Floats
    z: Floats
    p_value: Floats


def mantel_byar(observed: Column, *, conversions: Column, at_risk: Column, exposed_at_risk: Column) -> MantelByar:
    """Test whether people convert more, or less, often after a behaviour than others observed for as long.

    Parameters
    ----------
    observed
        Per behaviour, the converters who had done it before they converted.
    conversions, at_risk
        Per risk set, that is per time of conversion (and stratum): the conversions, and the people who could have
        converted then.
    exposed_at_risk
        Behaviours × risk sets: the people at risk who had done the behaviour by then.

    Returns
    -------
    MantelByar

    Notes
    -----
    Without an effect `observed` is a sum of independent draws with chances exposed / at risk. p is the mid-p of that
    sum's exact (Poisson-binomial) distribution while its variance is below 100, and of the normal approximation
    beyond. Mantel & Byar (1974), J. Am. Stat. Assoc. 69, 81–86. It assumes that nobody's observation ends because of
    what they are about to do, and that people of a risk set would convert alike without the behaviour: use strata
    where groups differ.

    Examples
    --------
    >>> test = mantel_byar([2], conversions=[1, 1], at_risk=[3, 2], exposed_at_risk=[[2, 1]])
    >>> print(test.expected.round(3), test.p_value.round(3))
    [1.167] [0.333]
    """
    count, at_risk, exposed = floats(conversions), floats(at_risk), floats(exposed_at_risk)
    happened = (count > 0) & (at_risk > 0)
    count = count[happened]
    share = np.clip(exposed[:, happened] / at_risk[happened], 0.0, 1.0)
    seen, expected = floats(observed), share @ count
    variance = (share * (1 - share)) @ count
    z = np.where(variance > 1e-12, ratio(seen - expected, np.sqrt(np.maximum(variance, 0.0))), np.nan)
    from scipy.special import erfc

    p = erfc(np.abs(z) / np.sqrt(2))
    share, count = _merge_shares(share, count)
    below = 0.0
    for limit, values in _VALUES:
        exact = np.flatnonzero((variance > max(below, 1e-12)) & (variance <= limit))
        size = max(1, _CHUNK // (max(len(count), 1) * values))
        for low in range(0, len(exact), size):
            part = exact[low : low + size]
            p[part] = _exact_mid_p(seen[part], share=share[part], count=count, values=values)
        below = limit
    return MantelByar(seen, expected, z, p)


def _merge_shares(share: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Average the chances of neighbouring risk sets where there are very many, which differ little."""
    if len(count) <= _MOST_SHARES:
        return share, count
    first = np.unique(np.linspace(0, len(count), _MOST_SHARES, endpoint=False).astype(np.int64))
    merged = np.add.reduceat(count, first)
    return np.add.reduceat(share * count, first, axis=1) / merged, merged


def _exact_mid_p(observed: Floats, *, share: Floats, count: Floats, values: int) -> Floats:
    """Compute two-sided mid-p values of sums of independent draws, from their characteristic functions.

    A transform over `values` values around the mean holds the whole distribution. `scipy.stats.poisson_binom` gives
    the same; its time grows with the square of the draws.
    """
    angle = 2 * np.pi * np.arange(values // 2 + 1) / values
    real = 1 - share[:, :, np.newaxis] * (1 - np.cos(angle))
    imaginary = share[:, :, np.newaxis] * np.sin(angle)
    with np.errstate(divide="ignore"):
        modulus = 0.5 * np.einsum("r,brf->bf", count, np.log(real**2 + imaginary**2))
    turn = np.einsum("r,brf->bf", count, np.arctan2(imaginary, real))
    lowest = np.round(share @ count) - values // 2
    turn -= angle * lowest[:, np.newaxis]
    chance = np.clip(np.fft.irfft(np.exp(modulus - 1j * turn), n=values, axis=1), 0.0, 1.0)
    place = (observed - lowest).astype(np.int64)
    value = np.arange(values)
    below = (chance * (value <= place[:, np.newaxis])).sum(axis=1)
    above = (chance * (value >= place[:, np.newaxis])).sum(axis=1)
    at = np.where((place >= 0) & (place < values), chance[np.arange(len(place)), np.clip(place, 0, values - 1)], 0.0)
    p: Floats = np.clip(2 * np.minimum(below, above) - at, 0.0, 1.0)
    return p
