"""Standard errors of the differences between two flows, with people as clusters.

The journeys of one person, in one group or in both, are not independent: what counts is by how much each person pulls
the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from journeys.analyses.flow.count import list_moves
from journeys.analyses.flow.rows import read_rows
from journeys.analyses.flow.spec import CONTINUES, DROP_OFF, OTHER, REACHED, FoldedFlow
from journeys.analyses.protocol import JourneysProtocol
from journeys.arrays import Ints
from journeys.log import View
from journeys.stats import adjust
from journeys.stats.tables import Z_95

_LINK = ["position", "source", "target"]


def count_passing_people(view: View, asked: FoldedFlow) -> pl.DataFrame:
    """Count each person's journeys on each link.

    Return `code` (the person), `position`, `source`, `target` (also "(reached)"), `shown`, `passed`, `converted`.
    """
    spec = asked.spec
    rows = read_rows(view, spec)
    people, reached, moves = list_moves(rows, spec)
    names = pl.Series([*rows.labels, DROP_OFF, CONTINUES, REACHED, OTHER], dtype=pl.String)
    folded = [_fold_nodes(rows.labels, kept) for kept in (*asked.kept, ())]
    schema = {**dict.fromkeys(["code", *_LINK], pl.Int64), "reached": pl.Boolean}
    frames = [pl.DataFrame(schema=schema)]
    for one in moves:
        sources, targets = (folded[place] for place in (one.position, one.position + 1))
        frames.append(
            pl.DataFrame(
                {
                    "code": people[one.journeys].astype(np.int64),
                    "position": np.full(one.journeys.size, one.position, dtype=np.int64),
                    "source": sources[one.source],
                    "target": targets[one.target],
                    "reached": reached[one.journeys],
                }
            )
        )
    is_shown = pl.col("reached").is_in([True, False] if spec.who == "all" else [spec.who == "converted"])
    counted = (
        pl.concat(frames)
        .group_by("code", *_LINK)
        .agg(
            is_shown.sum().cast(pl.Int64).alias("shown"),
            pl.len().cast(pl.Int64).alias("passed"),
            pl.col("reached").sum().cast(pl.Int64).alias("converted"),
        )
    )
    return counted.with_columns(source=names.gather(counted["source"]), target=names.gather(counted["target"]))


def count_by_person(
    groups: tuple[JourneysProtocol, JourneysProtocol], count: Callable[[View, Any], pl.DataFrame], asked: Any
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Count both groups by `code`; in two different logs one code stands for two people."""
    here, there = (group._count_shards(count, asked) for group in groups)
    if not groups[0]._log.has_same_people(groups[1]._log):
        there = there.with_columns(code=-1 - pl.col("code"))
    return here, there


def _fold_nodes(labels: list[str], kept: tuple[str, ...]) -> Ints:
    """Return the code of each node, and of the ways to stop, with small nodes folded into "(other)"."""
    own, size = set(kept), len(labels)
    folded = [code if label in own else size + 3 for code, label in enumerate(labels)]
    return np.array([*folded, size, size + 1, size + 2], dtype=np.int64)


def estimate_share_errors(here: pl.DataFrame, there: pl.DataFrame, keys: list[str], *, edge: int) -> pl.DataFrame:
    """Estimate the standard error of the difference of each share of all who start.

    A person with m of n journeys here and k of l there, x and y of them on the link, pulls the difference by
    d = (x − p·m) / n − (y − q·k) / l, where p and q are the shares; the variance is the sum of d². For instance, a
    person with one journey in each group, both on the link, pulls it by (1 − p) / n − (1 − q) / l, about nothing.
    """
    links = [_sum_by_person(side, keys, "shown") for side in (here, there)]
    starts = [
        side.filter(pl.col("position") == edge).group_by("code").agg(pl.col("shown").sum()) for side in (here, there)
    ]
    (m, k), (n, total) = starts, (float(side["shown"].sum()) for side in starts)
    both = m.join(k, on="code", how="full", coalesce=True, suffix="_there").fill_null(0)
    mm, kk, mk = both.select(
        mm=(pl.col("shown") ** 2).sum(),
        kk=(pl.col("shown_there") ** 2).sum(),
        mk=(pl.col("shown") * pl.col("shown_there")).sum(),
    ).row(0)
    joined = links[0].join(links[1], on=["code", *keys], how="full", coalesce=True, suffix="_there")
    joined = joined.rename({"shown": "x", "shown_there": "y"}).join(both, on="code", how="left").fill_null(0)
    x, y, own, other = pl.col("x"), pl.col("y"), pl.col("shown"), pl.col("shown_there")
    sums = joined.group_by(keys).agg(
        x=x.sum(), y=y.sum(), xx=(x * x).sum(), yy=(y * y).sum(), xy=(x * y).sum(), xm=(x * own).sum(),
        xk=(x * other).sum(), ym=(y * own).sum(), yk=(y * other).sum(),
    )  # fmt: skip
    p, q = pl.col("x") / n, pl.col("y") / total
    variance = (
        (pl.col("xx") - 2 * p * pl.col("xm") + p * p * mm) / n**2
        + (pl.col("yy") - 2 * q * pl.col("yk") + q * q * kk) / total**2
        - 2 * (pl.col("xy") - q * pl.col("xk") - p * pl.col("ym") + p * q * mk) / (n * total)
    )
    return sums.select(*keys, error=variance.clip(0).sqrt())


def estimate_rate_errors(here: pl.DataFrame, there: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Estimate the standard error of the difference of conversion rates, as in `estimate_share_errors`."""
    sides = [side.group_by("code", *keys).agg(pl.col("passed", "converted").sum()) for side in (here, there)]
    joined = sides[0].join(sides[1], on=["code", *keys], how="full", coalesce=True, suffix="_there").fill_null(0)
    pulls = pl.lit(0.0)
    for end, sign in (("", 1), ("_there", -1)):
        x, m = pl.col(f"converted{end}"), pl.col(f"passed{end}")
        total = m.sum().over(keys)
        pulls += sign * pl.when(total > 0).then((x - x.sum().over(keys) / total * m) / total).otherwise(0.0)
    return joined.select(*keys, pull=pulls).group_by(keys).agg(error=(pl.col("pull") ** 2).sum().sqrt())


def _sum_by_person(side: pl.DataFrame, keys: list[str], count: str) -> pl.DataFrame:
    return side.group_by("code", *keys).agg(pl.col(count).sum()).filter(pl.col(count) > 0)


def replace_tests(
    table: pl.DataFrame, errors: pl.DataFrame, keys: list[str], *, estimate: str, prefix: str
) -> pl.DataFrame:
    """Replace intervals, p-values and q-values by those of the clustered standard errors."""
    from scipy.stats import norm

    test = "" if prefix == "difference" else f"{prefix}_"
    joined = table.join(errors, on=keys, how="left", maintain_order="left")
    gap, error = (joined[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in (estimate, "error"))
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = np.where((gap == 0) & (error == 0), 1.0, 2 * norm.sf(np.abs(gap) / error))
    columns = {
        f"{prefix}_low": np.maximum(gap - Z_95 * error, -1.0),
        f"{prefix}_high": np.minimum(gap + Z_95 * error, 1.0),
        f"{test}p_value": p_value,
        f"{test}q_value": adjust(p_value),
    }
    return joined.with_columns(pl.Series(name, values, nan_to_null=True) for name, values in columns.items()).drop(
        "error"
    )
