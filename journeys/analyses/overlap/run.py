"""The question "who is in several segments at once?": check the segments → mark their people → count combinations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from journeys.analyses.overlap.result import Overlap
from journeys.analyses.protocol import J
from journeys.errors import ArgumentError, raise_all

_MOST = 12  # segments; their combinations are twice as many with each
_USED = ("people", "share", "expected", "lift")


def overlap(segments: Mapping[str, J]) -> Overlap[J]:
    """Count the people in every combination of some segments.

    Parameters
    ----------
    segments : mapping of str to Journeys
        Two to twelve selections of one log that cut events alike, by name.

    Returns
    -------
    Overlap
        `.table`: one Boolean column per segment, `people`, `share`, `expected`, `lift`; every combination is a row, the
        one of nobody, too. `.people("Readers", not_in="Paying")`.

    Raises
    ------
    ArgumentError
        When there are fewer than two segments or more than twelve, or they are not of one log.

    Notes
    -----
    `expected` is the number of people if being in one segment had nothing to do with being in another: all people times
    the share of each segment, or of the rest. `lift` is `people` / `expected`: 2 means twice as many. All people of the
    log count, also those in no segment.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b", "c"], "timestamp": ["2026-03-01"] * 4,
    ...     "event": ["x", "y", "x", "z"]})
    >>> j = jn.Journeys.from_table(log)
    >>> o = jn.overlap({"X": j.only(jn.did("x")), "Y": j.only(jn.did("y"))})
    >>> o.table.select("X", "Y", "people").rows()
    [(False, False, 1), (True, False, 1), (True, True, 1), (False, True, 0)]
    """
    if not isinstance(segments, Mapping) or not 2 <= len(segments) <= _MOST:
        raise ArgumentError(f"segments: expected 2 to {_MOST} journeys by name, such as {{'Readers': readers, …}}.")
    problems = [f"segments: {name!r} is not a name." for name in segments if not isinstance(name, str) or not name]
    problems += [
        f"segments: {name!r} is a column of the table; choose another name." for name in segments if name in _USED
    ]
    problems += [
        f"segments: {name!r} is {type(one).__name__}, not Journeys; select people with j.only(...) first."
        for name, one in segments.items()
        if not hasattr(one, "_people_codes")
    ]  # fmt: skip
    raise_all(problems)
    first, *_ = segments.values()
    for one in segments.values():
        _ = first & one  # raises where they cannot be compared
    everyone = first._everyone()
    codes = everyone._people_codes().to_numpy()
    member = {name: np.isin(codes, one._people_codes().to_numpy()) for name, one in segments.items()}
    cell = sum(mask.astype(np.int64) << place for place, mask in enumerate(member.values()))
    counts = np.bincount(cell, minlength=1 << len(member))
    table = _list_combinations(counts, member={name: int(mask.sum()) for name, mask in member.items()})
    settings = everyone._make_settings(segments=", ".join(segments))
    return Overlap(table, settings, everyone, dict(segments))


def _list_combinations(counts: np.ndarray, *, member: Mapping[str, int]) -> pl.DataFrame:
    """Return one row per combination; bit k of its number is whether it is in segment k.

    For instance, of the segments A and B, the combination 2 is in B but not in A.
    """
    total = int(counts.sum())
    number = np.arange(len(counts))
    inside = {name: (number >> place & 1).astype(np.bool_) for place, name in enumerate(member)}
    expected = np.full(len(counts), float(total))
    for name, people in member.items():
        share = people / total if total else 0.0
        expected *= np.where(inside[name], share, 1 - share)
    table = pl.DataFrame({**inside, "people": pl.Series(counts, dtype=pl.Int64), "expected": expected})
    table = table.with_columns(
        share=pl.col("people") / total if total else pl.lit(None, dtype=pl.Float64),
        lift=pl.when(pl.col("expected") > 0).then(pl.col("people") / pl.col("expected")),
    )
    ordered = table.sort("people", *member, descending=[True, *(False for _ in member)])
    return ordered.select(*member, "people", "share", "expected", "lift")
