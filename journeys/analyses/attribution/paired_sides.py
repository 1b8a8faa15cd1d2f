"""How far the difference of two shares of credit may be off by chance where people are on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.attribution.count import Floats, Paths
from journeys.analyses.attribution.credit import Sharing
from journeys.analyses.attribution.credit_draws import build_sparse, build_table
from journeys.analyses.attribution.summarise import touch_labels


class PairedSide(NamedTuple):
    """One side of a comparison: its paths, and the public label of each of its people who converted."""

    paths: Paths
    people: pl.Series


def find_paired_errors(here: PairedSide, there: PairedSide, sharing: Sharing, *, touches: Sequence[str]) -> Floats:
    """Return the standard error of each touchpoint's difference of shares, with people as clusters.

    A person contributes (own credit - share × own conversions) / all conversions here, minus the same there; the
    variance is the sum of the squared contributions (the sandwich estimator), times n / (n - 1) for n people. For
    instance, a person whose conversions have the same touchpoints on both sides contributes next to nothing.
    """
    everyone = pl.concat([here.people, there.people]).unique(maintain_order=True)
    if not everyone.len() or not here.people.len() or not there.people.len():
        return np.full(len(touches), np.nan)
    credited, weights, conversions = [], [], []
    for side in (here, there):
        credit, own = _share_among_people(side, sharing, touches=touches, everyone=everyone)
        total = own.sum()
        credited.append(credit / total)
        weights.append(np.asarray(credit.sum(axis=1)).ravel() / total / total)
        conversions.append(own)
    # contributions are u - w for the sparse u and w of rank 2; squared and summed without the dense table
    u = credited[0] - credited[1]
    signed = np.array([weights[0], -weights[1]])
    own = np.array(conversions)
    squares = np.asarray(u.multiply(u).sum(axis=1)).ravel()
    squares -= 2 * (signed * (u @ own.T).T).sum(axis=0)
    squares += np.einsum("ak,bk,ab->k", signed, signed, own @ own.T)
    errors: Floats = np.sqrt(np.maximum(squares, 0) * everyone.len() / max(everyone.len() - 1, 1))
    return errors


def _share_among_people(
    side: PairedSide, sharing: Sharing, *, touches: Sequence[str], everyone: pl.Series
) -> tuple[Any, Floats]:
    """Return the credit that each person's conversions give to each touchpoint, and the conversions of each person."""
    from scipy.sparse import vstack

    paths, number = side.paths, side.paths.path_of.size
    table = build_table(paths, sharing)
    by_conversion = table if sharing.model == "time_decay" else table[:, paths.path_of]
    untouched = np.flatnonzero(paths.is_untouched)
    none = build_sparse(np.ones(untouched.size), np.zeros_like(untouched), untouched, shape=(1, number))
    place = {name: row for row, name in enumerate(touches)}
    labels = touch_labels(paths)
    known = [row for row, name in enumerate(labels) if name in place]
    rows = build_sparse(np.ones(len(known)), [place[labels[row]] for row in known], known,
                        shape=(len(touches), len(labels)))  # fmt: skip
    index = pl.DataFrame({"person": everyone}).with_row_index()
    person = pl.DataFrame({"person": side.people}).join(index, on="person", how="left", maintain_order="left")["index"]
    owner = person.to_numpy()[paths.person]
    people = build_sparse(np.ones(number), np.arange(number), owner, shape=(number, everyone.len()))
    own = np.bincount(owner, minlength=everyone.len()).astype(np.float64)
    return rows @ vstack([by_conversion, none]).tocsr() @ people, own
