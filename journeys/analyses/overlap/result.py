"""The answer: how many people are in which segments at once, and who they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_AREAS = 3


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Overlap(JourneysResult[J]):
    """How many people are in each combination of segments.

    Attributes
    ----------
    table : pl.DataFrame
        One Boolean column per segment, `people` (Int64), `share` (of all people of the log), `expected` (people, if the
        segments were independent), `lift` (`people` / `expected`; null where nobody is expected); one row per
        combination, also of nobody, most people first.
    """

    _segments: Mapping[str, J] = field(repr=False)

    @property
    def sizes(self) -> dict[str, int]:
        """The people of each segment."""
        return {name: int(self.table.filter(name)["people"].sum()) for name in self._segments}

    @property
    def finding(self) -> str:
        """How many people are in several segments, and which two overlap most, as one sentence."""
        from journeys.display import (
            adapt_words,
            choose_form,
            format_definite_count,
            format_number,
            format_percent,
            quote_name,
        )

        total = int(self.table["people"].sum())
        if not total:
            return NoFinding(adapt_words("There are no people to be in a segment."))
        is_several = pl.sum_horizontal(pl.col(list(self._segments)).cast(pl.Int8)) > 1
        several = int(self.table.filter(is_several)["people"].sum())
        if not any(self.sizes.values()):
            return NoFinding(adapt_words("No one is in any of the segments."))
        if not several:
            return adapt_words("The segments have no one in common.")
        whole = format_definite_count(total, self._journeys._log.unit)
        if total < MIN_PEOPLE:
            return say_too_few(total, "in any of the segments", unit=self._journeys._log.unit)
        share = format_percent(several / total)
        text = f"{format_number(several)} of {whole} ({share}) {choose_form(several, 'is', 'are')} in several segments"
        pairs = {pair: int(self.table.filter(*pair)["people"].sum()) for pair in combinations(self._segments, 2)}
        (one, other), most = max(pairs.items(), key=lambda pair: pair[1])
        if len(self._segments) == 2:
            return f"{text}."
        both = f"{format_number(most)} {choose_form(most, 'is', 'are')} in both"
        return f"{text}; {quote_name(one)} and {quote_name(other)} overlap most: {both}."

    def plot(self, *, dark: bool = False, narrow: bool = False, kind: Literal["upset", "areas"] = "upset") -> go.Figure:
        """Draw how many people are in which segments.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        kind : {"upset", "areas"}
            Bars over a matrix of dots, one bar per combination; or, of two or three segments, one line of blocks per
            segment, as wide as the people are many: what stands one above the other is shared.

        Raises
        ------
        ArgumentError
            When `kind` is neither, or "areas" is asked of more than three segments.
        """
        from journeys.charts.overlap_areas import draw_overlap_areas
        from journeys.charts.overlap_bars import draw_overlap_bars
        from journeys.charts.theme import draw_nothing
        from journeys.display import adapt_words, format_count

        if kind not in ("upset", "areas"):
            raise ArgumentError(f"kind: {kind!r} is neither 'upset' nor 'areas'.")
        if kind == "areas" and len(self._segments) > _MOST_AREAS:
            raise ArgumentError(f"kind: 'areas' shows two or three segments, not {len(self._segments)}; use 'upset'.")
        total = int(self.table["people"].sum())
        counted = f"{format_count(total, self._journeys._log.unit)} in all"
        table = self.table.filter(pl.col("people") > 0)
        shape: dict[str, Any] = {"title": self.finding, "dark": dark, "narrow": narrow}
        if not any(self.sizes.values()):
            return draw_nothing("There is no one in any of the segments.", subtitle=counted, **shape)
        shape |= {"sizes": self.sizes}
        if kind == "areas":
            several = f"Length: number of {adapt_words('people')}; in colour: those in several segments; {counted}"
            return draw_overlap_areas(table, subtitle=several, **shape)
        subtitle = f"{adapt_words('People')} by the segments they are in, and no other; {counted}"
        return draw_overlap_bars(table, subtitle=subtitle, **shape)

    def people(self, segment: str | Sequence[str], *, not_in: str | Sequence[str] = ()) -> J:
        """Select the people who are in some segments, and not in others.

        Parameters
        ----------
        segment : str or sequence of str
            Those in all of these; none of them means everyone.
        not_in : str or sequence of str
            Of these, those in none of these.

        Raises
        ------
        UnknownNameError
            When there is no such segment.
        ArgumentError
            When a segment is asked for and excluded.
        """
        inside, outside = ([one] if isinstance(one, str) else list(one) for one in (segment, not_in))
        available = list(self._segments)
        problems = [
            unknown_message(argument, missing, available=available, what="segment")
            for argument, names in (("segment", inside), ("not_in", outside))
            if (missing := [name for name in names if name not in available])
        ]
        raise_all(problems, UnknownNameError)
        if twice := sorted({*inside} & {*outside}):
            raise ArgumentError(f"not_in: {', '.join(map(repr, twice))} cannot be asked for and left out at once.")
        found = reduce(and_, (self._segments[name] for name in inside), self._journeys)
        if not outside:
            return found
        return found - reduce(or_, (self._segments[name] for name in outside))
