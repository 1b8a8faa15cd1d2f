"""Many tests at once: p-values that account for how many were made."""

from __future__ import annotations

from typing import Literal

import numpy as np

from journeys.errors import ArgumentError, UnknownNameError, unknown_message
from journeys.stats.tables import Column, Floats, to_floats

Method = Literal["bh", "by", "holm", "bonferroni"]


def adjust(p_values: Column, *, method: Method = "bh", tests: int | None = None) -> Floats:
    """Adjust p-values for the number of tests that were made.

    Parameters
    ----------
    p_values
        One column; NaN (undefined) stays NaN and does not count as a test.
    method
        `"bh"` (Benjamini & Hochberg: q-values, the expected share of false ones among those reported, for tests that
        are independent or lean the same way), `"by"` (Benjamini & Yekutieli: any dependence), `"holm"` or
        `"bonferroni"` (the chance of even one false one; any dependence).
    tests
        How many tests were made, if more than there are p-values (a search of which only the best is kept).

    Returns
    -------
    float array
        Adjusted p-values in the order given, each between 0 and 1.

    Raises
    ------
    UnknownNameError
        When there is no such method.
    ArgumentError
        When a p-value lies outside [0, 1], or `tests` is smaller than the number of p-values.

    Notes
    -----
    Of m p-values in ascending order, the i-th times m / i ("bh"), times m / i · Σ 1/k ("by"), times m − i + 1 ("holm"),
    or times m ("bonferroni"), kept ascending and at most 1. Do not use "bh" where one test being significant makes
    others less so, such as shares of one whole; use "by". Benjamini & Hochberg (1995), JRSS B 57, 289–300. Benjamini &
    Yekutieli (2001), Ann. Statist. 29, 1165–1188. Holm (1979), Scand. J. Statist. 6, 65–70.

    Examples
    --------
    >>> print(adjust([0.01, 0.04, float("nan"), 0.03]))
    [0.03 0.04  nan 0.04]
    >>> print(adjust([0.01, 0.04, 0.03], method="bonferroni").round(4))
    [0.03 0.12 0.09]
    """
    methods = ("bh", "by", "holm", "bonferroni")
    if method not in methods:
        raise UnknownNameError(unknown_message("method", method, available=methods, what="method"))
    p = np.atleast_1d(to_floats(p_values))
    known = np.flatnonzero(~np.isnan(p))
    count = len(known)
    if tests is not None and tests < count:
        raise ArgumentError(f"tests: {tests} is fewer than the {count} p-values given.")
    if ((p[known] < 0) | (p[known] > 1)).any():
        wrong = p[known][(p[known] < 0) | (p[known] > 1)]
        raise ArgumentError(f"p_values: {wrong[0]} is not a probability between 0 and 1.")
    adjusted = np.full(p.shape, np.nan)
    if count == 0:
        return adjusted
    m = count if tests is None else tests
    if method in ("bh", "by"):
        from scipy.stats import false_discovery_control

        # tests of which no p-value is known count as 1: they can only raise the others
        adjusted[known] = false_discovery_control(np.append(p[known], np.ones(m - count)), method=method)[:count]
        return adjusted
    if method == "bonferroni":
        adjusted[known] = np.minimum(p[known] * m, 1.0)
        return adjusted
    order = known[np.argsort(p[known], kind="stable")]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(m, m - count, -1)), 1.0)
    return adjusted
