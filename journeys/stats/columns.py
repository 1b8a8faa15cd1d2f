"""Anything column-like becomes one float array, checked once."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from journeys.errors import ArgumentError

if TYPE_CHECKING:
    import polars as pl

Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Column: TypeAlias = "ArrayLike | pl.Series"


def floats(values: Column) -> Floats:
    """Turn a number, a list, a numpy array or a Polars series into a float array (nulls become NaN)."""
    return np.asarray(values, dtype=np.float64)


def critical_value(confidence: float) -> float:
    """Return the two-sided normal quantile: 1.96 for a confidence of 0.95."""
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence: {confidence!r} is not between 0 and 1; 0.95 is usual.")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide; where the divisor is 0 the answer is NaN (0/0) or signed infinity, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(above, below)
