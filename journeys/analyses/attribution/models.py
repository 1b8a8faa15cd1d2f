"""The attribution models: one function per model, from paths to the credit of each touchpoint.

The positional models share out one conversion over the touches of its path; Markov and Shapley look at
all paths together. Sums run through `math.fsum`, so that the order of people changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from journeys.analyses.attribution.spec import Model

DIRECT = frozenset({"direct", "(direct)", "(none)", "none"})


@dataclass(frozen=True, slots=True)
class Path:
    """One distinct path: its touches, the people who converted on it or did not, and their samples."""

    touches: tuple[str, ...]
    converted: bool
    people: int
    ages: Sequence[Sequence[int]]
    values: Sequence[float | None]

    def amounts(self, *, by_value: bool) -> list[float]:
        """What each person's conversion counts: one, or its value."""
        return [value or 0.0 for value in self.values] if by_value else [1.0] * self.people


def position_weights(model: str, *, touches: Sequence[str], custom: Sequence[float] | None = None) -> list[float]:
    """Share one conversion over the touches of a path by where they stand.

    Parameters
    ----------
    model : str
        "first", "last", "last_non_direct", "linear", "u", "j", "inverse_j", "participation" or "custom".
    touches : sequence of str
        The path, first touch first; not empty.
    custom : sequence of float, optional
        Weights for first, middle and last touch; the middle one is shared by those in between.

    Returns
    -------
    list of float
        One weight a touch; they sum to 1 except in "participation", where each is 1.

    Notes
    -----
    U 40/20/40 (two touches 50/50), J 20/20/60 (25/75), inverse J 60/20/20 (75/25): with two touches the
    ends are scaled up to 1.

    Examples
    --------
    >>> position_weights("u", touches=["a", "b", "c", "d"])
    [0.4, 0.1, 0.1, 0.4]
    >>> position_weights("j", touches=["a", "b"])
    [0.25, 0.75]
    """
    n = len(touches)
    if model == "participation":
        return [1.0] * n
    if model == "linear":
        return [1.0 / n] * n
    if model in ("first", "last", "last_non_direct"):
        at = 0 if model == "first" else n - 1
        if model == "last_non_direct":
            at = max((k for k, touch in enumerate(touches) if touch.casefold() not in DIRECT), default=n - 1)
        return [1.0 if k == at else 0.0 for k in range(n)]
    shapes = {"u": (40, 20, 40), "j": (20, 20, 60), "inverse_j": (60, 20, 20)}
    first, middle, last = custom if model == "custom" and custom is not None else shapes[model]
    if n == 1:
        return [1.0]
    if n == 2:
        ends = first + last
        return [first / ends, last / ends] if ends else [0.5, 0.5]
    total = first + middle + last
    return [first / total, *([middle / (n - 2) / total] * (n - 2)), last / total]


def decay_weights(ages: Sequence[int], *, half_life: int) -> list[float]:
    """Share one conversion over touches so that a touch one half-life older earns half as much.

    Examples
    --------
    >>> [round(weight, 3) for weight in decay_weights([14, 7, 0], half_life=7)]
    [0.143, 0.286, 0.571]
    """
    youngest = min(ages)
    raw = [2.0 ** (-(age - youngest) / half_life) for age in ages]
    total = fsum(raw)
    return [weight / total for weight in raw]


def _by_position(model: str) -> Callable[..., dict[str, float]]:
    def share(
        paths: Sequence[Path], *, custom: Sequence[float] | None = None, by_value: bool = False, **_: Any
    ) -> dict[str, float]:
        parts: dict[str, list[float]] = {}
        for path in paths:
            if not path.converted or not path.touches:
                continue
            amount = fsum(sorted(path.amounts(by_value=by_value)))
            weights = position_weights(model, touches=path.touches, custom=custom)
            earned: dict[str, float] = {}
            for touch, weight in zip(path.touches, weights, strict=True):
                # a touchpoint takes part once, however often it occurs
                earned[touch] = 1.0 if model == "participation" else earned.get(touch, 0.0) + weight
            for touch, weight in earned.items():
                parts.setdefault(touch, []).append(weight * amount)
        return {touch: fsum(sorted(weights)) for touch, weights in parts.items()}

    return share


def time_decay(paths: Sequence[Path], *, half_life: int, by_value: bool = False, **_: Any) -> dict[str, float]:
    """Share each conversion by the age of its touches."""
    parts: dict[str, list[float]] = {}
    for path in paths:
        if not path.converted or not path.touches:
            continue
        for ages, amount in zip(path.ages, path.amounts(by_value=by_value), strict=True):
            for touch, weight in zip(path.touches, decay_weights(ages, half_life=half_life), strict=True):
                parts.setdefault(touch, []).append(weight * amount)
    return {touch: fsum(sorted(weights)) for touch, weights in parts.items()}


