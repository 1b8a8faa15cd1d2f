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
from journeys import arrays
from journeys.analyses.flow import fast_count, shard_chunks
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
    "within": st.sampled_from([None, 1, 2, 5, "session"]),
    "gap": st.sampled_from([1, 2, 30]),
    "campaign_cuts": st.booleans(),
    "collapse": st.sampled_from([True, False, "loops", 1, 2]),
    "keep": st.sampled_from(["first", "last"]),
    "align": st.sampled_from(["start", "end"]),
    "steps": st.integers(1, 5),
    "top": st.sampled_from([None, 1, 2]),
    "who": st.sampled_from([None, "all", "converted", "dropped"]),
    "hide": st.sampled_from([None, None, "B", ["A"], ["X", "B"]]),
    "groups": st.sampled_from([None, None, {"G": ["B", "X"]}]),
    "node": st.sampled_from(["event", "event", "campaign"]),
}


def agreed(asked: dict[str, Any]) -> dict[str, Any]:
    """Leave out the words that contradict others, which are refused."""
    lost = set()
    if asked.get("who") in ("converted", "dropped") and not asked.get("end"):
        lost.add("who")
    if not (asked.get("start") or asked.get("end")) or asked.get("count") == "entries":
        lost.add("occurrence")
    return {name: word for name, word in asked.items() if name not in lost}


options = st.fixed_dictionaries({}, optional=optional).map(agreed)


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
        if isinstance(words.get(name), int):
            words[name] = timedelta(minutes=words[name])
    if isinstance(words.get("collapse"), int) and not isinstance(words["collapse"], bool):
        words["collapse"] = timedelta(minutes=words["collapse"])
    return j.flow(**words)


def in_loops(own: dict[int, list[twin.Event]], asked: dict[str, Any]) -> tuple[list[twin.Journey], dict[str, Any]]:
    words = dict(asked)
    naming = {name: words.pop(name) for name in ("hide", "groups", "node") if words.get(name) is not None}
    words = {name: word for name, word in words.items() if name not in ("hide", "groups", "node")}
    naming["hide"] = list(naming.get("hide", []))
    shown = {name: words.pop(name) for name in ("steps", "align", "top", "who") if name in words}

    def condition(step: Any) -> Any:
        return None if step is None else (lambda e: e.event in step)

    start, end = words.pop("start", None), words.pop("end", None)
    if words.get("count") == "entries":
        words["occurrence"] = "each"
    for name in ("within", "gap"):
        if isinstance(words.get(name), int):
            words[name] *= MINUTE
    if isinstance(words.get("collapse"), int) and not isinstance(words["collapse"], bool):
        words["collapse"] *= MINUTE
    found = twin.journeys(
        own,
        node=lambda e: twin.named(e, **naming),
        start=condition(start),
        end=condition(end),
        start_name=" or ".join(start) if isinstance(start, list) else start or "",
        end_name=" or ".join(end) if isinstance(end, list) else end or "",
        **words,
    )
    shown["who"] = shown.get("who") or ("converted" if end and not start else "all")
    return found, {"steps": 6, "align": "start", "top": 10, **shown}


