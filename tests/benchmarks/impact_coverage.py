"""Do intervals cover 95%, and is nothing found where nothing has an effect: impact, experiments, retention?

Logs are simulated of which the truth is known, and asked. Intervals that should hold the truth in 95% of them may do so
in fewer only within the error of so many logs::

    python -m tests.benchmarks.impact_coverage --logs 400
    python -m tests.benchmarks.impact_coverage --logs 400 --question "experiment without effect" --out figures.csv
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

import journeys as jn
from tests.benchmarks.simulation import finish_run, parse_options

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
LEVEL = 0.95
USE = 0.02
DAYS = 50
Floats = npt.NDArray[np.float64]


class Answer(NamedTuple):
    """How many intervals of a log were looked at, how many hold the truth, and by how much the estimate is off."""

    intervals: int
    covered: int
    error: float


def make_log(rows: list[tuple[int, float, str]]) -> jn.Journeys:
    """Make journeys of (person, day, event)."""
    table = pl.DataFrame(rows, schema={"person": pl.Int64, "day": pl.Float64, "event": pl.String}, orient="row")
    time = pl.lit(START) + pl.duration(microseconds=(pl.col("day") * 86_400e6).cast(pl.Int64))
    return jn.Journeys.from_table(table.select("person", "event", timestamp=time))


def simulate_visits(random: np.random.Generator, rate: float) -> Floats:
    """Simulate when one person does something: visits of several events, from a first day on."""
    begin = random.uniform(0, DAYS / 2)
    visits = random.uniform(begin, DAYS, random.poisson(rate * (DAYS - begin)))
    times = np.repeat(visits, random.integers(1, 6, visits.size))
    return np.sort(np.append(begin, times + random.exponential(0.01, times.size)))


def simulate_uses(
    random: np.random.Generator, *, people: int = 250, by_person: bool = False, effect: float = 0.0
) -> jn.Journeys:
    """Simulate people whose activity differs a lot, and first uses that have no effect on it, or a known one.

    Those who use it are the active ones. Either any event is a use by chance, so that people who do more use it sooner;
    or (`by_person`) the most active third of all people use it, at any one of their events. `effect` is added to the 7
    days after the first use.
    """
    rates = np.exp(random.normal(-1.2, 1.0, people))
    active = rates >= np.quantile(rates, 2 / 3)
    rows: list[tuple[int, float, str]] = []
    for person, rate in enumerate(rates):
        times = simulate_visits(random, rate)
        if by_person:
            used = np.zeros(times.size, dtype=np.bool_)
            used[random.integers(times.size)] = active[person]
        else:
            used = random.random(times.size) < USE
        rows += [(person, time, "U" if use else "T") for time, use in zip(times, used, strict=True)]
        if used.any():
            rows += [(person, times[used][0] + random.uniform(0.02, 6.9), "T") for _ in range(random.poisson(effect))]
    return make_log(rows)


def ask_impact(random: np.random.Generator, *, by_person: bool = False, effect: float = 0.0) -> Answer:
    """Ask the impact of a first use of which the effect is known."""
    j = simulate_uses(random, by_person=by_person, effect=effect)
    row = j.impact("U", on="T", periods=7).summary.row(0, named=True)
    # others who use it later have the effect, too, in a part of the time compared: it is understated by about that much
    truth = effect * (1 - row["used_later"])
    return Answer(1, int(row["ci_low"] <= truth <= row["ci_high"]), row["effect"] - truth)


def ask_experiment(random: np.random.Generator) -> Answer:
    """Ask an experiment of two equal variants; significant is what does not hold the truth."""
    people = 600
    variant = random.choice(["a", "b"], people)
    bought = random.random(people) < 0.2
    rows = {"person": range(people), "event": "Seen", "timestamp": START, "variant": variant}
    goal = {"person": np.flatnonzero(bought), "event": "Buy", "timestamp": START.replace(hour=1), "variant": None}
    log = pl.concat([pl.DataFrame(rows), pl.DataFrame(goal, schema_overrides={"variant": pl.String})], how="diagonal")
    row = jn.Journeys.from_table(log).experiment("variant", goal="Buy").table.row(1, named=True)
    return Answer(1, int(row["p_value"] >= 1 - LEVEL), row["difference"])


def ask_retention(random: np.random.Generator) -> Answer:
    """Ask retention of weekly cohorts whose chance to come back in each week is known."""
    people, chance = 240, np.array([0.5, 0.4, 0.3, 0.25, 0.2])
    rows: list[tuple[int, float, str]] = [(people, 7.0 * 9 + 0.5, "Edge")]
    for person in range(people):
        week = random.integers(4)
        rows.append((person, 7.0 * week + random.uniform(0, 7), "Sign up"))
        back = np.flatnonzero(random.random(chance.size) < chance) + 1
        rows += [(person, 7.0 * (week + later) + random.uniform(0, 7), "Task") for later in back]
    r = make_log(rows).retention("Sign up", back="Task", every="1w", periods=chance.size)
    cells = r.table.filter(pl.col("complete") & (pl.col("period") > 0) & (pl.col("size") > 0))
    truth = chance[cells["period"].to_numpy() - 1]
    covered = (cells["ci_low"].to_numpy() <= truth) & (truth <= cells["ci_high"].to_numpy())
    return Answer(cells.height, int(covered.sum()), float((cells["rate"].to_numpy() - truth).mean()))


QUESTIONS: dict[str, Callable[[np.random.Generator], Answer]] = {
    "impact without effect, any event is a use": ask_impact,
    "impact without effect, the active ones use it": lambda random: ask_impact(random, by_person=True),
    "impact of 4 events": lambda random: ask_impact(random, effect=4.0),
    "experiment without effect": ask_experiment,
    "retention of weekly cohorts": ask_retention,
}


def measure_coverage(question: str, *, logs: int, seed: int = 2026) -> dict[str, str | float]:
    """Ask a question of so many logs; return the share of intervals that hold the truth, and the mean error."""
    random = np.random.default_rng([seed, list(QUESTIONS).index(question)])
    answers = [QUESTIONS[question](random) for _ in range(logs)]
    intervals = sum(one.intervals for one in answers)
    off = np.array([one.error for one in answers])
    return {
        "question": question,
        "logs": logs,
        "intervals": intervals,
        "coverage": sum(one.covered for one in answers) / intervals,
        "mean_error": float(off.mean()),
        "error_of_mean": float(off.std(ddof=1) / math.sqrt(logs)),
    }


def covers_enough(coverage: float, logs: int, *, errors: float = 3.0) -> bool:
    """Whether intervals hold the truth in 95%, allowing some standard errors for the chance of so many logs."""
    return coverage >= LEVEL - errors * math.sqrt(LEVEL * (1 - LEVEL) / logs)


def main() -> None:
    """Measure, print and write the figures; fail where intervals cover too little."""
    options = parse_options(__doc__, choices=list(QUESTIONS), name="question", logs=300)
    figures = []
    for question in options.chosen:
        row = measure_coverage(question, logs=options.logs)
        figures.append(row)
        print(
            f"{row['coverage']:6.1%} of {row['intervals']:>5} intervals hold the truth, "
            f"off by {row['mean_error']:+.3f} ± {row['error_of_mean']:.3f}  {question}",
            flush=True,
        )
    wrong = [row for row in figures if not covers_enough(float(row["coverage"]), options.logs)]
    finish_run(pl.DataFrame(figures), out=options.out, wrong=wrong, fault="cover less than 95%")


if __name__ == "__main__":
    main()
