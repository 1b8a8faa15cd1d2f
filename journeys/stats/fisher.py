"""Fisher's exact test for whole columns of 2×2 tables."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from journeys.stats.columns import Column, Floats, floats

__all__ = ["fisher_exact"]

_CHUNK = 2_000_000


def fisher_exact(
    both: Column,
    behaviour_only: Column,
    conversion_only: Column,
    neither: Column,
    *,
    alternative: Literal["two-sided", "greater", "less"] = "two-sided",
) -> Floats:
    """Could the four counts be chance, when there are few people? Fisher's exact p-value.

    Parameters
    ----------
    both, behaviour_only, conversion_only, neither
        The four counts; columns of equal length, or single numbers.
    alternative
        `"two-sided"`: every table at most as likely as this one; `"greater"`: at least so many in `both`; `"less"`.

    Returns
    -------
    float array
        1.0 where a margin is empty: only one table is possible then.

    Notes
    -----
    The hypergeometric law of `both` with all four margins given, summed from ratios of neighbouring terms, so that no
    factorial is formed and tiny p-values keep their digits. Fisher (1935), The Design of Experiments.

    Examples
    --------
    >>> print(fisher_exact([3, 8], [1, 2], [1, 1], [3, 5]).round(4))
    [0.4857 0.035 ]
    """
    cells = np.broadcast_arrays(*(floats(cell) for cell in (both, behaviour_only, conversion_only, neither)))
    a, b, c, d = (np.atleast_1d(cell).ravel() for cell in cells)
    sizes = _support(a, b, c, d)
    p = np.empty(len(a))
    # Tables are taken in batches of bounded size: a hundred thousand tables must not become one huge array.
    batch = np.cumsum(sizes) // _CHUNK
    for part in np.split(np.arange(len(a)), np.flatnonzero(np.diff(batch)) + 1):
        if len(part):
            p[part] = _fisher_batch((a[part], b[part], c[part], d[part]), alternative=alternative)
    return p.reshape(cells[0].shape)


def _support(a: Floats, b: Floats, c: Floats, d: Floats) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Count the tables that have the same margins."""
    return (np.minimum(a + b, a + c) - np.maximum(0.0, a - d)).astype(np.int64) + 1


def _fisher_batch(cells: tuple[Floats, Floats, Floats, Floats], *, alternative: str) -> Floats:
    """Sum the hypergeometric terms of several tables laid end to end."""
    a, b, c, d = cells
    lowest = np.maximum(0.0, a - d)
    sizes = _support(a, b, c, d)
    starts = np.cumsum(sizes) - sizes
    table = np.repeat(np.arange(len(a)), sizes)
    value = np.arange(sizes.sum()) - starts[table] + lowest[table]  # what `both` would be in this term
    above, below = (a + b)[table] - value + 1, (a + c)[table] - value + 1
    gap = (d - a)[table] + value
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.log(above) + np.log(below) - np.log(value) - np.log(gap)
    step[starts] = 0.0
    # One cumulative sum a table: subtract what the tables before have summed up, table by table for accuracy.
    logs = np.cumsum(step)
    logs -= np.repeat(logs[starts], sizes)
    logs -= np.repeat(np.maximum.reduceat(logs, starts), sizes)
    observed = logs[starts + (a - lowest).astype(np.int64)]
    weight = np.exp(logs)
    if alternative == "greater":
        counted = value >= a[table]
    elif alternative == "less":
        counted = value <= a[table]
    else:
        counted = logs <= observed[table] + 1e-7  # as R and scipy: equal likelihoods count, whatever the last bit
    return np.minimum(np.add.reduceat(weight * counted, starts) / np.add.reduceat(weight, starts), 1.0)
