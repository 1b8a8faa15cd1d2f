"""Counts of all shards → the table of behaviours, and what was left out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from journeys.analyses.correlation.count import COUNTED
from journeys.analyses.correlation.spec import (
    AtLeast,
    CorrelationSpec,
    EveryEvent,
    Family,
    Happened,
    StepSequence,
    Trait,
    Values,
    list_steps,
)
from journeys.errors import ArgumentError
from journeys.stats import adjust, phi_table, strength, to_columns, wilson

CELLS = ("both", "behaviour_only", "conversion_only", "neither")

Exclusion = Literal[
    "is goal", "contains goal", "starts the clock", "excluded", "renamed goal", "follows goal", "too few"
]
"""Why a behaviour is not compared: it is the goal (perhaps under another name), part of it, or where the clock starts;
the analyst excluded it; most did it only after the goal; or fewer than `min_people` did it."""


@dataclass(frozen=True, eq=False)
class BehaviourCounts:
    """The counts of all shards, added up.

    Attributes
    ----------
    table : pl.DataFrame
        `family`, `behaviour`, `stratum`, `people`, `converted`: who did it, and who of them converted.
    totals : pl.DataFrame
        `stratum`, `people`, `converted`.
    not_compared : dict of str to int
        People who are not compared, by reason.
    rows : tuple of int
        Events in the time that counts, of those who did not convert and of those who did.
    after : dict of (int, str) to int
        Converters who did a behaviour only after converting, by family and behaviour.
    own : frozenset of str
        Event names that are the conversion itself.
    """

    table: pl.DataFrame
    totals: pl.DataFrame
    not_compared: dict[str, int]
    rows: tuple[int, int]
    after: dict[tuple[int, str], int]
    own: frozenset[str]

    @property
    def people(self) -> int:
        """Everybody who is compared."""
        return int(self.totals["people"].sum())

    @property
    def converted(self) -> int:
        """Those of them who converted."""
        return int(self.totals["converted"].sum())


def add_up(counts: pl.DataFrame, spec: CorrelationSpec) -> BehaviourCounts:
    """Add up the counts of shards."""
    keys = ["kind", "family", "behaviour", "stratum"]
    summed = counts.group_by(keys).agg(pl.col("people").sum(), pl.col("converted").sum())
    kinds = {kind: summed.filter(pl.col("kind") == kind) for kind in COUNTED}
    rows, converter_rows = (int(kinds["rows"][name].sum()) for name in ("people", "converted"))
    if spec.goal.events is not None:
        own = frozenset(spec.goal.events)
    else:
        # where the goal is a condition: the events that never happen without satisfying it
        only = kinds["own"].filter((pl.col("converted") > 0) & (pl.col("people") == pl.col("converted")))
        own = frozenset(only["behaviour"])
    return BehaviourCounts(
        table=kinds["cell"].drop("kind").sort("family", "behaviour", "stratum"),
        totals=kinds["total"].select("stratum", "people", "converted").sort("stratum"),
        not_compared=dict(kinds["not compared"].sort("behaviour").select("behaviour", "people").iter_rows()),
        rows=(rows - converter_rows, converter_rows),
        after=_count_only_after(kinds["ever"], kinds["cell"]),
        own=own,
    )


def _count_only_after(ever: pl.DataFrame, cell: pl.DataFrame) -> dict[tuple[int, str], int]:
    """Subtract the converters who did it in the time that counts from those who ever did it."""
    keys = ["family", "behaviour"]
    before = cell.group_by(keys).agg(pl.col("converted").sum().alias("before"))
    late = ever.join(before, on=keys, how="left").select(*keys, pl.col("converted") - pl.col("before").fill_null(0))
    return {(family, behaviour): count for family, behaviour, count in late.iter_rows() if count > 0}


def normalise_name(name: str) -> str:
    """Drop case and the separators of words from a name.

    Examples
    --------
    >>> normalise_name("Upgraded Plan") == normalise_name("upgraded_plan")
    True
    """
    return "".join(char for char in name.casefold() if not char.isspace() and char not in "_-")


_KINDS = {
    EveryEvent: "event",
    Values: "value",
    Trait: "trait",
    Happened: "step",
    AtLeast: "threshold",
    StepSequence: "sequence",
}


def _name_behaviour(family: Family, value: str) -> str:
    """Name a behaviour of a family so that it cannot be taken for another."""
    if isinstance(family, EveryEvent):
        return value
    if isinstance(family, Values):
        column = family.column if family.of is None else f"{family.of.name}, {family.column}"
        return f"{column}: {value}"
    if isinstance(family, Trait):
        return f"{family.column}: {value}"
    if isinstance(family, AtLeast):
        return f"{family.step.name}, {value}"
    if isinstance(family, StepSequence):
        return f"{family.first.name}, then {family.then.name}"
    return family.step.name


def add_cells(table: pl.DataFrame, *, people: int | pl.Expr, converted: int | pl.Expr) -> pl.DataFrame:
    """Add the four counts: `people` and `converted` are totals here, in the table those who did the behaviour.

    For instance, of 100 people 30 converted; 20 did it, 15 of whom converted: 15, 5, 15 and 65.
    """
    did, both = pl.col("people"), pl.col("converted")
    return table.with_columns(
        both=both,
        behaviour_only=did - both,
        conversion_only=converted - both,
        neither=people - did - converted + both,
    )


def summarise(counts: BehaviourCounts, spec: CorrelationSpec, *, unit: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make the table of behaviours, with notes about people or accounts, and the table of those that are left out.

    Return the table (`family` and `value` say which behaviour of which family a row is), and `behaviour`, `reason` (an
    `Exclusion`), `people`, `family`, `value`.
    """
    pooled = counts.table.group_by("family", "behaviour").agg(pl.col("people").sum(), pl.col("converted").sum())
    pooled = pooled.sort("family", "behaviour").rename({"behaviour": "value"})
    families = [spec.families[number] for number in pooled["family"]]
    names = [_name_behaviour(family, value) for family, value in zip(families, pooled["value"], strict=True)]
    kinds = [_KINDS[type(family)] for family in families]
    pooled = pooled.with_columns(
        pl.Series("behaviour", names, dtype=pl.String), pl.Series("kind", kinds, dtype=pl.String)
    )
    # people are selected by the name of a behaviour; of a search for thresholds only one row stays
    twice = pooled.filter((pl.col("kind") != "threshold") & pl.col("behaviour").is_duplicated())["behaviour"]
    if len(twice):
        raise ArgumentError(
            f"behaviours: two different ones are called {twice[0]!r}; give each its own name with jn.step(name, …)."
        )
    reasons = [_find_exclusion(row, spec=spec, counts=counts) for row in pooled.iter_rows(named=True)]
    pooled = pooled.with_columns(pl.Series("reason", reasons, dtype=pl.String))
    left_out = pooled.filter(pl.col("reason").is_not_null()).select("behaviour", "reason", "people", "family", "value")
    kept = pooled.filter(pl.col("reason").is_null())
    table = add_cells(kept, people=counts.people, converted=counts.converted)
    table = add_measures(table, confidence=spec.confidence)
    notes = [_explain_undefined(row, unit=unit) for row in table.iter_rows(named=True)]
    table = table.with_columns(pl.Series("note", notes, dtype=pl.String))
    after = [counts.after.get(key, 0) for key in table.select("family", "value").iter_rows()]
    table = _keep_best_thresholds(table.with_columns(pl.Series("only_after", after, dtype=pl.Int64)))
    table = table.with_columns(to_columns(q_value=adjust(table["p_value"])))
    return _sort_columns(table), left_out


