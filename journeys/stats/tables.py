"""Two-by-two tables: did it and converted, did it and did not, did not and converted, neither."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from journeys.stats.columns import Column, Floats, critical_value, floats, ratio
from journeys.stats.fisher import fisher_exact

STRENGTHS: tuple[tuple[float, str], ...] = (
    (0.9, "too good to be true"),
    (0.7, "very strong"),
    (0.4, "strong"),
    (0.3, "moderate"),
    (0.2, "weak"),
    (0.0, "negligible"),
)
"""Words for |phi|, each from its threshold on. The scale that Quinnipiac University teaches; its 0.2, 0.3 and 0.4 are
also where Amplitude's Compass cuts. Above 0.9 (exclusive) a leak is the likelier reason than a behaviour."""

_SMALL_EXPECTED = 5.0
_HALVINGS = 52


class PhiTable(NamedTuple):
    """What a 2×2 table says, one entry per table. Everything undefined is NaN."""

    phi: Floats
    ci_low: Floats
    ci_high: Floats
    p_value: Floats
    odds_ratio: Floats
    odds_ratio_low: Floats
    odds_ratio_high: Floats
    lift: Floats


def phi(both: Column, behaviour_only: Column, conversion_only: Column, neither: Column) -> Floats:
    """Compute the phi coefficient, from −1 to 1: how closely two yes/no facts go together.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts; columns of equal length, or single numbers.

    Returns
    -------
    float array
        NaN where a margin is empty (everyone or nobody did it, or converted): phi is undefined there.

    Notes
    -----
    (ad − bc) / √((a+b)(c+d)(a+c)(b+d)): Pearson's r of the two 0/1 columns, the square root of chi-square / n.
    Its largest possible value is below 1 when the two margins differ: a behaviour of 1% of people can never reach
    a high phi with a conversion of 50%. Yule (1912), JRSS 75, 579–652.

    Examples
    --------
    >>> print(phi([30, 5], [20, 0], [20, 7], [30, 0]))
    [0.2 nan]
    """
    a, b, c, d = floats(both), floats(behaviour_only), floats(conversion_only), floats(neither)
    # Two roots instead of one: the product of four margins of a large log exceeds what a float holds exactly.
    scale = np.sqrt((a + b) * (c + d)) * np.sqrt((a + c) * (b + d))
    with np.errstate(invalid="ignore"):
        return np.clip(np.where(scale > 0, ratio(a * d - b * c, scale), np.nan), -1.0, 1.0)


def phi_interval(
    both: Column,
    behaviour_only: Column,
    conversion_only: Column,
    neither: Column,
    *,
    confidence: float = 0.95,
    method: Literal["score", "fisher"] = "score",
) -> tuple[Floats, Floats]:
    """Compute the interval of a phi.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts; columns of equal length, or single numbers.
    confidence
        0.95 by default.
    method
        `"score"` (default): every value that a test at the same level would not refuse, with the variance that phi has
        for the margins at hand. It leaves out zero exactly when the chi-square test says so.
        `"fisher"`: Fisher's z with 1/(n − 3). It assumes two normal variables: where a rare behaviour goes with a rare
        conversion it covers 56 to 75% instead of 95%. Here because other tools print it.

    Returns
    -------
    tuple of two float arrays
        Lower and upper end within [−1, 1]; NaN where phi is undefined.

    Raises
    ------
    ArgumentError
        When `confidence` is not between 0 and 1.

    Notes
    -----
    The values φ with n(φ̂ − φ)² ≤ z²·V(φ), where V(φ) = 1 − φ² + φ(1 + φ²/2)·k₁k₂ − ¾φ²(k₁² + k₂²) and
    k = (2p − 1)/√(p(1 − p)) for the two margins p, each taken with half a person more in every cell. V is the
    large-sample variance of phi for people drawn independently (Yule 1912; Bishop, Fienberg & Holland 1975). In
    simulations it covers 94 to 96% down to expected counts of about 2, and 91% or more below that; with so few
    people read Fisher's exact p beside it.

    Examples
    --------
    >>> low, high = phi_interval(30, 20, 20, 30)
    >>> print(low.round(3), high.round(3))
    0.004 0.381
    """
    z = critical_value(confidence)
    a, b, c, d = floats(both), floats(behaviour_only), floats(conversion_only), floats(neither)
    n = a + b + c + d
    value = phi(a, b, c, d)
    with np.errstate(divide="ignore", invalid="ignore"):
        if method == "fisher":
            centre, error = np.arctanh(value), np.where(n > 3, 1 / np.sqrt(n - 3), np.nan)
            return np.tanh(centre - z * error), np.tanh(centre + z * error)
        p1, p2 = (a + b + 1) / (n + 2), (a + c + 1) / (n + 2)
        k1, k2 = (2 * p1 - 1) / np.sqrt(p1 * (1 - p1)), (2 * p2 - 1) / np.sqrt(p2 * (1 - p2))
        product, squares, allowed = k1 * k2, k1**2 + k2**2, z * z / n
        ends = []
        for edge in (-1.0, 1.0):
            # V is never positive at ±1, so a border lies between phi and the edge: halve until it is found.
            inside, outside = value, np.full_like(value, edge)
            for _ in range(_HALVINGS):
                middle = (inside + outside) / 2
                variance = 1 - middle**2 + middle * (1 + middle**2 / 2) * product - 0.75 * middle**2 * squares
                fits = (value - middle) ** 2 <= allowed * variance
                inside, outside = np.where(fits, middle, inside), np.where(fits, outside, middle)
            ends.append(np.where(np.isnan(value), np.nan, outside))
    return ends[0], ends[1]


