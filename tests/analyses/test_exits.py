"""Exits: against plain loops, the funnel's own numbers, published cases and the sample."""

import random
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys import samples
from tests import logs
from tests.analyses.test_funnel_totals_agree import BY, OPTIONS, STEPS, ask, spread
from tests.twins import exits as twin
from tests.twins.funnel import Asked

MINUTE = timedelta(minutes=1)
STATES = ("left", "still has time", "went another way")


@pytest.fixture(scope="module")
def sample():
    return samples.load_journeys()


def with_replay(rows: list[logs.Row]) -> pl.DataFrame:
    replay = pl.format("https://r.example/{}", pl.int_range(pl.len()))
    return logs.frame(rows).with_columns(replay_url=pl.when(pl.col("campaign") == "ads").then(replay))


@given(
    found=logs.rows(most=14),
    within=st.sampled_from([None, 2, 5]),
    order=st.sampled_from(["loose", "strict"]),
    hidden=st.sampled_from([[], ["X"], ["X", "B"]]),
    reentry=st.sampled_from(["best", "first"]),
)
def test_each_exit_equals_its_twin(found, within, order, hidden, reentry):
    known: list[logs.Row] = [("zz", 0, name, None) for name in "ABCX"]
    log = with_replay([*found, *known])
    j = jn.Journeys.from_table(log)
    funnel = j.funnel(["A", "B", "C"], within=within and f"{within}m", order=order, reentry=reentry, gap="3m")
    table = funnel.exits(hide=hidden).table
    steps = [lambda event, name=name: event["event"] == name for name in "ABC"]
    asked = Asked(steps=steps, within=within, order=order, reentry=reentry)
    people: dict[str, list[dict[str, Any]]] = {}
    ordered = log.with_row_index().sort("person", "timestamp", "index")
    for row in ordered.iter_rows(named=True):
        minute = (row["timestamp"] - logs.START) // MINUTE
        people.setdefault(row["person"], []).append(
            {"t": minute, "event": row["event"], "campaign": row["campaign"], "replay": row["replay_url"]}
        )
    until = max(event["t"] for events in people.values() for event in events)
    expected = {
        person: row
        for person, events in people.items()
        if (row := twin.exit_of(events, asked, hidden=hidden, until=until, gap=3, goal=steps[-1]))
    }
    assert table["person"].to_list() == sorted(
        expected, key=lambda one: (expected[one]["step"], expected[one]["left_at"], one)
    )
    for row in table.iter_rows(named=True):
        minutes = {
            name: None if row[name] is None else (row[name] - logs.START) // MINUTE
            for name in ("entered_at", "left_at", "next_at", "last_at")
        }
        minutes["silent_for"] = None if row["silent_for"] is None else row["silent_for"] // MINUTE
        assert {name: (row | minutes)[name] for name in expected[row["person"]]} == expected[row["person"]]


@given(logs.rows(most=10), STEPS, OPTIONS, st.one_of(st.none(), BY))
def test_exits_add_up_to_what_the_funnel_drops(rows, steps, options, by):
    funnel = ask(spread(rows), steps, options, **(by or {}))
    if funnel is None:
        return
    x = funnel.exits()
    sizes = dict(x.table.group_by("step").len().iter_rows())
    dropped = dict(funnel.table.group_by("step").agg(pl.col("dropped").sum()).iter_rows())
    assert {step: sizes.get(step, 0) for step in dropped} == dropped
    assert x.table.height == sum(dropped.values())
    for step in range(1, funnel._spec.step_count):
        part = funnel.exits(after=step)
        assert part.table.equals(x.table.filter(pl.col("step") == step))
        for state in STATES:
            people = set(x.table.filter(pl.col("step") == step, pl.col("state") == state)["person"])
            assert set(x.people(after=step, state=state).people["person"]) == people


@pytest.mark.parametrize("hidden", [[], ["X"]])
def test_exits_are_equal_on_shards_and_where_events_are_cut(tmp_path, hidden):
    draw = random.Random(3)
    rows: list[logs.Row] = [
        (f"p{draw.randrange(60)}", draw.randrange(40), draw.choice("ABCX"), draw.choice([None, "ads"]))
        for _ in range(600)
    ]
    log = with_replay([*rows, ("p0", 40, "X", None)])
    j = jn.Journeys.from_table(log.filter(pl.col("event") != "C"))
    expected = j.funnel(["A", "B"], within="5m").exits(hide=hidden).table
    cut = jn.Journeys.from_table(log).where(pl.col("event") != "C")
    stored = j.save(tmp_path, shards=3)
    for one in (cut, stored, stored.only(j), stored.only("p1") | ~stored.only("p1")):
        assert one.funnel(["A", "B"], within="5m").exits(hide=hidden).table.equals(expected)


# PostHog/posthog, funnels/test/test_funnel_strict_persons.py, MIT (outside ee/): test_first_step, test_second_step,
# test_second_step_dropoff, test_third_step
STRICT = [
    (5, [("step one", 1), ("step fake", 2), ("step two", 3), ("step three", 5)]),
    (10, [("step one", 1), ("step two", 3)]),
    (20, [("step one", 1)]),
]


