"""p-values without a formula: what does chance do when conversions are permuted?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.errors import ArgumentError
from journeys.stats.tables import Column, Floats, divide


class PermutationTest(NamedTuple):
    """One p-value per behaviour: by itself, and among all of them (the largest |phi| of each permutation)."""

    p_value: Floats
    p_family: Floats


def permutation_p(
    did: Column, *, converted: Column, strata: Column | None = None, n_permutations: int = 2000, seed: int = 0
) -> PermutationTest:
    """Permute conversions: could phi be chance, with few people, related behaviours, or groups that differ?

    Parameters
    ----------
    did
        People × behaviours, 0 or 1; a single column for one behaviour.
    converted
        0 or 1 for each person.
    strata
        A group for each person; conversions are permuted within groups only.
    n_permutations
        How often. The smallest p-value possible is 1 / (n_permutations + 1).
    seed
        Equal seeds give equal answers.

    Returns
    -------
    PermutationTest
        `p_value` and `p_family`, one entry per behaviour; NaN where phi is undefined.

    Raises
    ------
    ArgumentError
        When the lengths differ, or there is not at least one permutation.

    Notes
    -----
    (1 + permutations at least as extreme) / (1 + permutations), by |phi|; among all by the largest |phi| of each
    (Westfall & Young 1993). It assumes that, without any relation, conversions could have fallen on anybody of the same
    group. For a single behaviour without strata Fisher's exact test is its limit: use that.

    Examples
    --------
    >>> did = [[1], [1], [1], [0], [0], [0], [0], [0]]
    >>> p = permutation_p(did, converted=[1, 1, 1, 0, 0, 0, 0, 0], n_permutations=999)
    >>> bool(abs(p.p_value[0] - 1 / 56) < 0.02)
    True
    """
    table, goal = np.asarray(did, dtype=np.float64), np.asarray(converted, dtype=np.float64)
    table = table[:, np.newaxis] if table.ndim == 1 else table
    groups = np.zeros(len(goal)) if strata is None else np.asarray(strata)
    if len(table) != len(goal) or len(groups) != len(goal):
        message = (
            f"did: {len(table)} people, converted: {len(goal)}, strata: {len(groups)}; there must be equally many."
        )
        raise ArgumentError(message)
    if n_permutations < 1:
        message = f"n_permutations: {n_permutations} is too few; 2000 is usual."
        raise ArgumentError(message)
    _, group = np.unique(groups, return_inverse=True)
    order = np.argsort(group, kind="stable")
    table, goal, group = table[order], goal[order], group[order]
    centred = table - table.sum(axis=0) / max(len(table), 1)
    scale = np.sqrt((centred**2).sum(axis=0) * ((goal - goal.sum() / max(len(goal), 1)) ** 2).sum())
    observed = np.abs(divide(centred.T @ goal, scale))
    rng = np.random.default_rng(seed)
    alone, among = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    close = observed - 1e-12  # equal tables must count as equal, whatever the last bit
    for _ in range(n_permutations):
        permuted = goal[np.argsort(group + rng.random(len(goal)), kind="stable")]
        chance = np.abs(divide(centred.T @ permuted, scale))
        alone += chance >= close
        among += np.nanmax(np.append(chance, -1.0)) >= close
    undefined = np.where(np.isnan(observed), np.nan, 0.0)
    return PermutationTest(
        (1 + alone) / (1 + n_permutations) + undefined, (1 + among) / (1 + n_permutations) + undefined
    )