def chi_square(
    both: Column, behaviour_only: Column, conversion_only: Column, neither: Column, *, yates: bool = False
) -> tuple[Floats, Floats]:
    """Could the four counts be chance? Pearson's chi-square with one degree of freedom, and its p-value.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts; columns of equal length, or single numbers.
    yates
        Apply the continuity correction. It makes the test too cautious; exact tests have taken its place.

    Returns
    -------
    tuple of two float arrays
        Statistic and p-value; NaN where a margin is empty. Not for expected counts below 5: see `fisher_exact`.

    Notes
    -----
    n(ad − bc)² / ((a+b)(c+d)(a+c)(b+d)). Pearson (1900), Phil. Mag. 50, 157–175.

    Examples
    --------
    >>> statistic, p = chi_square(30, 20, 20, 30)
    >>> print(statistic.round(6), p.round(4))
    4.0 0.0455
    """
    from scipy.special import erfc

    a, b, c, d = floats(both), floats(behaviour_only), floats(conversion_only), floats(neither)
    n = a + b + c + d
    if yates:
        scale = np.sqrt((a + b) * (c + d)) * np.sqrt((a + c) * (b + d))
        off = np.maximum(np.abs(a * d - b * c) - n / 2, 0.0)
        statistic = n * np.where(scale > 0, ratio(off, scale), np.nan) ** 2
    else:
        statistic = n * phi(a, b, c, d) ** 2
    return statistic, erfc(np.sqrt(statistic / 2))


def expected_minimum(both: Column, behaviour_only: Column, conversion_only: Column, neither: Column) -> Floats:
    """Return the smallest of the four counts that chance alone would give: below 5 the chi-square test is unsafe.

    Examples
    --------
    >>> print(expected_minimum(3, 1, 1, 3))
    2.0
    """
    a, b, c, d = floats(both), floats(behaviour_only), floats(conversion_only), floats(neither)
    n = a + b + c + d
    return ratio(np.minimum(a + b, c + d) * np.minimum(a + c, b + d), n)


def independence_p(both: Column, behaviour_only: Column, conversion_only: Column, neither: Column) -> Floats:
    """Return chi-square's p, or Fisher's exact one where an expected count is below 5; NaN where a margin is empty.

    Examples
    --------
    >>> print(independence_p([30, 3], [20, 1], [20, 1], [30, 3]).round(4))
    [0.0455 0.4857]
    """
    cells = np.broadcast_arrays(*(floats(cell) for cell in (both, behaviour_only, conversion_only, neither)))
    _, p = chi_square(*cells)
    p = np.atleast_1d(p)
    small = np.atleast_1d(expected_minimum(*cells) < _SMALL_EXPECTED) & ~np.isnan(p)
    if small.any():
        p[small] = fisher_exact(*(np.atleast_1d(cell)[small] for cell in cells))
    return p.reshape(cells[0].shape)


