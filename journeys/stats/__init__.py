"""Intervals, tests and corrections, under names that an analyst knows.

Everything works on whole columns (numpy arrays, Polars series, lists or single numbers) and returns
numpy arrays of the same length. What is undefined is NaN, never an error and never a made-up zero.

::

    proportions   wilson, difference
    tables        phi_table, phi_interval, fisher_exact, odds_ratio, strength
    multiple      adjust
    strata        mantel_haenszel, partial_phi, compare_phis
    permutation   permutation_p
    survival      kaplan_meier, quantile
"""

from journeys.stats.multiple import adjust
from journeys.stats.proportions import Difference, difference, wilson
from journeys.stats.tables import (
    STRENGTHS,
    PhiTable,
    fisher_exact,
    odds_ratio,
    phi,
    phi_interval,
    phi_table,
    strength,
)

__all__ = [
    "STRENGTHS",
    "Difference",
    "PhiTable",
    "adjust",
    "difference",
    "fisher_exact",
    "odds_ratio",
    "phi",
    "phi_interval",
    "phi_table",
    "strength",
    "wilson",
]
