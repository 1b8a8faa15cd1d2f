"""The commands of the questions: each argument of the library is an option, and errors name the option."""

import inspect
import json
import re
from zipfile import ZipFile

import click
import polars as pl
import pytest

import journeys as jn
from journeys.api import Journeys
from journeys.cli import main
from journeys.cli.questions import QUESTIONS, build_question
from journeys.cli.report import build_report

PATH = "Visit > Sign up > Buy"
ASKED = {
    "funnel": ["--steps", PATH],
    "exits": ["--steps", PATH],
    "correlation": ["--goal", "Buy"],
    "attribution": ["--goal", "Buy"],
    "retention": ["--start", "Visit"],
    "dropoff": ["--goal", "Buy"],
    "last-before": ["--goal", "Buy", "--of", "page"],
    "trend": ["--events", "Visit"],
    "lifecycle": ["--events", "Visit"],
    "stickiness": ["--events", "Visit"],
    "messages": ["--goal", "Buy", "--by", "campaign"],
    "value": ["--column", "amount", "--of", "Buy"],
    "impact": ["--of", "Sign up", "--on", "Visit"],
    "experiment": ["--variant", "variant", "--goal", "Buy"],
    "overlap": ["--segments", "Buyers", "--segments", "Readers"],
    "timeline": ["--person", "p1"],
    "report": ["--steps", PATH],
}


