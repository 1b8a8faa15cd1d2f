"""Intervals from draws with replacement."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# the chances of 0, 1, 2, … draws of one person, in parts of 65,536
_ONE = np.searchsorted(np.cumsum(np.exp(-1) / np.cumprod([1, *range(1, 12)])), (np.arange(65_536) + 0.5) / 65_536)


def draw_counts(people: npt.NDArray[np.int64], *, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw how often each group of like people occurs in a Poisson bootstrap: shape (groups, draws).

    A group of n people is drawn a Poisson(n) number of times. Groups of one, which are most, are looked up.

    Examples
    --------
    >>> draw_counts(np.array([1, 40]), draws=10_000, rng=np.random.default_rng(0)).mean(axis=1).round(1).tolist()
    [1.0, 40.0]
    """
    is_one = people == 1
    drawn = np.zeros((people.size, draws), dtype=np.int64)
    several = np.flatnonzero(~is_one & (people > 0))
    drawn[several] = rng.poisson(people[several][:, None], (several.size, draws))
    drawn[is_one] = _ONE[rng.integers(0, 65_536, (int(is_one.sum()), draws), dtype=np.uint16)]
    return drawn


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
