"""Which findings lead: one rule for all of them."""

from __future__ import annotations

from collections.abc import Iterable

from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.report.section import Finding


def weigh_finding(finding: Finding) -> float:
    """Weigh a finding: size of effect × people × certainty.

    A finding that compares two groups weighs as many people as the difference concerns for certain: the end of its 95%
    interval that is nearer to zero, times the people of the group. For instance:

        204 people, 46.5 points fewer than others (51.1 to 40.6)   → 0.406 × 204 = 83
        122 people, 75 points more (66 to 81)                      → 0.66 × 122 = 81
        5,000 people, 1 point more (−0.2 to 2.2)                   → 0: it may be chance

    A finding that compares nothing, such as the share lost at a step, weighs nothing: it says how things are, and comes
    after those that say what differs. One of fewer than 30 people is none.

    Examples
    --------
    >>> round(weigh_finding(Finding("Fewer go on.", "campaigns", people=204, low=-0.511, high=-0.406)))
    83
    >>> weigh_finding(Finding("A few more.", "campaigns", people=5000, low=-0.002, high=0.022))
    0.0
    """
    if finding.low is None or finding.high is None or finding.people < MIN_PEOPLE or finding.low <= 0 <= finding.high:
        return 0.0
    return min(abs(finding.low), abs(finding.high)) * finding.people


def rank_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by weight, the largest first; equal ones stay in the order given, those of few people drop out."""
    kept = [one for one in findings if one.low is None or one.people >= MIN_PEOPLE]
    return sorted(kept, key=weigh_finding, reverse=True)
