"""Flows against what is published: PostHog's own path cases, and the figures of real logs."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from fnmatch import translate
from itertools import pairwise
from typing import Any

import polars as pl
import pytest

import journeys as jn
from tests.shared import PUBLISHED, SHARED, needs_shared

# What our flow does not mean to be, case by case.
APART = {
    "ph272": "paths inside a funnel's window are asked of the funnel's people, not of a flow",
    "ph273": "paths inside a funnel's window are asked of the funnel's people, not of a flow",
    "ph274": "paths inside a funnel's window are asked of the funnel's people, not of a flow",
    "ph275": "paths inside a funnel's window are asked of the funnel's people, not of a flow",
}


def cases() -> list[dict[str, Any]]:
    file = PUBLISHED / "posthog.json"
    return [case for case in json.loads(file.read_text()) if case["kind"] == "paths"]


def item(event: dict[str, Any]) -> str | None:
    properties = event.get("properties") or {}
    if event["event"] == "$pageview":
        url = properties.get("$current_url")
        return url and (url.removesuffix("/") if len(url) > 1 else url)
    return properties.get("$screen_name") if event["event"] == "$screen" else event["event"]


def wanted(event: dict[str, Any], config: dict[str, Any]) -> bool:
    kinds, own = config.get("include_event_types"), config.get("include_custom_events") or []
    if kinds is None and not own:
        return True
    kind = event["event"] if event["event"] in ("$pageview", "$screen") else "custom_event"
    return kind in (kinds or []) or event["event"] in own


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def edges_of(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask our flow what PostHog was asked."""
    config = case["config"]
    low, high = (moment(text) for text in config["range"])
    rules = [(rule["regex"], rule["alias"]) for rule in config.get("team_path_cleaning") or []]
    rules += [
        (f"^{translate(pattern).removeprefix('(?s:').removesuffix(chr(92) + 'Z').removesuffix(')')}$", pattern)
        for pattern in config.get("path_groupings") or []
    ]
    rows = []
    for event in case["events"]:
        name = item(event)
        keep = all((event.get("properties") or {}).get(p["key"]) == p["value"] for p in config.get("properties") or [])
        if name and keep and wanted(event, config) and low <= moment(event["timestamp"]) <= high:
            for pattern, alias in rules:
                name = re.sub(pattern, lambda _, alias=alias: alias, name)
            if name not in (config.get("exclude_events") or []):
                rows.append((event["person"], moment(event["timestamp"]), name))
    if not rows:
        return []
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    start, end = ((config.get(name) or "").removesuffix("/") or None for name in ("start_point", "end_point"))
    steps = config.get("step_limit", 5)
    names = set(log["event"])
    if (start or end) and not {start, end} <= {*names, None}:
        return []
    flow = jn.Journeys.from_table(log).flow(
        start=start, end=end, who="converted" if end else "all", count="sessions", keep="last", steps=steps, top=None
    )
    if end:
        return anchored(flow, steps=steps, both=start is not None)
    table = flow.table.rename({"sessions": "people"}).filter(~pl.col("target").is_in(["(drop-off)", "(continues)"]))
    table = table.filter(pl.col("people") >= config.get("min_edge_weight", 0))
    table = table.filter(pl.col("people") <= config.get("max_edge_weight", 10**9))
    table = table.sort("people", "position", "source", "target", descending=[True, False, False, False])
    return [
        {"source": f"{p + 1}_{s}", "target": f"{p + 2}_{t}", "value": n, "average_ms": mean / timedelta(milliseconds=1)}
        for p, s, t, n, mean in table.head(config.get("edge_limit", 50))
        .select("position", "source", "target", "people", "mean_time")
        .rows()
    ]


def anchored(flow: Any, *, steps: int, both: bool) -> list[dict[str, Any]]:
    """Lay whole paths to an end as PostHog does: the last nodes, or the first, "..." and the last, from the left."""
    edges: Counter[tuple[str, str]] = Counter()
    for path, people in flow.paths(1000).table.select("path", "sessions").rows():
        shown = path
        if len(path) > steps:
            shown = [*path[: steps // 2], "...", *path[-(steps // 2) :]] if both else path[-steps:]
        for place, (source, target) in enumerate(pairwise(shown), start=1):
            edges[f"{place}_{source}", f"{place + 1}_{target}"] += people
    return [{"source": source, "target": target, "value": value} for (source, target), value in edges.items()]


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in cases()])
def test_posthog_path(case: dict[str, Any]) -> None:
    if case["id"] in APART:
        pytest.skip(APART[case["id"]])
    ours = sorted(edges_of(case), key=lambda e: (e["source"], e["target"]))
    theirs = sorted(case["derived_full"]["edges"], key=lambda e: (e["source"], e["target"]))
    if case["config"].get("end_point"):
        theirs = [{key: value for key, value in edge.items() if key != "average_ms"} for edge in theirs]
    assert ours == theirs


@needs_shared
def test_baseball_paths() -> None:
    log = pl.scan_parquet(SHARED / "data" / "retrosheet_2019" / "events.parquet")
    j = jn.Journeys.from_table(log.sort("session_id", "timestamp", "seq").drop("user_id", "seq"), person="session_id")
    flow = j.flow(steps=8, top=None, times=False, collapse=False)
    assert flow.journey_count == 186_517
    paths = {tuple(path): people for path, people in flow.paths(10).table.select("path", "people").rows()}
    assert paths["plate_appearance", "in_play", "out_in_play"] == 12_691
    assert paths["plate_appearance", "ball", "in_play", "out_in_play"] == 7_080
    assert max(paths.values()) == 12_691
    assert flow.table.filter(position=0)["people"].sum() == 186_517
    runs = flow.nodes.filter(node="home_run")["people"].sum()
    assert runs <= 6_776
    ended = j.flow(end="home_run", steps=20, top=None, times=False)
    assert ended.journey_count == 6_776
    assert ended.reached == 6_776
    assert j.flow(end="strikeout", times=False).journey_count == 42_823


@needs_shared
def test_hospital_variants() -> None:
    log = pl.read_csv(SHARED / "data" / "sepsis" / "sepsis.csv", separator=";", infer_schema=False)
    log = log.select(
        pl.col("Case ID").alias("person"),
        pl.col("Complete Timestamp").str.to_datetime("%Y/%m/%d %H:%M:%S%.f", time_zone="UTC").alias("timestamp"),
        pl.col("Activity").alias("event"),
        "Variant",
    )
    flow = jn.Journeys.from_table(log).flow(collapse=False, steps=20, top=None)
    assert flow.journey_count == 1_050
    assert flow.covering(1.0) == (846, 846)
    published = log.unique(["person", "Variant"])["Variant"].value_counts()["count"].sort(descending=True)
    assert flow.paths(20).table["people"].to_list() == published.head(20).to_list()


@needs_shared
def test_shop_flow_equals_its_funnel() -> None:
    log = pl.read_csv(SHARED / "data" / "retentioneering_ecom" / "ecom.csv.gz")
    j = jn.Journeys.from_table(log, person="user_id")
    flow = j.flow(end="purchase", who="all", steps=6)
    assert (flow.journey_count, flow.reached) == (600, 328)
    assert j.flow(end="purchase").journey_count == 328
    assert j.flow(end="purchase", occurrence="each").journey_count == 470
    sessions = j.flow(count="sessions", gap="30m")
    assert sessions.nodes.filter(position=0)["sessions"].sum() == 3_605
