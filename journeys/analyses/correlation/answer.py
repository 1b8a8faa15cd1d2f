"""From a question to its answer: count, add up, and say what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from journeys.analyses.correlation.ask import Ask, Before, Matched, Rules
from journeys.analyses.correlation.checks import match
from journeys.analyses.correlation.count import count
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.correlation.summary import Cells, add_up, behaviour_table
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.result import settings_of
from journeys.errors import ArgumentError
from journeys.stats.columns import critical_value
from journeys.stats.tables import expected_minimum

__all__ = ["check_rules", "correlate"]


def check_rules(rules: Rules) -> None:
    """Refuse a floor or a confidence that cannot be meant."""
    critical_value(rules.confidence)
    min_people = rules.min_people
    if isinstance(min_people, bool) or not isinstance(min_people, int) or min_people < 0:
        raise ArgumentError(f"min_people: expected a whole number of people, 0 or more; got {min_people!r}.")


def correlate(
    journeys: JourneysProtocol,
    ask: Ask,
    *,
    rules: Rules,
    options: Mapping[str, Any],
) -> Correlation:
    """Count a question and summarise its answer."""
    check_rules(rules)
    if isinstance(ask.exposure, Matched):
        ask = match(journeys, ask)
    cells = add_up(journeys._count_shards(count, ask), ask)
    table, apart = behaviour_table(cells, ask, rules=rules)
    return Correlation(
        table=table,
        settings=settings_of(journeys, **options),
        _journeys=journeys,
        set_apart=apart,
        not_compared=cells.apart,
        cautions=tuple(_cautions(table, cells, ask)),
        ask=ask,
        cells=cells,
        rules=rules,
    )


def _cautions(table: pl.DataFrame, cells: Cells, ask: Ask) -> list[str]:
    """Say in short lines what could mislead."""
    people, converted = cells.people, cells.converted
    if not 0 < converted < people:
        return []
    from journeys.display import percent, plural

    lines = []
    small = min(converted, people - converted)
    if small < 30:
        side = "converted" if small == converted else "did not convert"
        lines.append(f"Only {plural(small, 'person', 'people')} {side}.")
    if people / small > 10:
        side = "convert" if small == converted else "do not convert"
        lines.append(f"Few people {side} ({percent(small / people)}): phi stays small, so read the rates as well.")
    defined = table.filter(pl.col("phi").is_not_null())
    cells_of = [defined[name] for name in ("both", "behaviour_only", "conversion_only", "neither")]
    exact = int((expected_minimum(*cells_of) < 5).sum())
    if exact:
        lines.append(f"Fisher's exact test was used for {plural(exact, 'behaviour')} with small cells.")
    leaks = defined.filter(pl.col("phi") > 0.9)["behaviour"].to_list()
    if leaks:
        lines.append(f"Too good to be true, look for a leak: {', '.join(leaks)}.")
    lines += _exposure_cautions(defined, cells, ask)
    return lines


def _exposure_cautions(defined: pl.DataFrame, cells: Cells, ask: Ask) -> list[str]:
    """Say so when being watched longer could by itself explain what the table shows."""
    if not isinstance(ask.exposure, Before):
        return []
    others, converters = cells.rows
    long = others / max(cells.people - cells.converted, 1)
    short = converters / max(cells.converted, 1)
    below = int((defined["phi"] < 0).sum())
    above = int((defined["phi"] > 0).sum())
    unequal = max(long, short) >= 1.5 * max(min(long, short), 1e-9)
    if defined.height < 4 or not unequal or max(below, above) < 0.75 * defined.height:
        return []
    from journeys.display import number

    look = "bad" if below > above else "good"
    less, more = (number(mean) if mean >= 10 else f"{mean:.1f}" for mean in (short, long))
    line = f"Before converting, people did {less} things on average, the others {more}"
    fair = "with everybody watched equally long" if look == "bad" else "among people who are equally active"
    return [f"{line}: that alone makes most behaviours look {look}. Compare {fair}."]
