"""Proportions and 2×2 tables: intervals, tests and measures of association, on whole columns.

The four counts of a 2×2 table are the people who did it and converted (`both`), did it and did not (`behaviour_only`),
did not and converted (`conversion_only`), neither; columns of equal length, or single numbers. A `confidence` that is
not between 0 and 1 raises ArgumentError.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from journeys.errors import ArgumentError, is_number

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Column: TypeAlias = "ArrayLike | pl.Series"


def to_floats(values: Column) -> Floats:
    """Turn a number, a list, a numpy array or a Polars series into a float array (nulls become NaN)."""
    return np.asarray(values, dtype=np.float64)


def critical_value(confidence: float) -> float:
    """Return the two-sided normal quantile: 1.96 for a confidence of 0.95."""
    if not is_number(confidence) or not 0 < confidence < 1:
        raise ArgumentError(f"confidence: {confidence!r} is not between 0 and 1; 0.95 is usual.")
    return NormalDist().inv_cdf((1 + confidence) / 2)


Z_95 = 1.959963984540054
"""How many standard errors a 95% interval reaches to either side."""


def divide(dividend: Floats, divisor: Floats) -> Floats:
    """Divide; where the divisor is 0 the answer is NaN (0/0) or signed infinity, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(dividend, divisor)


def to_columns(**values: Column) -> list[pl.Series]:
    """Make columns of a table: what is undefined (NaN) is null there.

    Examples
    --------
    >>> [column.to_list() for column in to_columns(phi=[0.5, float("nan")])]
    [[0.5, None]]
    """
    return [pl.Series(name, np.atleast_1d(to_floats(each))).fill_nan(None) for name, each in values.items()]


def _to_cells(*counts: Column) -> tuple[Floats, ...]:
    """Turn the four counts of a 2×2 table into float arrays of one shape."""
    return np.broadcast_arrays(*(to_floats(count) for count in counts))


