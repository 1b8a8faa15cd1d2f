"""The group whose people went on least, against everyone else: the finding of a funnel by groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from journeys.analyses.labels import NONE, OTHER
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.display import adapt_words, format_count, format_percent, format_points, quote_name

_MAX_Q = 0.05


@dataclass(frozen=True, slots=True)
class GroupGap:
    """A group whose people went from one step to the next at another rate than everyone else."""

    group: str
    before: str
    step: str
    people: int
    rate: float
    rate_of_others: float
    low: float
    high: float

    def _format_interval(self) -> str:
        return " to ".join(format_points(bound).removesuffix(" points") for bound in (self.low, self.high))

    @property
    def headline(self) -> str:
        """The gap as a heading."""
        return (
            f"{format_percent(self.rate)} of {adapt_words('people')} {self.group} who reached {self.before} "
            f"went on to {self.step}; "
            f"{format_percent(self.rate_of_others)} of everyone else did."
        )

    @property
    def sentence(self) -> str:
        """The gap with its size and interval."""
        return (
            f"Of {format_count(self.people, 'person')} {self.group} who reached "
            f"{self.before}, {format_percent(self.rate)} "
            f"went on to {self.step}, against {format_percent(self.rate_of_others)} of everyone else: "
            f"{format_points(self.rate - self.rate_of_others)} (95% CI {self._format_interval()})."
        )


def find_group_gap(grouped: pl.DataFrame, *, by: str) -> GroupGap | None:
    """Find the group and step that lost most people against the rate of everyone else; None if it may be chance.

    Every group and step is tested (difference of two rates), and the tests are corrected together (Benjamini and
    Hochberg). For instance, with 200 of 1,500 people at a step from the campaign:

        campaign  people 200, went on 22 (11%)
        others    people 1,300, went on 741 (57%)   → 92 people fewer than the others' rate would give
    """
    from journeys.stats import adjust, difference

    if "people" not in grouped.columns:
        return None
    is_origin = by.endswith(("campaign", "source", "medium", "channel", "referrer", "country", "city"))
    which = "from" if is_origin else f"with {by.replace('_', ' ')}"
    totals = dict(grouped.group_by("step").agg(pl.col("people").sum()).sort("step").iter_rows())
    candidates: list[dict[str, Any]] = []
    for (group,), rows in grouped.sort(by, "step").group_by(by, maintain_order=True):
        for step, following in pairwise(rows.to_dicts()):
            others = totals[step["step"]] - step["people"]
            if group in {NONE, OTHER} or min(step["people"], others) < MIN_PEOPLE:
                continue
            candidates.append(
                {
                    "group": f"{which} {quote_name(str(group))}",
                    "before": quote_name(step["name"]),
                    "step": quote_name(following["name"]),
                    "people": step["people"],
                    "went_on": following["people"],
                    "others": others,
                    "others_went_on": totals[following["step"]] - following["people"],
                }
            )
    if not candidates:
        return None
    columns = pl.DataFrame(candidates)
    test = difference(columns["went_on"], columns["people"], columns["others_went_on"], columns["others"])
    tested = columns.with_columns(
        rate=pl.col("went_on") / pl.col("people"),
        rate_of_others=pl.col("others_went_on") / pl.col("others"),
        low=pl.Series(test.ci_low),
        high=pl.Series(test.ci_high),
        q=pl.Series(adjust(test.p_value)),
    ).with_columns(missing=(pl.col("rate_of_others") - pl.col("rate")) * pl.col("people"))
    significant = tested.filter((pl.col("q") <= _MAX_Q) & (pl.col("missing") > 0)).with_row_index("order")
    if significant.is_empty():
        return None
    best = significant.sort("missing", "order", descending=[True, False]).row(0, named=True)
    return GroupGap(**{name: best[name] for name in GroupGap.__slots__})