def markov(paths: Sequence[Path], *, by_value: bool = False, **_: Any) -> dict[str, float]:
    """Share conversions by what would be lost without each touch (removal effect).

    People walk start → touch → … → converted or lost with the frequencies of all paths, of those who
    converted and those who did not. Without a touch, who would have gone to it is lost. Solved exactly as an
    absorbing chain, (I - Q) x = r.

    References
    ----------
    Anderl, Becker, von Wangenheim, Schumann (2016): Mapping the customer journey. International Journal of
    Research in Marketing 33(3).

    Examples
    --------
    >>> both = [Path(("a", "b"), True, 1, [], []), Path(("a",), False, 1, [], [])]
    >>> markov(both)
    {'a': 0.5, 'b': 0.5}
    """
    import numpy as np

    used = [path for path in paths if path.touches]
    names = sorted({touch for path in used for touch in path.touches})
    conversions = sum(path.people for path in used if path.converted)
    if not conversions:
        return dict.fromkeys(names, 0.0)
    place = {name: k + 1 for k, name in enumerate(names)}
    size = len(names) + 1  # 0 is the start
    moves = np.zeros((size, size))
    wins = np.zeros(size)
    losses = np.zeros(size)
    for path in used:
        at = 0
        for touch in path.touches:
            moves[at, place[touch]] += path.people
            at = place[touch]
        (wins if path.converted else losses)[at] += path.people
    leaving = moves.sum(axis=1) + wins + losses
    chances, goal = moves / leaving[:, None], wins / leaving

    # One inverse gives every removal effect: N = (I - Q)^-1 holds the expected visits, so that a walk from the start
    # visits k with probability N[0, k] / N[k, k], and from there converts with probability p[k] = (N r)[k].
    visits = np.linalg.inv(np.eye(size) - chances)
    converts = visits @ goal
    removal = visits[0] / np.diag(visits) * converts / converts[0]
    effects = {name: float(removal[place[name]]) for name in names}
    effects = {name: max(0.0, effect) if abs(effect) > 1e-12 else 0.0 for name, effect in effects.items()}
    total = fsum(effects.values())
    earned = fsum(sorted(one for path in used if path.converted for one in path.amounts(by_value=by_value)))
    return {name: earned * effect / total for name, effect in effects.items()}


def shapley(paths: Sequence[Path], *, by_value: bool = False, **_: Any) -> dict[str, float]:
    """Share conversions so that the members of a set of touches share alike.

    With the value of a coalition defined as the conversions of people touched by nothing outside it, the
    Shapley value has a closed form: each conversion is shared equally by the distinct touches of its path.

    References
    ----------
    Zhao, Mahboobi, Bagheri (2018): Shapley value methods for attribution modeling in online advertising.

    Examples
    --------
    >>> shapley([Path(("a", "b", "a"), True, 2, [], [])])
    {'a': 1.0, 'b': 1.0}
    """
    parts: dict[str, list[float]] = {}
    for path in paths:
        members = sorted(set(path.touches)) if path.converted else []
        amount = fsum(sorted(path.amounts(by_value=by_value)))
        for touch in members:
            parts.setdefault(touch, []).append(amount / len(members))
    return {touch: fsum(sorted(weights)) for touch, weights in sorted(parts.items())}


_POSITIONAL = ("first", "last", "last_non_direct", "linear", "u", "j", "inverse_j", "participation", "custom")
MODELS: dict[str, Callable[..., dict[str, float]]] = {model: _by_position(model) for model in _POSITIONAL}
MODELS |= {"time_decay": time_decay, "markov": markov, "shapley": shapley}


def share_credit(
    paths: Sequence[Path],
    *,
    model: Model,
    half_life: int,
    weights: Sequence[float] | None,
    by_value: bool = False,
) -> dict[str | None, float]:
    """Share the conversions (or their value) among touchpoints; conversions without any have the key None."""
    shared = MODELS[model](paths, half_life=half_life, custom=weights, by_value=by_value)
    untouched = [path for path in paths if path.converted and not path.touches]
    credit: dict[str | None, float] = dict(shared.items())
    if untouched:
        credit[None] = fsum(sorted(one for path in untouched for one in path.amounts(by_value=by_value)))
    return credit
