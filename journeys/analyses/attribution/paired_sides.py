"""How far the difference of two shares of credit may be off by chance where people are on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.attribution.count import Floats, TouchPaths
from journeys.analyses.attribution.credit_draws import build_sparse, build_table
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.attribution.summarise import touch_labels


class ComparedSide(NamedTuple):
    """One side of a comparison: the table of touchpoints, the paths, and the people as `list_touched` lists them."""

    table: pl.DataFrame
    paths: TouchPaths
    touched: pl.DataFrame

    @property
    def conversions(self) -> int:
        """The number of conversions on this side."""
        return self.paths.path_of.size

    def list_converters(self) -> pl.Series:
        """Return the public label of each person who converted, in the order of `paths.code`."""
        labels = self.touched.select("code", "_person").unique()
        people = pl.DataFrame({"code": pl.Series(self.paths.code, dtype=pl.UInt32)})
        return people.join(labels, on="code", how="left", maintain_order="left")["_person"]


def find_paired_errors(
    here: ComparedSide, there: ComparedSide, spec: AttributionSpec, *, touches: Sequence[str]
) -> Floats:
    """Return the standard error of each touchpoint's difference of shares, with people as clusters.

    A person contributes (own credit - share × own conversions) / all conversions here, minus the same there; the
    variance is the sum of the squared contributions (the sandwich estimator), times n / (n - 1) for n people. For
    instance, a person whose conversions have the same touchpoints on both sides contributes next to nothing.
    """
    converters = [side.list_converters() for side in (here, there)]
    if any(side.is_empty() for side in converters):
        return np.full(len(touches), np.nan)
    everyone = pl.concat(converters).unique(maintain_order=True)
    credited, weights, conversions = [], [], []
    for side, people in zip((here, there), converters, strict=True):
        credit, own = _share_among_people(side.paths, people, spec, touches=touches, everyone=everyone)
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
    paths: TouchPaths, converters: pl.Series, spec: AttributionSpec, *, touches: Sequence[str], everyone: pl.Series
) -> tuple[Any, Floats]:
    """Return the credit that each person's conversions give to each touchpoint, and the conversions of each person."""
    from scipy.sparse import vstack

    number = paths.path_of.size
    table = build_table(paths, spec)
    by_conversion = table if spec.model == "time_decay" else table[:, paths.path_of]
    untouched = np.flatnonzero(paths.is_untouched)
    none = build_sparse(np.ones(untouched.size), np.zeros_like(untouched), untouched, shape=(1, number))
    place = {name: row for row, name in enumerate(touches)}
    labels = touch_labels(paths)
    known = [row for row, name in enumerate(labels) if name in place]
    rows = build_sparse(np.ones(len(known)), [place[labels[row]] for row in known], known,
                        shape=(len(touches), len(labels)))  # fmt: skip
    index = pl.DataFrame({"person": everyone}).with_row_index()
    person = pl.DataFrame({"person": converters}).join(index, on="person", how="left", maintain_order="left")["index"]
    owner = person.to_numpy()[paths.person]
    people = build_sparse(np.ones(number), np.arange(number), owner, shape=(number, everyone.len()))
    own = np.bincount(owner, minlength=everyone.len()).astype(np.float64)
    return rows @ vstack([by_conversion, none]).tocsr() @ people, own
