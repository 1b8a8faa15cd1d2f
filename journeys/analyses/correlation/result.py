"""The answer to a correlation: its tables, findings, what was set apart, and the people behind each cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.correlation.caveats import (
    add_doubts,
    explain_exclusions,
    is_headline,
    list_cautions,
    use_equal_time,
)
from journeys.analyses.correlation.comparison import CorrelationComparison, compare_groups
from journeys.analyses.correlation.permutation import Permutation, permute_goal
from journeys.analyses.correlation.select_people import BehaviourCell, select_cell
from journeys.analyses.correlation.spec import ACTIVITY, CorrelationSpec
from journeys.analyses.correlation.stratified import Stratified, stratify_table
from journeys.analyses.correlation.summarise import CELLS, BehaviourCounts
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError, UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


# so many findings are looked at among similar people, within columns of people of these names
_MOST_CHECKED = 5
_SIMILAR_PEOPLE = r"(?i)^first_campaign$|device|^platform$"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Correlation(JourneysResult[J]):
    """Which behaviours go with converting?

    Attributes
    ----------
    table : pl.DataFrame
        One row per behaviour, by phi, the largest first: `behaviour`; `both`, `behaviour_only`, `conversion_only`,
        `neither` (people, Int64); `phi` with `ci_low`, `ci_high`; `p_value` (chi-square, Fisher's exact test where an
        expected count is below 5), `q_value` (Benjamini & Hochberg over the table), `odds_ratio` (with
        `odds_ratio_low`, `odds_ratio_high`), `lift`, `strength` in words; `rate_with` (with `rate_low`, `rate_high`)
        and `rate_without`: the share who converted of those who did it, and of the others; `only_after`: people who
        did it, but only after converting (of events); `kind` of behaviour; `note`: why phi is undefined, or what was
        searched; `family` and `value`: where the row comes from.
    settings : mapping
        What was asked.
    not_compared : mapping of str to int
        People who were not compared, by reason.
    """

    not_compared: Mapping[str, int]
    _left_out: pl.DataFrame = field(repr=False)
    _spec: CorrelationSpec = field(repr=False)
    _counts: BehaviourCounts = field(repr=False)
    _rerun_on: Callable[[Any], Any] = field(repr=False)  # asks other journeys the same
    _memo: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def goal(self) -> str:
        """What converting is called."""
        return self._spec.goal.name

    @property
    def findings(self) -> pl.DataFrame:
        """The behaviours that may be reported: they hold when everybody has had the same time, and are no artefact.

        Returns
        -------
        pl.DataFrame
            Rows of `checks` without a doubt whose `q_equal_time` is at most 0.05 and points the way phi does, by the
            strength of that test. Quote the numbers of the equal-time comparison (`phi_matched`,
            `rate_with_matched`, `rate_without_matched`), as `finding` does.
        """
        table = self.checks.filter(pl.col("doubt").is_null() & pl.col("holds")).drop("doubt", "holds")
        # below 1e-12 the digits of an exact p-value say less than how far apart the counts are
        return table.sort(
            pl.col("p_equal_time").clip(1e-12),
            pl.col("z").abs(),
            "behaviour",
            "family",
            "value",
            descending=[False, True, *[False] * 3],
        )

    @property
    def checks(self) -> pl.DataFrame:
        """The table, and beside it the comparison in which everybody has had the same time.

        Returns
        -------
        pl.DataFrame
            The columns of `table`; the four counts, phi, its interval and the rates with `exposure="matched"` (their
            names end in `_matched`); `observed` and `expected`: converters who had done it before they converted, and
            how many there would be without an effect; `z`, `p_equal_time`, `q_equal_time` of that test (Mantel and
            Byar); `holds`: whether it is significant and points the way phi does; `doubt`: why a behaviour should not
            be reported, else null.
        """
        if "checks" not in self._memo:
            self._memo["checks"] = add_doubts(self._journeys, self.table, self._spec)
        found: pl.DataFrame = self._memo["checks"]
        return found

    @property
    def set_apart(self) -> pl.DataFrame:
        """Every behaviour that cannot be a finding, with the reason.

        Returns
        -------
        pl.DataFrame
            `behaviour`, `reason`, `people` (who did it in the time that counts): first those in the table, then those
            that are not. The chart lists them below its rows.
        """
        did = (pl.col("both") + pl.col("behaviour_only")).alias("people")
        reason = pl.coalesce("doubt", pl.when(pl.col("phi").is_null()).then(pl.col("note"))).alias("reason")
        doubtful = self.checks.select("behaviour", reason, did).filter(pl.col("reason").is_not_null())
        left_out = explain_exclusions(self._left_out, self._counts, self._spec)
        return pl.concat([doubtful.sort("reason", "behaviour"), left_out])

    @property
    def cautions(self) -> tuple[str, ...]:
        """What to keep in mind about these numbers, one line each.

        The strongest findings are also looked at within first campaigns, devices and levels of activity: those that
        point the other way there are named.
        """
        if "reversals" not in self._memo:
            self._memo["reversals"] = self._find_reversals()
        return (*list_cautions(self.table, self._counts, self._spec), *self._memo["reversals"])

    def _find_reversals(self) -> list[str]:
        """Look for findings that point the other way among similar people (Simpson's paradox)."""
        from journeys.display import quote_name

        strongest = self.findings.head(_MOST_CHECKED)
        if strongest.is_empty():
            return []
        table = self.table.join(strongest.select("family", "value"), on=["family", "value"], how="semi")
        columns = [name for name in self._journeys._log.people_schema.names() if re.search(_SIMILAR_PEOPLE, name)]
        lines = []
        for column in [*columns, ACTIVITY]:
            found = stratify_table(self._journeys, table, self._spec, column, settings=self.settings)
            for name, phi in found.table.filter(pl.col("verdict") == "reversed").select("behaviour", "phi").iter_rows():
                ways = ("reaching", "not reaching") if phi > 0 else ("not reaching", "reaching")
                lines.append(
                    f"{quote_name(name)} goes with {ways[0]} {quote_name(self.goal)} taken together, and with "
                    f"{ways[1]} it {found.groups} (Simpson's paradox)."
                )
        return lines

    @property
    def finding(self) -> str:
        """The answer as one sentence, with the numbers of the comparison in which everybody has had the same time."""
        from journeys.display import adapt_words, choose_form, format_count, quote_name

        goal = quote_name(self.goal)
        unit = self._journeys._log.unit
        left_out = "".join(f" {format_count(n, unit)} {reason}." for reason, n in self.not_compared.items() if n)
        if self._counts.people == 0:
            return f"{adapt_words('There is no one to compare')}.{left_out}"
        if self._counts.converted in {0, self._counts.people}:
            who = adapt_words("No one" if self._counts.converted == 0 else "Everybody")
            among = " among those compared" if left_out else ""
            return NoFinding(f"{who}{among} reached {goal}: there is nothing to compare.{left_out}")
        if self._counts.people < MIN_PEOPLE:
            return say_too_few(self._counts.people, "can be compared", unit=unit)
        findings = self.findings
        if findings.is_empty():
            return f"No behaviour goes with {goal} in a way that holds up."
        rows = findings.filter(is_headline()).head(1).to_dicts()
        if not rows:
            goes = f"{format_count(findings.height, 'behaviour')} {choose_form(findings.height, 'goes', 'go')}"
            return f"{goes} with {goal}, but too weakly, or among too few {adapt_words('people')}, to stand out."
        return self._describe_row(rows[0])

    def _describe_row(self, row: Mapping[str, Any]) -> str:
        """Describe one of the findings as a sentence."""
        from journeys.display import adapt_words, format_interval, format_percent, format_ratio, quote_name

        bounds = format_interval(row["ci_low_matched"], row["ci_high_matched"], form=format_ratio)
        return (
            f"{quote_name(row['behaviour'])} goes with {'' if row['phi'] > 0 else 'not '}reaching "
            f"{quote_name(self.goal)}: "
            f"{format_percent(row['rate_with_matched'])} {adapt_words('of those who did it')}, "
            f"{format_percent(row['rate_without_matched'])} of the "
            f"others (phi {format_ratio(row['phi_matched'])}, {bounds}; {row['strength_matched']})."
        )

    def _displayed_table(self) -> pl.DataFrame:
        """Return the columns of the table that the notebook shows, with phi at equal time beside phi."""
        names = ["behaviour", *CELLS, "rate_with", "rate_without", "phi", "ci_low", "ci_high"]
        names += ["phi_matched", "q_equal_time", "odds_ratio", "lift", "strength_matched"]
        return self.checks.select(names)

    def plot(
        self, *, dark: bool = False, narrow: bool = False, kind: Literal["dots", "volcano"] = "dots", rows: int = 20
    ) -> go.Figure:
        """Draw the behaviours by phi with their intervals, or phi against q.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        kind : {"dots", "volcano"}
            One row per behaviour, or one dot: phi to the right, certainty upwards.
        rows : int
            At most so many rows of dots.
        """
        if kind not in ("dots", "volcano"):
            raise ArgumentError(f"kind: {kind!r} must be 'dots' or 'volcano'.")
        options: dict[str, Any] = {"title": self.finding, "dark": dark, "narrow": narrow}
        options["subtitle"] = self._describe_comparison()
        sure, listed = self._rank_for_chart(rows)
        if kind == "volcano":
            from journeys.charts.volcano import draw_volcano
            from journeys.display import format_count

            if left := self.table.height - sure.height:
                options["subtitle"] += f"; {format_count(left, 'behaviour')} set apart, see the dots"
            return draw_volcano(sure, goal=self.goal, **options)
        from journeys.charts.correlation import draw_correlation

        return draw_correlation(sure, goal=self.goal, set_apart=listed, rows=rows, **options)

    def _describe_comparison(self) -> str:
        """Describe the comparison that is drawn, as a line under the chart."""
        from journeys.display import adapt_words, format_count, quote_name

        matched = self.checks.head(1).select(pl.sum_horizontal(f"{name}_matched" for name in CELLS)).to_series()
        if self.settings["exposure"] != "before" or matched.is_empty():
            return self.definition
        everyone = format_count(self._counts.people, self._journeys._log.unit)
        return (
            f"{self._counts.converted:,} of {everyone} reached {quote_name(self.goal)}; this compares "
            f"{adapt_words(f'{matched[0]:,} who were')} observed equally long, by what they did in that time"
        )

    def _rank_for_chart(self, rows: int) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
        """Return the behaviours of a chart, the strongest `rows` first in the order of the table, and those set apart.

        Their numbers are those of the title: the comparison in which everybody has had the same time.
        """
        sure = use_equal_time(self.checks.filter(pl.col("doubt").is_null() & pl.col("phi").is_not_null()))
        rank = pl.col("phi").abs().rank("ordinal", descending=True)
        order = ["weak", "phi", "behaviour", "family", "value"]
        sure = sure.with_columns(weak=(rank > rows).fill_null(value=True))
        sure = sure.sort(order, descending=[False, True, *[False] * 3], nulls_last=True).drop("weak")
        return sure, list(self.set_apart.select("behaviour", "reason").iter_rows())

    def plot_mosaic(self, behaviour: str, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw one behaviour's four counts as areas: who did it, and who of them converted.

        Parameters
        ----------
        behaviour : str
            As it is called in the table.
        dark, narrow : bool
            For a dark page; for a phone.

        Raises
        ------
        UnknownNameError
            When it is not in the table.
        """
        from journeys.charts.mosaic import draw_mosaic
        from journeys.display import adapt_words, format_percent, quote_name

        row = self._find_row(behaviour)
        cells = {name: int(row[name]) for name in CELLS}
        return draw_mosaic(
            pl.DataFrame([row | cells]).select("behaviour", *cells, "phi", "ci_low", "ci_high"),
            goal=self.goal,
            title=f"{quote_name(behaviour)}: {format_percent(row['rate_with'])} {adapt_words('of those who did it')} "
            f"reached {quote_name(self.goal)}, {format_percent(row['rate_without'])} of the others",
            subtitle=self.definition,
            dark=dark,
            narrow=narrow,
        )

    @property
    def definition(self) -> str:
        """What was compared, as a line under a chart."""
        from journeys.display import adapt_words, format_count, format_number, quote_name

        words = {
            "before": "of those who did, what came before; of the others, everything",
            "matched": "of those who did, what came before; of the others, what they did in as long a time",
        }
        exposure = str(self.settings["exposure"])
        compared = adapt_words(words.get(exposure, f"what they did in the {exposure}, those who had not yet"))
        everyone = format_count(self._counts.people, self._journeys._log.unit)
        return f"{format_number(self._counts.converted)} of {everyone} reached {quote_name(self.goal)}: {compared}"

    def people(self, behaviour: str, *, did: bool | None = True, converted: bool | None = None) -> J:
        """Who are the people in a cell?

        Parameters
        ----------
        behaviour : str
            As it is called in the table.
        did : bool, optional
            Those who did it (True), who did not (False), or both (None).
        converted : bool, optional
            Those who converted, who did not, or both.

        Returns
        -------
        Journeys
            These people, with all their events.

        Raises
        ------
        UnknownNameError
            When the behaviour is not in the table.
        """
        for argument, value in (("did", did), ("converted", converted)):
            if value not in (True, False, None):
                raise ArgumentError(f"{argument}: expected True, False or None, got {value!r}.")
        row = self._find_row(behaviour)
        selection = BehaviourCell(self._spec, row["family"], row["value"], did, converted)
        return self._journeys._select_people(select_cell, selection)

    def by(self, column: str) -> Stratified[J]:
        """Does it hold among similar people?

        Parameters
        ----------
        column : str
            A column of people such as "first_campaign" or a trait, `"activity"` (how much people did in the time that
            counts: 0, 1, 2–3, 4–7, 8–15 … events), or `"every day"`, `"every week"`, `"every month"`, `"every
            quarter"`, `"every year"` of the start of their journey.

        Returns
        -------
        Stratified

        Raises
        ------
        UnknownNameError
            When people have no such column.
        """
        return stratify_table(self._journeys, self.table, self._spec, column, settings=self.settings)

    def compare(self, other: Correlation[J] | J) -> CorrelationComparison[J]:
        """Do the same behaviours go with the goal among other people?

        Parameters
        ----------
        other : Correlation or Journeys
            The answer for other people, or these people themselves, who are then asked the same. People who are in
            both groups are counted, and the test allows for them.

        Returns
        -------
        CorrelationComparison
            Differences are this minus the other.
        """
        if not isinstance(other, Correlation) and not hasattr(other, "_log"):
            raise ArgumentError(f"other: expected a correlation, or the journeys of other people; got {other!r}.")
        answer: Correlation[J] = other if isinstance(other, Correlation) else self._rerun_on(other)
        return compare_groups(
            self._journeys,
            self.table,
            other=answer._journeys,
            other_table=answer.table,
            specs=(self._spec, answer._spec),
            settings=self.settings,
        )

    def permute(self, *, n_permutations: int = 2000, seed: int = 0, within: str | None = None) -> Permutation[J]:
        """Could it be chance, when there are few people? Draw every conversion anew among those who were at risk then.

        Parameters
        ----------
        n_permutations : int
            How often. The smallest p-value possible is 1 / (n_permutations + 1).
        seed : int
            Equal seeds give equal answers.
        within : str, optional
            Permute within groups only: what `by` takes, e.g. a column of people. Each conversion is drawn among those
            who were in the converter's group at that time: a campaign groups from the moment it was met, "activity" by
            what had been done so far.

        Returns
        -------
        Permutation

        Raises
        ------
        ArgumentError
            When people × behaviours exceed 50 million: with so many people the p-values of the table are exact enough.
        """
        return permute_goal(
            self._journeys,
            self.table,
            self._spec,
            people=self._counts.people,
            n_permutations=n_permutations,
            seed=seed,
            within=within,
            settings=self.settings,
        )

    def _find_row(self, behaviour: str) -> dict[str, Any]:
        rows = self.table.filter(pl.col("behaviour") == behaviour).to_dicts()
        if not rows:
            available = self.table["behaviour"].to_list()
            raise UnknownNameError(
                unknown_message("behaviour", behaviour, available=available, what="behaviour in the table")
            )
        return rows[0]

    def _repr_html_(self) -> str:
        from journeys.display import format_count, render_card

        settings = dict(self.settings)
        if self.cautions:
            settings["note"] = " ".join(self.cautions)
        if self.set_apart.height:
            settings["set apart"] = f"{format_count(self.set_apart.height, 'behaviour')} (see .set_apart)"
        if self.not_compared:
            settings["not compared"] = "; ".join(
                f"{format_count(count, 'person')} {why}" for why, count in self.not_compared.items()
            )
        return render_card("Correlation", sentence=self.finding, settings=settings, table=self._displayed_table())