def make_log():
    """Forty people with a variant, a campaign, a page, amounts and mails; every fourth one buys."""
    rows = []
    for n in range(40):
        person, variant, campaign = f"p{n}", "ab"[n % 2], ("spring", "fall")[n % 3 == 0]
        rows.append((person, "2026-03-01", "Visit", variant, campaign, "/", None))
        rows.append((person, "2026-03-02", "Received Email", None, campaign, None, None))
        rows += [(person, "2026-03-03", "Sign up", None, None, "/pricing", None)] * (n % 2)
        rows += [(person, "2026-03-04", "Buy", None, None, None, 10.0)] * (n % 4 == 1)
        rows.append((person, "2026-03-15", "Visit", None, None, "/", None))
    columns = ["person", "timestamp", "event", "variant", "campaign", "page", "amount"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    Journeys.from_table(make_log()).save(folder / "log")
    text = '[segments]\nBuyers = { did = "Buy" }\nReaders = { did = "Sign up" }\n'
    (folder / "journeys.toml").write_text(text)
    return [str(folder / "log"), "--definitions", str(folder / "journeys.toml")]


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_answers(question, store, capsys):
    assert main([question, *ASKED.get(question, []), "--json", *store]) == 0
    assert all(isinstance(json.loads(line), dict) for line in capsys.readouterr().out.splitlines())
    assert main([question, *ASKED.get(question, []), *store]) == 0
    shown = capsys.readouterr().out
    assert re.match(r"\S.*\.\n\n\S", shown), shown


def test_every_question_of_journeys_has_a_command():
    lines = inspect.getsource(Journeys).splitlines()
    methods = {line.split()[0] for line in lines if 'BoundMethod("journeys.analyses' in line}
    of_accounts_or_several_goals = {"activity", "correlations"}
    assert methods - of_accounts_or_several_goals == {one.replace("-", "_") for one in QUESTIONS} - {"exits", "overlap"}


@pytest.mark.parametrize("question", [*QUESTIONS, "report"])
def test_errors_name_the_option_and_nothing_of_python(question, store, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = build_report() if question == "report" else build_question(question)
    of_sources = {"files", "sources", "definitions", "timestamp", "event", "ids", "unit", "time_zone"}
    any_text = {"title", "names"}
    for option in command.params:
        if option.name in of_sources | any_text or option.is_flag or option.type is click.BOOL:
            continue
        asked = [*ASKED.get(question, [])]
        for name in option.opts:
            if name in asked and question != "overlap":
                del asked[asked.index(name) : asked.index(name) + 2]
        asked = [] if option.name == "funnel" else asked
        wrong = str(tmp_path / "no" / "x") if option.name == "out" else "no such ☂"
        code = main([question, *asked, option.opts[0], *[wrong] * option.nargs, *store])
        said = capsys.readouterr().err
        assert code == 1 if said.startswith("journeys: ") else code == 2, (option.name, said)
        assert any(name in said for name in option.opts), (option.name, said)
        assert not re.search(r"(?<![\w'\"])[a-z_]+=|timedelta|pl\.|jn\.|None\b|Traceback", said), (option.name, said)


def ask(capsys, *words):
    assert main([*words, "--json"]) == 0, capsys.readouterr().err
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_pairs_mappings_and_lists_are_written_as_options(store, capsys):
    j = Journeys.from_table(make_log())
    series = ["--events", "V=Visit", "--events", "B=Buy", "--formula", "B / V"]
    assert {row["series"] for row in ask(capsys, "trend", *series, *store)} == {"V", "B", "B / V"}
    assert {row["series"] for row in ask(capsys, "trend", *series[:1], "Visit", *series[2:3], "Buy", *store)} == {
        "Visit", "Buy"
    }  # fmt: skip
    rows = ask(capsys, "trend", "--events", "Buy", "--count", "sum:amount", *store)
    assert sum(row["value"] for row in rows) == 100
    entered = ask(capsys, "funnel", "--steps", PATH, "--entered", "2026-03-01", "-", "--within", "7d", *store)
    assert [row["people"] for row in entered] == [40, 20, 10]
    both = ask(capsys, "lifecycle", "--events", "Sign up", "--events", "Buy", *store)
    assert sum(row["new"] for row in both) == 20
    read = ask(capsys, "messages", "--by", "campaign", "--stages", "delivered=Received Email",
               "--stages", "clicked=Sign up", "--stages", "clicked=Buy", *store)  # fmt: skip
    assert sum(row["clicked"] for row in read) == 20
    shares = ask(capsys, "experiment", *ASKED["experiment"], "--expected", "a=0.5", "--expected", "b=0.5", *store)
    assert [row["people"] for row in shares] == [20, 20]
    moved = ask(capsys, "transitions", "--groups", "In=Visit", "--groups", "In=Sign up", *store)
    assert {row["source"] for row in moved} == {"In", "Received Email", "Buy"}
    assert len(ask(capsys, "flow", "--collapse", "false", *store)) == j.flow(collapse=False).table.height
    compared = ask(capsys, "funnel", "--steps", PATH, "--segment", "Readers", "--against", "Buyers", *store)
    expected = j.only(jn.did("Sign up")).funnel(PATH.split(" > "), against=j.only(jn.did("Buy"))).comparison
    assert [list(row) for row in compared] == [expected.table.columns] * expected.table.height
    overlap = ask(capsys, "overlap", *store)
    assert sum(row["people"] for row in overlap) == 40


def test_a_store_is_read_and_options_without_effect_are_refused(store, capsys, tmp_path):
    for words, problem in {
        ("funnel", "--steps", PATH, "--timestamp", "at", *store): "--timestamp: 'at' has no effect; ",
        ("check", store[0]): "is a store of stitched journeys",
        ("stitch", "segment=x", "--ids", "a"): "--ids: 'a' has no effect; it describes tables among FILES",
        (
            "trend",
            "--events",
            "Visit",
            "--definitions",
            str(tmp_path / "no.toml"),
            store[0],
        ): "--definitions: there",
        ("run", str(tmp_path / "no.toml"), "--out", str(tmp_path / "r.html")): "FILE: there is no file",
        ("overlap", store[0]): "--segments: name two or more",
        ("experiment", *ASKED["experiment"], "--expected", "a", *store): "--expected: expected NAME=NUMBER, got 'a'.",
        ("trend", "--events", "A=Vist", "--events", "B=Buy", *store): "--events 'A': no event 'Vist'; did you mean 'Vi",
        ("report", "--steps", "Visit -> Buy", *store): "--steps: a report needs a list of event names, not a pattern",
        ("report", "--steps", "Visit > Buy", "--by", "no", *store): "--by: no column of people 'no'",
        ("stickiness", "--events", "Buy", "--of", "1x", *store): "--of: '1x' is not a calendar period",
        ("timeline", "--person", "nobody", *store): "--person: no person 'nobody'",
    }.items():
        assert main([*words]) == 1, words
        assert problem in capsys.readouterr().err
    assert main(["funnel", "--steps", PATH, "--funnel", "main", *store]) == 2
    assert "Give '--steps' or '--funnel', not both" in capsys.readouterr().err


def test_a_person_is_found_by_an_identifier(tmp_path, capsys):
    rows = "user_id,email,timestamp,event\n7,ann@x.org,2026-03-01,Visit\n8,,2026-03-02,Visit\n"
    (tmp_path / "log.csv").write_text(rows)
    read = [str(tmp_path / "log.csv"), "--timestamp", "timestamp", "--ids", "user_id,email"]
    for label in ("1", "ann@x.org", "7"):
        assert [row["event"] for row in ask(capsys, "timeline", "--person", label, *read)] == ["Visit"]


@pytest.mark.parametrize("question", [*QUESTIONS, "report"])
def test_help_speaks_of_the_command_and_not_of_python(question):
    command = build_report() if question == "report" else build_question(question)
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help.endswith("."), option.name
            python = re.search(
                r"jn\.|pl\.|\bj\.|[\[{]['\"]|\(\"\w+\", |\bNone\b|\bTrue\b|expression|time_zone|As in", option.help
            )
            assert python is None or option.name == "sources", (option.name, option.help)
            assert option.multiple == ("repeated" in option.help or "several" in option.help), option.name


def test_what_is_missing_is_named_as_the_command_writes_it(tmp_path, capsys):
    (tmp_path / "log.csv").write_text("timestamp,event,user_id,ad,paid\n2026-03-01,Visit,u1,a,1\n")
    with ZipFile(tmp_path / "book.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
    file = str(tmp_path / "log.csv")
    for words, problem in (
        (["messages", "--goal", "Visit", "--by", "ad"], "with --stages delivered=EVENT and --stages clicked=EVENT."),
        (["experiment", "--variant", "ad", "--goal", "Visit", "--measure", "mean:paid"], "must be sum:COLUMN."),
    ):
        assert main([*words, file, "--timestamp", "timestamp"]) == 1
        assert problem in capsys.readouterr().err
    assert main(["init", str(tmp_path / "book.xlsx"), "--out", str(tmp_path / "x.toml")]) == 1
    assert "is an Excel workbook: save its sheet as CSV first." in capsys.readouterr().err
