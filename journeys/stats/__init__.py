"""Intervals, tests and corrections, under names that an analyst knows.

Everything works on whole columns (numpy arrays, Polars series, lists or single numbers) and returns
numpy arrays of the same length. What is undefined is NaN, never an error and never a made-up zero.

::

    tables        wilson, difference, difference_by_error, phi_table, phi, phi_interval, chi_square, fisher_exact,
                  odds_ratio, strength
    poisson       poisson_rates
    multiple      adjust
    strata        mantel_haenszel, partial_phi, compare_phis
    mantel_byar   mantel_byar, permute_at_risk
    survival      kaplan_meier, quantile
    bootstrap     describe_wrong_draws, check_draws, draw_counts, percentile_interval
"""

from journeys.stats.bootstrap import check_draws, describe_wrong_draws, draw_counts, percentile_interval
from journeys.stats.mantel_byar import MantelByar, mantel_byar, permute_at_risk
from journeys.stats.multiple import adjust
from journeys.stats.poisson import poisson_rates
from journeys.stats.strata import MantelHaenszel, compare_phis, mantel_haenszel, partial_phi
from journeys.stats.survival import Survival, kaplan_meier, quantile
from journeys.stats.tables import (
    STRENGTHS,
    Difference,
    PhiTable,
    chi_square,
    difference,
    difference_by_error,
    fisher_exact,
    odds_ratio,
    phi,
    phi_interval,
    phi_table,
    strength,
    to_columns,
    wilson,
)

__all__ = [
    "STRENGTHS",
    "Difference",
    "MantelByar",
    "MantelHaenszel",
    "PhiTable",
    "Survival",
    "adjust",
    "check_draws",
    "chi_square",
    "compare_phis",
    "describe_wrong_draws",
    "difference",
    "difference_by_error",
    "draw_counts",
    "fisher_exact",
    "kaplan_meier",
    "mantel_byar",
    "mantel_haenszel",
    "odds_ratio",
    "partial_phi",
    "percentile_interval",
    "permute_at_risk",
    "phi",
    "phi_interval",
    "phi_table",
    "poisson_rates",
    "quantile",
    "strength",
    "to_columns",
    "wilson",
]
