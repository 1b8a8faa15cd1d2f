"""Count shard after shard on this machine, so that memory stays that of one shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from journeys.log import View
from journeys.log.core import translate_read_errors


def run(count: Callable[[View, Any], pl.DataFrame], spec: object, *, views: Iterable[View]) -> pl.DataFrame:
    """Concatenate the counts of all shards; `summarise` adds them up.

    Parameters
    ----------
    count : callable
        The counting half of an analysis.
    spec : object
        What was asked.
    views : iterable of View
        The shards, with the selection applied.

    Returns
    -------
    pl.DataFrame
    """
    return pl.concat([count_shard(count, spec, view=view) for view in views])


def count_shard(count: Callable[[View, Any], pl.DataFrame], spec: object, *, view: View) -> pl.DataFrame:
    """Count one shard; what goes wrong is raised as an error of this library."""
    with translate_read_errors(view.files):
        return count(view, spec)