def test_published_strict_exits():
    rows = [
        (f"p{kind}-{number}", datetime(2021, 5, day), event)
        for kind, (count, events) in enumerate(STRICT)
        for number in range(count)
        for event, day in events
    ]
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    funnel = jn.Journeys.from_table(log).funnel(["step one", "step two", "step three"], order="strict", within="7d")
    assert funnel.table["people"].to_list() == [35, 10, 0]
    assert funnel.exits(after="step one").table.height == 25
    assert funnel.exits(after="step two").table.height == 10


# the same file, test_strict_funnel_person_recordings: only the session s2 is recorded
RECORDED = [("step one", 2, "s1"), ("step two", 3, "s2"), ("interupting step", 4, "s2"), ("step three", 5, "s2")]


def test_published_recordings():
    rows = [("a", datetime(2021, 1, day), event, session) for event, day, session in RECORDED]
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event", "session"], orient="row")
    log = log.with_columns(replay_url=pl.when(session="s2").then(pl.lit("https://r.example/s2")))
    j = jn.Journeys.from_table(log)
    strict = j.funnel(["step one", "step two", "step three"], order="strict").exits()
    assert strict.table.select("step", "replay_url").rows() == [(2, "https://r.example/s2")]
    first = j.funnel(["step one", "step three"], order="strict", within="1d").exits()
    assert first.table.select("step", "replay_url").rows() == [(1, None)]


def test_the_sample(sample):
    funnel = sample.funnel(["Subscribed to Newsletter", "Upgraded Plan"])
    x = funnel.exits(hide=["passive", "Received Announcement"])
    assert funnel.table["people"].to_list() == [510, 38]
    assert x.table.height == 472
    assert x.table["may_mail"].value_counts().sort("may_mail").rows() == [(False, 51), (True, 421)]
    passive = {"Received Email", "Became Lead", "Bounced Email", "Received Announcement"}
    assert not passive & {*x.table["next_event"], *x.table["last_event"]}
    assert x.finding == (
        '472 of the 510 people left. 36% of those who left did "Opened Email" last. 234 ended on a hidden event.'
    )


def test_systems_get_who_they_know(sample, tmp_path):
    x = sample.funnel(["Subscribed to Newsletter", "Upgraded Plan"]).exits()
    written = x.to_customerio(tmp_path / "exits.csv")
    assert (written.people, written.left_out) == (458, 14)
    assert x.to_hubspot(tmp_path / "exits_hubspot.csv", after=1, state="left").people == 458
    file = pl.read_csv(tmp_path / "exits.csv")
    assert {"id", "email", "cio_id", "exit_step", "exit_name", "exit_state", "exit_may_mail"} <= set(file.columns)
    assert "name" not in file.columns  # the person's own name is not overwritten
    assert (tmp_path / "exits.csv").stat().st_mode & 0o777 == 0o600
    assert x.to_customerio(tmp_path / "named.csv", traits=["name"]).people == 458


def test_who_did_the_goal_another_way_is_not_lost(sample):
    x = sample.funnel(["Signed Up", "Created Project", "Upgraded Plan"]).exits()
    assert x.people(state="went another way").people.height == 35
    assert set(x.table["state"]) == {"left", "went another way"}


def test_people_who_still_have_time_do_not_count_as_exits():
    rows = [(f"p{at}", 0 if at % 2 else 9, "A", None) for at in range(80)] + [("z", 10, "B", None)]
    x = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"], within="5m").exits()
    assert x.finding == '40 of the 80 people left; 40 still have time. 100% of those who left did "A" last.'
    assert x.people(state="still has time").people.height == 40


@pytest.mark.parametrize(
    ("within", "limit", "waiting"),
    [
        (None, "5m", ["b"]),  # the step has a window, the funnel has none
        ("30m", "5m", ["b"]),  # the step's window is over first
        ("1m", "5m", []),  # the funnel's window is over first
        ("30m", None, ["a", "b"]),
        (None, None, []),
    ],
)
def test_a_window_of_the_next_step_decides_who_still_has_time(within, limit, waiting):
    rows = [("a", 0, "A", None), ("b", 7, "A", None), ("z", 10, "B", None)]
    steps = ["A", jn.step("B", pl.col("event") == "B", within=limit)]
    x = jn.Journeys.from_table(logs.frame(rows)).funnel(steps, within=within).exits()
    assert x.people(state="still has time").people["person"].to_list() == waiting


def test_a_window_of_the_next_required_step_counts_where_optional_steps_can_be_left_out():
    rows = [("a", 0, "A", None), ("b", 7, "A", None), ("z", 10, "B", None), ("z", 10, "C", None)]
    steps = ["A", jn.step("B", "B", within="1m", optional=True), jn.step("C", "C", within="5m")]
    x = jn.Journeys.from_table(logs.frame(rows)).funnel(steps).exits()
    assert x.people(state="still has time").people["person"].to_list() == ["b"]


