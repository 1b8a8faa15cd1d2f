"""How often is there a finding where there is nothing to find?

Logs without any effect, in four worlds, are asked everything that calls something a finding. At most 5% of them may
have one, within the error of so many logs::

    python -m tests.benchmarks.no_effect --logs 400
    python -m tests.benchmarks.no_effect --logs 400 --world "converters stop early" --out figures.csv
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import polars as pl

import journeys as jn
from tests.benchmarks.simulation import finish_run, parse_options

DAY = 86_400_000_000
START = 1_767_225_600_000_000
BEHAVIOURS, PEOPLE = 10, 250
LEVEL = 0.05

# how people arrive (days until the first touch, of 60) and whether those who convert do so soon, and then leave
WORLDS = {
    "everybody is observed equally long": (0, False),
    "people arrive over time": (50, False),
    "converters stop early": (0, True),
    "people arrive over time, converters stop early": (50, True),
}


def make_log(rng: np.random.Generator, arrivals: float, early: bool) -> jn.Journeys:
    """250 people, of whom about 30% convert; ten behaviours at constant rates that have nothing to do with it."""
    arrived = rng.uniform(0, arrivals, PEOPLE) if arrivals else np.zeros(PEOPLE)
    took = rng.exponential(2.0, PEOPLE) if early else rng.uniform(0, 60, PEOPLE)
    goal = (rng.random(PEOPLE) < 0.3) & (arrived + took < 60)
    parts = [(np.arange(PEOPLE), arrived, np.full(PEOPLE, 0))]
    parts.append((np.flatnonzero(goal), (arrived + took)[goal], np.full(goal.sum(), 1)))
    for number in range(BEHAVIOURS):
        count = rng.poisson((number + 1) / 5 * (60 - arrived) / 60)
        person = np.repeat(np.arange(PEOPLE), count)
        day = rng.uniform(arrived[person], 60)
        if early:  # whoever converted has got what they came for, and leaves
            stays = ~goal[person] | (day < (arrived + took)[person])
            person, day = person[stays], day[stays]
        parts.append((person, day, np.full(len(person), number + 2)))
    person, day, event = (np.concatenate([part[side] for part in parts]) for side in range(3))
    names = pl.Series(["Visit", "Buy", *(f"b{number}" for number in range(BEHAVIOURS))])
    group = np.array(["ads", "mail", "search"])[np.arange(PEOPLE) % 3]
    return jn.Journeys.from_table(
        pl.DataFrame(
            {
                "person": person,
                "timestamp": pl.Series(START + (day * DAY).astype(np.int64)).cast(pl.Datetime("us", "UTC")),
                "event": names.gather(event),
                "campaign": pl.Series(group[person]).set(pl.Series(event != 0), None),
            }
        )
    )


def keep_third(j: jn.Journeys, third: int) -> jn.Journeys:
    """Leave out every third person, so that two such groups share a third of all."""
    return j.only(pl.col("person").cast(pl.Int64) % 3 != third)


def is_significant(table: pl.DataFrame, column: str = "q_value") -> bool:
    return bool((table[column] <= LEVEL).any())


def ask_correlation(j: jn.Journeys, **options: str) -> jn.Journeys:
    return j.correlation("Buy", min_people=10, **options)


def has_verdict(j: jn.Journeys, column: str) -> bool:
    return ask_correlation(j).by(column).table["verdict"].drop_nulls().len() > 0


def is_beyond_chance(j: jn.Journeys, within: str | None = None) -> bool:
    return is_significant(ask_correlation(j).permute(n_permutations=199, within=within).table, "p_family")


def ask_flow(j: jn.Journeys, of: str) -> bool:
    return is_significant(j.flow(end="Buy", who="all").correlation(of=of, min_people=10).table)


QUESTIONS: dict[str, Callable[[jn.Journeys], bool]] = {
    "correlation": lambda j: ask_correlation(j).findings.height > 0,
    "correlation, matched": lambda j: ask_correlation(j, exposure="matched").findings.height > 0,
    "correlation, first 7d": lambda j: ask_correlation(j, exposure="first 7d").findings.height > 0,
    "by first_campaign": lambda j: has_verdict(j, "first_campaign"),
    "by activity": lambda j: has_verdict(j, "activity"),
    "by every week": lambda j: has_verdict(j, "every week"),
    "permute": is_beyond_chance,
    "permute within first_campaign": lambda j: is_beyond_chance(j, "first_campaign"),
    "permute within activity": lambda j: is_beyond_chance(j, "activity"),
    "flow.correlation, nodes": lambda j: ask_flow(j, "nodes"),
    "flow.correlation, links": lambda j: ask_flow(j, "links"),
    "funnel by campaign": lambda j: is_significant(j.funnel(["Visit", "Buy"], by="first_campaign").compare().table),
    "funnels of groups that overlap": lambda j: is_significant(
        keep_third(j, 0).funnel(["Visit", "b9", "Buy"]).compare(keep_third(j, 1)).table
    ),
    "funnels of sessions": lambda j: is_significant(
        j.only(pl.col("person").cast(pl.Int64) % 2 == 0)
        .funnel(["b9", "b8"], count="sessions", gap="2d", within="session")
        .compare(j.only(pl.col("person").cast(pl.Int64) % 2 == 1))
        .table
    ),
}


def at_most_5_percent(count: int, logs: int, *, errors: float = 3.0) -> bool:
    """Whether so many of the logs are no more than 5%, allowing some standard errors for chance."""
    return count / logs <= LEVEL + errors * math.sqrt(LEVEL * (1 - LEVEL) / logs)


def measure_levels(world: str, *, logs: int, seed: int = 2026) -> pl.DataFrame:
    """Count the logs of a world in which each question finds something."""
    rng = np.random.default_rng([seed, list(WORLDS).index(world)])
    found = dict.fromkeys(QUESTIONS, 0)
    for _ in range(logs):
        j = make_log(rng, *WORLDS[world])
        for name, ask in QUESTIONS.items():
            found[name] += ask(j)
    return pl.DataFrame(
        [
            (world, name, logs, count, count / logs, math.sqrt(count / logs * (1 - count / logs) / logs))
            for name, count in found.items()
        ],
        schema=["world", "question", "logs", "with_finding", "rate", "error"],
        orient="row",
    )


def main() -> None:
    """Measure, print and write the figures; fail where more than 5% of the logs have a finding."""
    options = parse_options(__doc__, choices=list(WORLDS), name="world", logs=400)
    figures = pl.concat([measure_levels(world, logs=options.logs) for world in options.chosen])
    for row in figures.iter_rows(named=True):
        print(f"{row['rate']:6.1%} ± {row['error']:.1%}  {row['question']:32} {row['world']}")
    wrong = [row for row in figures.iter_rows(named=True) if not at_most_5_percent(row["with_finding"], row["logs"])]
    finish_run(figures, out=options.out, wrong=wrong, fault="exceed 5%")


if __name__ == "__main__":
    main()
