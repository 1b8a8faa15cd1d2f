"""The answer to an experiment: the variants compared, and their people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from journeys.analyses.experiment.select_people import VariantSelection, select_variant
from journeys.analyses.experiment.spec import ExperimentSpec
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MISMATCH = 0.001  # p-values of the sample ratio below it are reported instead of any difference
_MOST_NAMED = 4  # variants in a sentence


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
        """The clearest difference from the control, or why there is none, as one sentence."""
        from journeys.display import format_duration, quote_name

        rows = self.table.to_dicts()
        if self.sample_ratio_p is not None and self.sample_ratio_p < _MISMATCH:
            return self._describe_mismatch(rows)
        fewest = min(row["people"] for row in rows)
        if fewest < MIN_PEOPLE:
            within = self._spec.within
            is_followed = within is None or not any(row["pending"] for row in rows)
            could = "" if is_followed else f" could be observed for {format_duration(within)}"
            return say_too_few(fewest, f"in the smallest variant{could}", unit=self._journeys._log.unit)
        tested = [row for row in rows[1:] if row["q_value"] is not None]
        best = min(tested, key=lambda row: (row["q_value"], row["variant"]), default=None)
        if best is None or best["q_value"] > 0.05:
            return f"No variant differs from {quote_name(self.settings['control'])} beyond chance."
        return self._describe_difference(best, rows[0])

    def _describe_mismatch(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Say how many people each variant has where that is not what was planned."""
        from journeys.display import adapt_words, format_number, format_p_value

        sizes = {row["variant"]: row["people"] + row["pending"] for row in rows}
        people = ", ".join(f"{name} {format_number(size)}" for name, size in sizes.items())
        if len(sizes) > _MOST_NAMED:
            spread = f"{format_number(min(sizes.values()))} to {format_number(max(sizes.values()))}"
            people = f"{len(sizes)} variants of {spread} {adapt_words('people')}"
        return f"Sample ratio mismatch ({people}; p {format_p_value(self.sample_ratio_p)}): do not trust any lift."

    def _describe_difference(self, row: Mapping[str, Any], control: Mapping[str, Any]) -> str:
        """Describe by how much a variant differs from the control."""
        from journeys.display import adapt_words, format_percent, format_points, format_ratio, format_signed, quote_name

        variant, other = quote_name(row["variant"]), quote_name(control["variant"])
        difference, *ends = row["difference"], row["difference_low"], row["difference_high"]
        if "mean" in row:
            means = f"{row['mean']:.3g} {adapt_words('per person')} against {control['mean']:.3g}"
            change, *spread = (format_signed(value, form=format_ratio) for value in (difference, *ends))
            return f"{variant} has {means} of {other}: {change} ({' to '.join(spread)})."
        reached = f"{format_percent(row['rate'])} reach {quote_name(self._spec.goal.name)} in {variant}"
        return f"{reached}, {format_percent(control['rate'])} in {other}: {format_points(difference, *ends)}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the difference of each variant from the control with its 95% interval."""
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
        return self._journeys._select_people(select_variant, VariantSelection(self._spec, variant, converted))
