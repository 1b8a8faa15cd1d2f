"""Two variants of an experiment compared: differences, relative lifts, and the check of the assignment."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import NamedTuple


class Sample(NamedTuple):
    """One variant: how many people, their mean outcome, and its variance."""

    n: int
    mean: float
    variance: float


class Lift(NamedTuple):
    """A variant against the control; None where the numbers do not allow it."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None


def compare_samples(variant: Sample, control: Sample, *, confidence: float = 0.95) -> Lift:
    """Compare the means of two independent samples by Welch's t-test.

    Parameters
    ----------
    variant, control : Sample
        For conversions, `mean` is the rate p and `variance` p (1 - p).
    confidence : float
        Of the intervals.

    Notes
    -----
    difference ± t √(v/n + v'/n'), t with Welch's degrees of freedom. The relative lift is mean / control's mean - 1,
    its interval by the delta method. It assumes independent people and samples large enough for the mean to be normal:
    do not use it with fewer than about 30 people per variant.
    Welch, B. L. (1947), Biometrika 34, 28-35; the same formulas as GrowthBook's frequentist engine.

    Examples
    --------
    >>> b, a = Sample(30, 16 / 30, 16 / 30 * 14 / 30), Sample(28, 0.5, 0.25)
    >>> found = compare_samples(b, a)
    >>> round(found.lift, 5), round(found.lift_low, 5), round(found.lift_high, 5), round(found.p_value, 4)
    (0.06667, -0.47767, 0.61101, 0.8004)
    """
    from scipy import stats

    nothing = Lift(None, None, None, None, None, None, None)
    if variant.n < 2 or control.n < 2:
        return nothing
    difference = variant.mean - control.mean
    parts = variant.variance / variant.n, control.variance / control.n
    spread = sqrt(sum(parts))
    if spread == 0:
        p = 1.0 if difference == 0 else None
        return nothing._replace(difference=difference, p_value=p)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (variant.n - 1) + parts[1] ** 2 / (control.n - 1))
    t = float(stats.t.ppf(0.5 + confidence / 2, freedom))
    p_value = float(2 * stats.t.sf(abs(difference) / spread, freedom))
    found = nothing._replace(
        difference=difference, low=difference - t * spread, high=difference + t * spread, p_value=p_value
    )
    if control.mean <= 0:
        return found
    lift = difference / control.mean
    relative = sqrt(parts[0] / control.mean**2 + parts[1] * variant.mean**2 / control.mean**4)
    return found._replace(lift=lift, lift_low=lift - t * relative, lift_high=lift + t * relative)


def sample_ratio_p(people: Sequence[int], *, expected: Sequence[float]) -> float | None:
    """Return the p-value of a chi-square test that people were assigned in the expected shares.

    A very small value (below 0.001) means that the assignment or its recording is broken: then no other number of the
    experiment can be trusted. None where nobody was assigned.

    Notes
    -----
    Σ (people − expected)² / expected, with one degree of freedom fewer than variants. It assumes that people are
    assigned independently; do not use it where fewer than 5 are expected in a variant. Fabijan et al. (2019), KDD,
    2156–2164.

    Examples
    --------
    >>> round(sample_ratio_p([5000, 5300], expected=[0.5, 0.5]), 4)
    0.0031
    """
    from scipy import stats

    total = sum(people)
    if not total:
        return None
    p = float(stats.chisquare(people, [total * share for share in expected]).pvalue)
    return p if isfinite(p) else None
