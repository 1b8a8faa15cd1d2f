"""The answer: what came last before the goal, who it was, and a trait for each person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.labels import NONE, OTHER, value_of_label
from journeys.analyses.last_before.count import list_traits
from journeys.analyses.last_before.select_people import ValueSelection, select_people
from journeys.analyses.last_before.spec import LastBeforeSpec, Window
from journeys.analyses.last_before.summarise import Listed
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError, UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST = 0.8  # a value that precedes so many goals is probably a part of the goal


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class LastBefore(JourneysResult[J]):
    """Which values came last before a goal, and which of them go with going on afterwards.

    Attributes
    ----------
    table : pl.DataFrame
        The value in a column named as `of` (several columns: their combinations; a name that another column of the
        table has is shown as "of_name"), then `people` (Int64; `conversions` where each goal counts), `share`,
        `ci_low`, `ci_high` (Wilson 95%), `median_time_before` (Duration). With `then=`: `pending` (their time is not
        over; they are in no rate), `went_on` (Int64), `rate`, `rate_low`, `rate_high` (Wilson 95%), `others_rate` (of
        all other rows together), `q_value` (difference to the others, Benjamini-Hochberg). Most people first,
        "(other)" last; "(none)" had no value before.
    """

    _spec: LastBeforeSpec = field(repr=False)
    _listed: Listed = field(repr=False)

    @property
    def finding(self) -> str:
        """The most frequent value, and the one whose people go on surely more or less often, as sentences."""
        from journeys.display import adapt_words, format_definite_count, format_percent, give_advice, quote_name

        goal, total = quote_name(self._spec.goal.name), int(self.settings["conversions"])
        if not total:
            return NoFinding(f"{adapt_words('No one')} did {goal}.")
        if (people := min(total, self.settings["people"])) < MIN_PEOPLE:
            return say_too_few(people, f"did {goal}", unit=self._journeys._log.unit)
        each = self._spec.occurrence == "each"
        whole = format_definite_count(total, "conversion" if each else self._journeys._log.unit)
        named = [row for row in self.table.iter_rows(named=True) if self._is_value(row)]
        none = self.table.filter(pl.all_horizontal(pl.col(self._spec.names) == NONE))

        def format_part(row: dict[str, Any]) -> str:
            return f"{format_percent(row['share'])} of {whole}"

        what = " and ".join(name.replace("_", " ") for name in self._spec.names)
        advice = give_advice(": pass it over with skip=")
        if not named and (own := self._list_own_events()):
            # what is folded into "(other)" is some other value; without it, only these events or none came last
            is_folded = self.table.height > len(self._listed)
            others = f"only values that are not listed{give_advice(' (see top=)')}" if is_folded else f"no {what}"
            names = " and ".join(map(quote_name, own)) + (" itself" if len(own) == 1 else "")
            return f"Apart from {names}, {others} came last before {goal} for {whole}{advice}."
        if not named:
            return f"{whole[0].upper()}{whole[1:]} had no {what} before {goal}."
        text = f"{self._describe_row(named[0])} came last before {goal} for {format_part(named[0])}."
        if named[0]["share"] >= _MOST:
            text += f" It may belong to {goal} itself{advice}."
        elif none.height and none[self._spec.unit][0] > named[0][self._spec.unit]:
            lack = none.row(0, named=True)
            text = f"{format_part(lack)[0].upper()}{format_part(lack)[1:]} had no {what} before {goal}. {text}"
        return text + self._describe_next(named)

    def _is_value(self, row: dict[str, Any]) -> bool:
        """Return whether a row may be a headline: values, and not the goal's own event."""
        values = {row[name] for name in self._spec.names}
        return values not in ({OTHER}, {NONE}) and not values & {*self._list_own_events()}

    def _list_own_events(self) -> list[str]:
        """List the events of the goal, and of what people should go on to, that the table shows as values."""
        own = [*(self._spec.goal.events or ()), *(self._spec.then.events or () if self._spec.then else ())]
        shown = {value for name in self._spec.names for value in self.table[name]}
        return [name for name in dict.fromkeys(own) if name in shown]

    def _describe_row(self, row: dict[str, Any]) -> str:
        from journeys.display import quote_name

        parts = [
            f"no {name.replace('_', ' ')}" if row[name] == NONE else quote_name(row[name]) for name in self._spec.names
        ]
        return " with ".join(parts)

    def _describe_next(self, named: list[dict[str, Any]]) -> str:
        """Say which value goes with going on, if that is sure, of enough people, and all were watched as long."""
        from journeys.display import format_percent, quote_name

        spec, unit = self._spec, self._spec.unit
        if spec.then is None or spec.then_within is None:
            return ""
        everyone = int(self.table[unit].sum()) - int(self.table["pending"].sum())
        asked = {id(row): row[unit] - row["pending"] for row in named}
        sure = [
            row
            for row in named
            if (row["q_value"] if row["q_value"] is not None else 1) <= 0.05
            and min(asked[id(row)], everyone - asked[id(row)]) >= MIN_PEOPLE
        ]
        if not sure:
            return ""
        best = min(sure, key=lambda row: (row["q_value"], -row["rate"]))
        rates = f"{format_percent(best['rate'])} went on to {quote_name(spec.then.name)}"
        return (
            f" After {self._describe_row(best)}, {rates}, against {format_percent(best['others_rate'])} of all others."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the shares as bars with their intervals, and beside them the rates of going on."""
        from journeys.charts.last_before import draw_last_before
        from journeys.display import format_count, quote_name

        spec, total = self._spec, int(self.settings["conversions"])
        whole = format_count(total, "conversion" if spec.occurrence == "each" else self._journeys._log.unit)
        what = " and ".join(name.replace("_", " ") for name in spec.names)
        parts = [f"Last {what} before {quote_name(spec.goal.name)}, n = {total:,} {whole.split(' ', 1)[1]}"]
        parts += [] if spec.within is None else [_describe_window(spec.within, "at most {} before")]
        if spec.then is not None:
            window = "" if spec.then_within is None else f" {_describe_window(spec.then_within, 'within {}')}"
            parts.append(f"right: the share that went on to {quote_name(spec.then.name)}{window}")
        return draw_last_before(
            self.table,
            values=spec.names,
            count=spec.unit,
            title=self.finding,
            subtitle="; ".join(parts),
            dark=dark,
            narrow=narrow,
        )

    def people(self, value: str | Sequence[str], *, went_on: bool | None = None) -> J:
        """Select the people of a row.

        Parameters
        ----------
        value : str or sequence of str
            A value as the table shows it, "(none)" and "(other)" included; of several columns, one for each.
        went_on : bool, optional
            Only those who went on to `then`, or only those who had the time and did not.

        Raises
        ------
        UnknownNameError
            When the table has no such row.
        ArgumentError
            When `went_on` is given but `then` was not.
        """
        labels = (value,) if isinstance(value, str) else tuple(value)
        rows = self.table.select(self._spec.names).rows()
        if labels not in rows:
            shown = [" · ".join(row) for row in rows]
            raise UnknownNameError(
                unknown_message("value", " · ".join(map(str, labels)), available=shown, what="value")
            )
        if went_on is not None and self._spec.then is None:
            raise ArgumentError("went_on: nothing was asked that people could go on to; ask with then=.")
        values = None if set(labels) == {OTHER} else tuple(value_of_label(label) for label in labels)
        selection = ValueSelection(self._spec, values, self._listed, went_on)
        return self._journeys._select_people(select_people, selection)

    def trait(self, *, name: str | None = None) -> pl.DataFrame:
        """Return the last value of each person as a trait, for the `extra=` of an export.

        Parameters
        ----------
        name : str, optional
            What the trait is called; "last_page_path_before_signed_up" and the like by default.

        Returns
        -------
        pl.DataFrame
            `person` (of accounts `account`) and the trait (String; one per column asked for), one row per person who
            did the goal and had a value before; where each goal counts, that before the latest one. Sorted by person.

        Raises
        ------
        ArgumentError
            When one name is given for several columns.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": [1, 1, 1], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"],
        ...     "event": ["Loaded a Page", "Loaded a Page", "Signed Up"], "page": ["/", "/pricing", None]})
        >>> jn.Journeys.from_table(log).last_before("Signed Up", of="page").trait(name="last_page").rows()
        [(1, '/pricing')]
        """
        if name is not None and len(self._spec.columns) > 1:
            raise ArgumentError(
                f"name: {name!r} cannot be the name of {len(self._spec.columns)} columns; leave it out."
            )
        found = self._journeys._count_shards(list_traits, self._spec)
        goal = "_".join(self._spec.goal.name.lower().split())
        traits = {
            shown: name or f"last_{column}_before_{goal}"
            for shown, column in zip(self._spec.names, self._spec.columns, strict=True)
        }
        unit = self._journeys._log.unit
        return found.rename({"label": unit, **traits}).sort(unit)


def _describe_window(window: Window, text: str) -> str:
    """Write a duration into a text with a gap for it; a session in words of its own."""
    from journeys.display import format_duration

    return text.format(format_duration(window)) if isinstance(window, int) else "in the same session"