def test_a_session_that_is_over_leaves_no_time():
    rows = [("a", 0, "A", None), ("b", 9, "A", None), ("z", 10, "B", None)]
    funnel = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"], count="sessions", gap="3m", within="1h")
    assert funnel.exits().people(state="still has time").people["person"].to_list() == ["b"]


def test_may_mail_is_what_was_decided_last():
    rows = [
        ("a", 0, "A", None), ("a", 1, "Subscribed to Newsletter", None),
        ("b", 0, "A", None), ("b", 1, "Subscribed to Messages", None), ("b", 2, "Bounced Email", None),
        ("c", 0, "A", None), ("c", 1, "Unsubscribed from Messages", None), ("c", 2, "Subscribed to Messages", None),
        ("d", 0, "A", None), ("d", 1, "Subscribed to Plan", None),
        ("z", 0, "B", None),
    ]  # fmt: skip
    table = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"]).exits().table
    assert table.select("person", "may_mail").rows() == [("a", True), ("b", False), ("c", True), ("d", None)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"after": "C"}, "after: no step 'C'"),
        ({"after": 2}, "after: 2 is the last step"),
        ({"hide": "Mial"}, "hide: no event 'Mial'; did you mean 'Mail'"),
        ({"hide": "passive"}, r"hide: the log has no column 'by' .*; list the events"),
        ({"hide": 7}, "hide: 7 is neither a name or pattern nor a list"),
    ],
)
def test_arguments_that_are_refused(options, message):
    rows = [("a", 0, "A", None), ("a", 1, "Mail", None), ("b", 0, "B", None)]
    funnel = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"])
    with pytest.raises(jn.JourneysError, match=message):
        funnel.exits(**options)
    with pytest.raises(jn.UnknownNameError, match="state: no state 'lost'"):
        funnel.exits().people(state="lost")


def by_system() -> jn.Journeys:
    rows = [(f"p{at}", minute, name, None) for at in range(40) for minute, name in ((0, "A"), (1, "Mail"))]
    rows += [(f"p{at}", 2, "Help", None) for at in range(10)] + [(f"p{at}", 3, "Mail", None) for at in range(5)]
    rows += [("z", 0, "B", None), ("p39", 3, "Push", None)]
    by = pl.when(pl.col("event") == "Mail").then(pl.lit("system"))
    return jn.Journeys.from_table(logs.frame(rows).with_columns(by=by))


def test_passive_events_are_passed_over_everywhere():
    j = by_system()
    plain, hidden = j.dropoff("B"), j.dropoff("B", hide="passive")
    assert plain.table["event"].to_list()[:2] == ["Mail", "Help"]
    assert plain.finding == (
        '12% of the 40 who never reach "B" end at "Help". 34 ended on what the system did: '
        "hide='passive' counts them at the event before."
    )
    assert hidden.table.select("event", "people").rows() == [("A", 29), ("Help", 10), ("Push", 1)]
    assert hidden.hidden == 34
    assert hidden.finding.endswith("34 of them ended on a hidden event.")
    after = j.funnel(["A", "B"]).next_after_drop(hide=["passive", "Pu*"])
    assert after.table.select("event", "people").rows() == [("(nothing more)", 30), ("Help", 10)]
    assert (after.hidden, after.finding) == (
        40,
        'After "A", 75% of those who dropped off did nothing more. For 40 people, the very next event is hidden.',
    )
    flow = j.flow(hide="passive")
    assert "Mail" not in {*flow.table["source"], *flow.table["target"]}
    exits = j.funnel(["A", "B"]).exits(hide="passive")
    assert (exits.ends_hidden, set(exits.table["last_event"])) == (34, {"A", "Help", "Push"})


@given(logs.rows(most=12), st.integers(1, 3))
def test_next_events_equal_a_loop(found, n):
    known: list[logs.Row] = [("zz", 0, name, None) for name in "ABCX"]
    j = jn.Journeys.from_table(logs.frame([*found, *known]))
    funnel = j.funnel(["A", "B"])
    after = funnel.next_after_drop(n, hide=["X"])
    left = dict(funnel.exits(after="A").table.select("person", "left_at").iter_rows())
    counts: dict[tuple[int, str], int] = {}
    hidden = 0
    for person in left:
        own = [row for row in logs.in_order([*found, *known]) if row[0] == person]
        # of attempts with one step, the first to get there counts
        rest = [row[2] for row in own[[row[2] for row in own].index("A") + 1 :]]
        hidden += rest[:1] == ["X"]
        shown = [name for name in rest if name != "X"]
        for position in range(1, n + 1):
            name = shown[position - 1] if len(shown) >= position else "(nothing more)"
            counts[position, name] = counts.get((position, name), 0) + 1
    assert {(row[0], row[1]): row[2] for row in after.table.iter_rows()} == counts
    assert after.hidden == hidden
