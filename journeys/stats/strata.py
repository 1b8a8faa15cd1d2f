"""Two-by-two tables within groups: does it hold among people who are alike?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from journeys.stats.tables import Column, Difference, Floats, critical_value, divide, phi, phi_interval, to_floats


class MantelHaenszel(NamedTuple):
    """An odds ratio common to all strata, its interval, and the p-value of there being none."""

    odds_ratio: Floats
    ci_low: Floats
    ci_high: Floats
    p_value: Floats


def mantel_haenszel(
    both: Column, behaviour_only: Column, conversion_only: Column, neither: Column, *, confidence: float = 0.95
) -> MantelHaenszel:
    """Pool strata: does a behaviour go with converting among people of the same kind?

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts, the last axis one entry per stratum; a column for one behaviour, behaviours × strata for many.

    Returns
    -------
    MantelHaenszel
        One entry per behaviour: the pooled odds ratio, `ci_low`, `ci_high`, `p_value`. NaN where no stratum tells.

    Notes
    -----
    Σ(ad/n) / Σ(bc/n); the interval by Robins, Breslow & Greenland (1986), Biometrics 42, 311–323; the test of
    Cochran, Mantel and Haenszel without continuity correction (1959, JNCI 22, 719–748). It assumes that the odds
    ratio is about the same in every stratum: look at the strata, and do not use it when they point in opposite
    directions.

    Examples
    --------
    >>> pooled = mantel_haenszel([4, 5], [1, 2], [2, 3], [8, 6])
    >>> print(pooled.odds_ratio.round(3), pooled.p_value.round(3))
    7.885 0.011
    """
    from scipy.special import erfc

    z = critical_value(confidence)
    a, b, c, d, n, share = _read_strata(both, behaviour_only, conversion_only, neither)
    with np.errstate(divide="ignore", invalid="ignore"):
        r, s = a * d * share, b * c * share
        p, q = (a + d) * share, (b + c) * share
        big_r, big_s = r.sum(axis=-1), s.sum(axis=-1)
        pooled = divide(big_r, big_s)
        variance = (
            (p * r).sum(axis=-1) / (2 * big_r**2)
            + (p * s + q * r).sum(axis=-1) / (2 * big_r * big_s)
            + (q * s).sum(axis=-1) / (2 * big_s**2)
        )
        half = z * np.sqrt(variance)
        low, high = np.exp(np.log(pooled) - half), np.exp(np.log(pooled) + half)
        expected = (a + b) * (a + c) * share
        spread = np.where(n > 1, (a + b) * (c + d) * (a + c) * (b + d) * share**2 / (n - 1), 0.0).sum(axis=-1)
        statistic = divide((a - expected).sum(axis=-1) ** 2, spread)
    return MantelHaenszel(pooled, low, high, erfc(np.sqrt(statistic / 2)))


def partial_phi(both: Column, behaviour_only: Column, conversion_only: Column, neither: Column) -> Floats:
    """Compute phi net of the group that people belong to.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts, the last axis one entry per stratum; a column for one behaviour, behaviours × strata for many.

    Returns
    -------
    float array
        One entry per behaviour; NaN where nothing varies within any stratum.

    Notes
    -----
    The partial correlation of the two yes/no columns given the stratum: Σ nᵢ·covᵢ / √(Σ nᵢ·varᵢ(behaviour) · Σ
    nᵢ·varᵢ(conversion)), the pooled within-group correlation of the analysis of covariance (Snedecor & Cochran 1967,
    Statistical Methods, chapter 14). With levels of activity as strata it is phi net of activity. It assumes about the
    same relation in every stratum: do not use it when they point in opposite directions. It removes what the strata say
    and nothing else.

    Examples
    --------
    >>> print(phi([82], [38], [13], [87]).round(2))
    [0.56]
    >>> print(partial_phi([80, 2], [20, 18], [8, 5], [2, 85]).round(2))
    0.03
    """
    a, b, c, d, _, share = _read_strata(both, behaviour_only, conversion_only, neither)
    together = ((a * d - b * c) * share).sum(axis=-1)
    did, converted = ((a + b) * (c + d) * share).sum(axis=-1), ((a + c) * (b + d) * share).sum(axis=-1)
    return np.clip(divide(together, np.sqrt(did * converted)), -1.0, 1.0)


class _Strata(NamedTuple):
    """The four counts, the people of each stratum, and the share of one person in it (0 where it is empty)."""

    both: Floats
    behaviour_only: Floats
    conversion_only: Floats
    neither: Floats
    people: Floats
    share: Floats


def _read_strata(*cells: Column) -> _Strata:
    a, b, c, d = (np.atleast_1d(to_floats(cell)) for cell in cells)
    n = a + b + c + d
    return _Strata(a, b, c, d, n, np.where(n > 0, divide(np.ones_like(n), n), 0.0))


def compare_phis(
    first: Sequence[Column],
    second: Sequence[Column],
    *,
    confidence: float = 0.95,
    covariance: Column | None = None,
) -> Difference:
    """Compare two phis: does a behaviour go with converting more closely in one group than in another?

    Parameters
    ----------
    first, second
        The four counts (both, behaviour only, conversion only, neither) of each group; columns or single numbers.
    covariance
        Of both phis, where people are in both groups; 0 without it.

    Returns
    -------
    Difference
        `estimate` is phi of the first minus phi of the second, with its interval and the p-value of no difference.

    Notes
    -----
    The interval adds the squares of the distances to the two score intervals (Zou 2007, Psychological Methods 12,
    399–413); p takes the distance of its end towards zero for as many standard errors as the confidence says. Both
    assume that nobody is in both groups, unless their covariance is given. Phis of groups with other margins are not on
    one scale: a difference can come from the shares who did it or converted alone.

    Examples
    --------
    >>> d = compare_phis((40, 10, 10, 40), (30, 20, 20, 30))
    >>> print(d.estimate.round(2), d.ci_low.round(2), d.ci_high.round(2), d.p_value.round(4))
    0.4 0.15 0.64 0.002
    """
    from scipy.special import erfc

    z = critical_value(confidence)
    one, two = phi(*first), phi(*second)
    low_one, high_one = phi_interval(*first, confidence=confidence)
    low_two, high_two = phi_interval(*second, confidence=confidence)
    gap = one - two
    shared = 2 * z**2 * (np.zeros_like(gap) if covariance is None else to_floats(covariance))
    below = np.sqrt(np.maximum((one - low_one) ** 2 + (high_two - two) ** 2 - shared, 0.0))
    above = np.sqrt(np.maximum((high_one - one) ** 2 + (two - low_two) ** 2 - shared, 0.0))
    error = np.where(gap > 0, below, above) / z
    return Difference(gap, gap - below, gap + above, erfc(np.abs(gap) / np.maximum(error, 1e-300) / np.sqrt(2)))
