"""Published funnel cases as journeys and questions: one translation, used by every test of them."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

import journeys as jn
from tests.shared import PUBLISHED

Case = dict[str, Any]


@cache
def posthog() -> tuple[Case, ...]:
    cases = json.loads((PUBLISHED / "posthog.json").read_text())
    return tuple(case for case in cases if case["kind"] == "funnel")


@cache
def vendor_docs() -> tuple[Case, ...]:
    cases = json.loads((PUBLISHED / "vendor_docs.json").read_text())
    return tuple(case for case in cases if case["kind"] in {"funnel", "funnel_trend"})


@cache
def clickhouse() -> tuple[Case, ...]:
    cases = json.loads((PUBLISHED / "clickhouse.json").read_text())["rows"]
    return tuple(case for case in cases if case["fn"] == "windowFunnel")


def journeys(case: Case) -> jn.Journeys:
    """Make the log: properties as text, those of persons with `person:` before their name."""
    owners = {distinct: one["id"] for one in case.get("persons", []) for distinct in one["distinct_ids"]}
    traits = {one["id"]: one["properties"] for one in case.get("persons", [])}
    rows = []
    for event in case["events"]:
        person = owners.get(event["person"], event["person"])
        row = {"person": person, "timestamp": event["timestamp"], "event": event["event"]}
        row |= {name: text(value) for name, value in (event.get("properties") or {}).items() if not is_list(value)}
        row |= {f"person:{name}": text(value) for name, value in traits.get(person, {}).items()}
        rows.append(row)
    first = min((row["timestamp"] for row in rows), default="2020-01-01T00:00:00Z")
    names = names_of(case) - {row["event"] for row in rows}
    rows += [{"person": "\x7fknown", "timestamp": first, "event": name} for name in sorted(names)]
    columns = [
        "person",
        "timestamp",
        "event",
        *sorted({key for row in rows for key in row if ":" in key}),
        *properties(case),
    ]
    frame = pl.DataFrame(
        [{name: row.get(name) for name in columns} for row in rows],
        schema=dict.fromkeys(columns, pl.String),
    )
    frame = frame.with_columns(pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC"))
    return jn.Journeys.from_table(frame).where(pl.col("person") != "\x7fknown")


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(value)


def properties(case: Case) -> list[str]:
    names = {name for event in case["events"] for name in event.get("properties") or {}}
    asked = case["config"].get("breakdown")
    names |= {asked} if isinstance(asked, str) else set(asked or [])
    return sorted(names)


def names_of(case: Case) -> set[str]:
    config = case["config"]
    names = {one["id"] for one in config.get("exclusions", []) if "id" in one}
    names |= {one["event"] for one in config.get("exclusions", []) if "event" in one}
    for step in config["steps"]:
        names |= {step} if isinstance(step, str) else {m["event"] for m in step.get("match") or [{"event": step["id"]}]}
    return names


def condition(one: Mapping[str, Any] | str) -> pl.Expr:
    """Translate an event or an action with its filters on properties."""
    if isinstance(one, str):
        return pl.col("event") == one
    parts = []
    for match in one.get("match") or [{"event": one["id"]}]:
        said = pl.col("event") == match["event"]
        for rule in match.get("properties") or []:
            said &= rule_of(rule)
        parts.append(said)
    found = pl.any_horizontal(parts)
    rules = one.get("properties") or []
    if isinstance(rules, dict):
        rules = [{"key": key, "value": value} for key, value in rules.items()]
    for rule in rules:
        found &= rule_of(rule)
    return found


def rule_of(rule: Mapping[str, Any]) -> pl.Expr:
    if "values" in rule:
        inner = [rule_of(one) for one in rule["values"]]
        return pl.any_horizontal(inner) if rule["type"] == "OR" else pl.all_horizontal(inner)
    column = pl.col(f"person:{rule['key']}" if rule.get("type") == "person" else rule["key"])
    operator = rule.get("operator", "exact")
    if operator == "is_set":
        return column.is_not_null()
    values = rule["value"] if isinstance(rule["value"], list) else [rule["value"]]
    if operator == "icontains":
        return pl.any_horizontal(
            column.str.to_lowercase().str.contains(str(value).lower(), literal=True) for value in values
        )
    return column.is_in([str(value) for value in values])


def question(case: Case) -> dict[str, Any]:
    """Translate the question into ours, with PostHog's meaning."""
    config = case["config"]
    optional = set(config.get("optional_steps", []))
    steps = [
        jn.step(f"{n}. {one['id']}", condition(one), optional=n in optional) for n, one in enumerate(config["steps"])
    ]
    out: dict[str, Any] = {
        "steps": steps,
        "semantics": "posthog",
        "within": f"{config['window_seconds']}s",
        "order": {"ordered": "loose", "strict": "strict", "unordered": "any"}[config["order"]],
    }
    out["exclude"] = [
        jn.never(condition(one), after=one["from_step"] + 1, before=one["to_step"] + 1)
        for one in config.get("exclusions", [])
    ]
    if config.get("breakdown"):
        by = [config["breakdown"]] if isinstance(config["breakdown"], str) else config["breakdown"]
        out["by"] = [f"person:{name}" for name in by] if config.get("breakdown_type") == "person" else by
        kind = config.get("breakdown_attribution_type", "first_touch")
        at = config.get("breakdown_attribution_value")
        out["by_at"] = {"first_touch": "first", "last_touch": "last", "step": int(at or 0) + 1}[kind]
        out["top"] = config.get("breakdown_limit", 25)
    return out


def in_range(j: jn.Journeys, case: Case) -> jn.Journeys:
    """Cut to the days of the question: PostHog's range holds for every event."""
    low, high = (pl.lit(at).str.to_datetime(time_unit="us", time_zone="UTC") for at in case["config"]["range"])
    cut = j.where(pl.col("timestamp").is_between(low, high))
    rules = case["config"].get("properties")
    if rules:
        for rule in [rules] if isinstance(rules, dict) else rules:
            cut = cut.where(rule_of(rule))
    return cut
