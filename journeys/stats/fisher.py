"""Fisher's exact test for whole columns of 2×2 tables."""

from __future__ import annotations

from typing import Literal

import numpy as np

from journeys.stats.columns import Column, Floats, floats

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
    size = (np.minimum(a + b, a + c) - np.maximum(0.0, a - d)).astype(np.int64) + 1
    octave = np.ceil(np.log2(size)).astype(np.int64)
    p = np.empty(len(a))
    # each table has a line of its own, as wide as its size asks for, so that its p-value does not depend on the others
    for bits in np.unique(octave).tolist():
        rows = np.flatnonzero(octave == bits)
        lines = max(1, _CHUNK >> bits)
        for low in range(0, rows.size, lines):
            part = rows[low : low + lines]
            p[part] = _fisher_lines((a[part], b[part], c[part], d[part]), width=1 << bits, alternative=alternative)
    return p.reshape(cells[0].shape)


def _fisher_lines(cells: tuple[Floats, Floats, Floats, Floats], *, width: int, alternative: str) -> Floats:
    """Sum the hypergeometric terms of several tables, each in a line of its own."""
    a, b, c, d = (cell[:, np.newaxis] for cell in cells)
    lowest = np.maximum(0.0, a - d)
    value = lowest + np.arange(width)  # what `both` would be in this term
    beyond = value > np.minimum(a + b, a + c)
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.log(a + b - value + 1) + np.log(a + c - value + 1) - np.log(value) - np.log(d - a + value)
    step[:, 0] = 0.0
    step[beyond] = 0.0
    logs = np.cumsum(step, axis=1)
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
