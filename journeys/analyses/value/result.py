"""The answer to value over age: cumulative value per person, and the people behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.labels import NONE, OTHER
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.analyses.value.count import list_payers
from journeys.analyses.value.select_people import AgeSelection, select_age
from journeys.analyses.value.spec import ValueSpec
from journeys.errors import ArgumentError, UnknownNameError, describe_wrong_number, raise_all, unknown_message
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Value(JourneysResult[J]):
    """Cumulative value per person, by age.

    Attributes
    ----------
    table : pl.DataFrame
        The column of `by`, `age` (0 is the first period), `people` (who have completed that age), `paying`, `value`,
        `per_person`, `ci_low`, `ci_high` (95%, bootstrap by person), `per_payer` (Float64), `before` (people who had
        paid before the start), `complete` (whether all people of the group are in it). Largest group first, by age.
    """

    _spec: ValueSpec = field(repr=False)
    _kept: tuple[str | None, ...] | None = field(repr=False)

    @property
    def complete_to(self) -> int | None:
        """The last age that all people have completed; None if there is none."""
        ages = self.table.group_by("age").agg(pl.col("complete").all(), pl.len()).sort("age")
        groups = ages["len"].max()
        whole = ages.filter(pl.col("complete") & (pl.col("len") == pl.lit(groups)))["age"]
        return int(whole[-1]) if len(whole) else None

    @property
    def people_table(self) -> pl.DataFrame:
        """One row per payer, for models of lifetime value such as BG/NBD and Gamma-Gamma.

        Returns
        -------
        pl.DataFrame
            `person`, `repeat_days` (days with a payment, after the first), `recency` (days from the first to the last),
            `age` (days from the first to the end), `mean_repeat` (amount per repeat day, 0 without any), `total`
            (Float64); payments since the start only, days in UTC. Sorted by person. Of accounts,
            the first column is `account`.
        """
        payers = self._journeys._count_shards(list_payers, self._spec).sort("person")
        return payers.rename({"person": "account"}) if self._journeys._log.unit == "account" else payers

    @property
    def finding(self) -> str:
        """What a person is worth at the latest age that rests on at least 30 people, as one sentence."""
        from journeys.display import format_amount, format_count, format_day, format_duration, quote_name

        unit, currency = self._journeys._log.unit, self.settings.get("currency")
        large = self.table.filter(pl.col("people") >= MIN_PEOPLE)
        if not large.height:
            most = int(self.table["people"].max() or 0)  # type: ignore[arg-type]
            return say_too_few(most, "could be observed for a whole period", unit=unit)
        by = self._spec.by
        if by is not None:
            named = large.filter(~pl.col(by).is_in([NONE, OTHER]))
            large = named if named.height else large
        own = large if by is None else large.filter(pl.col(by) == large[by][0])
        # the latest age that enough people have paid by, if there is any
        certain = own.filter(pl.col("paying") >= MIN_PEOPLE)
        row = (certain if certain.height else own).row(-1, named=True)
        after = format_duration(timedelta(microseconds=self._spec.period_us * (row["age"] + 1)))
        who = format_count(row["people"], unit)
        if by is not None:
            name = by.replace("_", " ")
            unnamed = {NONE: f"without a {name}", OTHER: f"of any other {name}"}
            who += f" {unnamed.get(row[by]) or f'of {quote_name(row[by])}'}"
        spread = f"95% CI {format_amount(row['ci_low'])} to {format_amount(row['ci_high'])}"
        worth = f"After {after}, {who} are worth {format_amount(row['per_person'], currency)} each ({spread})."
        last = self.settings["last"]
        is_unobserved = last is not None and self._spec.until - moment_us(last) > self._spec.period_us
        return worth + (f" No event was observed after {format_day(last)}." if is_unobserved else "")

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the cumulative value per person by age, with its 95% interval; one line per group."""
        from journeys.charts.value import draw_value
        from journeys.display import adapt_words, quote_name

        start = quote_name(self._spec.start.name) if self._spec.start is not None else "the first event"
        old = adapt_words("per person observed that long")
        subtitle = f"Cumulative {self._spec.column} of {quote_name(self._spec.of.name)} since {start}, {old}"
        if self.complete_to is not None and not self._spec.fixed:
            subtitle += f"; the same {adapt_words('people')} up to age {self.complete_to}"
        subtitle += adapt_words("; it falls where fewer, other people are old enough") if self._has_fall() else ""
        least = adapt_words(f"{MIN_PEOPLE} people")
        has_enough = int(self.table["people"].max() or 0) >= MIN_PEOPLE  # type: ignore[arg-type]
        few = f"only ages of at least {least}" if has_enough else f"hollow: fewer than {least}"
        return draw_value(
            self.table,
            by=self._spec.by,
            period_us=self._spec.period_us,
            currency=self.settings.get("currency"),
            title=self.finding,
            subtitle=f"{subtitle}; {few}",
            dark=dark,
            narrow=narrow,
        )

    def _has_fall(self) -> bool:
        """Return whether a curve that is drawn falls from one age to the next, and fewer people have completed that."""
        enough = self.table.filter(pl.col("people") >= MIN_PEOPLE)
        drawn = enough if enough.height else self.table
        falls = [pl.col(name).diff() < 0 for name in ("per_person", "people")]
        parts = drawn.partition_by(self._spec.by, maintain_order=True) if self._spec.by else [drawn]
        return any(part.select(pl.all_horizontal(falls).any()).item() for part in parts)

    def people(self, *, age: int = 0, group: str | None = None, paying: bool | None = None) -> J:
        """Select the people of a row, with all their events.

        Parameters
        ----------
        age : int
            Those who have completed this age, from 0.
        group : str, optional
            A group of the breakdown, as the table shows it; all by default.
        paying : bool, optional
            Only those who had paid by then since the start, or only those who had not.

        Raises
        ------
        UnknownNameError
            When there is no such group.
        ArgumentError
            When there is no such age, or no breakdown.
        """
        raise_all(describe_wrong_number("age", age, least=0))
        oldest = int(self.table["age"].max() or 0)  # type: ignore[arg-type]
        if age > oldest:
            raise ArgumentError(f"age: {age} is not in the table; the last age there is {oldest}.")
        by = self._spec.by
        if group is not None:
            if by is None:
                raise ArgumentError(f"group: {group!r} requires a breakdown; ask value(..., by=...) first.")
            groups: list[Any] = self.table[by].unique(maintain_order=True).to_list()
            if group not in groups:
                raise UnknownNameError(unknown_message("group", group, available=groups, what=by))
        selection = AgeSelection(self._spec, age, group, self._kept, paying)
        return self._journeys._select_people(select_age, selection)
