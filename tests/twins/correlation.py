"""Correlations counted with plain loops: one person after another, one event after another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from math import sqrt


@dataclass
class Asked:
    """Everything that changes whose behaviour counts, with the names that the library gives it."""

    goal: set
    exposure: str = "before"
    first_us: int | None = None
    since: set | None = None
    within_us: int | None = None
    follow_up_us: int | None = None


@dataclass
class Compared:
    """One person: the events that count, and whether the person converted."""

    events: list
    converted: bool
    start: int | None = None


@dataclass
class Answer:
    people: dict = field(default_factory=dict)
    apart: dict = field(default_factory=lambda: defaultdict(int))


def compare(journeys: dict, asked: Asked, *, end: int) -> Answer:
    """journeys: person → [(time in µs, event)] in log order."""
    answer = Answer()
    for person, events in journeys.items():
        if not events:
            continue
        clock, rest = events[0][0], list(events)
        if asked.since is not None:
            places = [place for place, (_, event) in enumerate(events) if event in asked.since]
            if not places:
                continue
            clock, rest = events[places[0]][0], events[places[0] + 1 :]
        goal_at = next((place for place, (_, event) in enumerate(rest) if event in asked.goal), None)
        before = rest if goal_at is None else rest[:goal_at]
        took = None if goal_at is None else rest[goal_at][0] - clock
        if asked.within_us is not None:
            before = [row for row in before if row[0] - clock <= asked.within_us]
            if took is not None and took > asked.within_us:
                took_in_time = None
            else:
                took_in_time = took
        else:
            took_in_time = took
        converted = took_in_time is not None
        if asked.exposure == "first":
            if took_in_time is not None and took_in_time <= asked.first_us:
                answer.apart["early"] += 1
                continue
            before = [row for row in before if row[0] - clock <= asked.first_us]
            if asked.follow_up_us is not None:
                if clock + asked.first_us + asked.follow_up_us > end:
                    answer.apart["unseen"] += 1
                    continue
                converted = took_in_time is not None and took_in_time <= asked.first_us + asked.follow_up_us
        answer.people[person] = Compared(before, converted, clock)
    return answer


def cells(people: dict, did) -> tuple[int, int, int, int]:
    """Count both, behaviour only, conversion only, neither; `did` says it of one person's events."""
    a = b = c = d = 0
    for one in people.values():
        done = did(one)
        if done and one.converted:
            a += 1
        elif done:
            b += 1
        elif one.converted:
            c += 1
        else:
            d += 1
    return a, b, c, d


def pearson(a: int, b: int, c: int, d: int) -> float | None:
    """Pearson's r of the two 0/1 columns, written out person by person."""
    pairs = [(1, 1)] * a + [(1, 0)] * b + [(0, 1)] * c + [(0, 0)] * d
    n = len(pairs)
    if n == 0:
        return None
    mean_x, mean_y = sum(x for x, _ in pairs) / n, sum(y for _, y in pairs) / n
    top = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    spread = sum((x - mean_x) ** 2 for x, _ in pairs) * sum((y - mean_y) ** 2 for _, y in pairs)
    return None if spread < 1e-12 else top / sqrt(spread)


def in_order(events: list, first: str, then: str) -> bool:
    """Whether `first` happens and, in a later row, `then`."""
    for place, (_, event) in enumerate(events):
        if event == first and any(later == then for _, later in events[place + 1 :]):
            return True
    return False


def mixed(code: int, salt: int) -> float:
    """The hash of the library in Python's own whole numbers."""
    mask = (1 << 64) - 1
    value = ((code + 1) * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03) & mask
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return ((value ^ (value >> 31)) >> 11) / (1 << 53)


def equal_time_test(watched, converted, done):
    """The test of Mantel and Byar with its exact mid-p, as its definition reads: risk set after risk set.

    watched: per person, the time to the goal, or to the end of observation; done: when they did the behaviour, or inf.
    """
    from scipy.stats import poisson_binom

    exposed = [at if at < until else float("inf") for at, until in zip(done, watched, strict=True)]
    chances, observed = [], 0
    for person, moment in enumerate(watched):
        if not converted[person]:
            continue
        at_risk = [other for other, until in enumerate(watched) if until >= moment]
        chances.append(sum(exposed[other] < moment for other in at_risk) / len(at_risk))
        observed += exposed[person] < moment
    if not any(0 < chance < 1 for chance in chances):
        return observed, sum(chances), None
    law = poisson_binom(chances)
    below, above = law.cdf(observed), 1 - law.cdf(observed - 1) if observed else 1.0
    return observed, sum(chances), min(1.0, max(0.0, 2 * min(below, above) - law.pmf(observed)))
