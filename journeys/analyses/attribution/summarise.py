"""Counted paths → the credit of each touchpoint, by a model.

The positional models share each conversion by the place of a touch, "time_decay" by its age, and "shapley" and
"participation" by the set of touchpoints. "markov", in a file of its own, looks at all paths together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from journeys.analyses.attribution.count import Floats, TouchPaths
from journeys.analyses.attribution.markov import list_moves, removal_shares
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import label_values
from journeys.arrays import Bools, Ints

DIRECT = frozenset({"direct", "(direct)", "(none)", "none"})


def summarise_touches(paths: TouchPaths, spec: AttributionSpec) -> pl.DataFrame:
    """Make one row per touchpoint, and one for the conversions without any; highest credit first."""
    total = paths.path_of.size
    touched, converted, conversions, influenced = _count_touched(paths)
    columns = {
        "touch": pl.Series([*paths.names, None], dtype=pl.String),
        "credit": pl.Series(share_credit(paths, spec, amount=np.ones(total)), dtype=pl.Float64),
        "touched": pl.Series(touched, dtype=pl.Int64),
        "converted": pl.Series(converted, dtype=pl.Int64),
        "conversions": pl.Series(conversions, dtype=pl.Int64),
        "influenced": pl.Series([*influenced.tolist(), None], dtype=pl.Int64),
    }
    rates = {
        "share": pl.col("credit") / total if total else pl.lit(None, dtype=pl.Float64),
        # people without a touchpoint are counted only when they converted: they have no rate and no influence
        "conversion_rate": pl.when(pl.col("touch").is_not_null()).then(pl.col("converted") / pl.col("touched")),
    }
    shown = ["credit", "share", "touched", "converted", "conversion_rate", "conversions", "influenced"]
    if spec.value is not None:
        columns["value"] = pl.Series(share_credit(paths, spec, amount=paths.value), dtype=pl.Float64)
        rates["value_per_conversion"] = pl.when(pl.col("credit") > 0).then(pl.col("value") / pl.col("credit"))
        shown += ["value", "value_per_conversion"]
    table = pl.DataFrame(columns).with_columns(**rates)
    table = table.filter(pl.col("touch").is_not_null() | (pl.col("converted") > 0))
    labelled = table.select(label_values(table["touch"]).alias(spec.by), *shown)
    return labelled.sort(["credit", "touched", spec.by], descending=[True, True, False])


def touch_labels(paths: TouchPaths) -> list[str]:
    """Return the label of each touchpoint, and of none."""
    return label_values(pl.Series("touch", [*paths.names, None], dtype=pl.String)).to_list()


def _count_touched(paths: TouchPaths) -> tuple[Ints, Ints, Ints, Ints]:
    """Count per touchpoint the people touched, those of them who converted, their conversions, those it influenced.

    The first three have one more entry, for the conversions without a touchpoint.
    """
    size, persons = len(paths.names), paths.code.size
    conversion, at = paths.touch_rows
    untouched = np.flatnonzero(paths.is_untouched)
    # each pair of a touchpoint and a person who converted, once; touchpoint `size` stands for none
    pairs = [paths.touch[at] * persons + paths.person[conversion], size * persons + paths.person[untouched]]
    touch, person = np.divmod(np.unique(np.concatenate(pairs)), max(persons, 1))
    converted = np.bincount(touch, minlength=size + 1)
    conversions_of = np.bincount(paths.person, minlength=persons)
    conversions = np.bincount(touch, weights=conversions_of[person], minlength=size + 1).astype(np.int64)
    conversions[size] = untouched.size
    lost = _sum_by_touchpoint(paths, paths.lost)
    influenced = _sum_by_touchpoint(paths, np.bincount(paths.path_of, minlength=paths.lost.size))
    return converted + np.append(lost, 0), converted, conversions, influenced


def _sum_by_touchpoint(paths: TouchPaths, by_path: Ints) -> Ints:
    """Add up a count of paths for each touchpoint that occurs in them."""
    weights = np.where(paths.first_occurrences, by_path[paths.path_of_touch], 0)
    return np.bincount(paths.touch, weights=weights, minlength=len(paths.names)).astype(np.int64)


def summarise_paths(paths: TouchPaths) -> pl.DataFrame:
    """Make one row per distinct path, converted or not; most people first."""
    number, persons = paths.converted.size, max(paths.code.size, 1)
    converted = np.bincount(np.unique(paths.path_of * persons + paths.person) // persons, minlength=number)
    touches = pl.Series(paths.names, dtype=pl.String).gather(paths.touch)
    listed = (
        pl.DataFrame({"row": paths.path_of_touch, "path": touches}).group_by("row", maintain_order=True).agg("path")
    )
    table = (
        pl.DataFrame({"row": np.arange(number), "lost": paths.lost, "converted": converted})
        .with_columns(conversions=pl.Series(np.bincount(paths.path_of, minlength=number), dtype=pl.Int64))
        .join(listed, on="row", how="left")
        .with_columns(pl.col("path").fill_null(pl.lit([], dtype=pl.List(pl.String))))
        .group_by("path")
        .agg(pl.col("lost", "converted", "conversions").sum().cast(pl.Int64))
        .with_columns(people=pl.col("lost") + pl.col("converted"))
    )
    rate = (pl.col("converted") / pl.col("people")).alias("conversion_rate")
    return table.select("path", "people", "converted", rate, "conversions").sort(
        "people", "path", descending=[True, False]
    )


def share_credit(paths: TouchPaths, spec: AttributionSpec, *, amount: Floats) -> Floats:
    """Share the amounts of the conversions among the touchpoints, by the model of `spec`.

    Return one credit per touchpoint of `paths.names`, and at the end that of conversions without any. Sums run in a
    fixed order, so that shards change no bit.

    Parameters
    ----------
    amount : np.ndarray
        What each conversion counts: 1, or its value.
    """
    size = len(paths.names)
    by_path = np.bincount(paths.path_of, weights=amount, minlength=paths.converted.size)
    untouched = by_path[paths.touch_counts == 0].sum()
    if spec.model == "markov":
        path, code = list_moves(paths)
        people = paths.lost + np.bincount(paths.path_of, minlength=paths.lost.size)
        moves = np.bincount(code, weights=people[path].astype(np.float64), minlength=(size + 1) * (size + 3))
        credit = removal_shares(moves.reshape(1, size + 1, size + 3))[0] * by_path[paths.touch_counts > 0].sum()
    elif spec.model == "time_decay":
        conversion, at = paths.touch_rows
        shares = decay_touches(paths, half_life=spec.half_life)
        credit = np.bincount(paths.touch[at], weights=shares * amount[conversion], minlength=size)
    else:
        weights = weigh_touches(paths, spec)
        credit = np.bincount(paths.touch, weights=weights * by_path[paths.path_of_touch], minlength=size)
    return np.append(credit, untouched)


def position_weights(model: str, *, touches: Sequence[str], custom: Sequence[float] | None = None) -> list[float]:
    """Share one conversion over the touches of a path by where they stand.

    Return one weight per touch; they sum to 1, except for "participation", where each is 1.

    Parameters
    ----------
    model : str
        "first", "last", "last_non_direct", "linear", "u", "j", "inverse_j", "participation" or "custom".
    touches : sequence of str
        The path, first touch first; not empty.
    custom : sequence of float, optional
        Weights for first, middle and last touch; the middle one is shared by those in between.

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