def _find_exclusion(row: dict[str, Any], *, spec: CorrelationSpec, counts: BehaviourCounts) -> Exclusion | None:
    """Find out why a behaviour is not compared; None if it is."""
    is_name = isinstance(spec.families[row["family"]], EveryEvent | Happened)
    if is_name and row["behaviour"] in counts.own:
        return "is goal"
    named = {name for step in list_steps(spec.families[row["family"]]) for name in step.events or ()}
    if not is_name and named & counts.own:
        return "contains goal"
    if is_name and spec.since is not None and row["behaviour"] in (spec.since.events or ()):
        return "starts the clock"
    if row["behaviour"] in spec.exclude:
        return "excluded"
    if is_name and normalise_name(row["behaviour"]) == normalise_name(spec.goal.name):
        return "renamed goal"
    if row["people"] >= spec.min_people:
        return None
    return "follows goal" if counts.after.get((row["family"], row["value"]), 0) > row["people"] else "too few"


def add_measures(table: pl.DataFrame, *, confidence: float) -> pl.DataFrame:
    """Add phi and everything else that the four cells say; undefined is null."""
    cells = [table[name] for name in CELLS]
    measured = phi_table(*cells, confidence=confidence)
    a, b, c, d = (cell.to_numpy().astype(np.float64) for cell in cells)
    low, high = wilson(a, a + b, confidence=confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {**measured._asdict(), "rate_with": a / (a + b), "rate_without": c / (c + d)}
    columns |= {"rate_low": low, "rate_high": high}
    words = pl.Series("strength", strength(measured.phi), dtype=pl.String)
    return table.with_columns(*to_columns(**columns), words)


def _explain_undefined(row: dict[str, Any], *, unit: str) -> str | None:
    """Say why a phi is undefined; None if it is defined."""
    if row["phi"] is not None:
        return None
    from journeys.display import adapt_words, use_unit

    both, behaviour_only, conversion_only, neither = (row[name] for name in CELLS)
    reasons = {
        "nobody is left to compare": both + behaviour_only + conversion_only + neither == 0,
        "nobody converted": both + conversion_only == 0,
        "everybody converted": behaviour_only + neither == 0,
        "nobody did it in the time that counts": both + behaviour_only == 0,
        "everybody did it": conversion_only + neither == 0,
    }
    with use_unit(unit):
        return adapt_words(next(reason for reason, is_true in reasons.items() if is_true))


def _keep_best_thresholds(table: pl.DataFrame) -> pl.DataFrame:
    """Keep the best threshold of each search, its p-value multiplied by the number of thresholds tried."""
    searched = table.filter(pl.col("kind") == "threshold")
    tried = pl.col("p_value").is_not_null().sum().over("family").clip(1)
    by_certainty = ["family", pl.col("p_value").fill_null(2.0), pl.col("phi").abs(), "behaviour"]
    best = (
        searched.with_columns(tried=tried)
        .sort(by_certainty, descending=[False, False, True, False])
        .unique("family", keep="first", maintain_order=True)
        .with_columns(
            p_value=(pl.col("p_value") * pl.col("tried")).clip(0, 1),
            note=pl.when(pl.col("tried") > 1)
            .then(pl.format("best of {} thresholds; p is multiplied by that", pl.col("tried")))
            .otherwise(pl.col("note")),
        )
        .drop("tried")
    )
    return pl.concat([table.filter(pl.col("kind") != "threshold"), best])


def _sort_columns(table: pl.DataFrame) -> pl.DataFrame:
    first = ["behaviour", *CELLS, "phi", "ci_low", "ci_high"]
    first += ["p_value", "q_value", "odds_ratio", "lift", "strength", "odds_ratio_low", "odds_ratio_high"]
    first += ["rate_with", "rate_low", "rate_high", "rate_without", "only_after", "kind", "note", "family", "value"]
    order = ["phi", "behaviour", "family", "value"]
    return table.select(first).sort(order, descending=[True, False, False, False], nulls_last=True)
