"""Definitions in a file: what they mean, what is refused, and when two say the same."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.definition_file import draft_definitions
from journeys.definition_file.conditions import ConditionParser
from journeys.definition_file.guess_columns import guess_columns

FILE = """
[steps]
"Came by a paid link" = { column = "campaign_medium", in = ["cpc", "paid_social"] }
Active = ["Created Project", "Read Article"]

[segments]
Leads = { did = "Read Article", times = 3, within = "30d", never = "Upgraded Plan" }
Known = { where = { column = "first_campaign", matches = "^ad" }, did = "Active" }

[funnels.active]
steps = ["Loaded a Page", "Signed Up", "Active", "Upgraded Plan"]
within = "30d"

[funnels.main]
steps = ["Loaded a Page", "Signed Up", "Upgraded Plan"]

[events."Signed Up"]
means = "made an account"
owner = "growth"

[report]
title = "Week"
sections = ["funnel", "trend:Signed Up", "funnel:active"]
"""


EVENTS = {"Loaded a Page": 1.0, "Read Article": 0.8, "Signed Up": 0.6, "Created Project": 0.5, "Upgraded Plan": 0.3}


@pytest.fixture(scope="module")
def j():
    chance, rows = random.Random(7), []
    for number in range(400):
        at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(24 * 90))
        campaign = chance.choice(["spring", "ads", None])
        for event, share in EVENTS.items():
            for _ in range(chance.randrange(1, 5) if event == "Read Article" else 1):
                if chance.random() < share:
                    rows.append((f"p{number}", at, event, campaign, "cpc" if campaign == "ads" else "email"))
                    at += timedelta(hours=chance.randrange(1, 60))
    columns = ["person", "timestamp", "event", "campaign", "campaign_medium"]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=columns, orient="row"))


def test_names_of_the_file_show_up_in_answers(j):
    d = jn.Definitions.from_toml(FILE, name="team.toml")
    funnel = d.funnel(j, "active")
    assert funnel.table["name"].to_list() == ["Loaded a Page", "Signed Up", "Active", "Upgraded Plan"]
    same = j.funnel(["Loaded a Page", "Signed Up", ["Created Project", "Read Article"], "Upgraded Plan"], within="30d")
    assert funnel.table.drop("name").equals(same.table.drop("name"))
    assert funnel.settings["definitions"] == f"team.toml {d.hash}"
    assert funnel.settings["until"] == j.until
    assert "definitions" not in same.settings
    report = d.report(j)
    assert report.title == "Week"
    assert len(report.sections) == 3
    assert report.settings["definitions"] == f"team.toml {d.hash}"


def test_a_report_is_about_named_steps_too(j):
    d = jn.Definitions.from_toml(FILE.replace("[report]", '[report]\nfunnel = "active"').split("sections")[0])
    report = d.report(j)
    assert "Active" in report.html()
    assert len(report.sections) == 3
    named = '[steps]\nPaid = ["Upgraded Plan"]\n[funnels.main]\nsteps = ["Signed Up", "Paid"]\n[report]\n'
    report = jn.Definitions.from_toml(named + 'sections = ["funnel", "flow", "retention:Signed Up"]').report(j)
    assert len(report.sections) == 3


def test_the_settings_of_stored_journeys_name_the_file_too(tmp_path):
    (tmp_path / "log.csv").write_text("at,who\n2026-03-01,ann\n")
    source = 'system = "table"\npath = "log.csv"\ntimestamp = "at"\nids = ["who"]\nevent_name = "signup"'
    (tmp_path / "journeys.toml").write_text(f'[sources.web]\n{source}\n[rename]\nsignup = "Signed Up"')
    d = jn.definitions(tmp_path / "journeys.toml")
    found = d.journeys()
    assert found.event_counts["event"].to_list() == ["Signed Up"]
    found.save(tmp_path / "store")
    assert jn.open(tmp_path / "store").trend("Signed Up").settings["definitions"] == f"journeys.toml {d.hash}"


def test_a_segment_equals_plain_loops(j):
    d = jn.Definitions.from_toml(FILE)
    since, never, times = j.until - timedelta(days=30), set(), {}
    for person, at, event in j.events.select("person", "timestamp", pl.col("event").cast(pl.String)).collect().rows():
        if event == "Upgraded Plan":
            never.add(person)
        if event == "Read Article" and at >= since:
            times[person] = times.get(person, 0) + 1
    expected = {person for person, count in times.items() if count >= 3 and person not in never}
    assert set(d.segment(j, "Leads").people["person"]) == expected
    active = j.only(pl.col("first_campaign") == "ads").funnel([["Created Project", "Read Article"]])
    assert d.segment(j, "Known").people.height == active.table["people"][0] > 0
    with pytest.raises(jn.UnknownNameError, match="no segment 'Leds'; did you mean 'Leads'"):
        d.segment(j, "Leds")


TABLE = pl.DataFrame(
    {
        "event": ["A", "B", "A", "C"],
        "plan": ["pro", "free", None, "Pro"],
        "amount": ["10", "20.5", "many", None],
        "flag": [True, False, None, True],
        "day": [date(2026, 3, 1), date(2026, 3, 2), None, date(2026, 3, 4)],
        "at": [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3, 4)],
    }
)


@pytest.mark.parametrize(("condition", "expected"), [
    ("A", [1, 0, 1, 0]),
    ("Named", [0, 1, 0, 1]),
    (["A", "C"], [1, 0, 1, 1]),
    ({"column": "plan", "is": "pro"}, [1, 0, 0, 0]),
    ({"not": {"column": "plan", "is": "pro"}}, [0, 1, 1, 1]),
    ({"column": "plan", "in": ["free", "Pro"]}, [0, 1, 0, 1]),
    ({"column": "plan", "matches": "^(?i)pro$"}, [1, 0, 0, 1]),
    ({"column": "amount", "above": 10}, [0, 1, 0, 0]),
    ({"column": "amount", "is": 10}, [1, 0, 0, 0]),
    ({"column": "amount", "above": 5, "below": 20}, [1, 0, 0, 0]),
    ({"column": "flag", "is": True}, [1, 0, 0, 1]),
    ({"column": "day", "above": date(2026, 3, 1)}, [0, 1, 0, 1]),
    ({"column": "at", "below": datetime(2026, 3, 2, tzinfo=UTC)}, [1, 0, 0, 0]),
    ({"all": ["A", {"column": "plan", "is": "pro"}]}, [1, 0, 0, 0]),
    ({"any": [{"column": "event", "is": "B"}, {"column": "plan", "is": "pro"}]}, [1, 1, 0, 0]),
])  # fmt: skip
def test_each_condition_means_what_it_says(condition, expected):
    parser = ConditionParser({"Named": ["B", "C"]}, file="x.toml")
    expression = parser.parse(condition, place="steps.x")
    assert not parser.problems
    assert TABLE.select(expression.alias("x"))["x"].cast(pl.Int8).to_list() == expected


@pytest.mark.parametrize(("text", "problem"), [
    ("[funels.x]", "no section 'funels'; did you mean 'funnels'?"),
    ('[funnels.main]\nsteps = ["A", "B"]\nwithn = "3d"', "[funnels.main]: no key 'withn'; did you mean 'within'?"),
    ('[funnels.main]\nsteps = ["A", "B"]\nwithin = "3 days"', "[funnels.main]: within: '3 days' is not a valid dur"),
    ('[funnels.main]\nsteps = ["A"]', "[funnels.main]: steps: expected a list of at least two steps, got ['A']."),
    ('[sources.web]\nsystem = "segmant"\npath = "x"', "no system 'segmant'; did you mean 'segment'?"),
    ('[sources.web]\nsystem = "table"\npath = "x"', "[sources.web]: a table needs 'ids'."),
    ('[sources.web]\nsystem = "ga4"', "[sources.web]: 'path' is missing; write a path or a list of paths."),
    ('[sources.web]\nsystem = "ga4"\npath = "x"\ntimezone = "UTC"', "no key 'timezone'"),
    ('[identity]\nshared = "nxt"', "[identity]: shared: 'nxt' is none of"),
    ('[identity]\npreset = "segmnt"', "no preset 'segmnt'; did you mean 'segment'?"),
    ('[identity]\nshard = "next"', "no key 'shard'; did you mean 'shared'?"),
    ('[rename]\nsignup = ""', "the new name of 'signup' is ''"),
    ('[steps]\nA = { colum = "x" }', "[steps.A]: no key 'colum'; did you mean 'column'?"),
    ('[steps]\nA = { column = "x", above = "3" }', "above: '3' is not valid; it needs a number, a date or a time."),
    ('[steps]\nA = { column = "x", matches = "(" }', "'(' is not a regular expression."),
    ('[steps]\nA = { column = "x", any = ["B"] }', "exactly one of 'column', 'any', 'all' and 'not'"),
    ('[steps]\nA = { any = [] }', "need a list of conditions"),
    ('[steps]\nA = { not = "B" }\nB = { not = "C" }\nC = { not = "A" }', "is defined by itself"),
    ("[steps]\nA = 3", "3 is not a condition"),
    ('[segments]\nX = { times = 0 }', "times: 0 is not a whole number of at least 1."),
    ('[report]\nsections = ["trnd:X"]', "no kind of section 'trnd'; did you mean 'trend'?"),
    ('[report]\nsections = ["funnel:man"]\n[funnels.main]\nsteps = ["A", "B"]', "no funnel 'man'; did you mean"),
    ("[events]\nX = 3", "[events]: 'X' is 3, not a table."),
])  # fmt: skip
def test_invalid_values_are_refused_with_their_section(text, problem):
    with pytest.raises(jn.ArgumentError) as caught:
        jn.Definitions.from_toml(text, name="x.toml")
    assert problem in str(caught.value)
    assert str(caught.value).lstrip("- ").startswith("x.toml")


def test_all_problems_are_reported_together():
    with pytest.raises(jn.ArgumentError) as caught:
        jn.Definitions.from_toml("[funels.x]\n[steps]\nA = 3\nB = 4\n[report]\ntitel = 1")
    assert str(caught.value).count("\n") == 3


@pytest.mark.parametrize(("key", "value"), [("path", 3), ("path", True), ("system", 3), ("system", [])])
def test_sources_of_other_types_are_refused(key, value):
    web = {"system": "table", "path": "a.csv", "timestamp": "at", "event": "what", "ids": ["user_id"], key: value}
    with pytest.raises(jn.ArgumentError, match=rf"\[sources.web\]: {key}: expected"):
        jn.Definitions({"sources": {"web": web}})


@pytest.mark.parametrize("value", [3, [], {}, [3], True])
def test_a_funnel_of_the_report_that_is_no_text_is_refused(value):
    with pytest.raises(jn.ArgumentError, match=r"\[report\]: funnel: expected a text"):
        jn.Definitions({"report": {"funnel": value}})


def test_a_file_that_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(jn.SourceError, match="path: there is no file"):
        jn.definitions(tmp_path / "journeys.toml")
    (tmp_path / "journeys.toml").write_text("[steps\n")
    with pytest.raises(jn.SourceError, match=r"journeys.toml is not TOML: .*line 1"):
        jn.definitions(tmp_path / "journeys.toml")
    (tmp_path / "journeys.toml").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(jn.SourceError, match="it is not UTF-8 text"):
        jn.definitions(tmp_path / "journeys.toml")


def test_a_source_that_is_gone_is_named(tmp_path):
    d = jn.Definitions.from_toml('[sources.web]\nsystem = "segment"\npath = "gone.ndjson"', folder=tmp_path)
    with pytest.raises(jn.SourceError, match=r"\[sources.web\]: .*gone.ndjson"):
        d.journeys()


NAMES = st.text(max_size=6).filter(lambda text: text.isprintable())
STEPS = st.dictionaries(
    NAMES,
    st.lists(NAMES, min_size=1, max_size=3)
    | st.builds(
        lambda column, value: {"column": column, "is": value},
        NAMES,
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.booleans() | st.integers(-9, 9) | st.dates(),
    ),
    max_size=4,
)


@given(steps=STEPS, order=st.randoms())
def test_definitions_survive_writing_and_any_order(steps, order):
    d = jn.Definitions({"steps": steps, "report": {"title": "Week"}, "rename": {}})
    again = jn.Definitions.from_toml(d.to_toml())
    shuffled = [*steps.items()]
    order.shuffle(shuffled)
    other = jn.Definitions({"report": {"title": "Week"}, "steps": dict(shuffled)})
    assert d == again == other
    assert d.hash == again.hash == other.hash
    assert d != jn.Definitions({"steps": steps, "report": {"title": "Month"}})


def test_drift_is_found(j):
    assert jn.Definitions.from_toml('[funnels.main]\nsteps = ["Loaded a Page", "Signed Up"]').check(j).passed
    found = jn.Definitions.from_toml(
        '[funnels.main]\nsteps = ["Loaded a Page", "Signed Upp"]\n[rename]\nsignup = "Signed Up"\nold = "New"\n'
        '[steps]\nA = { column = "plann", is = "pro" }\n[segments]\nB = { did = "Gone" }\n[events."Never Seen"]'
    ).check(j)
    assert not found.passed
    stated = " ".join(found.failures)
    for part in ("'Signed Upp' never occurs", "neither 'old' nor 'New'", "no column 'plann'", "no event 'Gone'",
                 "'Never Seen' is declared, never seen", "'Signed Up' is undeclared"):  # fmt: skip
        assert part in stated
    assert "Definitions and data differ" in repr(found)


def test_the_readme_of_definitions_runs_no_code(tmp_path):
    marker = tmp_path / "ran"
    text = f"[steps]\nA = {{ column = \"__import__('os').system('touch {marker}')\", is = \"x\" }}"
    d = jn.Definitions.from_toml(text)
    assert d.steps["A"].name == "A"
    assert not Path(marker).exists()


def test_both_spellings_of_a_past_tense_follow_the_convention():
    assert jn.naming.check(["Cancelled Plan", "Labelled Task", "Travelled Route"]).table.is_empty()


@pytest.mark.parametrize(("values", "options"), [
    (["26/01/26 09:00", "14/02/26 10:30"], {"format": "%d/%m/%y %H:%M"}),
    (["03/14/2026", "03/02/2026"], {"day_first": False}),
    (["02/03/2026", "03/03/2026", "01/04/2026"], {"day_first": True}),
    (["2026-03-01T10:00:00Z"], {}),
    ([1767225600000, 1767225601000], {"unit": "ms"}),
    (["1767225600"], {"unit": "s"}),
])  # fmt: skip
def test_how_times_are_written_is_guessed(values, options):
    guess = guess_columns(pl.DataFrame({"id": range(len(values)), "created": values}))
    assert (guess.timestamp, guess.options) == ("created", options)


def test_a_goal_is_something_paid_for_rather_than_a_newsletter(j, tmp_path):
    log = j.events.select("timestamp", "event", user_id="person").collect()
    log = log.with_columns(pl.col("event").cast(pl.String).replace("Read Article", "Subscribed to Newsletter"))
    log.write_csv(tmp_path / "log.csv")
    text = draft_definitions([str(tmp_path / "log.csv")], file=tmp_path / "team.toml").text
    d = jn.Definitions.from_toml(text)
    assert d.funnels["main"]["steps"] == ["Loaded a Page", "Signed Up", "Upgraded Plan"]
    assert "journeys run team.toml" in text
    assert len(d.events) == 5


def read_steady(source, **last):
    """Read a log in which each event happens every six hours, from 20 January up to a day of its own."""
    hours = pl.datetime_range(datetime(2026, 1, 20), datetime(2026, 3, 31), "6h", eager=True)
    rows = [(at, name) for name, end in last.items() for at in hours if at.date() <= end]
    log = pl.DataFrame(rows, schema=["at", "what"], orient="row").with_columns(user_id=pl.lit("a"))
    return jn.read_table(log, timestamp="at", event="what", ids=["user_id"], name=source)


def test_a_source_that_ends_earlier_is_no_drift():
    d = jn.Definitions.from_toml("[events.Visited]\n[events.Called]")
    web, crm = read_steady("web", Visited=date(2026, 3, 31)), read_steady("crm", Called=date(2026, 3, 1))
    checked = d.check(d.journeys(web, crm))
    assert checked.passed
    assert checked.warnings == ("The source 'crm' ends on 1 March 2026, 29 days before the others.",)
    assert checked.warnings[0] in repr(checked)


def test_an_event_that_stops_before_its_source_has_drifted():
    d = jn.Definitions.from_toml("[events.Visited]\n[events.Called]\n[events.Tried]")
    web = read_steady("web", Visited=date(2026, 3, 31), Tried=date(2026, 3, 4))
    crm = read_steady("crm", Called=date(2026, 3, 26))
    checked = d.check(d.journeys(web, crm))
    assert checked.failures == ("[events.Tried]: the event 'Tried' is gone: it last occurred on 4 March 2026.",)
    assert not checked.warnings