@pytest.mark.parametrize("always", [{}, {"within": "session", "gap": 2}, {"within": "session", "gap": 2, "end": "X"}])
@pytest.mark.parametrize("large", [False, True])
def test_every_option_agrees_with_plain_loops(
    monkeypatch: pytest.MonkeyPatch, large: bool, always: dict[str, Any]
) -> None:
    if large:
        # the ways of large logs: people part by part, many nodes a column, long runs of repeats
        for module, name, value in (
            (shard_chunks, "_ROWS", 3),
            (arrays, "_ROUNDS", 1),
            (fast_count, "_MAX_CELLS", 0),
        ):
            monkeypatch.setattr(module, name, value)

    @given(people=logs, asked=options)
    def agree(people: list[list[tuple[int, str, str | None]]], asked: dict[str, Any]) -> None:
        asked = {**asked, **always}
        j, own = journeys_of(people)
        flow = ask(j, asked)
        found, shown = in_loops(own, asked)
        expected = twin.links(found, **shown)
        rows = {(row["position"], row["source"], row["target"]): row for row in flow.table.iter_rows(named=True)}
        wanted = {(row["position"], row["source"], row["target"]): row for row in expected if row["target"]}
        unit = unit_of(flow)
        assert {key: row[unit] for key, row in rows.items()} == {key: row["people"] for key, row in wanted.items()}
        for key, row in rows.items():
            median, mean = wanted[key]["median_time"], wanted[key]["mean_time"]
            assert (row["median_time"] is None) == (median is None)
            if median is not None:
                assert row["median_time"] == timedelta(microseconds=median)
                assert abs(row["mean_time"] - timedelta(microseconds=mean)) <= timedelta(microseconds=1)
            if asked.get("end"):
                assert row["converted"] == wanted[key]["converted"]
                assert row["passed"] == wanted[key]["passed"]
                assert row["conversion_rate"] == pytest.approx(wanted[key]["converted"] / wanted[key]["passed"])
        nodes_agree(flow.nodes, twin.nodes(found, **shown), related=bool(asked.get("end")), unit=unit)
        conserved(flow, reached={(r["position"], r["source"]): r["people"] for r in expected if r["target"] is None})

    agree()


def unit_of(flow: Any) -> str:
    """Return what is counted, which is what the column of counts is called; no other unit has a column."""
    (unit,) = {"people", "sessions", "entries"} & set(flow.table.columns)
    assert unit == flow.settings["count"]
    assert {"people", "sessions", "entries"} & set(flow.nodes.columns) == {unit}
    return unit


def nodes_agree(
    table: pl.DataFrame, expected: dict[tuple[int, str], dict[str, Any]], *, related: bool, unit: str = "people"
) -> None:
    """Hold what nodes say of those who pass against plain loops."""
    rows = {(row["position"], row["node"]): row for row in table.iter_rows(named=True)}
    assert {key: row[unit] for key, row in rows.items()} == {key: row["people"] for key, row in expected.items()}
    for key, row in rows.items() if related else ():
        wanted = expected[key]
        assert (row["passed"], row["converted"]) == (wanted["passed"], wanted["converted"])
        rate = wanted["converted"] / wanted["passed"] if wanted["passed"] else None
        assert row["conversion_rate"] == (None if rate is None else pytest.approx(rate))
        if rate is not None:
            assert row["ci_low"] - 1e-9 <= rate <= row["ci_high"] + 1e-9
        assert row["phi"] == (None if wanted["phi"] is None else pytest.approx(wanted["phi"]))


def conserved(flow: Any, *, reached: dict[tuple[int, str], int]) -> None:
    """Into a node = out of it + drop-off + continues + reached there."""
    unit = unit_of(flow)
    into: dict[tuple[int, str], int] = defaultdict(int)
    out: dict[tuple[int, str], int] = defaultdict(int)
    for row in flow.table.iter_rows(named=True):
        out[row["position"], row["source"]] += row[unit]
        if row["target"] not in ("(drop-off)", "(continues)"):
            into[row["position"] + 1, row["target"]] += row[unit]
    for row in flow.nodes.iter_rows(named=True):
        key = row["position"], row["node"]
        assert row[unit] == row["onward"] + row["dropped"] + row["continued"] + row["reached_here"]
        assert row[unit] == out[key] + row["reached_here"]
        assert row["reached_here"] == reached.get(key, 0)
        if flow._spec.align == "start" and row["position"] > 0:
            assert into[key] == row[unit]
        assert into[key] <= row[unit]


