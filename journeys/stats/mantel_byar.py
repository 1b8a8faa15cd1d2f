"""The equal-time test of a behaviour against a goal: the log-rank test with a time-dependent covariate.

Those who convert early had little time to do anything, and those who arrived late had little time for either, so that
time alone relates any behaviour to any goal (immortal-time bias). Here everybody has had the same time: at each
conversion, a converter is compared with all observed for at least as long without converting. With three
people, of whom p and q convert, and r is observed for 5 days::

            behaviour  goal        conversion after 2 days (q): at risk p, q, r; exposed p and q     chance 2/3
    p       day 1      day 3       conversion after 3 days (p): at risk p, r;    exposed p           chance 1/2
    q       day 1      day 2
    r       day 4                  observed: p and q were exposed, 2; expected 2/3 + 1/2

r is not exposed at either conversion: it did the behaviour after both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from journeys.errors import describe_wrong_number, raise_all
from journeys.stats.tables import Column, Floats, divide, to_floats

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Up to each variance, the size of the Fourier transform that gives the exact distribution of a sum of draws: all but
# 1e-19 of it lies within half so many values of the mean (Bernstein's inequality). Beyond the last variance the normal
# approximation is used.
_TRANSFORM_SIZES = ((1.0, 64), (20.0, 128), (100.0, 256))
_LEAST_VARIANCE = 1e-12  # below it nobody, or everybody, was exposed at every conversion
_MOST_RISK_SETS = 256
_CHUNK = 1 << 22
_MOST_PERMUTATIONS = 1_000_000


class MantelByar(NamedTuple):
    """Exposed people among those who converted, one entry per behaviour, and what no effect would give.

    Attributes
    ----------
    observed, expected : np.ndarray
        Converters who had done the behaviour before, and how many of them there would be without an effect.
    z : np.ndarray
        (observed - expected) / standard error; NaN where nobody, or everybody, was exposed at every conversion.
    p_value : np.ndarray
        Two-sided; NaN where `z` is.
    """

    observed: Floats
    expected: Floats
    z: Floats
    p_value: Floats


def mantel_byar(observed: Column, *, conversions: Column, at_risk: Column, exposed_at_risk: Column) -> MantelByar:
    """Test whether people convert more, or less, often after a behaviour than others observed for as long.

    Parameters
    ----------
    observed
        Per behaviour, the converters who had done it before they converted.
    conversions, at_risk
        Per risk set, that is per time of conversion (and stratum): the conversions, and the people who could have
        converted then.
    exposed_at_risk
        Behaviours × risk sets: the people at risk who had done the behaviour by then.

    Returns
    -------
    MantelByar

    Notes
    -----
    Without an effect `observed` is a sum of independent draws with chances cᵢ = exposed / at risk, one per conversion:
    expected = Σ cᵢ, variance = Σ cᵢ(1 − cᵢ). p is the mid-p of that sum's exact (Poisson-binomial) distribution while
    its variance is at most 100, and of the normal approximation beyond. Mantel & Byar (1974), J. Am. Stat. Assoc. 69,
    81–86. It assumes that nobody's observation ends because of what they are about to do, and that people of a risk
    set would convert alike without the behaviour: do not use it where groups differ, but with a risk set per stratum.

    Examples
    --------
    >>> test = mantel_byar([2], conversions=[1, 1], at_risk=[3, 2], exposed_at_risk=[[2, 1]])
    >>> print(test.expected.round(3), test.p_value.round(3))
    [1.167] [0.333]
    """
    from scipy.special import erfc

    conversions, at_risk, exposed = to_floats(conversions), to_floats(at_risk), to_floats(exposed_at_risk)
    is_used = (conversions > 0) & (at_risk > 0)
    conversions = conversions[is_used]
    chance = np.clip(exposed[:, is_used] / at_risk[is_used], 0.0, 1.0)
    observed, expected = to_floats(observed), chance @ conversions
    variance = (chance * (1 - chance)) @ conversions
    error = np.sqrt(np.maximum(variance, 0.0))
    z = np.where(variance > _LEAST_VARIANCE, divide(observed - expected, error), np.nan)
    p = erfc(np.abs(z) / np.sqrt(2))
    chance, conversions = _merge_risk_sets(chance, conversions)
    least = _LEAST_VARIANCE
    for most, size in _TRANSFORM_SIZES:
        exact = np.flatnonzero((variance > least) & (variance <= most))
        step = max(1, _CHUNK // (max(len(conversions), 1) * size))
        for low in range(0, len(exact), step):
            part = exact[low : low + step]
            p[part] = _compute_mid_p(observed[part], chance=chance[part], conversions=conversions, size=size)
        least = most
    return MantelByar(observed, expected, z, p)


def permute_at_risk(
    did_at: Column,
    *,
    time: Column,
    converted: Column,
    strata: Column | None = None,
    since: Column | None = None,
    n_permutations: int = 2000,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Draw each conversion anew among those who were at risk then: how often does chance alone go so far?

    Parameters
    ----------
    did_at
        People × behaviours: when each had done it; infinite for never.
    time, converted
        Per person, the time to the conversion, or to the end of observation, and which of both it is.
    strata
        A group for each person; conversions are drawn within groups only.
    since
        After which time each person is at risk, at all times by default. Who goes from one group to another has a row
        in each, whose `time` is that of leaving it; only the last one may have `converted`.
    n_permutations, seed
        How many permutations; equal seeds give equal answers.

    Returns
    -------
    tuple of two float arrays
        Per behaviour, the p-value by itself, and among all of them (by the largest |z| of each permutation); NaN where
        nobody, or everybody, was exposed at every conversion.

    Raises
    ------
    ArgumentError
        When there is not at least one permutation.

    Notes
    -----
    (1 + permutations at least as extreme) / (1 + permutations), by |z| of `mantel_byar`; among all, by the largest |z|
    of a permutation (Westfall & Young 1993, Resampling-Based Multiple Testing). Permuting who converted, whenever,
    would give those who were observed for longer more behaviours and fewer conversions, and so call time an effect. It
    assumes what `mantel_byar` assumes. Do not use it for many people, where it is slow and `mantel_byar` as exact.

    Examples
    --------
    >>> alone, among = permute_at_risk([[1], [1], [9]], time=[3, 2, 5], converted=[True, True, False])
    >>> bool(abs(alone[0] - 1 / 2) < 0.05)
    True
    """
    raise_all(
        describe_wrong_number("n_permutations", n_permutations, most=_MOST_PERMUTATIONS)
        + describe_wrong_number("seed", seed, least=0)
    )
    done, leave, goal = to_floats(did_at), to_floats(time), np.asarray(converted, dtype=np.bool_)
    _, group = np.unique(np.zeros(len(leave)) if strata is None else np.asarray(strata), return_inverse=True)
    enter = np.full(len(leave), -np.inf) if since is None else to_floats(since)
    order = np.lexsort((-leave, group))
    done, goal, enter = done[order], goal[order], enter[order]
    sets = _list_risk_sets(done, enter=enter, leave=leave[order], group=group[order], goal=goal)
    observed = (done[goal] < sets.time[:, np.newaxis]).sum(axis=0)
    expected, error = sets.chance.sum(axis=1), np.sqrt((sets.chance * (1 - sets.chance)).sum(axis=1))
    defined = error > 1e-6
    scale = np.where(defined, error, np.inf)
    extreme = np.abs(observed - expected) / scale - 1e-9  # equal counts must count as equal, whatever the last bit
    rng = np.random.default_rng(seed)
    alone, among = np.zeros(len(expected)), np.zeros(len(expected))
    step = max(1, _CHUNK // max(sets.chance.size, 1))
    for low in range(0, n_permutations, step):
        drawn = _draw_converters(sets, enter, draws=min(step, n_permutations - low), rng=rng)
        counts = (done[drawn] < sets.time[:, np.newaxis]).sum(axis=1)
        z = np.abs(counts - expected) / scale
        alone += (z >= extreme).sum(axis=0)
        among += (z.max(axis=1, initial=0.0)[:, np.newaxis] >= extreme).sum(axis=0)
    p_alone, p_among = (np.where(defined, (1 + count) / (1 + n_permutations), np.nan) for count in (alone, among))
    return p_alone, p_among


class _RiskSets(NamedTuple):
    """Who could have converted at the time of each conversion, one entry per conversion.

    People are sorted by group, and within it by when they leave, the last first, so that those who have not left at a
    time stand side by side. In the example of this module the order is r (until day 5), p (3), q (2):

        conversion on day 3 (p)   first 0, staying 2: r and p
        conversion on day 2 (q)   first 0, staying 3: r, p and q

    Attributes
    ----------
    time : np.ndarray
        The time of the conversion.
    first, staying : np.ndarray
        The first person of the converter's group, and how many from there on have not left by then.
    chance : np.ndarray
        Behaviours × conversions: the share of the people at risk who had done the behaviour by then.
    """

    time: Floats
    first: Ints
    staying: Ints
    chance: Floats


def _list_risk_sets(done: Floats, *, enter: Floats, leave: Floats, group: Ints, goal: Bools) -> _RiskSets:
    """List the risk sets of people in the order of `_RiskSets`; `done` is people × behaviours."""
    time = leave[goal]
    staying = np.zeros(len(time), np.int64)
    chance = np.zeros((done.shape[1], len(time)))
    for number in np.unique(group[goal]):
        members, here = group == number, group[goal] == number
        at, until, since = time[here], leave[members], enter[members]
        staying[here] = np.searchsorted(-until, -at, "right")
        at_risk = staying[here] - (len(since) - np.searchsorted(np.sort(since), at))  # not yet entered: not left either
        for behaviour, did in enumerate(done[members].T):
            begin = np.maximum(did, since)
            exposed = begin < until
            entered, left = (np.searchsorted(np.sort(times[exposed]), at) for times in (begin, until))
            chance[behaviour, here] = (entered - left) / at_risk
    return _RiskSets(time, np.searchsorted(group, group[goal]), staying, chance)


def _draw_converters(sets: _RiskSets, enter: Floats, *, draws: int, rng: np.random.Generator) -> Ints:
    """Draw who converts instead of each converter, so many times: shape (draws, conversions)."""
    conversions = len(sets.time)
    drawn: Ints = sets.first + (rng.random((draws, conversions)) * sets.staying).astype(np.int64)
    while (is_early := enter[drawn] >= sets.time).any():  # not at risk yet: draw again
        again = np.broadcast_to(np.arange(conversions), drawn.shape)[is_early]
        drawn[is_early] = sets.first[again] + (rng.random(len(again)) * sets.staying[again]).astype(np.int64)
    return drawn


def _merge_risk_sets(chance: Floats, conversions: Floats) -> tuple[Floats, Floats]:
    """Average the chances of neighbouring risk sets, which differ little, where there are very many."""
    if len(conversions) <= _MOST_RISK_SETS:
        return chance, conversions
    first = np.unique(np.linspace(0, len(conversions), _MOST_RISK_SETS, endpoint=False).astype(np.int64))
    merged = np.add.reduceat(conversions, first)
    return np.add.reduceat(chance * conversions, first, axis=1) / merged, merged


def _compute_mid_p(observed: Floats, *, chance: Floats, conversions: Floats, size: int) -> Floats:
    """Compute two-sided mid-p values of sums of independent draws, from their characteristic functions.

    The characteristic function of a sum is the product over its draws of 1 − c + c·exp(it); its inverse Fourier
    transform over `size` values around the mean is the distribution. For draws with chances 2/3 and 1/2 it is 1/6, 1/2,
    1/3 for 0, 1, 2: the mid-p of 2 is 2 · 1/3 − 1/3. `scipy.stats.poisson_binom` gives the same; its time grows with
    the square of the draws.
    """
    angle = 2 * np.pi * np.arange(size // 2 + 1) / size
    real = 1 - chance[:, :, np.newaxis] * (1 - np.cos(angle))
    imaginary = chance[:, :, np.newaxis] * np.sin(angle)
    with np.errstate(divide="ignore"):
        modulus = 0.5 * np.einsum("r,brf->bf", conversions, np.log(real**2 + imaginary**2))
    phase = np.einsum("r,brf->bf", conversions, np.arctan2(imaginary, real))
    lowest = np.round(chance @ conversions) - size // 2
    phase -= angle * lowest[:, np.newaxis]
    distribution = np.clip(np.fft.irfft(np.exp(modulus - 1j * phase), n=size, axis=1), 0.0, 1.0)
    place = (observed - lowest).astype(np.int64)
    value = np.arange(size)
    at_most = (distribution * (value <= place[:, np.newaxis])).sum(axis=1)
    at_least = (distribution * (value >= place[:, np.newaxis])).sum(axis=1)
    own = distribution[np.arange(len(place)), np.clip(place, 0, size - 1)]
    exactly = np.where((place >= 0) & (place < size), own, 0.0)
    p: Floats = np.clip(2 * np.minimum(at_most, at_least) - exactly, 0.0, 1.0)
    return p
