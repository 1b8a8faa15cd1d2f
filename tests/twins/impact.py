"""Impact by plain loops: every moment, every window, every stratum, every person."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Event = tuple[int, str]  # minute since a Monday, name
WEEK = 7 * 24 * 60


@dataclass(frozen=True)
class Moment:
    """One moment: whose, whether a first use, whether it is pending, its stratum, and events by relative period."""

    person: str
    used: bool
    pending: bool
    later: bool
    stratum: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def difference(self) -> int:
        """Events after minus events before."""
        half = len(self.counts) // 2
        return sum(self.counts[half:]) - sum(self.counts[:half])


def bucket(count: int, *, exact: int, base: int) -> int:
    """Number the bucket of a count: itself below `exact`, then growing by a factor."""
    low, number = exact, exact
    if count < exact:
        return count
    while count >= low * base:
        low, number = low * base, number + 1
    return number


def moments_of(
    people: dict[str, list[Event]], *, of: str, on: str, length: int, periods: int, until: int, matched: bool
) -> list[Moment]:
    """List the first uses, and the events of people who had not used it; events are in log order."""
    found = []
    for person, events in people.items():
        uses = [at for at, (_, name) in enumerate(events) if name == of]
        stop = uses[0] + 1 if uses else len(events)
        for at in range(stop):
            now = events[at][0]
            used = bool(uses) and at == uses[0]
            counts = [0] * (2 * periods)
            for place, (minute, name) in enumerate(events):
                shift = (minute - now) // length
                if place == at or name != on or not -periods <= shift < periods:
                    continue
                # equal times are before or after by their order
                if shift == 0 and place < at:
                    shift = -1
                counts[shift + periods] += 1
            recent = sum(1 for minute, _ in events[:at] if now - minute <= length)
            stratum = (0, now // WEEK, 0, 0)
            if matched:
                before = bucket(sum(counts[:periods]), exact=4, base=2)
                stratum = (events[0][0] // WEEK, now // WEEK, before, bucket(recent, exact=1, base=4))
            later = not used and bool(uses) and events[uses[0]][0] - now <= length * periods
            found.append(Moment(person, used, now + length * periods > until, later, stratum, tuple(counts)))
    return found


@dataclass(frozen=True)
class Answer:
    """What an impact says."""

    people: set[str]
    unmatched: set[str]
    pending: set[str]
    others: set[str]
    used_later: float
    effect: float
    error: float
    means: list[float]
    others_means: list[float]


def impact(moments: list[Moment]) -> Answer | None:
    """Compare both sides stratum by stratum; None where nobody is matched."""
    observed = [one for one in moments if not one.pending]
    strata = {one.stratum for one in observed if one.used}
    sides = {
        stratum: [[one for one in observed if one.stratum == stratum and one.used is used] for used in (True, False)]
        for stratum in strata
    }
    matched = {key: pair for key, pair in sides.items() if len({one.person for one in pair[1]}) >= 2}
    uses = [one for mine, _ in matched.values() for one in mine]
    if not uses:
        return None
    total = len(uses)
    weights = {key: len(mine) / len(others) / total for key, (mine, others) in matched.items()}
    mean = {key: sum(one.difference for one in others) / len(others) for key, (_, others) in matched.items()}
    effect = sum(one.difference - mean[one.stratum] for one in uses) / total
    parts: dict[str, float] = {}
    for key, (mine, others) in matched.items():
        for one in mine:
            parts[one.person] = parts.get(one.person, 0.0) + (one.difference - mean[key] - effect) / total
        for one in others:
            own = sum(1 for other in others if other.person == one.person)
            part = weights[key] * (one.difference - mean[key]) / (1 - own / len(others))
            parts[one.person] = parts.get(one.person, 0.0) - part
    width = range(len(uses[0].counts))
    return Answer(
        people={one.person for one in uses},
        unmatched={one.person for one in observed if one.used} - {one.person for one in uses},
        pending={one.person for one in moments if one.used and one.pending},
        others={one.person for _, others in matched.values() for one in others},
        used_later=sum(weights[key] * one.later for key, (_, others) in matched.items() for one in others),
        effect=effect,
        error=sqrt(sum(part**2 for part in parts.values())),
        means=[sum(one.counts[at] for one in uses) / total for at in width],
        others_means=[
            sum(weights[key] * one.counts[at] for key, (_, others) in matched.items() for one in others) for at in width
        ],
    )