def test_people_behind_each_part_pass_there() -> None:
    @given(people=logs, asked=options)
    def agree(people: list[list[tuple[int, str, str | None]]], asked: dict[str, Any]) -> None:
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
        j, own = journeys_of(people)
        flow = ask(j, asked)
        found, shown = in_loops(own, asked)
        expected = twin.whole_paths(found, who=shown["who"])
        table = flow.paths(1000).table
        rows = {(tuple(row["path"]), row.get("reached", False)): row for row in table.iter_rows(named=True)}
        assert len(rows) == table.height
        assert {key: row[flow.settings["count"]] for key, row in rows.items()} == {
            key: row[0] for key, row in expected.items()
        }
        for key, row in rows.items():
            assert row["median_time"] == timedelta(microseconds=round(expected[key][2]))
            if asked.get("end"):
                assert row["conversion_rate"] == pytest.approx(expected[key][1])
        for path, reached in list(rows)[:3]:
            chosen = {j.person for j in found if tuple(n for n, _ in j.nodes) == path and j.converted == reached}
            assert set(flow.people(path=path, converted=reached).people["person"]) == chosen
        assert flow.covering(1.0) == (len({path for path, _ in expected}),) * 2
        grams = {
            tuple(r["sequence"]): (r[flow.settings["count"]], r["times"])
            for r in flow.sequences(size, n=1000).table.to_dicts()
        }
        assert grams == twin.sequences(found, size, who=shown["who"])

    agree()


def log_of(rows: list[tuple[Any, ...]], *columns: str) -> jn.Journeys:
    """Make journeys of (person, minute, event, further columns) rows."""
    names = ["person", "minute", "event", *columns]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return jn.Journeys.from_table(
        table.with_columns(timestamp=pl.lit(EPOCH) + pl.duration(minutes="minute")).drop("minute")
    )


PAGES = [
    ("a", 0, "Loaded a Page", "/projects/12/?tab=1"),
    ("a", 1, "Loaded a Page", "/projects/77"),
    ("a", 2, "Loaded a Page", "/pricing"),
    ("a", 3, "Signed Up", None),
    ("b", 0, "Loaded a Page", None),
    ("b", 5, "Opened Email", None),
]


def ways(flow: Any) -> list[list[str]]:
    return flow.paths(100).table["path"].to_list()


def test_an_event_expands_by_a_cleaned_page() -> None:
    j = log_of(PAGES, "page_path")
    flow = j.flow(expand={"Loaded a Page": "page_path"})
    assert sorted(ways(flow)) == [
        ["Loaded a Page", "Opened Email"],
        ["Loaded a Page: /projects/:id", "Loaded a Page: /pricing", "Signed Up"],
    ]
    raw = j.flow(expand={"Loaded a Page": "page_path"}, clean=False)
    assert any("Loaded a Page: /projects/77" in way for way in ways(raw))
    own = j.flow(expand={"Loaded a Page": "page_path"}, clean=[(r"^/projects.*", "a project"), ("project", "Project")])
    assert any("Loaded a Page: a Project" in way for way in ways(own))


def test_an_empty_page_has_a_name() -> None:
    j = log_of([("a", 0, "P", ""), ("a", 1, "P", " "), ("a", 2, "Q", "/")], "page_path")
    assert ways(j.flow(expand={"P": "page_path"})) == [["P: (no name)", "Q"]]


def test_nodes_can_be_values_groups_or_left_out() -> None:
    j = log_of(PAGES, "page_path")
    assert sorted(ways(j.flow(node="page_path", clean=True))) == [["/projects/:id", "/pricing"]]
    upper = j.flow(node=pl.col("event").cast(pl.String).str.to_uppercase())
    assert ["LOADED A PAGE", "SIGNED UP"] in ways(upper)
    grouped = j.flow(groups={"Reading": ["Loaded *", "Opened Email"]})
    assert sorted(ways(grouped)) == [["Reading"], ["Reading", "Signed Up"]]
    assert sorted(ways(j.flow(groups=["Loaded *"])))[0][0] == "Loaded *"
    assert sorted(ways(j.flow(hide=["Loaded*"]))) == [["Opened Email"], ["Signed Up"]]
    # an anchor is a node even where its event is hidden
    assert ways(j.flow(end="Signed Up", hide=["Signed Up", "Opened Email"])) == [["Loaded a Page", "Signed Up"]]


