"""What could mislead about the numbers of a table: cautions about the whole table, doubts about single behaviours."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.correlation.equal_time import compare_equal_time
from journeys.analyses.correlation.spec import AtLeast, Before, CorrelationSpec, Family
from journeys.analyses.correlation.summarise import CELLS, BehaviourCounts, add_measures
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.stats import adjust, to_columns
from journeys.stats.tables import expected_minimum

LEVEL = 0.05
# what happens to people, or what a CRM records about them, makes no headline: nobody can decide to do it
_PASSIVE = r"(?i)^(received|became|was|were|got|bounced|delivered)\b"
_MEASURES = ("phi", "ci_low", "ci_high", "rate_with", "rate_without", "strength")


def list_cautions(table: pl.DataFrame, counts: BehaviourCounts, spec: CorrelationSpec) -> list[str]:
    """List what could mislead about a table, one line each."""
    people, converted = counts.people, counts.converted
    if not 0 < converted < people:
        return []
    from journeys.display import adapt_words, format_count, format_percent, quote_name

    lines = []
    small = min(converted, people - converted)
    if small < 30:
        side = "converted" if small == converted else "did not convert"
        lines.append(f"Only {format_count(small, 'person')} {side}.")
    if people / small > 10:
        side = "convert" if small == converted else "do not convert"
        lines.append(
            f"{adapt_words('Few people')} {side} ({format_percent(small / people)}): phi stays small, "
            "so read the rates as well."
        )
    defined = table.filter(pl.col("phi").is_not_null())
    exact = int((expected_minimum(*(defined[name] for name in CELLS)) < 5).sum())
    if exact:
        lines.append(f"Fisher's exact test was used for {format_count(exact, 'behaviour')} with small cells.")
    leaks = defined.filter(pl.col("phi") > 0.9)["behaviour"].to_list()
    if leaks:
        lines.append(f"Too good to be true, look for a leak: {', '.join(map(quote_name, leaks))}.")
    return lines + _list_exposure_cautions(defined, counts, spec)


def _list_exposure_cautions(defined: pl.DataFrame, counts: BehaviourCounts, spec: CorrelationSpec) -> list[str]:
    """Warn when a longer time to do things could by itself explain what the table shows."""
    if not isinstance(spec.exposure, Before):
        return []
    rows = (counts.rows[1] / max(counts.converted, 1), counts.rows[0] / max(counts.people - counts.converted, 1))
    is_unequal = max(rows) >= 1.5 * max(min(rows), 1e-9)
    negative, positive = (int((sign * defined["phi"] > 0).sum()) for sign in (-1, 1))
    if defined.height < 4 or not is_unequal or max(negative, positive) < 0.75 * defined.height:
        return []
    from journeys.display import adapt_words, format_number, give_advice

    look = "bad" if negative > positive else "good"
    converters, others = (format_number(mean) if mean >= 10 else f"{mean:.1f}" for mean in rows)
    who = adapt_words("people who").capitalize()
    line = f"{who} converted did {converters} things before that on average, the others {others}"
    fair = adapt_words(
        "with everybody observed equally long" if look == "bad" else "among people who are equally active"
    )
    return [f"{line}: that alone makes most behaviours look {look}.{give_advice(f' Compare {fair}.')}"]


def explain_exclusions(left_out: pl.DataFrame, counts: BehaviourCounts, spec: CorrelationSpec) -> pl.DataFrame:
    """Say why behaviours are not compared: `behaviour`, `reason`, `people`; sorted by reason and behaviour."""
    from journeys.display import adapt_words, format_count, quote_name

    only_after = adapt_words(" who did it did so only after")
    texts = {
        "is goal": "it is the conversion itself",
        "contains goal": "the conversion itself is part of it",
        "starts the clock": adapt_words("everybody here did it: the clock starts there"),
        "excluded": "it was excluded",
        "renamed goal": "it is the conversion under another name",
        "too few": f"fewer than {format_count(spec.min_people, 'person')} did it in the time that counts",
    }

    def explain_late(people: int, after: int) -> str:
        did = people + after
        some = f"{after:,} of the {did:,}" if people else f"all {did:,}" if did > 1 else "the only one"
        return f"{some}{only_after} {quote_name(spec.goal.name)}"

    reasons = [
        texts.get(reason) or explain_late(people, counts.after[family, value])
        for reason, people, family, value in left_out.select("reason", "people", "family", "value").iter_rows()
    ]
    explained = left_out.with_columns(pl.Series("reason", reasons, dtype=pl.String))
    return explained.select("behaviour", "reason", "people").sort("reason", "behaviour")


def add_doubts(journeys: JourneysProtocol, table: pl.DataFrame, spec: CorrelationSpec) -> pl.DataFrame:
    """Add the comparison in which everybody has had the same time, and the `doubt` about what should not be reported.

    Return the table with `both_matched` to `neither_matched`, `phi_matched` with `ci_low_matched`, `ci_high_matched`,
    `rate_with_matched`, `rate_without_matched` (as with `exposure="matched"`, where the exposure is not equal already),
    `observed` and `expected` (converters who had done it before), `z`, `p_equal_time`, `q_equal_time` (see
    `journeys.stats.mantel_byar`), `holds`, and `doubt`.
    """
    behaviours = list(table.select("family", "value").iter_rows())
    found = compare_equal_time(journeys, spec, behaviours)
    cells = table.select(CELLS) if found.matched is None else found.matched
    matched = add_measures(cells, confidence=spec.confidence).select(*CELLS, *_MEASURES)
    table = pl.concat([table, matched.rename(lambda name: f"{name}_matched")], how="horizontal")
    tried = np.array([_count_thresholds(spec.families[family]) for family, _ in behaviours], np.float64)
    p = np.minimum(found.test.p_value * tried, 1.0)
    test = found.test
    measured = to_columns(
        observed=test.observed, expected=test.expected, z=test.z, p_equal_time=p, q_equal_time=adjust(p)
    )
    table = table.with_columns(*measured, last_minute=pl.Series(found.last_minute, dtype=pl.Int64))
    sign = pl.col("z").sign()
    same = (sign == pl.col("phi").sign()) & (sign == pl.col("phi_matched").sign())
    holds = ((pl.col("q_equal_time") <= LEVEL) & same).fill_null(value=False)
    table = table.with_columns(holds=holds).with_columns(doubt=_explain_doubt(spec.goal.name))
    order = ["phi", "behaviour", "family", "value"]
    return table.drop("last_minute").sort(order, descending=[True, False, False, False], nulls_last=True)


def _explain_doubt(goal: str) -> pl.Expr:
    """Say why a behaviour should not be reported, though its phi may look certain."""
    from journeys.display import adapt_words, quote_name

    did, late, last_minute = pl.col("both") + pl.col("behaviour_only"), pl.col("only_after"), pl.col("last_minute")
    positive = pl.col("phi") > 0
    who_did = adapt_words(" who did it did so")
    stops = pl.col("holds") & (pl.col("z") < 0)  # what comes before not going on is no consequence of the goal
    return (
        pl.when(positive & (last_minute > 0) & (2 * last_minute >= pl.col("both")))
        .then(
            pl.format(
                "{} of the {} converters{} within a minute before {}: a part of it",
                last_minute,
                pl.col("both"),
                pl.lit(who_did),
                pl.lit(quote_name(goal)),
            )
        )
        .when((late > did) & ~stops)
        .then(pl.format("{} of the {}{} only after converting", late, did + late, pl.lit(who_did)))
        .when((pl.col("phi") > 0.9) | (pl.col("phi_matched") > 0.9))
        .then(pl.lit("too good to be true: look for a leak"))
        .when((pl.col("q_value") <= LEVEL) & ~pl.col("holds"))
        .then(pl.lit(adapt_words("does not hold once everybody is observed equally long")))
        .when(pl.col("phi").is_not_null() & pl.col("phi_matched").is_null())
        .then(pl.lit(adapt_words("cannot be compared once everybody is observed equally long")))
    )


def is_headline() -> pl.Expr:
    """Whether a finding may be a headline: not negligible, not among few people, and something that people do."""
    did = pl.col("both_matched") + pl.col("behaviour_only_matched")
    others = pl.col("conversion_only_matched") + pl.col("neither_matched")
    is_passive = pl.col("behaviour").str.contains(_PASSIVE)
    return (pl.col("phi_matched").abs() >= 0.2) & (pl.min_horizontal(did, others) >= MIN_PEOPLE) & ~is_passive


def use_equal_time(checks: pl.DataFrame) -> pl.DataFrame:
    """Put the numbers of the equal-time comparison in place of the others, for a chart."""
    names = [*CELLS, *_MEASURES]
    replaced = checks.with_columns(*(pl.col(f"{name}_matched").alias(name) for name in names))
    return replaced.with_columns(
        q_value=pl.when(pl.col("holds") | (pl.col("q_equal_time") > LEVEL)).then("q_equal_time").otherwise(1.0)
    )


def _count_thresholds(family: Family) -> int:
    """Count the thresholds that a search tried."""
    return len(family.times) * len(family.within) if isinstance(family, AtLeast) else 1
