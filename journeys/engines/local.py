"""Count shard after shard on this machine, so that memory stays that of one shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from journeys.log import View

__all__ = ["run"]


def run(count: Callable[[View, Any], pl.DataFrame], spec: object, *, views: Iterable[View]) -> pl.DataFrame:
    """Put the counts of all shards under each other; `summarise` adds them up.

    Parameters
    ----------
    count : callable
        The counting half of an analysis.
    spec : object
        What was asked.
    views : iterable of View
        The shards, as the selection leaves them.

    Returns
    -------
    pl.DataFrame
    """
    return pl.concat([count(view, spec) for view in views])