def test_the_end_is_a_node_of_its_own() -> None:
    rows = [("a", 0, "A"), ("a", 1, "X"), ("a", 2, "A"), ("b", 0, "A"), ("b", 1, "X")]
    loops = log_of(rows).flow(start="A", end="A", collapse="loops")
    reached = loops.nodes.filter(pl.col("reached_here") > 0).select("position", "node", "people", "reached_here")
    assert reached.rows() == [(2, "A", 1, 1)]
    paths = loops.paths().table.select("path", "reached", "conversion_rate").rows()
    assert sorted(paths) == [(["A", "X"], False, 0.5), (["A", "X", "A"], True, 0.5)]
    again = log_of([("a", 0, "V"), ("a", 1, "Buy"), ("a", 2, "V"), ("a", 3, "Buy")])
    for collapse in ("loops", True, "5m"):
        flow = again.flow(end="Buy", occurrence="last", collapse=collapse)
        assert ways(flow) == [["V", "Buy", "Buy"] if collapse == "loops" else ["V", "Buy", "V", "Buy"]]
        assert flow.nodes.filter(pl.col("reached_here") > 0)["node"].to_list() == ["Buy"]
    grouped = log_of([("a", 0, "V"), ("a", 1, "Read"), ("a", 2, "Buy"), ("b", 0, "V"), ("b", 1, "Read")])
    for words in ({}, {"collapse": "5m"}, {"collapse": "loops"}, {"align": "end"}, {"keep": "last"}):
        flow = grouped.flow(groups={"G": ["Read", "Buy"]}, end="Buy", who="all", steps=3, **words)
        assert flow.nodes.filter(pl.col("reached_here") > 0).select("position", "node").rows() == [(2, "G")]
        assert sorted(ways(flow)) == [["V", "G"], ["V", "G", "G"]]


def test_a_hidden_anchor_is_shown_where_the_journey_begins_or_ends_only() -> None:
    rows = [(0, "Visit", "P"), (1, "Read", None), (2, "Visit", None), (3, "Buy", "P"), (4, "Visit", "Q")]
    j = log_of([("a", minute, event, campaign) for minute, event, campaign in rows], "campaign")
    assert ways(j.flow(start="Visit", end="Buy", hide="Visit")) == [["Visit", "Read", "Buy"]]
    assert ways(j.flow(start="Visit", end="Visit", hide="Visit")) == [["Visit", "Read", "Visit"]]
    assert ways(j.flow(end="Visit", occurrence="last", hide="Visit")) == [["Read", "Buy", "Visit"]]
    assert ways(j.flow(node="campaign", start="Read")) == [["Read", "P", "Q"]]
    assert ways(j.flow(node="campaign", start="Visit", end="Buy", collapse=False)) == [["P", "P"]]


def test_names_that_look_like_ours_are_quoted() -> None:
    j = log_of([("a", 0, "(other)"), ("a", 1, "(drop-off)"), ("b", 0, "(continues)"), ("b", 1, '"(other)"')])
    flow = j.flow(top=None)
    assert sorted(flow.nodes["node"]) == ['""(other)""', '"(continues)"', '"(drop-off)"', '"(other)"']
    assert flow.people(link=(0, '"(other)"', '"(drop-off)"')).people["person"].to_list() == ["a"]
    assert flow.table.filter(pl.col("target") == "(drop-off)")["people"].sum() == 2


@pytest.mark.parametrize("name", ["", "x" * 5000, "שלום", "<b>bold</b>", "<script>alert(1)</script>", "a\nb", "\x00"])
def test_any_name_is_counted_and_drawn(name: str) -> None:
    j = log_of([("a", 0, name), ("a", 1, "Buy"), ("b", 0, name)])
    flow = j.flow(end="Buy", who="all")
    assert flow.table.select("source", "target", "people").rows() == [(name, "(drop-off)", 1), (name, "Buy", 1)]
    assert "<script" not in flow._repr_html_()
    for figure in (flow.plot(), flow.plot_steps(), flow.plot_paths(), j.transitions().plot(), j.dropoff("Buy").plot()):
        assert "<script" not in str(figure.to_plotly_json())