def wilson(successes: Column, n: Column, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Compute Wilson's score interval for `successes` out of `n`.

    Parameters
    ----------
    successes, n
        Counts of people; columns of equal length, or single numbers.

    Returns
    -------
    tuple of two float arrays
        Lower and upper end, within [0, 1]; NaN where `n` is 0.

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
    k, total = to_floats(successes), to_floats(n)
    share = divide(k, total)
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

    Returns
    -------
    Difference
        `estimate` = a − b (so +0.042 is 4.2 points in favour of a), `ci_low`, `ci_high`, `p_value`. NaN where a group
        is empty.

    Notes
    -----
    Lower end a − b − √((a − lowₐ)² + (high_b − b)²), upper end alike, from two Wilson intervals: Newcombe's method 10
    (1998, Statistics in Medicine 17, 873–890). p: the pooled chi-square test without continuity correction; Fisher's
    exact test where an expected count is below 5. It assumes independent people: do not use it for groups that share
    people, or for sessions (see `difference_by_error`).

    Examples
    --------
    >>> d = difference(56, 70, 48, 80)
    >>> print(d.estimate.round(4), d.ci_low.round(4), d.ci_high.round(4), d.p_value.round(4))
    0.2 0.0524 0.3339 0.008
    """
    a, total_a, b, total_b = to_floats(successes_a), to_floats(n_a), to_floats(successes_b), to_floats(n_b)
    share_a, share_b = divide(a, total_a), divide(b, total_b)
    low_a, high_a = wilson(a, total_a, confidence=confidence)
    low_b, high_b = wilson(b, total_b, confidence=confidence)
    gap = share_a - share_b
    low = gap - np.sqrt((share_a - low_a) ** 2 + (high_b - share_b) ** 2)
    high = gap + np.sqrt((high_a - share_a) ** 2 + (share_b - low_b) ** 2)
    p_value = independence_p(a, total_a - a, b, total_b - b)
    return Difference(gap, low, high, p_value)


def difference_by_error(estimate: Floats, error: Floats) -> Difference:
    """Give differences of known standard errors a 95% interval and a p-value, by the normal distribution.

    Notes
    -----
    estimate ± 1.96 error (Wald). It assumes that the error comes from independent people, such as clustered standard
    errors. Do not use it for fewer than some 30 people, or for rates near 0 or 1 whose counts are independent: see
    `difference`. Wald (1943), Trans. Am. Math. Soc. 54, 426–482.

    Examples
    --------
    >>> d = difference_by_error(np.array([0.1]), np.array([0.05]))
    >>> print(d.ci_low.round(3), d.ci_high.round(3), d.p_value.round(4))
    [0.002] [0.198] [0.0455]
    """
    from scipy.special import erfc

    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(estimate == 0, 0.0, np.abs(estimate) / error)
    p_value = np.where(np.isnan(estimate) | np.isnan(error), np.nan, erfc(z / np.sqrt(2)))
    return Difference(estimate, estimate - Z_95 * error, estimate + Z_95 * error, p_value)


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
_BISECTIONS = 52  # as many as a float has binary digits


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
    a, b, c, d = _to_cells(both, behaviour_only, conversion_only, neither)
    # Two roots instead of one: the product of four margins of a large log exceeds what a float holds exactly.
    scale = np.sqrt((a + b) * (c + d)) * np.sqrt((a + c) * (b + d))
    with np.errstate(invalid="ignore"):
        return np.clip(np.where(scale > 0, divide(a * d - b * c, scale), np.nan), -1.0, 1.0)


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
    method
        `"score"` (default): every value that a test at the same level would not refuse, with the variance that phi has
        for the margins at hand. It leaves out zero exactly when the chi-square test says so.
        `"fisher"`: Fisher's z with 1/(n − 3). It assumes two normal variables: where a rare behaviour goes with a rare
        conversion it covers 56 to 75% instead of 95%. Here because other tools print it.

    Returns
    -------
    tuple of two float arrays
        Lower and upper end within [−1, 1]; NaN where phi is undefined.

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
    a, b, c, d = _to_cells(both, behaviour_only, conversion_only, neither)
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
            # V is never positive at ±1, so the end of the interval lies between phi and the edge: bisect
            inside, outside = value, np.full_like(value, edge)
            for _ in range(_BISECTIONS):
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
    yates
        Apply the continuity correction. It makes the test too cautious; exact tests have taken its place.

    Returns
    -------
    tuple of two float arrays
        Statistic and p-value; NaN where a margin is empty. Not for expected counts below 5: see `fisher_exact`.

    Notes
    -----
    n(ad − bc)² / ((a+b)(c+d)(a+c)(b+d)). It assumes independent people, each counted once. Pearson (1900), Phil. Mag.
    50, 157–175.

    Examples
    --------
    >>> statistic, p = chi_square(30, 20, 20, 30)
    >>> print(statistic.round(6), p.round(4))
    4.0 0.0455
    """
    from scipy.special import erfc

    a, b, c, d = _to_cells(both, behaviour_only, conversion_only, neither)
    n = a + b + c + d
    if yates:
        scale = np.sqrt((a + b) * (c + d)) * np.sqrt((a + c) * (b + d))
        off = np.maximum(np.abs(a * d - b * c) - n / 2, 0.0)
        statistic = n * np.where(scale > 0, divide(off, scale), np.nan) ** 2
    else:
        statistic = n * phi(a, b, c, d) ** 2
    return statistic, erfc(np.sqrt(statistic / 2))


def expected_minimum(both: Column, behaviour_only: Column, conversion_only: Column, neither: Column) -> Floats:
    """Return the smallest of the four counts that chance alone would give: below 5 the chi-square test is unsafe.

    Notes
    -----
    min(a+b, c+d) · min(a+c, b+d) / n. The limit of 5: Cochran (1954), Biometrics 10, 417–451.

    Examples
    --------
    >>> print(expected_minimum(3, 1, 1, 3))
    2.0
    """
    a, b, c, d = _to_cells(both, behaviour_only, conversion_only, neither)
    n = a + b + c + d
    return divide(np.minimum(a + b, c + d) * np.minimum(a + c, b + d), n)


def independence_p(both: Column, behaviour_only: Column, conversion_only: Column, neither: Column) -> Floats:
    """Return chi-square's p, or Fisher's exact one where an expected count is below 5; NaN where a margin is empty.

    Formulas, assumptions and sources are those of `chi_square`, `expected_minimum` and `fisher_exact`.

    Examples
    --------
    >>> print(independence_p([30, 3], [20, 1], [20, 1], [30, 3]).round(4))
    [0.0455 0.4857]
    """
    cells = _to_cells(both, behaviour_only, conversion_only, neither)
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

    Returns
    -------
    tuple of three float arrays
        The sample odds ratio ad / bc (infinite or 0 with an empty cell, NaN for 0/0), lower and upper end.

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
    a, b, c, d = _to_cells(both, behaviour_only, conversion_only, neither)
    value = divide(a * d, b * c)
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
    for value in np.atleast_1d(np.abs(to_floats(values))):
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

    Returns
    -------
    PhiTable
        `phi` with `ci_low` and `ci_high` (see `phi_interval`), `p_value` (chi-square; Fisher's exact test where an
        expected count is below 5), `odds_ratio` with `odds_ratio_low` and `odds_ratio_high` (Woolf), `lift`: the
        conversion rate of those who did it over the rate of everyone, (a / (a+b)) / ((a+c) / n). Each function names
        its formula, assumption and source.

    Examples
    --------
    >>> table = phi_table(14, 10, 6, 13)
    >>> print(table.phi.round(3), table.p_value.round(3), table.lift.round(2))
    0.266 0.081 1.25
    """
    cells = _to_cells(both, behaviour_only, conversion_only, neither)
    a, b, c, d = cells
    low, high = phi_interval(*cells, confidence=confidence)
    odds, odds_low, odds_high = odds_ratio(*cells, confidence=confidence)
    lift = divide(divide(a, a + b), divide(a + c, a + b + c + d))
    return PhiTable(phi(*cells), low, high, independence_p(*cells), odds, odds_low, odds_high, lift)


_CHUNK = 1 << 18


def fisher_exact(
    both: Column,
    behaviour_only: Column,
    conversion_only: Column,
    neither: Column,
    *,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
) -> Floats:
    """Compute Fisher's exact p-value: could the four counts be chance, when there are few people?

    Parameters
    ----------
    alternative
        `"two-sided"`: every table at most as likely as this one; `"greater"`: at least so many in `both`; `"less"`.

    Returns
    -------
    float array
        1.0 where a margin is empty: only one table is possible then.

    Notes
    -----
    The hypergeometric law of `both` with all four margins given, summed from ratios of neighbouring terms, so that no
    factorial is formed and tiny p-values keep their digits. It assumes independent people, each counted once. With few
    people it is cautious: do not read a p just above 0.05 as "no difference". Fisher (1935), The Design of Experiments.

    Examples
    --------
    >>> print(fisher_exact([3, 8], [1, 2], [1, 1], [3, 5]).round(4))
    [0.4857 0.035 ]
    """
    cells = _to_cells(both, behaviour_only, conversion_only, neither)
    a, b, c, d = (np.atleast_1d(cell).ravel() for cell in cells)
    terms = (np.minimum(a + b, a + c) - np.maximum(0.0, a - d)).astype(np.int64) + 1
    exponent = np.ceil(np.log2(terms)).astype(np.int64)
    p = np.empty(len(a))
    # tables are summed together with those whose terms fill as many columns, a power of two, so that the p-value of a
    # table does not depend on what other tables there are
    for power in np.unique(exponent).tolist():
        alike = np.flatnonzero(exponent == power)
        step = max(1, _CHUNK >> power)
        for low in range(0, alike.size, step):
            part = alike[low : low + step]
            p[part] = _sum_terms((a[part], b[part], c[part], d[part]), width=1 << power, alternative=alternative)
    return p.reshape(cells[0].shape)


def _sum_terms(cells: tuple[Floats, Floats, Floats, Floats], *, width: int, alternative: str) -> Floats:
    """Sum the hypergeometric terms of several tables: one row per table, one column per value of `both`.

    For instance, of the counts 3, 1, 1, 3 the terms for `both` = 0 to 4 are 1, 16, 36, 16 and 1 of 70. Those at most as
    likely as the term of 3 are 1, 16, 16 and 1: p = 34 / 70.
    """
    a, b, c, d = (cell[:, np.newaxis] for cell in cells)
    lowest = np.maximum(0.0, a - d)
    value = lowest + np.arange(width)
    beyond = value > np.minimum(a + b, a + c)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(a + b - value + 1) + np.log(a + c - value + 1) - np.log(value) - np.log(d - a + value)
    ratio[:, 0] = 0.0
    ratio[beyond] = 0.0
    logs = np.cumsum(ratio, axis=1)  # each term is the last one times a ratio
    logs[beyond] = -np.inf
    logs -= logs.max(axis=1, keepdims=True)
    weight = np.exp(logs)
    if alternative == "greater":
        counted = value >= a
    elif alternative == "less":
        counted = value <= a
    else:
        observed = np.take_along_axis(logs, (a - lowest).astype(np.int64), axis=1)
        counted = logs <= observed + 1e-7  # as R and scipy: equal likelihoods count, whatever the last bit
    share: Floats = (weight * counted).sum(axis=1) / weight.sum(axis=1)
    return np.minimum(share, 1.0)
