"""Attribution models side by side, each with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, get_args

import numpy as np
import polars as pl

from journeys.analyses.attribution.count import TouchPaths
from journeys.analyses.attribution.credit_draws import draw_credit
from journeys.analyses.attribution.select_people import select_touch
from journeys.analyses.attribution.spec import LEAST_SHARE, AttributionSpec, Model, check_model
from journeys.analyses.attribution.summarise import share_credit, touch_labels
from journeys.analyses.labels import NONE
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import say_too_few
from journeys.errors import ArgumentError, raise_all
from journeys.stats import describe_wrong_draws, percentile_interval, to_columns

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MIN_CONVERSIONS = 30


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ModelComparison(JourneysResult[J]):
    """The credit of each touchpoint under several attribution models.

    Attributes
    ----------
    table : pl.DataFrame
        The touchpoint in a column named as `by`, `model`, `credit`, `share` (of all conversions), `ci_low`, `ci_high`
        (of the share); with a value `value`, `value_low`, `value_high`. Touchpoints by their mean share over the
        models, highest first; models in the order asked.
    """

    _spec: AttributionSpec = field(repr=False)

    @property
    def finding(self) -> str:
        """Which touchpoint leads, and how much that depends on the model, as one sentence.

        The range is that of the models whose shares add up to 1: "participation", which gives every touchpoint the full
        credit, is left out of it.
        """
        from journeys.display import format_count, format_percent, quote_name

        total, models = self.settings["conversions"], list(self.settings["models"])
        if total < _MIN_CONVERSIONS:
            return say_too_few(total, "to compare models by", unit="conversion")
        by = self._spec.by
        named = self.table.filter(pl.col(by) != NONE)
        if not named.height:
            return f"No conversion had a {by.replace('_', ' ')} before it."
        leaders = named.sort("share", by, descending=[True, False]).group_by("model", maintain_order=True).first()
        top = named[by][0]
        shares = named.filter(pl.col(by) == top, pl.col("model") != "participation")["share"]
        if leaders["share"].max() < LEAST_SHARE:  # type: ignore[operator]
            return f"No {by.replace('_', ' ')} gets credit for 1% of the conversions under any model."
        leads = leaders.filter(pl.col(by) == top).height
        under = (
            ("both models" if len(models) == 2 else f"all {len(models)} models")
            if leads == len(models) > 1
            else f"{leads} of {format_count(len(models), 'model')}"
        )
        if shares.is_empty():
            part = format_percent(named["share"][0])
            return f"{quote_name(top)} leads under {under}, with a part in {part} of the conversions."
        low, high = format_percent(shares.min()), format_percent(shares.max())  # type: ignore[arg-type]
        spread = low if low == high else f"{low} to {high}"
        return f"{quote_name(top)} leads under {under}, with {spread} of the credit."

    def matrix(self) -> pl.DataFrame:
        """Lay the shares out with one row per touchpoint and one column per model."""
        by = self._spec.by
        return self.table.pivot(on="model", index=by, values="share", maintain_order=True)

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the share of each touchpoint under each model as a dot with its interval."""
        from journeys.charts.attribution_models import draw_attribution_models
        from journeys.display import adapt_words, format_count, format_duration

        subtitle = (
            f"Share of {format_count(self.settings['conversions'], 'conversion')} with 95% intervals "
            f"({format_count(self.settings['draws'], 'draw')} of {adapt_words('people')}), looking back "
            f"{format_duration(self._spec.lookback)}"
        )
        return draw_attribution_models(
            self.table, touch=self._spec.by, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow
        )

    def people(self, touch: str, *, converted: bool | None = None) -> J:
        """Select the people who have a touchpoint in their path, as `Attribution.people` does."""
        return select_touch(self._journeys, self._spec, touch, converted=converted, labels=self.table[self._spec.by])


def check_models(
    models: Sequence[Model] | None, *, weights: Sequence[float] | None, draws: int, seed: int
) -> tuple[Model, ...]:
    """Return the models to compare; by default all that need no weights, and "custom" where weights were given."""
    usable = [one for one in get_args(Model) if one != "custom" or weights is not None]
    chosen = usable if models is None else [models] if isinstance(models, str) else list(models)
    problems = [] if chosen else ["models: at least one model is needed, got an empty list."]
    for model in dict.fromkeys(chosen):
        problems += check_model(model, weights=weights, argument="models")
    problems += describe_wrong_draws(draws, seed=seed)
    raise_all(problems, ArgumentError)
    return tuple(dict.fromkeys(chosen))


def compare_models(
    paths: TouchPaths, spec: AttributionSpec, *, models: Sequence[Model], draws: int, seed: int
) -> pl.DataFrame:
    """Share the credit by each model, with the 2.5% and 97.5% quantiles over draws of people."""
    specs = [replace(spec, model=model) for model in models]
    ones, total = np.ones(paths.path_of.size), paths.path_of.size
    amounts = [ones, paths.value] if spec.value is not None else [ones]
    drawn, totals = draw_credit(paths, specs, amounts=amounts, draws=draws, seed=seed)
    frames = []
    for asked, (credited, *values) in zip(specs, drawn, strict=True):
        credit = share_credit(paths, asked, amount=ones)
        shares = np.divide(credited, totals, out=np.full_like(credited, np.nan), where=totals > 0)
        low, high = percentile_interval(shares)
        columns = {"credit": credit, "share": credit / total if total else np.full(credit.size, np.nan)}
        columns |= {"ci_low": low, "ci_high": high}
        if values:
            low, high = percentile_interval(values[0])
            columns |= {"value": share_credit(paths, asked, amount=paths.value), "value_low": low, "value_high": high}
        frame = pl.DataFrame(to_columns(**columns))
        names = pl.Series(spec.by, touch_labels(paths), dtype=pl.String)
        frames.append(frame.select(names, pl.lit(asked.model).alias("model"), pl.all()))
    table = pl.concat(frames)
    if not paths.is_untouched.any():
        table = table.filter(pl.col(spec.by) != NONE)
    mean_share = pl.col("share").mean().over(spec.by).round(12)
    return table.sort(mean_share, spec.by, pl.col("model").cast(pl.Enum(models)), descending=[True, False, False])