def test_an_end_that_nobody_reaches_is_an_answer() -> None:
    j = log_of([("a", 0, "Visit"), ("a", 1, "Buy"), ("b", 0, "Visit")]).only(["b"])
    flow = j.flow(end="Buy")
    assert flow.table.is_empty()
    assert flow.finding == 'No one did "Buy": there is no journey to show.'
    assert flow.paths().table.is_empty()
    assert flow.covering() == (0, 0)
    assert flow.plot().data == ()
    assert j.flow(end="Buy", who="all").table.height == 1
    assert j.dropoff("Buy").lost == 1


def test_a_journey_within_one_session() -> None:
    j = log_of([("a", 0, "Visit"), ("a", 5, "Read"), ("a", 90, "Read"), ("a", 95, "Visit"), ("a", 99, "Buy")])
    assert ways(j.flow(within="session")) == [["Visit", "Read"]]
    assert ways(j.flow(end="Buy", within="session")) == [["Read", "Visit", "Buy"]]
    assert ways(j.flow(start="Visit", end="Buy", within="session")) == [["Visit", "Read"]]
    assert ways(j.flow(start="Visit", end="Buy", within="session", gap="2h")) == [["Visit", "Read", "Visit", "Buy"]]
    # what is left out still keeps a session together
    whole = log_of([("a", 0, "Visit"), ("a", 20, "Ping"), ("a", 40, "Buy")]).flow(hide="Ping", within="session")
    assert ways(whole) == [["Visit", "Buy"]]
    assert j.flow(within="session").definition == "From first touch on, all who enter, within a session; n = 1 person."
    assert "within 1 h" in j.flow(within="1h").definition


def test_an_empty_log_is_an_answer() -> None:
    j = log_of([("a", 0, "Visit"), ("a", 1, "Buy")]).where(pl.col("event") == "Nothing")
    for flow in (
        j.flow(),
        j.flow(end="Buy"),
        j.flow(start="Visit", count="sessions"),
        j.flow(align="end", keep="last"),
    ):
        assert flow.table.is_empty()
        assert flow.finding in (
            "There are no journeys.",
            *(f'No one did "{e}": there is no journey to show.' for e in ("Buy", "Visit")),
        )
        assert flow.paths().table.is_empty()
        assert flow.sequences().table.is_empty()
        flow.plot()
    assert j.transitions().table.is_empty()
    assert j.dropoff("Buy").table.is_empty()
    j.transitions().plot()
    j.transitions().plot_graph()
    j.dropoff("Buy").plot()


def test_a_log_without_events_is_an_answer() -> None:
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String}
    j = jn.Journeys.from_table(pl.DataFrame(schema=schema))
    assert j.flow(end="Buy", hide="Visit").finding == 'No one did "Buy": there is no journey to show.'
    assert j.flow().table.is_empty()
    assert j.dropoff("Buy").finding == 'No one is lost on the way to "Buy".'
    assert j.transitions().table.is_empty()


def test_a_node_in_any_column() -> None:
    j = log_of([("a", 0, "x"), ("a", 1, "y"), ("b", 0, "y"), ("c", 0, "z")])
    assert j.flow().people(node="y").people["person"].to_list() == ["a", "b"]
    assert j.flow().people(node=(1, "y")).people["person"].to_list() == ["a"]
    with pytest.raises(jn.UnknownNameError, match="node: no node 'w'"):
        j.flow().people(node="w")


