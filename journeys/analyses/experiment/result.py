"""The answer to an experiment: the variants compared, and their people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.experiment.count import ExperimentSpec, find_outcomes
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import UnknownNameError, unknown_message
from journeys.log import View

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MISMATCH = 0.001
_MOST_NAMED = 4  # variants in a sentence


@dataclass(frozen=True, eq=False, slots=True)
class _VariantSelection:
    """Which people: of a variant, who converted or did not (None: both)."""

    spec: ExperimentSpec
    variant: str
    converted: bool | None


def _select_variant(view: View, selection: _VariantSelection) -> pl.Series:
    """Return the codes of the people of a variant."""
    outcomes = find_outcomes(view, selection.spec)
    chosen = pl.col("variant") == selection.variant
    if selection.converted is not None:
        chosen &= ~pl.col("pending") & (pl.col("converted") == selection.converted)
    return outcomes.filter(chosen)["person"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Experiment(JourneysResult[J]):
    """The variants of an experiment, compared with the control.

    Attributes
    ----------
    table : pl.DataFrame
        `variant`, `people`, `pending`, `converted` (Int64), `rate`, `ci_low`, `ci_high` (or `mean`), `difference`,
        `difference_low`, `difference_high`, `lift`, `lift_low`, `lift_high`, `p_value`, `q_value`; the control first.
    sample_ratio_p : float, optional
        The p-value of a test that people were assigned in the expected shares; below 0.001 nothing here can be trusted.
    in_several : int
        People exposed to several variants, who are set apart.
    """

    sample_ratio_p: float | None
    in_several: int
    _spec: ExperimentSpec = field(repr=False)

    @property
    def finding(self) -> str:
        """The clearest difference to the control, or why there is none, as one sentence."""
        from journeys.display import (
            adapt_words,
            format_duration,
            format_number,
            format_p_value,
            format_percent,
            format_points,
            format_ratio,
            format_signed,
            quote_name,
        )

        if self.sample_ratio_p is not None and self.sample_ratio_p < _MISMATCH:
            sizes = [row["people"] + row["pending"] for row in self._rows]
            people = ", ".join(
                f"{row['variant']} {format_number(size)}" for row, size in zip(self._rows, sizes, strict=True)
            )
            if len(sizes) > _MOST_NAMED:
                spread = f"{format_number(min(sizes))} to {format_number(max(sizes))}"
                people = f"{len(sizes)} variants of {spread} {adapt_words('people')}"
            return f"Sample ratio mismatch ({people}; p {format_p_value(self.sample_ratio_p)}): do not trust any lift."
        control = self.settings["control"]
        fewest = min(row["people"] for row in self._rows)
        if fewest < MIN_PEOPLE:
            within = self._spec.within
            is_followed = within is None or not any(row["pending"] for row in self._rows)
            could = "" if is_followed else f" could be observed for {format_duration(within)}"
            return say_too_few(fewest, f"in the smallest variant{could}", unit=self._journeys._log.unit)
        known = [row for row in self._rows[1:] if row["q_value"] is not None]
        best = min(known, key=lambda row: (row["q_value"], row["variant"]), default=None)
        if best is None or best["q_value"] > 0.05:
            return f"No variant differs from {quote_name(control)} beyond chance."
        ends = best["difference_low"], best["difference_high"]
        if "mean" in self.table.columns:
            means = f"{best['mean']:.3g} {adapt_words('per person')} against {self._rows[0]['mean']:.3g}"
            change = format_signed(best["difference"], form=format_ratio)
            spread = " to ".join(format_signed(end, form=format_ratio) for end in ends)
            return f"{quote_name(best['variant'])} has {means} of {quote_name(control)}: {change} ({spread})."
        rates = f"{format_percent(best['rate'])} reach {quote_name(self._spec.goal.name)}"
        points = format_points(best["difference"], *ends)
        before = f"{format_percent(self._rows[0]['rate'])} in {quote_name(control)}"
        return f"{rates} in {quote_name(best['variant'])}, {before}: {points}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the difference of each variant to the control with its 95% interval."""
        from journeys.charts.experiment import draw_experiment
        from journeys.display import quote_name

        control = quote_name(self.settings["control"])
        subtitle = f"Difference from {control}, with 95% intervals; hollow: may be chance"
        return draw_experiment(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def people(self, variant: str, *, converted: bool | None = None) -> J:
        """Select the people of a variant, with all their events.

        Parameters
        ----------
        variant : str
            A variant, as the table shows it.
        converted : bool, optional
            Only those who converted, or only those who did not (people who are pending are neither).

        Raises
        ------
        UnknownNameError
            When there is no such variant.
        """
        names = self.table["variant"].to_list()
        if variant not in names:
            raise UnknownNameError(unknown_message("variant", variant, available=names, what="variant"))
        return self._journeys._select_people(_select_variant, _VariantSelection(self._spec, variant, converted))

    @property
    def _rows(self) -> list[dict[str, Any]]:
        return self.table.to_dicts()
