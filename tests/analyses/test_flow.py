"""Flows against plain loops, against their own bookkeeping, and with input that is not nice."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.twins import flow as twin

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = 60_000_000

events_of_one = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from("ABCX"), st.sampled_from([None, "p", "q"])), max_size=9
)
logs = st.lists(events_of_one, min_size=1, max_size=6)

optional = {
    "start": st.sampled_from([None, "A", ["A", "B"], "X"]),
    "end": st.sampled_from([None, "X", ["X", "C"], "A"]),
    "occurrence": st.sampled_from(["first", "last"]),
    "count": st.sampled_from(["people", "sessions", "entries"]),
    "within": st.sampled_from([None, 1, 2, 5]),
    "gap": st.sampled_from([1, 2, 30]),
    "campaign_cuts": st.booleans(),
    "collapse": st.sampled_from([True, False, "loops", 1, 2]),
    "keep": st.sampled_from(["first", "last"]),
    "align": st.sampled_from(["start", "end"]),
    "steps": st.integers(1, 5),
    "top": st.sampled_from([None, 1, 2]),
    "who": st.sampled_from([None, "all", "converted", "dropped"]),
    "hide": st.sampled_from([None, None, "B", ["A"]]),
}
options = st.fixed_dictionaries({}, optional=optional)


def journeys_of(people: list[list[tuple[int, str, str | None]]]) -> tuple[jn.Journeys, dict[int, list[twin.Event]]]:
    """Make the log, and the same events person by person in log order."""
    rows = [
        {"person": person, "timestamp": EPOCH + timedelta(minutes=minute), "event": event, "campaign": campaign}
        for person, events in enumerate(people)
        for minute, event, campaign in events
    ]
    schema = {"person": pl.Int64, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}
    # the names are all there, so that each may be asked for
    extra = [{"person": 99, "timestamp": EPOCH, "event": event, "campaign": None} for event in ("A", "B", "C", "X")]
    own = {
        person: [
            twin.Event(minute * MINUTE, event, {"campaign": campaign})
            for minute, event, campaign in sorted(events, key=lambda e: e[0])
        ]
        for person, events in enumerate(people)
        if events
    }
    own[99] = [twin.Event(0, event, {"campaign": None}) for event in ("A", "B", "C", "X")]
    return jn.Journeys.from_table(pl.DataFrame(rows + extra, schema=schema)), own


def ask(j: jn.Journeys, asked: dict[str, Any]) -> Any:
    words = dict(asked)
    for name in ("within", "gap"):
        if words.get(name) is not None:
            words[name] = timedelta(minutes=words[name])
    if isinstance(words.get("collapse"), int) and not isinstance(words["collapse"], bool):
        words["collapse"] = timedelta(minutes=words["collapse"])
    return j.flow(**words)


def in_loops(own: dict[int, list[twin.Event]], asked: dict[str, Any]) -> tuple[list[twin.Journey], dict[str, Any]]:
    words = dict(asked)
    hidden = words.pop("hide", None) or []
    shown = {name: words.pop(name) for name in ("steps", "align", "top", "who") if name in words}

    def condition(step: Any) -> Any:
        return None if step is None else (lambda e: e.event in step)

    start, end = words.pop("start", None), words.pop("end", None)
    if words.get("count") == "entries":
        words["occurrence"] = "each"
    for name in ("within", "gap"):
        if words.get(name) is not None:
            words[name] *= MINUTE
    if isinstance(words.get("collapse"), int) and not isinstance(words["collapse"], bool):
        words["collapse"] *= MINUTE
    found = twin.journeys(
        own,
        node=lambda e: None if e.event in hidden else e.event,
        start=condition(start),
        end=condition(end),
        start_name=" or ".join(start) if isinstance(start, list) else start or "",
        end_name=" or ".join(end) if isinstance(end, list) else end or "",
        **words,
    )
    shown["who"] = shown.get("who") or ("converted" if end and not start else "all")
    return found, {"steps": 6, "align": "start", "top": 10, **shown}


def test_every_option_agrees_with_plain_loops() -> None:
    @given(people=logs, asked=options)
    def agree(people: list[list[tuple[int, str, str | None]]], asked: dict[str, Any]) -> None:
        if asked.get("who") in ("converted", "dropped") and not asked.get("end"):
            asked = {**asked, "who": None}
        j, own = journeys_of(people)
        flow = ask(j, asked)
        found, shown = in_loops(own, asked)
        expected = twin.links(found, **shown)
        rows = {(row["position"], row["source"], row["target"]): row for row in flow.table.iter_rows(named=True)}
        wanted = {(row["position"], row["source"], row["target"]): row for row in expected if row["target"]}
        assert {key: row["people"] for key, row in rows.items()} == {key: row["people"] for key, row in wanted.items()}
        for key, row in rows.items():
            median, mean = wanted[key]["median_time"], wanted[key]["mean_time"]
            assert (row["median_time"] is None) == (median is None)
            if median is not None:
                assert row["median_time"] == timedelta(microseconds=median)
                assert abs(row["mean_time"] - timedelta(microseconds=mean)) <= timedelta(microseconds=1)
            if asked.get("end"):
                assert row["converted"] == wanted[key]["converted"]
                assert row["conversion_rate"] == pytest.approx(wanted[key]["converted"] / wanted[key]["passed"])
        conserved(flow, reached={(r["position"], r["source"]): r["people"] for r in expected if r["target"] is None})

    agree()


def conserved(flow: Any, *, reached: dict[tuple[int, str], int]) -> None:
    """Into a node = out of it + drop-off + continues + reached there."""
    into: dict[tuple[int, str], int] = defaultdict(int)
    out: dict[tuple[int, str], int] = defaultdict(int)
    for row in flow.table.iter_rows(named=True):
        out[row["position"], row["source"]] += row["people"]
        if row["target"] not in ("(drop-off)", "(continues)"):
            into[row["position"] + 1, row["target"]] += row["people"]
    for row in flow.nodes.iter_rows(named=True):
        key = row["position"], row["node"]
        assert row["people"] == row["onward"] + row["dropped"] + row["continued"] + row["reached_here"]
        assert row["people"] == out[key] + row["reached_here"]
        assert row["reached_here"] == reached.get(key, 0)
        if flow.spec.align == "start" and row["position"] > 0:
            assert into[key] == row["people"]
        assert into[key] <= row["people"]


def test_people_behind_each_part_pass_there() -> None:
    @given(people=logs, asked=options)
    def agree(people: list[list[tuple[int, str, str | None]]], asked: dict[str, Any]) -> None:
        if asked.get("who") in ("converted", "dropped") and not asked.get("end"):
            asked = {**asked, "who": None}
        j, own = journeys_of(people)
        flow = ask(j, asked)
        found, shown = in_loops(own, asked)
        kept = twin.shown_nodes(found, **shown)

        def fold(position: int, name: str | None) -> str | None:
            special = name in (None, "(drop-off)", "(continues)")
            return name if special or name in kept.get(position, ()) else "(other)"

        behind: dict[Any, set[int]] = defaultdict(set)
        for journey in found:
            if not twin.belongs(journey, shown["who"]):
                continue
            for (position, source, target), _ in twin.passed(journey, steps=shown["steps"], align=shown["align"]):
                behind[position, fold(position, source), fold(position + 1, target)].add(journey.person)
                behind[position, fold(position, source)].add(journey.person)
        for key in flow.table.select("position", "source", "target").rows()[:3]:
            assert set(flow.people(link=key).people["person"]) == behind[key]
        for key in flow.nodes.select("position", "node").rows()[:3]:
            assert set(flow.people(node=key).people["person"]) == behind[key]

    agree()


def test_whole_paths_agree_with_plain_loops() -> None:
    @given(people=logs, asked=options, size=st.integers(1, 3))
    def agree(people: list[list[tuple[int, str, str | None]]], asked: dict[str, Any], size: int) -> None:
        if asked.get("who") in ("converted", "dropped") and not asked.get("end"):
            asked = {**asked, "who": None}
        j, own = journeys_of(people)
        flow = ask(j, asked)
        found, shown = in_loops(own, asked)
        expected = twin.whole_paths(found, who=shown["who"])
        table = flow.paths(1000)
        rows = {(tuple(row["path"]), row.get("reached", False)): row for row in table.iter_rows(named=True)}
        assert len(rows) == table.height
        assert {key: row["people"] for key, row in rows.items()} == {key: row[0] for key, row in expected.items()}
        for key, row in rows.items():
            assert row["median_time"] == timedelta(microseconds=round(expected[key][2]))
            if asked.get("end"):
                assert row["conversion_rate"] == pytest.approx(expected[key][1])
        for path, reached in list(rows)[:3]:
            chosen = {j.person for j in found if tuple(n for n, _ in j.nodes) == path and j.converted == reached}
            assert set(flow.people(path=path, converted=reached).people["person"]) == chosen
        assert flow.covering(1.0) == (len({path for path, _ in expected}),) * 2
        grams = {tuple(r["sequence"]): (r["people"], r["times"]) for r in flow.sequences(size, n=1000).to_dicts()}
        assert grams == twin.sequences(found, size, who=shown["who"])

    agree()
