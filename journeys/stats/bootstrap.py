"""Intervals from draws with replacement."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def percentile_interval(drawn: Floats, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Return the percentile interval of each row of bootstrap draws; draws that are NaN do not count.

    Notes
    -----
    Efron's percentile method. It is too narrow for fewer than some 30 people, and does not correct for skewness.

    Examples
    --------
    >>> low, high = percentile_interval(np.array([[1.0, 2.0, 3.0]]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([1.05], [2.95])
    """
    tail = (1 - confidence) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows without any draw
        low, high = np.nanquantile(drawn, [tail, 1 - tail], axis=-1)
    return low, high
