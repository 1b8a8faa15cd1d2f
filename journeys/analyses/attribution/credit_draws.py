"""The credit of each touchpoint for draws of people: how far it may be off by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from journeys.analyses.attribution.count import Floats, TouchPaths
from journeys.analyses.attribution.markov import list_moves, removal_shares
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.attribution.summarise import decay_touches, weigh_touches
from journeys.arrays import Ints
from journeys.stats import check_draws, draw_counts

_MOST_BYTES = 1 << 25


def draw_credit(
    paths: TouchPaths, specs: Sequence[AttributionSpec], *, amounts: Sequence[Floats], draws: int, seed: int
) -> tuple[list[list[Floats]], Floats]:
    """Share the amounts again for draws of people with replacement (Poisson bootstrap).

    A person is drawn 0, 1, 2, … times with the chances of a Poisson variable of mean 1, and all conversions of the
    person with it: draws add up over people. The people who never converted matter to "markov" only; those of one path
    are drawn together.

    Return per model (`specs`) and amount an array of shape (touchpoints + 1, draws), with rows as `share_credit`
    returns them; and the number of conversions of each draw.
    """
    models = [spec.model for spec in specs]
    tables = [build_table(paths, spec) for spec in specs]
    conversions, persons = paths.path_of.size, paths.code.size
    conversions_of_path = build_sparse(
        np.ones(conversions), paths.path_of, np.arange(conversions), shape=(paths.converted.size, conversions)
    )
    check_draws(draws, people=persons, rows=(len(paths.names) + 1) * len(amounts) * len(specs))
    largest = max(paths.converted.size, conversions, (len(paths.names) + 1) ** 2 if "markov" in models else 0, 1)
    at_once = min(draws, max(1, _MOST_BYTES // (8 * largest)))
    is_untouched = paths.touch_counts == 0
    rng = np.random.default_rng(seed)
    found = [[np.zeros((len(paths.names) + 1, draws)) for _ in amounts] for _ in specs]
    totals = np.zeros(draws)
    for first in range(0, draws, at_once):
        batch = min(at_once, draws - first)
        drawn = draw_counts(np.ones(persons, dtype=np.int64), draws=batch, rng=rng)[paths.person].astype(np.float64)
        own = slice(first, first + batch)
        totals[own] = drawn.sum(axis=0)
        people = conversions_of_path @ drawn
        if "markov" in models:
            lost = draw_counts(paths.lost, draws=batch, rng=rng)
            removal = _draw_removal(paths, tables[models.index("markov")], people + lost)
        for number, amount in enumerate(amounts):
            weighted, by_path = drawn, people
            if not (amount == 1).all():
                weighted = drawn * amount[:, None]
                by_path = conversions_of_path @ weighted
            for credited, model, table in zip(found, models, tables, strict=True):
                credited[number][-1, own] = by_path[is_untouched].sum(axis=0)
                if model == "markov":
                    credited[number][:-1, own] = removal * by_path[~is_untouched].sum(axis=0)
                else:
                    credited[number][:-1, own] = table @ (weighted if model == "time_decay" else by_path)
    return found, totals


def build_table(paths: TouchPaths, spec: AttributionSpec) -> Any:
    """Return the sparse table from weights of paths (of conversions, for "time_decay") to credits, or to moves."""
    size, width = len(paths.names), paths.converted.size
    if spec.model == "markov":
        path, code = list_moves(paths)
        return build_sparse(np.ones(code.size), code, path, shape=((size + 1) * (size + 3), width))
    if spec.model == "time_decay":
        conversion, at = paths.touch_rows
        shares = decay_touches(paths, half_life=spec.half_life)
        return build_sparse(shares, paths.touch[at], conversion, shape=(size, paths.path_of.size))
    weights = weigh_touches(paths, spec)
    weights *= paths.converted[paths.path_of_touch]
    return build_sparse(weights, paths.touch, paths.path_of_touch, shape=(size, width))


def _draw_removal(paths: TouchPaths, table: Any, people: Floats) -> Floats:
    """Return the shares of the removal effects per draw: shape (touchpoints, draws)."""
    size = len(paths.names)
    moves = (table @ people).T.reshape(-1, size + 1, size + 3)
    shares: Floats = removal_shares(np.ascontiguousarray(moves)).T
    return shares


def build_sparse(
    values: Floats, row: Ints | Sequence[int], column: Ints | Sequence[int], *, shape: tuple[int, int]
) -> Any:
    """Make a sparse table; equal places add up, zeros are dropped."""
    from scipy.sparse import coo_array

    table = coo_array((values, (row, column)), shape=shape).tocsr()
    table.eliminate_zeros()
    return table
