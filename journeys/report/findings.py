"""What is worth saying: the few sentences that a report begins with, each from a table and held against chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.display import number, percent, plural, points, shorten, the_count
from journeys.report.shared import in_common

if TYPE_CHECKING:
    from journeys.analyses.correlation.result import Correlation
    from journeys.analyses.funnel.result import Funnel
    from journeys.api import Journeys

__all__ = ["Gap", "campaign_gap", "funnel_loss", "way_around", "what_stops"]

FEW = 30
NAME = 60
"""Signs of a name that a sentence can bear."""
LEVEL = 0.05
_TROUBLE = r"(?i)\b(error|errors|fail|fails|failed|failure|crash|crashed|declined|rejected|refused|timeout|timed out)\b"


@dataclass(frozen=True, slots=True)
class Gap:
    """A group whose rate from one step to the next differs from everybody else's."""

    group: str
    before: str
    step: str
    people: int
    rate: float
    others: float
    low: float
    high: float

    @property
    def headline(self) -> str:
        """The gap as a heading."""
        return (
            f"{percent(self.rate)} of {self.group}'s people at {self.before} went on to {self.step}, "
            f"{percent(self.others)} of all others did."
        )

    @property
    def sentence(self) -> str:
        """The gap in words."""
        return (
            f"Of the {plural(self.people, 'person', 'people')} whose first campaign was {self.group} and who got to "
            f"{self.before}, {percent(self.rate)} went on to {self.step}; of everyone else there, "
            f"{percent(self.others)}: {points(self.rate - self.others, self.low, self.high)}."
        )


def _name(name: str) -> str:
    return shorten(name, NAME) if name.strip() else "(no name)"


def funnel_loss(funnel: Funnel[Any]) -> tuple[int, str]:
    """Find the step after which most are lost once they have begun; return its row and a sentence.

    The first step loses most of all nearly always: those people only looked. So it is told only if it stands alone.
    """
    rows = funnel.table.to_dicts()
    if len(rows) < 2 or not rows[0]["people"]:
        return 0, funnel.finding
    later = [i for i in range(1, len(rows) - 1) if rows[i]["people"]] or [0]
    worst = max(later, key=lambda i: (rows[i]["dropped"], -i))
    here, following = rows[worst], rows[worst + 1]
    share = here["dropped"] / here["people"]
    return worst, (
        f"{percent(share)} of those who got to {_name(here['name'])} never got to {_name(following['name'])}: "
        f"{number(here['dropped'])} of {plural(here['people'], 'person', 'people')}."
    )


def campaign_gap(grouped: pl.DataFrame, *, by: str) -> Gap | None:
    """Find the campaign and step with most people fewer than the others' rate would give; None if chance may do it.

    Every campaign and step is tested (difference of two rates), and the tests are corrected together (Benjamini and
    Hochberg).
    """
    from journeys.stats import adjust, difference

    totals = dict(grouped.group_by("step").agg(pl.col("people").sum()).sort("step").iter_rows())
    found: list[dict[str, Any]] = []
    for (group,), rows in grouped.sort(by, "step").group_by(by, maintain_order=True):
        steps = rows.to_dicts()
        for here, following in pairwise(steps):
            rest = totals[here["step"]] - here["people"]
            if group is None or str(group) in {"(none)", "(other)"} or here["people"] < FEW or rest < FEW:
                continue
            others = totals[following["step"]] - following["people"]
            found.append(
                {"group": _name(str(group)), "before": _name(here["name"]), "step": _name(following["name"])}
                | {"people": here["people"], "on": following["people"], "rest": rest, "others": others}
            )
    if not found:
        return None
    columns = pl.DataFrame(found)
    test = difference(columns["on"], columns["people"], columns["others"], columns["rest"])
    q = adjust(test.p_value)
    best, most = None, 0.0
    for i, row in enumerate(found):
        missing = (row["others"] / row["rest"] - row["on"] / row["people"]) * row["people"]
        if q[i] <= LEVEL and missing > most:
            best, most = i, missing
    if best is None:
        return None
    row = found[best]
    return Gap(
        row["group"],
        row["before"],
        row["step"],
        row["people"],
        row["on"] / row["people"],
        row["others"] / row["rest"],
        float(test.ci_low[best]),
        float(test.ci_high[best]),
    )


def what_stops(correlation: Correlation[Any], *, among: Journeys, before: str) -> str | None:
    """Say which trouble came before not going on to the next step, and what those share who met it; None if none holds.

    Only events that tell of trouble by their name are looked at: those who do not go on have more time for everything
    else, so that any harmless behaviour looks as if it stopped them.
    """
    against = correlation.table.filter(
        (pl.col("phi") < 0) & (pl.col("q_value") <= LEVEL) & pl.col("behaviour").str.contains(_TROUBLE)
    ).sort("phi", "behaviour")
    if against.is_empty():
        return None
    row = against.row(0, named=True)
    did = row["both"] + row["behaviour_only"]
    others = row["conversion_only"] + row["neither"]
    who = "none of them" if not row["both"] else f"{percent(row['rate_with'])} of them"
    told = (
        f"{plural(did, 'person')} had {_name(row['behaviour'])} after {_name(before)} and before any "
        f"{_name(correlation.goal)}: {who} went on to it; of {the_count(others, 'other')}, "
        f"{percent(row['rate_without'])} did."
    )
    shared = in_common(correlation, row["behaviour"], among=among, since=before)
    return f"{told} {shared}" if shared else told


def way_around(correlation: Correlation[Any], steps: list[str]) -> tuple[str, int, int] | None:
    """Find the funnel step that most of those who converted did without; None if hardly anyone did."""
    rows = correlation.table.filter(pl.col("behaviour").is_in(steps)).to_dicts()
    skipped = [(row["conversion_only"], row["behaviour"], row["both"] + row["conversion_only"]) for row in rows]
    count, step, converted = max(skipped, default=(0, "", 0))
    return (step, count, converted) if count >= FEW and count >= converted / 10 else None
