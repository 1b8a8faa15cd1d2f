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

from journeys.errors import describe_wrong_number, raise_all
from journeys.stats.tables import Column, Floats, divide, to_floats

# Up to these variances all but 1e-19 of a sum of draws lies within half so many values of its mean (Bernstein's
# inequality); beyond, the normal approximation is used.
_VALUES = ((1.0, 64), (20.0, 128), (100.0, 256))
_MOST_SHARES = 256
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
    Without an effect `observed` is a sum of independent draws with chances exposed / at risk. p is the mid-p of that
    sum's exact (Poisson-binomial) distribution while its variance is below 100, and of the normal approximation
    beyond. Mantel & Byar (1974), J. Am. Stat. Assoc. 69, 81–86. It assumes that nobody's observation ends because of
    what they are about to do, and that people of a risk set would convert alike without the behaviour: use strata
    where groups differ.

    Examples
    --------
    >>> test = mantel_byar([2], conversions=[1, 1], at_risk=[3, 2], exposed_at_risk=[[2, 1]])
    >>> print(test.expected.round(3), test.p_value.round(3))
    [1.167] [0.333]
    """
    count, at_risk, exposed = to_floats(conversions), to_floats(at_risk), to_floats(exposed_at_risk)
    happened = (count > 0) & (at_risk > 0)
    count = count[happened]
    share = np.clip(exposed[:, happened] / at_risk[happened], 0.0, 1.0)
    seen, expected = to_floats(observed), share @ count
    variance = (share * (1 - share)) @ count
    z = np.where(variance > 1e-12, divide(seen - expected, np.sqrt(np.maximum(variance, 0.0))), np.nan)
    from scipy.special import erfc

    p = erfc(np.abs(z) / np.sqrt(2))
    share, count = _merge_shares(share, count)
    below = 0.0
    for limit, values in _VALUES:
        exact = np.flatnonzero((variance > max(below, 1e-12)) & (variance <= limit))
        size = max(1, _CHUNK // (max(len(count), 1) * values))
        for low in range(0, len(exact), size):
            part = exact[low : low + size]
            p[part] = _exact_mid_p(seen[part], share=share[part], count=count, values=values)
        below = limit
    return MantelByar(seen, expected, z, p)


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
    """Draw each conversion anew among those who were at risk then, and see what chance does.

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
        How often; equal seeds give equal answers.

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
    (1 + permutations at least as extreme) / (1 + permutations). Permuting who converted, whenever, would give those
    who were observed for longer more behaviours and fewer conversions, and so call time an effect.

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
    done, end, goal = to_floats(did_at), to_floats(time), np.asarray(converted, dtype=np.bool_)
    _, group = np.unique(np.zeros(len(end)) if strata is None else np.asarray(strata), return_inverse=True)
    enter = np.full(len(end), -np.inf) if since is None else to_floats(since)
    order = np.lexsort((-end, group))  # those who have not left at a moment are the first of their group
    done, end, goal, group, enter = done[order], end[order], goal[order], group[order], enter[order]
    moment = end[goal]
    first = np.searchsorted(group, group[goal])
    staying = np.zeros(len(moment), np.int64)
    share = np.zeros((done.shape[1], len(moment)))
    for one in range(int(group[-1]) + 1 if len(group) else 0):
        members, here = group == one, group[goal] == one
        at, until, entry = moment[here], end[members], enter[members]
        staying[here] = np.searchsorted(-until, -at, "right")
        at_risk = staying[here] - (len(entry) - np.searchsorted(np.sort(entry), at))  # not yet entered: not left either
        for behaviour, did in enumerate(done[members].T):
            begin = np.maximum(did, entry)
            exposed = begin < until
            entered, left = (np.searchsorted(np.sort(times[exposed]), at) for times in (begin, until))
            share[behaviour, here] = (entered - left) / at_risk
    behaviours, conversions = share.shape
    observed = (done[goal] < moment[:, np.newaxis]).sum(axis=0)
    expected, error = share.sum(axis=1), np.sqrt((share * (1 - share)).sum(axis=1))
    defined = error > 1e-6
    scale = np.where(defined, error, np.inf)
    extreme = np.abs(observed - expected) / scale - 1e-9  # equal counts must count as equal, whatever the last bit
    rng = np.random.default_rng(seed)
    alone, among = np.zeros(behaviours), np.zeros(behaviours)
    size = max(1, (1 << 22) // max(conversions * behaviours, 1))
    for low in range(0, n_permutations, size):
        draws = rng.random((min(size, n_permutations - low), conversions))
        drawn = first + (draws * staying).astype(np.int64)
        while (early := enter[drawn] >= moment).any():  # not at risk yet: draw again
            again = np.broadcast_to(np.arange(conversions), drawn.shape)[early]
            drawn[early] = first[again] + (rng.random(len(again)) * staying[again]).astype(np.int64)
        counts = (done[drawn] < moment[:, np.newaxis]).sum(axis=1)
        chance = np.abs(counts - expected) / scale
        alone += (chance >= extreme).sum(axis=0)
        among += (chance.max(axis=1, initial=0.0)[:, np.newaxis] >= extreme).sum(axis=0)
    tried = 1 + n_permutations
    p_alone, p_among = (np.where(defined, (1 + count) / tried, np.nan) for count in (alone, among))
    return p_alone, p_among


def _merge_shares(share: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Average the chances of neighbouring risk sets where there are very many, which differ little."""
    if len(count) <= _MOST_SHARES:
        return share, count
    first = np.unique(np.linspace(0, len(count), _MOST_SHARES, endpoint=False).astype(np.int64))
    merged = np.add.reduceat(count, first)
    return np.add.reduceat(share * count, first, axis=1) / merged, merged


def _exact_mid_p(observed: Floats, *, share: Floats, count: Floats, values: int) -> Floats:
    """Compute two-sided mid-p values of sums of independent draws, from their characteristic functions.

    A transform over `values` values around the mean holds the whole distribution. `scipy.stats.poisson_binom` gives
    the same; its time grows with the square of the draws.
    """
    angle = 2 * np.pi * np.arange(values // 2 + 1) / values
    real = 1 - share[:, :, np.newaxis] * (1 - np.cos(angle))
    imaginary = share[:, :, np.newaxis] * np.sin(angle)
    with np.errstate(divide="ignore"):
        modulus = 0.5 * np.einsum("r,brf->bf", count, np.log(real**2 + imaginary**2))
    turn = np.einsum("r,brf->bf", count, np.arctan2(imaginary, real))
    lowest = np.round(share @ count) - values // 2
    turn -= angle * lowest[:, np.newaxis]
    chance = np.clip(np.fft.irfft(np.exp(modulus - 1j * turn), n=values, axis=1), 0.0, 1.0)
    place = (observed - lowest).astype(np.int64)
    value = np.arange(values)
    below = (chance * (value <= place[:, np.newaxis])).sum(axis=1)
    above = (chance * (value >= place[:, np.newaxis])).sum(axis=1)
    at = np.where((place >= 0) & (place < values), chance[np.arange(len(place)), np.clip(place, 0, values - 1)], 0.0)
    p: Floats = np.clip(2 * np.minimum(below, above) - at, 0.0, 1.0)
    return p
