"""The Markov model: conversions shared by what would be lost without each touchpoint.

People walk start → touch → … → converted or lost with the frequencies of all paths. Without a touchpoint, who would
have gone to it is lost; its removal effect is the share of conversions that are then missing. For instance, with one
path ["a", "b"] that converted and one ["a"] that did not::

    moves   start → a 2   a → b 1   a → lost 1   b → converted 1      chance to convert 1/2; without a, or b, none
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from journeys.analyses.attribution.count import Floats, TouchPaths
from journeys.arrays import Ints
from journeys.errors import ArgumentError

_MOST_TOUCHPOINTS = 2_000
_MOST_BYTES = 1 << 26


def list_moves(paths: TouchPaths) -> tuple[Ints, Ints]:
    """Return the path of each move, and its code: the place in a table of one row per touchpoint and for the start.

    The table has the start and the touchpoints as rows (`from`), and the start (never reached), the touchpoints,
    "converted" and "lost" as columns (`to`).

    Raise ArgumentError when there are too many touchpoints to solve the chain.
    """
    size = len(paths.names) + 1
    if size > _MOST_TOUCHPOINTS + 1:
        raise ArgumentError(
            f"model: 'markov' compares every pair of touchpoints, at most {_MOST_TOUCHPOINTS:,} of them; there are "
            f"{size - 1:,} here. Choose a coarser column for by=, or another model such as 'shapley'."
        )
    has_touches = np.flatnonzero(paths.touch_counts)
    place = paths.touch + 1
    before = np.empty_like(place)
    before[1:] = place[:-1]
    before[paths.start[has_touches]] = 0
    last = place[paths.start[has_touches + 1] - 1]
    end = np.where(paths.converted[has_touches], size, size + 1)
    code = np.concatenate([before, last]) * (size + 2) + np.concatenate([place, end])
    return np.concatenate([paths.path_of_touch, has_touches]), code


def removal_shares(moves: npt.NDArray[Any]) -> Floats:
    """Solve chains exactly; return each touchpoint's share of the removal effects.

    Return an array of shape (chains, touchpoints); 0 where nobody converted.

    Parameters
    ----------
    moves : np.ndarray
        People per move, of shape (chains, touchpoints + 1, touchpoints + 3), as `list_moves` lays them out.

    Notes
    -----
    One inverse gives every removal effect: N = (I - Q)^-1 holds the expected visits, so that a walk from the start
    visits k with probability N[0, k] / N[k, k], and from there converts with probability p[k] = (N r)[k].

    References
    ----------
    Anderl, Becker, von Wangenheim, Schumann (2016): Mapping the customer journey. International Journal of
    Research in Marketing 33(3).

    Examples
    --------
    >>> removal_shares(np.array([[[0, 2, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 0]]], dtype=float))
    array([[0.5, 0.5]])
    """
    size = moves.shape[1]
    at_once = max(1, _MOST_BYTES // (8 * size * size))
    parts = [_solve_shares(moves[first : first + at_once]) for first in range(0, len(moves), at_once)]
    return np.concatenate(parts) if parts else np.zeros((0, size - 1))


def _solve_shares(moves: npt.NDArray[Any]) -> Floats:
    moves = moves.astype(np.float64)
    size = moves.shape[1]
    leaving = moves.sum(axis=2, keepdims=True)
    chances = np.divide(moves, leaving, out=np.zeros_like(moves), where=leaving > 0)
    visits = np.linalg.inv(np.eye(size) - chances[:, :, :size])
    converts = (visits @ chances[:, :, size : size + 1])[:, :, 0]
    removal = visits[:, 0] / np.diagonal(visits, axis1=1, axis2=2) * converts
    whole = converts[:, :1]
    effects = np.divide(removal, whole, out=np.zeros_like(removal), where=whole > 0)[:, 1:]
    effects = np.where(effects > 1e-12, effects, 0.0)
    total = effects.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(effects, total, out=np.zeros_like(effects), where=total > 0)
    return shares