def weigh_touches(paths: TouchPaths, spec: AttributionSpec) -> Floats:
    """Share one conversion of each path over its touches, by a model that looks at neither times nor other paths.

    Return the share of each touch of `paths.touch`. Those of a path sum to 1, except for "participation", where the
    first touch of each touchpoint has 1; what paths without a conversion have does not matter.

    Notes
    -----
    "shapley" has a closed form: with the value of a coalition defined as the conversions of people touched by nothing
    outside it, each conversion is shared equally by the distinct touchpoints of its path (Zhao, Mahboobi, Bagheri 2018:
    Shapley value methods for attribution modeling in online advertising).
    """
    if spec.model in ("participation", "shapley"):
        weights = paths.first_occurrences.astype(np.float64)
        if spec.model == "shapley":
            distinct = np.bincount(paths.path_of_touch, weights=weights, minlength=paths.converted.size)
            weights /= np.repeat(distinct, paths.touch_counts)
        return weights
    return _weigh_last_non_direct(paths) if spec.model == "last_non_direct" else _weigh_by_position(paths, spec)


def decay_touches(paths: TouchPaths, *, half_life: int) -> Floats:
    """Share each conversion over its touches by their age; one share per row of `paths.touch_rows`."""
    length = paths.touch_counts[paths.path_of]
    start = (np.cumsum(length) - length)[length > 0]
    return weigh_by_age(paths.age, start, half_life=half_life)


def weigh_by_age(age: np.ndarray, start: np.ndarray, *, half_life: int) -> Floats:
    """Share conversions over their touches: a touch that is a half-life older than another gets half its share.

    Parameters
    ----------
    age : np.ndarray
        The age of each touch, conversion after conversion.
    start : np.ndarray
        Where the touches of each conversion begin in `age`.
    half_life : int
        In the unit of the ages.

    Examples
    --------
    >>> weigh_by_age(np.array([7, 0, 3]), np.array([0, 2]), half_life=7).round(2).tolist()
    [0.33, 0.67, 1.0]
    """
    if not age.size:
        return np.zeros(0)
    length = np.diff(np.append(start, age.size))
    youngest = np.repeat(np.minimum.reduceat(age, start), length)
    raw = np.exp2(-(age - youngest) / half_life)
    shares: Floats = raw / np.repeat(np.add.reduceat(raw, start), length)
    return shares


def _weigh_by_position(paths: TouchPaths, spec: AttributionSpec) -> Floats:
    """Weigh each touch of each path by its place and the length of the path, which is all that these models look at."""
    length = np.where(paths.converted, paths.touch_counts, 0)
    weights = np.zeros(paths.touch.size)
    for n in np.unique(length[length > 0]).tolist():
        first = paths.start[:-1][length == n]
        weights[first[:, None] + np.arange(n)] = position_weights(spec.model, touches=[""] * n, custom=spec.weights)
    return weights


def _weigh_last_non_direct(paths: TouchPaths) -> Floats:
    """Give each path to its last touch that is not direct, and to its last touch where all are."""
    is_direct = np.array([name.casefold() in DIRECT for name in paths.names], dtype=np.bool_)
    start, stop = paths.start[:-1], paths.start[1:]
    has_touches: Bools = stop > start
    place = np.arange(paths.touch.size)
    non_direct = np.where(is_direct[paths.touch], -1, place)
    weights = np.zeros(place.size)
    if place.size:
        last = np.maximum.reduceat(non_direct, start[has_touches])
        weights[np.where(last < 0, stop[has_touches] - 1, last)] = 1.0
    return weights
