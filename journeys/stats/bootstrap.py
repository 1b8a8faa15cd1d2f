"""The bootstrap: people drawn with replacement, again and again, and the interval of what they give."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from journeys.errors import ArgumentError, describe_wrong_number

Floats = npt.NDArray[np.float64]

# How often one person is drawn, for 65,536 equally likely random numbers: 0 for the first 36.8%, 1 for as many, 2 for
# the next 18.4%, and so on, as a Poisson(1) law says.
_TIMES_DRAWN = np.searchsorted(
    np.cumsum(np.exp(-1) / np.cumprod([1, *range(1, 12)])), (np.arange(65_536) + 0.5) / 65_536
)

_MOST_DRAWS = 1_000_000
_MOST_DRAWN = 5_000_000_000  # numbers that are drawn in a minute or two
_MOST_KEPT = 250_000_000  # of the size of 2 GB


def describe_wrong_draws(draws: int, *, seed: int) -> list[str]:
    """Return what is wrong with a number of draws and their seed; nothing where they are fine."""
    return describe_wrong_number("draws", draws, most=_MOST_DRAWS) + describe_wrong_number("seed", seed, least=0)


def check_draws(draws: int, *, people: int, rows: int) -> None:
    """Raise ArgumentError where so many draws of so many people, for so many rows of a table, are too many.

    Examples
    --------
    >>> check_draws(1_000_000, people=2_000_000, rows=10)
    Traceback (most recent call last):
    journeys.errors.ArgumentError: draws: 1,000,000 are too many here: at most 2,500, usually 200.
    """
    most = min(_MOST_DRAWN // max(people, 1), _MOST_KEPT // max(rows, 1))
    if draws > max(most, 1):
        raise ArgumentError(f"draws: {draws:,} are too many here: at most {max(most, 1):,}, usually 200.")


def draw_counts(people: npt.NDArray[np.int64], *, draws: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw how often each group of like people occurs in a Poisson bootstrap: shape (groups, draws).

    Parameters
    ----------
    people
        How many people are alike, per group.
    draws, rng
        How often to draw, and the source of random numbers.

    Notes
    -----
    A group of n people is drawn a Poisson(n) number of times; groups of one, which are most, are looked up. It assumes
    independent people: do not draw events or sessions. Do not use it for fewer than some 30 people either, where it
    matters that the draws differ in size. Hanley & MacGibbon (2006), Computer Methods and Programs in Biomedicine 83,
    57–62.

    Examples
    --------
    >>> draw_counts(np.array([1, 40]), draws=10_000, rng=np.random.default_rng(0)).mean(axis=1).round(1).tolist()
    [1.0, 40.0]
    """
    is_one = people == 1
    drawn = np.zeros((people.size, draws), dtype=np.int64)
    several = np.flatnonzero(~is_one & (people > 0))
    drawn[several] = rng.poisson(people[several][:, None], (several.size, draws))
    drawn[is_one] = _TIMES_DRAWN[rng.integers(0, 65_536, (int(is_one.sum()), draws), dtype=np.uint16)]
    return drawn


def percentile_interval(drawn: Floats, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Return the percentile interval of each row of bootstrap draws; draws that are NaN do not count.

    Notes
    -----
    The quantiles (1 − confidence) / 2 and (1 + confidence) / 2 of the draws: Efron (1981), Canadian Journal of
    Statistics 9, 139–158. It assumes that draws scatter about the estimate as the estimate does about the truth. Do not
    use it for fewer than some 30 people, where it is too narrow, or for very skewed numbers.

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
