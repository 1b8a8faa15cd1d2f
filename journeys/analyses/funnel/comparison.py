"""By how much the rates of two groups differ, or those of each group and all others, and whether that may be chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.analyses.funnel.count import find_shard_attempts, key_groups
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import add_counts, fold_small_groups, has_rate, label_groups, list_top_groups
from journeys.analyses.periods import relative_change, show_period
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError
from journeys.log import View

if TYPE_CHECKING:
    import plotly.graph_objects as go


Measure = Literal["rate_from_start", "rate_from_previous"]
Method = Literal["bh", "holm", "bonferroni", "by"]
Floats = npt.NDArray[np.float64]

_RATES = {"rate_from_start": ("people", "entered"), "rate_from_previous": ("continued", "at_previous")}
_SUMS = ("people", "entered", "continued", "at_previous")


@dataclass(frozen=True, eq=False, slots=True)
class PersonRatesSpec:
    """The attempts of each person that count in the rates of a funnel."""

    spec: FunnelSpec
    measure: Measure


class Side(NamedTuple):
    """One side of a comparison: the funnel, its counts, the rates of each of its people, and how many are pending."""

    spec: FunnelSpec
    counts: pl.DataFrame
    by_person: pl.DataFrame
    pending: int


class _Rates(NamedTuple):
    """The numerators and denominators of some rows of the table, their people, and the rates of each person."""

    hits: Floats
    trials: Floats
    people: Floats
    by_person: pl.DataFrame | None


def count_person_rates(view: View, asked: PersonRatesSpec) -> pl.DataFrame:
    """Count, by person and group, the numerator and denominator of each step's rate.

    Return `_person` (the public label), the keys of `by`, then `_hits0`, `_trials0` and so on for each step (Int64).
    """
    spec = asked.spec
    found = find_shard_attempts(view, spec)
    columns: dict[str, npt.NDArray[np.bool_]] = {}
    for step in range(spec.step_count):
        hits, trials = found.has_taken(step), np.ones(len(found.person), dtype=np.bool_)
        if asked.measure == "rate_from_previous":
            trials = found.has_taken(spec.find_required_before(step))
            hits = hits & trials
        columns |= {f"_hits{step}": hits, f"_trials{step}": trials}
    keys = key_groups(view, found, spec=spec)
    table = pl.DataFrame([pl.Series("code", found.person, dtype=pl.UInt32), *keys]).with_columns(
        pl.Series(name, values, dtype=pl.Int64) for name, values in columns.items()
    )
    summed = table.group_by(["code", *spec.by]).agg(pl.col(list(columns)).sum())
    labels = view.people.select("code", pl.col("person").alias("_person")).collect()
    return summed.join(labels, on="code", how="left").select("_person", *spec.by, *columns)


def has_clusters(spec: FunnelSpec) -> bool:
    """Return whether one person may count several times, or in several groups."""
    return spec.count != "people" or (spec.by_at == "all" and bool(spec.by))


def compare_funnels(
    here: Side, there: Side, *, measure: Measure, correct: Method
) -> tuple[pl.DataFrame, pl.Series, int]:
    """Compare two funnels of the same steps; people on both sides, or with several attempts, are clusters.

    Return the table, how many people are on the smaller side of each row, and how many entered on both sides.
    """
    spec = here.spec
    if spec.names != there.spec.names:
        raise ArgumentError(f"against: the steps differ, {list(spec.names)} here and {list(there.spec.names)} there.")
    if (spec.count, spec.entry) != (there.spec.count, there.spec.entry):
        raise ArgumentError("against: the funnels differ in what they count; ask both with the same count= and entry=.")
    tables = [add_counts(side.counts, spec=side.spec, sums=_SUMS) for side in (here, there)]
    mine, theirs = (
        _take_rates(table, measure, side.by_person) for table, side in zip(tables, (here, there), strict=True)
    )
    in_both = _join_people(here, there)
    is_clustered = has_clusters(spec) or in_both.height > 0
    errors = _cluster_errors(mine, theirs) if is_clustered else None
    names = pl.DataFrame({"step": tables[0]["step"], "name": list(spec.names)})
    table, fewest = _test_rows(names, mine, theirs, spec=spec, correct=correct, errors=errors)
    took_both = [
        in_both.filter(pl.col(f"_hits{step}") > 0, pl.col(f"_hits{step}_there") > 0).height
        for step in range(spec.step_count)
    ]
    table = table.with_columns(
        pl.Series("in_both", took_both, dtype=pl.Int64),
        pl.lit(here.pending, dtype=pl.Int64).alias("pending"),
        pl.lit(there.pending, dtype=pl.Int64).alias("pending_against"),
    )
    return table, fewest, in_both.height


def _join_people(here: Side, there: Side) -> pl.DataFrame:
    """Join the rates of the people who entered on both sides; labels of different types are of different people."""
    mine, theirs = here.by_person, there.by_person
    label = mine.schema["_person"]
    if theirs.schema["_person"] != label:
        theirs = theirs.clear().cast({"_person": label})
    return mine.join(theirs, on="_person", how="inner", suffix="_there")


def compare_groups(
    counts: pl.DataFrame, by_person: pl.DataFrame | None, *, spec: FunnelSpec, measure: Measure, correct: Method
) -> tuple[pl.DataFrame, pl.Series]:
    """Compare each group with all other groups together.

    Return the table, and how many people are on the smaller side of each row.
    """
    table = add_counts(counts, spec=spec, sums=_SUMS)
    people = by_person
    if people is not None:
        people = label_groups(fold_small_groups(people, list_top_groups(counts, spec=spec)), spec=spec)
    parts: list[tuple[pl.DataFrame, _Rates, _Rates]] = []
    for _, rows in table.group_by(spec.by, maintain_order=True):
        group = rows.row(0, named=True)
        is_mine = pl.all_horizontal(pl.col(name) == group[name] for name in spec.by)
        others = table.select(
            "step", *(pl.when(~is_mine).then(pl.col(name)).otherwise(0).alias(name) for name in _SUMS)
        )
        others = others.group_by("step").agg(pl.col(_SUMS).sum()).sort("step")
        mine = _take_rates(rows, measure, None if people is None else people.filter(is_mine))
        parts.append((rows, mine, _take_rates(others, measure, None if people is None else people.filter(~is_mine))))
    names = pl.col("step").replace_strict(range(1, spec.step_count + 1), spec.names, return_dtype=pl.String)
    keys = pl.concat([rows for rows, _, _ in parts] or [table]).select(*spec.by, "step", names.alias("name"))
    mine, theirs = _concat_rates([one for _, one, _ in parts]), _concat_rates([one for _, _, one in parts])
    errors = None if people is None else np.concatenate([np.zeros(0), *(_cluster_errors(*part[1:]) for part in parts)])
    return _test_rows(keys, mine, theirs, spec=spec, correct=correct, errors=errors)


def _take_rates(table: pl.DataFrame, measure: Measure, by_person: pl.DataFrame | None) -> _Rates:
    hits, trials = (table[name].to_numpy().astype(np.float64) for name in _RATES[measure])
    if by_person is None:
        return _Rates(hits, trials, trials, None)
    counted = [by_person.filter(pl.col(f"_trials{step}") > 0)["_person"].n_unique() for step in range(len(hits))]
    return _Rates(hits, trials, np.array(counted, dtype=np.float64), by_person)


def _concat_rates(parts: list[_Rates]) -> _Rates:
    hits, trials, people = (np.concatenate([np.zeros(0), *(part[at] for part in parts)]) for at in range(3))
    return _Rates(hits, trials, people, None)


def _cluster_errors(here: _Rates, there: _Rates) -> Floats:
    """Return the standard error of the difference of each step's rates, with people as clusters.

    A person contributes (hits - rate × trials) / all trials here, minus the same there; the variance is the sum of the
    squared contributions (the sandwich estimator), times n / (n - 1) for n people. For instance, people who are on
    both sides with the same outcome contribute next to nothing, and all sessions of a person are one contribution.
    """
    steps = range(len(here.hits))
    parts = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for sign, side in ((1.0, here), (-1.0, there)):
            assert side.by_person is not None  # noqa: S101  # callers count by person where there are clusters
            rate, weight = side.hits / side.trials, sign / side.trials
            columns = [
                ((pl.col(f"_hits{k}") - float(rate[k]) * pl.col(f"_trials{k}")) * float(weight[k])).alias(f"{k}")
                for k in steps
            ]
            parts.append(side.by_person.select("_person", *columns))
    people = pl.concat(parts).group_by("_person").agg(pl.all().sum()).sort("_person")
    correction = people.height / max(people.height - 1, 1)
    return np.array([np.sqrt((people[f"{k}"].to_numpy() ** 2).sum() * correction) for k in steps])


def _test_rows(
    names: pl.DataFrame, here: _Rates, there: _Rates, *, spec: FunnelSpec, correct: Method, errors: Floats | None
) -> tuple[pl.DataFrame, pl.Series]:
    """Add rates, difference, interval, p-value and q-value; the first step is tested only where it is a rate."""
    from journeys.stats import adjust, difference, difference_by_error, to_columns

    found = difference(here.hits, here.trials, there.hits, there.trials)
    low, high, p_value = found.ci_low, found.ci_high, found.p_value
    if errors is not None:
        _, low, high, p_value = difference_by_error(found.estimate, errors)
    is_tested = names.select(has_rate(spec).alias("t"))["t"].to_numpy() & ~np.isnan(found.estimate)
    numbers = {
        "rate": np.divide(here.hits, here.trials, out=np.full(len(here.hits), np.nan), where=here.trials > 0),
        "rate_against": np.divide(
            there.hits, there.trials, out=np.full(len(there.hits), np.nan), where=there.trials > 0
        ),
        "difference": np.where(is_tested, found.estimate, np.nan),
        "ci_low": np.where(is_tested, low, np.nan),
        "ci_high": np.where(is_tested, high, np.nan),
        "p_value": np.where(is_tested, p_value, np.nan),
        "q_value": adjust(np.where(is_tested, p_value, np.nan), method=correct),
    }
    table = names.with_columns(
        pl.Series(spec.count, here.hits).cast(pl.Int64),
        pl.Series(f"{spec.count}_against", there.hits).cast(pl.Int64),
        *to_columns(**numbers),
    )
    counts = (pl.col(spec.count), pl.col(f"{spec.count}_against"))
    table = table.with_columns(relative_change(*counts).alias("change"))
    return table, pl.Series(np.minimum(here.people, there.people), dtype=pl.Int64)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class FunnelComparison(JourneysResult[J]):
    """By how much the rates of two groups of people differ.

    Attributes
    ----------
    table : pl.DataFrame
        `step`, `name`, `people`, `people_against` (Int64: the numerators), `rate`, `rate_against`, `difference` (rate -
        rate_against: +0.042 is 4.2 points in favour of this side), `ci_low`, `ci_high` (95%: Newcombe; with people as
        clusters where they are on both sides or count several times), `p_value`, `q_value` (corrected over all rows
        that are tested), `change` (of `people`, relative to `people_against`; null from 0). Of two funnels also
        `in_both` (people counted on both sides), `pending` and `pending_against` (who entered too late to be followed
        as long as the others, and are in no other number). With a breakdown, its columns come first and "against" is
        all other groups together.
    people_on_both_sides : int
        People who entered both funnels.
    periods : tuple of str, optional
        Of two periods: this one and the other.
    caution : str
        What could mislead in the comparison of two periods.
    sides : tuple of str, optional
        What the two groups are called, for texts.
    """

    people_on_both_sides: int = 0
    periods: tuple[str, str] | None = None
    caution: str = ""
    _fewest: pl.Series = field(default_factory=pl.Series, repr=False)
    sides: tuple[str, str] | None = None

    @property
    def finding(self) -> str:
        """The surest difference, as one sentence."""
        from journeys.display import format_percent, format_points, quote_labels, quote_name

        note, unit = self._sides_note, self._journeys._log.unit
        known = self.table.with_columns(self._fewest.alias("_fewest")).filter(pl.col("q_value").is_not_null())
        if not known.height:
            found = self._count_finding
            return found.rewrite(f"{found}{note}") if isinstance(found, NoFinding) else f"{found}{note}"
        if (most := int(known["_fewest"].max())) < MIN_PEOPLE:  # type: ignore[arg-type]
            few = say_too_few(most, "on the smaller side", unit=unit)
            return few.rewrite(f"{few}{note}")
        sure = known.filter(pl.col("_fewest") >= MIN_PEOPLE, pl.col("q_value") < 0.05)
        if not sure.height:
            return f"No rate differs beyond chance.{note}"
        row = sure.sort("q_value", "step", maintain_order=True).row(0, named=True)
        groups = self.table.columns[: self.table.columns.index("step")]
        group = quote_labels((row[name] for name in groups), between=" · ")
        did = "went on to" if self.settings.get("measure") == "rate_from_previous" else "reached"
        name, points = quote_name(row["name"]), format_points(row["difference"], row["ci_low"], row["ci_high"])
        if self.periods is not None:
            rates = f"{format_percent(row['rate'])} against {format_percent(row['rate_against'])}"
            return f"{f'{group}, ' if group else ''}{name}: {rates}, {points}.{note}"
        here, there = self._side_names
        own = f"Of {group}, {format_percent(row['rate'])}" if group else f"{format_percent(row['rate'])} of {here}"
        others = "the others" if group else there
        rates = f"{own} {did} {name}, against {format_percent(row['rate_against'])} of {others}"
        return f"{rates}: {points}.{note}"

    @property
    def _count_finding(self) -> str:
        """The change of the first step's people, where no rate can be compared."""
        from journeys.display import format_number, format_percent, format_signed, give_advice, quote_name

        if not self.table.height or self.table.height > 1:
            if self._pending:
                why = "on one side, the data ends before anyone had the whole time to convert"
                why = give_advice("ask both funnels for a shorter within", otherwise=why)
                return NoFinding(f"There is nothing to compare: {why}.")
            return NoFinding("There is nothing to compare: a side is empty.")
        row = self.table.row(0, named=True)
        count = self.settings.get("count", "people")
        if (most := max(row[count], row[f"{count}_against"])) < MIN_PEOPLE:
            return say_too_few(most, "on the larger side", unit=self._journeys._log.unit)
        change = "" if row["change"] is None else f" ({format_signed(row['change'], form=format_percent)})"
        return (
            f"{quote_name(row['name'])}: {format_number(row[count])} {count} against "
            f"{format_number(row[f'{count}_against'])}{change}."
        )

    @property
    def _side_names(self) -> tuple[str, str]:
        """What both sides are called in texts."""
        from journeys.display import quote_name

        return (quote_name(self.sides[0]), quote_name(self.sides[1])) if self.sides else ("this side", "the other")

    @property
    def _pending(self) -> int:
        """How many entered either of two periods too late to be followed as long as the others."""
        if "pending" not in self.table.columns or not self.table.height:
            return 0
        return int(self.table["pending"][0] + self.table["pending_against"][0])

    @property
    def _sides_note(self) -> str:
        """Who is on both sides, and who is pending, as sentences."""
        from journeys.display import format_count, format_number

        both, pending = self.people_on_both_sides, self._pending
        note = f" {format_count(both, 'person')} entered both funnels; the test allows for that." if both else ""
        if pending:
            note = f"{note} {format_number(pending)} entered too late to be followed as long, and are left out."
        return f"{note} {self.caution}".rstrip()

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the differences with their intervals; of two periods, the rates of both as well."""
        from journeys.charts.difference_intervals import draw_difference_intervals
        from journeys.charts.periods import draw_periods

        measure = str(self.settings["measure"]).replace("_", " ").capitalize()
        count = self.settings.get("count", "people")
        table = self.table.rename({count: "people", f"{count}_against": "people_against"})
        if self.periods is not None:
            now, before = map(show_period, self.periods)
            subtitle = f"{measure}: {now}, hollow {before}; difference in points, 95% interval"
            return draw_periods(table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
        here, there = self._side_names
        return draw_difference_intervals(
            table,
            title=self.finding,
            subtitle=f"{measure}: {here} minus {there}, in points, with 95% interval",
            dark=dark,
            narrow=narrow,
        )