def odds_ratio(
    both: Column, behaviour_only: Column, conversion_only: Column, neither: Column, *, confidence: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Compute the odds ratio: by what factor the odds of converting are higher among those who did it.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts; columns of equal length, or single numbers.
    confidence
        0.95 by default.

    Returns
    -------
    tuple of three float arrays
        The sample odds ratio ad / bc (infinite or 0 with an empty cell, NaN for 0/0), lower and upper end.

    Raises
    ------
    ArgumentError
        When `confidence` is not between 0 and 1.

    Notes
    -----
    Interval: Woolf's, exp(ln OR ± z √(1/a + 1/b + 1/c + 1/d)); where a cell is empty ½ is added to each for the
    interval alone (Gart 1966). It assumes moderately large cells. An odds ratio is not a ratio of rates: lift is.
    Woolf (1955), Ann. Hum. Genet. 19, 251–253.

    Examples
    --------
    >>> ratio, low, high = odds_ratio(30, 20, 20, 30)
    >>> print(ratio, low.round(3), high.round(3))
    2.25 1.011 5.008
    """
    z = critical_value(confidence)
    a, b, c, d = floats(both), floats(behaviour_only), floats(conversion_only), floats(neither)
    value = ratio(a * d, b * c)
    empty = ((a == 0) | (b == 0) | (c == 0) | (d == 0)) * 0.5
    a, b, c, d = a + empty, b + empty, c + empty, d + empty
    centre = np.log(a) + np.log(d) - np.log(b) - np.log(c)
    half = z * np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    known = np.where(np.isnan(value), np.nan, 0.0)
    return value, np.exp(centre - half) + known, np.exp(centre + half) + known


def strength(values: Column) -> list[str | None]:
    """Say how strong a phi is, in the words of `STRENGTHS`; None where it is undefined.

    Examples
    --------
    >>> strength([0.05, -0.25, 0.45, 0.95, float("nan")])
    ['negligible', 'weak', 'strong', 'too good to be true', None]
    """
    words: list[str | None] = []
    for value in np.atleast_1d(np.abs(floats(values))):
        if np.isnan(value):
            words.append(None)
        elif value > STRENGTHS[0][0]:
            words.append(STRENGTHS[0][1])
        else:
            words.append(next(word for threshold, word in STRENGTHS[1:] if value >= threshold))
    return words


def phi_table(
    both: Column, behaviour_only: Column, conversion_only: Column, neither: Column, *, confidence: float = 0.95
) -> PhiTable:
    """Compute everything that the correlation table shows of a behaviour and a conversion.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        People who did it and converted, did it and did not, did not and converted, neither; columns or single numbers.
    confidence
        0.95 by default.

    Returns
    -------
    PhiTable
        `phi` with `ci_low` and `ci_high` (see `phi_interval`), `p_value` (chi-square; Fisher's exact test where an
        expected count is below 5), `odds_ratio` with `odds_ratio_low` and `odds_ratio_high` (Woolf), `lift`: the
        conversion rate of those who did it over the rate of everyone, in the same population and time.

    Raises
    ------
    ArgumentError
        When `confidence` is not between 0 and 1.

    Examples
    --------
    >>> table = phi_table(14, 10, 6, 13)
    >>> print(table.phi.round(3), table.p_value.round(3), table.lift.round(2))
    0.266 0.081 1.25
    """
    a, b, c, d = (
        np.atleast_1d(cell)
        for cell in np.broadcast_arrays(*(floats(cell) for cell in (both, behaviour_only, conversion_only, neither)))
    )
    low, high = phi_interval(a, b, c, d, confidence=confidence)
    odds, odds_low, odds_high = odds_ratio(a, b, c, d, confidence=confidence)
    lift = ratio(ratio(a, a + b), ratio(a + c, a + b + c + d))
    columns = (phi(a, b, c, d), low, high, independence_p(a, b, c, d), odds, odds_low, odds_high, lift)
    shape = np.broadcast_shapes(*(np.shape(floats(cell)) for cell in (both, behaviour_only, conversion_only, neither)))
    return PhiTable(*(column.reshape(shape) for column in columns))
