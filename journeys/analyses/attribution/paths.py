"""All paths as arrays: the touches of path after path, and the conversions that ended them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.log.arrays import Bools, Ints, list_rows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paths:
    """The distinct paths in a fixed order, whatever the shards.

    For instance, two people converted on ["ads", "mail"] and five were touched by ["ads"] only::

        names ads mail    touch 0 | 0 1    start 0 1 3    converted no yes    lost 5 0    path_of 1 1

    Attributes
    ----------
    names : list of str
        The touchpoints, sorted.
    touch : np.ndarray
        The number of the touchpoint, for each touch of each path.
    start : np.ndarray
        The first touch of each path; one longer than there are paths.
    converted : np.ndarray
        Whether the path ended in conversions.
    lost : np.ndarray
        How many people took each path without converting.
    path_of, person, value : np.ndarray
        The path, the person (numbered from 0) and the value (0 where unknown) of each conversion; path_of ascends.
    age : np.ndarray
        How long before its conversion each touch of each conversion was (µs).
    """

    names: list[str]
    touch: Ints
    start: Ints
    converted: Bools
    lost: Ints
    path_of: Ints
    person: Ints
    value: Floats
    age: Ints

    @cached_property
    def length(self) -> Ints:
        """The number of touches of each path."""
        return np.diff(self.start)

    @cached_property
    def path_of_touch(self) -> Ints:
        """The path of each touch."""
        return np.repeat(np.arange(self.converted.size), self.length)

    @cached_property
    def is_untouched(self) -> Bools:
        """Whether each conversion had no touch."""
        is_untouched: Bools = self.length[self.path_of] == 0
        return is_untouched

    @cached_property
    def touch_rows(self) -> tuple[Ints, Ints]:
        """For each touch of each conversion, the conversion and the touch's place in `touch`."""
        first, stop = self.start[:-1][self.path_of], self.start[1:][self.path_of]
        return np.repeat(np.arange(self.path_of.size), stop - first), list_rows(first, stop)

    @cached_property
    def first_occurrences(self) -> Bools:
        """Whether each touch is the first of its touchpoint in its path."""
        key = self.path_of_touch * max(len(self.names), 1) + self.touch
        marked: Bools = np.zeros(key.size, dtype=np.bool_)
        marked[np.unique(key, return_index=True)[1]] = True
        return marked


def collect_paths(counts: pl.DataFrame) -> Paths:
    """Add up the counts of all shards."""
    names = counts["path"].explode(empty_as_null=False).unique().drop_nulls().sort()
    samples = [pl.col(name).explode(empty_as_null=False) for name in ("persons", "ages", "values")]
    added = (
        counts.with_columns(pl.col("path").cast(pl.List(pl.Enum(names))))
        .group_by("path", "converted", maintain_order=True)
        .agg(pl.col("count").sum(), *samples)
        .sort("path", "converted")
    )
    converted = added["converted"].to_numpy()
    start = np.concatenate([[0], np.cumsum(added["path"].list.len().to_numpy(), dtype=np.int64)])
    touch = added["path"].explode(empty_as_null=False).to_physical().to_numpy().astype(np.int64)
    conversions = added["values"].list.len().to_numpy().astype(np.int64)
    persons = _flatten_column(added["persons"])
    _, person = np.unique(persons.to_numpy(), return_inverse=True)
    return Paths(
        names=names.to_list(),
        touch=touch,
        start=start,
        converted=converted,
        lost=np.where(converted, 0, added["count"].to_numpy()),
        path_of=np.repeat(np.arange(converted.size), conversions),
        person=person,
        value=_flatten_column(added["values"]).fill_null(0.0).to_numpy(),
        age=_flatten_column(_flatten_column(added["ages"])).to_numpy(),
    )


def _flatten_column(column: pl.Series) -> Any:
    return column.explode(empty_as_null=False)