def test_ten_thousand_names_fold() -> None:
    rows = [(f"p{i % 500}", i // 500, f"e{i}") for i in range(10_000)]
    flow = log_of(rows).flow(top=3)
    assert flow.journey_count == 500
    assert flow.nodes.filter(position=0).select("people").sum().item() == 500
    assert flow.nodes.filter(position=0).height == 4
    assert flow.nodes.filter(position=0, node="(other)")["people"].item() == 497


def test_very_long_runs_are_one_node() -> None:
    rows = [("a", i, "x") for i in range(200)] + [("a", 200, "y")] + [("a", 201 + i, "x") for i in range(300)]
    j = log_of(rows)
    for align in ("start", "end"):
        for keep in ("first", "last"):
            flow = j.flow(align=align, keep=keep, steps=3)
            assert flow.nodes["node"].to_list() == ["x", "y", "x"]
    assert j.flow().table["median_time"].to_list()[:2] == [timedelta(minutes=200), timedelta(minutes=1)]
    assert j.flow(keep="last").table["median_time"].to_list()[:2] == [timedelta(minutes=1), timedelta(minutes=300)]


def test_wrong_words_are_all_named() -> None:
    j = log_of(PAGES, "page_path")
    with pytest.raises(jn.ArgumentError) as caught:
        j.flow(steps=0, top=0, align="middle", who="converted", keep="both")  # type: ignore[arg-type]
    text = str(caught.value)
    assert "steps: 0 must be a number of columns from 1 to 20" in text
    assert "top: 0 must be at least 1" in text
    assert "align: 'middle' is none of 'start', 'end'" in text
    assert "keep: 'both' is none of" in text
    assert "who: 'converted' needs an end to reach" in text


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"end": "Signd Up"}, jn.UnknownNameError, "end: no event 'Signd Up'; did you mean 'Signed Up'?"),
        ({"hide": "Lodaed a Page"}, jn.UnknownNameError, "hide: no event 'Lodaed a Page'; did you mean"),
        ({"node": "page"}, jn.UnknownNameError, "node: no column 'page'"),
        ({"expand": {"Loaded a Page": "path"}}, jn.UnknownNameError, "expand: no column 'path'"),
        ({"expand": {"Load": "page_path"}}, jn.UnknownNameError, "expand: no event 'Load'"),
        (
            {"collapse": "soon"},
            jn.ArgumentError,
            "collapse: 'soon' is not a valid duration; write True, False, 'loops'",
        ),
        (
            {"within": "14x"},
            jn.ArgumentError,
            "within: '14x' is not a valid duration; write 'session' or a duration",
        ),
        ({"hide": 3}, jn.ArgumentError, "hide: 3 is neither a name or pattern nor a list of them"),
        ({"groups": {"a": 3}}, jn.ArgumentError, "groups: 3 is neither a name or pattern nor a list of them"),
        ({"expand": 3}, jn.ArgumentError, "expand: 3 must give the column of each event"),
        ({"node": 3}, jn.ArgumentError, "node: 3 is neither the name of a column nor an expression"),
        ({"node": "page_path", "clean": "x"}, jn.ArgumentError, "clean: 'x' is neither True, False nor a list of"),
        (
            {"clean": [("a", "\\9")]},
            jn.ArgumentError,
            "clean: 'a' is not a regular expression (invalid group reference",
        ),
        ({"keep": None}, jn.ArgumentError, "keep: None is none of 'first', 'last'"),
        ({"collapse": 3}, jn.ArgumentError, "collapse: 3 is none of True, False, 'loops' or a duration"),
        ({"within": "0d"}, jn.ArgumentError, "within: '0d' must be longer than zero"),
        ({"occurrence": "last"}, jn.ArgumentError, "occurrence: 'last' needs a start or an end"),
        (
            {"start": "Signed Up", "occurrence": "last", "count": "entries"},
            jn.ArgumentError,
            "occurrence: 'last' is one journey per person, but count='entries' counts each; leave one of them out.",
        ),
        (
            {"start": "Signed Up", "occurrence": "each", "count": "sessions"},
            jn.ArgumentError,
            "occurrence: 'each' counts entries, but count='sessions' counts sessions; leave count= out",
        ),
        ({"campaign_cuts": True}, jn.ArgumentError, "campaign_cuts: the log has no campaign column"),
        ({"node": "page_path", "clean": [("(", "x")]}, jn.ArgumentError, "is not a regular expression"),
        ({"against": 3}, jn.ArgumentError, "against: 3 is neither Journeys nor a condition on people"),
    ],
)
def test_a_wrong_word_says_what_is_right(words: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        log_of(PAGES, "page_path").flow(**words)
    assert text in str(caught.value)


def test_settings_say_what_was_counted() -> None:
    j = log_of(PAGES, "page_path")
    for words in ({"occurrence": "each"}, {"count": "entries"}):
        settings = j.flow(start="Loaded a Page", **words).settings  # type: ignore[arg-type]
        assert (settings["occurrence"], settings["count"]) == ("each", "entries")
    settings = j.flow(start="Loaded a Page").settings
    assert (settings["occurrence"], settings["count"]) == ("first", "people")


def test_wrong_names_and_words_are_reported_together() -> None:
    j = log_of(PAGES, "page_path")
    wrong = {"start": "Q", "end": "W", "who": "conv", "steps": 30, "top": 0, "align": "mid", "count": "ppl", "gap": "x",
             "within": "14x", "collapse": "no", "expand": {"K": "nope"}, "against": 3}  # fmt: skip
    with pytest.raises(jn.ArgumentError) as caught:
        j.flow(**wrong)  # type: ignore[arg-type]
    lines = str(caught.value).removeprefix("- ").split("\n- ")
    assert {line.split(":")[0] for line in lines} == set(wrong)
    with pytest.raises(jn.UnknownNameError) as names:
        j.flow(start="Q", end="W", hide="Zz")
    with pytest.raises(jn.UnknownNameError, match="- against: no column 'first_campain'(.|\n)*- end: no event 'sgn'"):
        j.flow(end="sgn", against=pl.col("first_campain") == "x")
    assert [line.split(":")[0] for line in str(names.value).split("\n")] == ["- hide", "- start", "- end"]


def test_wrong_words_of_the_other_questions() -> None:
    j = log_of([(f"p{n:02d}", 0, "x") for n in range(60)])
    with pytest.raises(jn.UnknownNameError, match="goal: no event 'Y'. Available: 'x'"):
        j.dropoff("Y")
    with pytest.raises(jn.ArgumentError, match="- quiet: 'soon' is not a valid duration(.|\n)*- goal: no event 'Y'"):
        j.dropoff("Y", quiet="soon")
    with pytest.raises(jn.UnknownNameError, match="person: no person 'nobody'(.|\n)*'p19' and 40 more"):
        j.timeline("nobody")
    with pytest.raises(jn.ArgumentError, match="- gap: 'x' is not a valid duration(.|\n)*- person: labels are String"):
        j.timeline(["a"], gap="x")
    with pytest.raises(jn.ArgumentError, match="person: None is not a person"):
        j.timeline(None)
    with pytest.raises(jn.ArgumentError) as caught:
        j.transitions(count="entries", collapse="loops", top=0)  # type: ignore[arg-type]
    assert str(caught.value).split("\n") == [
        "- collapse: 'loops' is neither True nor False.",
        "- count: 'entries' is none of 'people', 'sessions'.",
        "- top: 0 must be at least 1, or None for every node.",
    ]


def test_a_part_that_is_not_there_is_named() -> None:
    flow = log_of(PAGES, "page_path").flow(end="Signed Up", who="all")
    with pytest.raises(jn.UnknownNameError, match="link: no link"):
        flow.people(link=(0, "Loaded a Page", "Nowhere"))
    with pytest.raises(jn.UnknownNameError, match="node: no node"):
        flow.people(node=(7, "Loaded a Page"))
    with pytest.raises(jn.ArgumentError, match="give one of them"):
        flow.people(node=(0, "Loaded a Page"), path=["Loaded a Page"])
    with pytest.raises(jn.ArgumentError, match="must be a list of node names"):
        flow.people(path="Loaded a Page")
    with pytest.raises(jn.ArgumentError, match="n: 0 must be at least 1"):
        flow.paths(0)
    with pytest.raises(jn.ArgumentError, match="share: 2 must be above 0"):
        flow.covering(2)
    with pytest.raises(jn.ArgumentError, match="needs an end to reach"):
        log_of(PAGES, "page_path").flow().paths(rank="best")
    with pytest.raises(
        jn.UnknownNameError, match="path: no node 'No'. path: no node 'Signd Up'; did you mean 'Signed Up'"
    ):
        flow.people(path=["No", "Signd Up"])
    with pytest.raises(
        jn.UnknownNameError, match="path: no journey takes \\['Signed Up', 'Loaded a Page'\\] from its first"
    ):
        flow.people(path=["Signed Up", "Loaded a Page"])
    for wrong, text in (
        ({"link": 3}, "link: 3 must be"),
        ({"node": ("a",)}, "node: .* must be"),
        ({"path": 5}, "path: 5"),
    ):
        with pytest.raises(jn.ArgumentError, match=text):
            flow.people(**wrong)
    for wrong, text in (("5", "n: '5' must be at least 1"), (True, "n: True must be at least 1")):
        with pytest.raises(jn.ArgumentError, match=text):
            flow.paths(wrong)  # type: ignore[arg-type]
    with pytest.raises(jn.ArgumentError, match="n: 0 must be at least 1"):
        flow.sequences(2, n=0)
    with pytest.raises(jn.ArgumentError, match="- size: 9 must be from 1 to 8 nodes.\n- n: 0 must be at least 1."):
        flow.sequences(9, n=0)
    with pytest.raises(
        jn.ArgumentError, match="- n: 0 must be at least 1, or None for all.\n- rank: 'top' is none of 'people'"
    ):
        flow.paths(0, rank="top")  # type: ignore[arg-type]
    with pytest.raises(jn.ArgumentError, match="size: '2' must be from 1 to 8"):
        flow.sequences("2")  # type: ignore[arg-type]


def test_a_path_out_of_the_table_selects_its_people() -> None:
    flow = log_of(PAGES, "page_path").flow(end="Signed Up", who="all")
    table = flow.paths().table.filter("reached")
    assert flow.people(path=table["path"][0]).people["person"].to_list() == ["a"]
    # the path is there; that nobody on it is without the goal is an answer
    assert flow.people(path=table["path"][0], converted=False).people.is_empty()


def test_shards_add_up(tmp_path: Any) -> None:
    rows = [(f"p{i % 23:02d}", i % 7 * (i % 5), "ABCX"[(i * i + i // 3) % 4]) for i in range(300)]
    j = log_of(rows)
    stored = [j.save(tmp_path / str(n), shards=n) for n in (1, 3)]
    for words in ({}, {"end": "X", "who": "all", "top": 2}, {"start": "A", "count": "entries"}, {"align": "end"}):
        answers = [one.flow(**words) for one in (j, *stored)]
        for other in answers[1:]:
            assert answers[0].table.equals(other.table)
            assert answers[0].nodes.equals(other.nodes)
            assert answers[0].paths(200).equals(other.paths(200))
            assert answers[0].covering() == other.covering()
            assert answers[0].sequences(2).equals(other.sequences(2))
    assert all(one.transitions(times=True).table.equals(j.transitions(times=True).table) for one in stored)
    assert all(one.dropoff("X").table.equals(j.dropoff("X").table) for one in stored)


def test_flow_people_are_funnel_people() -> None:
    @given(people=logs, within=st.sampled_from([None, 2]))
    def agree(people: list[list[tuple[int, str, str | None]]], within: int | None) -> None:
        j, _ = journeys_of(people)
        window = {} if within is None else {"within": timedelta(minutes=within)}
        funnel = j.funnel(["A", "X"], **window)
        entries = j.flow(start="A", end="X", who="all", count="entries", **window)
        once = j.flow(start="A", end="X", **window)
        assert once.journey_count == funnel.table["people"][0]
        if within is None:
            assert once.reached == funnel.table["people"][1]
        reached = entries.people(converted=True).people.height
        assert reached <= funnel.table["people"][1]

    agree()
