"""How long steps take: by step, as a histogram, and what share has converted by when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.analyses.funnel.count import NEVER, find_shard_attempts, key_groups
from journeys.analyses.funnel.follow_up import find_closing_times
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import add_counts
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.arrays import Ints
from journeys.errors import describe_wrong_number, raise_all
from journeys.log import View

if TYPE_CHECKING:
    import plotly.graph_objects as go


SECOND = 1_000_000
_MOST_BINS, _MOST_ASKED = 60, 10_000


def summarise_times(
    counts: pl.DataFrame, *, listed: pl.DataFrame | None, spec: FunnelSpec, quantiles: Sequence[float]
) -> pl.DataFrame:
    """Return mean and quantiles of the times of each step, since the step before and since entering."""
    table = add_counts(counts, spec=spec, sums=("entered",), lists=("from_previous", "from_start"), listed=listed)
    names = dict(zip(range(1, spec.step_count + 1), spec.names, strict=True))
    rows = []
    samples = {since: table[f"from_{since}"] for since in ("previous", "start")}
    for number, row in enumerate(table.drop("from_previous", "from_start").to_dicts()):
        for since, lists in samples.items():
            sample = lists[number].to_numpy()
            if row["step"] == 1 or (since == "start" and row["step"] == 2):
                continue
            figures: list[int | None] = [None] * (len(quantiles) + 1)
            if len(sample):
                figures = [_integer_mean(sample), *(int(np.quantile(sample, q)) for q in quantiles)]
            rows.append(
                [*(row[name] for name in spec.by), row["step"], names[row["step"]], since, len(sample), *figures]
            )
    schema: dict[str, Any] = {
        **dict.fromkeys(spec.by, pl.String),
        "step": pl.Int64,
        "name": pl.String,
        "since": pl.String,
        spec.count: pl.Int64,
        "mean": pl.Duration("us"),
        **{f"q{q * 100:g}": pl.Duration("us") for q in quantiles},
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _integer_mean(sample: Ints) -> int:
    """Return the mean, rounded down, in whole numbers: the order of people and shards changes no bit of it."""
    # high and low bits apart, whose sums fit into 64 bits however many people there are
    return ((int((sample >> 24).sum()) << 24) + int((sample & 0xFFFFFF).sum())) // len(sample)


@dataclass(frozen=True, eq=False)
class StepDurationSpec:
    """The time from one step of the counted attempts to another, observed until a moment (µs)."""

    spec: FunnelSpec
    low: int
    high: int
    until: int


def count_step_durations(view: View, asked: StepDurationSpec) -> pl.DataFrame:
    """Collect, by group, the times of those who took both steps, and how long the others have been observed.

    Return the columns of `by`, `step` (1), `entered`, `open` (Int64: those whose time was not over when the log ended),
    `took`, `waiting` (List of Int64, µs).
    """
    spec = asked.spec
    found = find_shard_attempts(view, spec)
    observed, took = found.has_taken(asked.low), found.has_taken(asked.high)
    begin, end = (np.where(one == NEVER, 0, one) for one in (found.time[asked.low], found.time[asked.high]))
    before = replace(found, time=found.time[: asked.high])  # what was taken before the later step
    last = before.time.max(axis=0, initial=NEVER)
    closes = find_closing_times(spec, entered=found.start_time, last=last, last_step=before.last_step, goal=asked.high)
    open_ = observed & ~took & (closes > asked.until)
    attempts = pl.DataFrame(
        [
            *key_groups(view, found, spec=spec),
            pl.Series("open", open_),
            pl.Series("took", np.where(took, np.maximum(end - begin, 0), -1), dtype=pl.Int64),
            pl.Series(
                "waiting", np.where(took, -1, np.maximum(np.minimum(closes, asked.until) - begin, 0)), dtype=pl.Int64
            ),
        ]
    ).filter(pl.Series(observed))
    sums = [
        pl.lit(1, dtype=pl.Int64).alias("step"),
        pl.len().cast(pl.Int64).alias("entered"),
        pl.col("open").sum().cast(pl.Int64),
        pl.col("took").filter(pl.col("took") >= 0),
        pl.col("waiting").filter(pl.col("waiting") >= 0),
    ]
    if spec.by:
        return attempts.group_by(spec.by).agg(sums).select(*spec.by, "step", "entered", "open", "took", "waiting")
    return attempts.select(*sums[:3], *(one.implode() for one in sums[3:]))


def summarise_histogram(
    counts: pl.DataFrame, *, listed: pl.DataFrame | None, spec: FunnelSpec, bins: int | None
) -> pl.DataFrame:
    """Cut the times into bins of whole seconds, the same for every group."""
    raise_all(describe_wrong_number("bins", bins, most=_MOST_ASKED, otherwise="None for as many as fit"))
    durations = add_counts(counts, spec=spec, sums=("entered",), lists=("took", "waiting"), listed=listed)
    samples = [one.to_numpy() for one in durations["took"]]
    everything = np.concatenate([*samples, np.zeros(0, dtype=np.int64)])
    schema: dict[str, Any] = {
        **dict.fromkeys(spec.by, pl.String),
        "from": pl.Duration("us"),
        "to": pl.Duration("us"),
        spec.count: pl.Int64,
        "share": pl.Float64,
    }
    if not len(everything):
        return pl.DataFrame(schema=schema)
    number = bins or min(_MOST_BINS, max(1, ceil(round(len(everything) ** (1 / 3), 9))))
    low = floor(everything.min() / SECOND)
    width = ceil((ceil(everything.max() / SECOND) - low) / number) or 60
    edges = (low + width * np.arange(number + 1)) * SECOND
    rows = []
    for group, sample in zip(durations.select(spec.by).rows() if spec.by else [()], samples, strict=True):
        people = np.bincount(np.minimum((sample - edges[0]) // (width * SECOND), number - 1), minlength=number)
        rows += [
            [*group, int(edges[n]), int(edges[n + 1]), int(people[n]), people[n] / len(sample) if len(sample) else None]
            for n in range(number)
        ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def summarise_curve(counts: pl.DataFrame, *, listed: pl.DataFrame | None, spec: FunnelSpec) -> pl.DataFrame:
    """Estimate, group by group, the share that has converted by each time (Kaplan-Meier)."""
    from journeys.stats import kaplan_meier

    durations = add_counts(counts, spec=spec, sums=("entered",), lists=("took", "waiting"), listed=listed)
    parts = []
    for number, group in enumerate(durations.select(spec.by).to_dicts() if spec.by else [{}]):
        took, waiting = durations["took"][number].to_numpy(), durations["waiting"][number].to_numpy()
        curve = kaplan_meier(np.concatenate([took, waiting]), happened=np.arange(len(took) + len(waiting)) < len(took))
        one = pl.DataFrame(
            {
                "time": pl.Series(curve.time, dtype=pl.Float64).cast(pl.Int64).cast(pl.Duration("us")),
                "at_risk": pl.Series(curve.at_risk, dtype=pl.Float64).cast(pl.Int64),
                "converted": pl.Series(curve.happened, dtype=pl.Float64).cast(pl.Int64),
                "share": pl.Series(curve.share, dtype=pl.Float64),
                "ci_low": pl.Series(curve.ci_low, dtype=pl.Float64).fill_nan(None),
                "ci_high": pl.Series(curve.ci_high, dtype=pl.Float64).fill_nan(None),
            }
        )
        parts.append(one.select(*(pl.lit(group[name], dtype=pl.String).alias(name) for name in spec.by), pl.all()))
    empty: dict[str, Any] = {"time": pl.Duration("us"), "at_risk": pl.Int64, "converted": pl.Int64}
    empty |= dict.fromkeys(("share", "ci_low", "ci_high"), pl.Float64)
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(spec.by, pl.String) | empty)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StepTimes(JourneysResult[J]):
    """How long each step takes those who take it.

    Attributes
    ----------
    table : pl.DataFrame
        The columns of `by`, `step`, `name`, `since` ("previous" or "start"), `people` (Int64), `mean` and one column
        per quantile, `q50` for the median (Duration).
    """

    @property
    def finding(self) -> str:
        """The slowest step, as one sentence."""
        from journeys.display import adapt_words, format_duration, quote_labels, quote_name

        steps = self.table.filter(pl.col("since") == "previous", pl.col("mean").is_not_null())
        if not steps.height:
            return NoFinding(adapt_words("No one took a second step."))
        count = self.settings.get("count", "people")
        most = min(int(steps[count].max()), self.settings["people"])
        if most < MIN_PEOPLE:
            return say_too_few(most, "took the step that most take", unit=self._journeys._log.unit)
        steps = steps.filter(pl.col(count) >= MIN_PEOPLE)
        name = "q50" if "q50" in steps.columns else "mean"
        row = steps.sort(name, "step", descending=[True, False], maintain_order=True).row(0, named=True)
        groups = quote_labels((row[group] for group in self.settings["by"] or ()), between=" · ")
        where = f"{quote_name(row['name'])}{f' for {groups}' * bool(groups)}"
        typical = "half of those who get there take" if name == "q50" else adapt_words("on average people take")
        return f"The slowest step is {where}: {typical} {format_duration(row[name])}{' or less' * (name == 'q50')}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the quantiles of each step's time since the previous step."""
        from journeys.charts.step_times import draw_step_times

        subtitle = "time since the previous step: a dot at the median, a line from the lowest to the highest quantile"
        return draw_step_times(
            self.table, by=self.settings["by"], title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow
        )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class TimeToConvert(JourneysResult[J]):
    """How long those who take both steps need.

    Attributes
    ----------
    table : pl.DataFrame
        `from` (inclusive), `to` (exclusive; the last bin includes it) (Duration), `people` (Int64), `share` of those
        who took both steps.
    round_bins : pl.DataFrame
        The same columns for bins with round edges, all groups together: what `plot()` draws unless `bins` was given.
    """

    round_bins: pl.DataFrame = field(repr=False)
    _bins: int | None = field(default=None, repr=False)
    _median: int | None = field(default=None, repr=False)

    @property
    def finding(self) -> str:
        """The median time, as one sentence."""
        from journeys.display import adapt_words, format_duration, quote_name

        route = f"{quote_name(self.settings['start'])} to {quote_name(self.settings['end'])}"
        if self._median is None:
            return f"{adapt_words('No one')} went from {route}."
        count = min(int(self.table[self.settings.get("count", "people")].sum()), self.settings["people"])
        if count < MIN_PEOPLE:
            return say_too_few(count, f"went from {route}", unit=self._journeys._log.unit)
        return f"Half of those who went from {route} took {format_duration(self._median)} or less."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the bins: as many as were asked for, else those with round edges."""
        from journeys.charts.histogram import draw_histogram

        table = self.round_bins if self._bins is None else self.table
        return draw_histogram(
            table, title=self.finding, subtitle="time between the two steps", dark=dark, narrow=narrow
        )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ConvertedWithin(JourneysResult[J]):
    """What share has converted within which time, allowing for people who have not had the time yet.

    Attributes
    ----------
    table : pl.DataFrame
        `time` (Duration), `at_risk`, `converted` (Int64), `share`, `ci_low`, `ci_high`: Kaplan-Meier's estimate with
        its 95% interval; the columns of `by` first.
    censored : int
        People whose window was still open when the log ended: they count for as long as they were observed.
    """

    censored: int = 0

    @property
    def finding(self) -> str:
        """The share that has converted in the end, as one sentence."""
        from journeys.display import (
            adapt_words,
            format_duration,
            format_number,
            format_percent,
            quote_labels,
            quote_name,
        )

        if not self.table.height:
            route = f"{quote_name(self.settings['start'])} to {quote_name(self.settings['end'])}"
            return f"{adapt_words('No one')} went from {route}."
        groups = self.settings["by"]
        observed = self.table.group_by(groups or pl.lit(0), maintain_order=True).agg(pl.col("at_risk").max())
        most = min(int(observed["at_risk"].max()), self.settings["people"])  # type: ignore[arg-type]
        if most < MIN_PEOPLE:
            return say_too_few(most, "can be observed to convert", unit=self._journeys._log.unit)
        last = self.table.row(-1, named=True)
        if groups:
            few = observed.filter(pl.col("at_risk") < MIN_PEOPLE)
            known = self.table.join(few, on=groups, how="anti", maintain_order="left")
            ends = known.unique(groups, keep="last", maintain_order=True).sort("share", *groups)
            low, high = (quote_labels(ends.select(groups).row(at), between=" · ") for at in (0, -1))
            more = f", of {high} {format_percent(ends['share'][-1])}" if ends.height > 1 else ""
            return f"Of {low} {format_percent(ends['share'][0])} converted{more}."
        open_ = (
            f"; {format_number(self.censored)} had not had the full time when the data ended" if self.censored else ""
        )
        return f"{format_percent(last['share'])} converted within {format_duration(last['time'])}{open_}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the curve with its band."""
        from journeys.charts.cumulative_curve import draw_cumulative_curve
        from journeys.charts.theme import FEW, MOST_BANDS

        groups = self.settings["by"]
        has_bands = not groups or self.table.select(groups).n_unique() <= MOST_BANDS
        subtitle = "Kaplan–Meier estimate" + (
            " with 95% interval" if has_bands else "; its 95% intervals are in the table"
        )
        if groups and min(self.table.group_by(groups).agg(pl.col("at_risk").max())["at_risk"], default=FEW) < FEW:
            subtitle += f". Thin: fewer than {FEW} people"
        return draw_cumulative_curve(
            self.table, by=groups, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow
        )
