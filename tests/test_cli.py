"""The command: what it writes and prints, what it refuses, and how it ends."""

import json
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import journeys as jn
from journeys import samples
from journeys.cli import main
from journeys.log.stored_files import lock_file
from journeys.report import Report


def test_a_reader_who_has_seen_enough_ends_the_command_quietly(tmp_path):
    rows = "".join(f"2026-03-01T10:00:00Z,Event {n},u{n}\n" for n in range(2_000))
    (tmp_path / "log.csv").write_text("timestamp,event,user_id\n" + rows)
    command = [sys.executable, "-m", "journeys.cli", "check", "--timestamp", "timestamp", str(tmp_path / "log.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        said = run.stderr.read()
        assert (run.wait(), said) == (0, b"")


def test_the_demo_writes_its_file_and_prints_three_findings(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "demo.html")]) == 0
    said = capsys.readouterr().out
    assert "1. " in said
    assert "3. " in said
    assert "4. " not in said
    assert str(tmp_path / "demo.html") in said
    assert (tmp_path / "demo.html").stat().st_size > 1_000_000


def test_the_command_refuses_in_words(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / "no" / "demo.html")]) == 1
    assert "--out: there is no folder" in capsys.readouterr().err
    assert main(["report", "segmant=x", "--steps", "A > B", "--out", str(tmp_path / "r.html")]) == 1
    assert "no system 'segmant'; did you mean 'segment'?" in capsys.readouterr().err
    assert main(["report", "x.csv", "--steps", "A"]) == 1
    assert "--steps: expected at least two events" in capsys.readouterr().err
    assert main([]) == 2


def test_the_command_reports_and_checks_ones_own_table(tmp_path, capsys):
    table = tmp_path / "log.csv"
    table.write_text("user_id,timestamp,event\na,2026-03-01T00:00:00Z,Visit\na,2026-03-02T00:00:00Z,Buy\n,,\n")
    columns = ["--timestamp", "timestamp", "--event", "event", "--ids", "user_id"]
    assert main(["report", str(table), *columns, "--steps", "Visit > Buy", "--out", str(tmp_path / "r.html")]) == 0
    assert "The report is in" in capsys.readouterr().out
    assert main(["check", str(table), *columns]) == 1
    said = capsys.readouterr()
    assert "3 rows read, 1 of them in quarantine" in said.out
    assert "33% of the rows of log are in quarantine (no time)" in said.err
    table.write_text(table.read_text().removesuffix(",,\n"))
    assert main(["check", str(table), *columns]) == 0


def test_the_command_detects_a_system_from_its_columns(capsys):
    assert main(["check", str(samples.sample_path("hubspot.csv"))]) == 0
    assert "5,255 rows read" in capsys.readouterr().out


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "user_id,timestamp,event\na,2026-03-01T00:00:00Z,Visit\na,2026-03-02T00:00:00Z,Buy\nb,2026-03-01,Visit\n"
    )
    return [str(path), "--timestamp", "timestamp", "--event", "event", "--ids", "user_id"]


@pytest.mark.parametrize("question", [["funnel", "--steps", "Visit > Buy"], ["flow", "--goal", "Buy"],
    ["correlation", "--goal", "Buy"], ["attribution", "--goal", "Buy"]])  # fmt: skip
def test_the_command_answers_a_question(question, table, capsys):
    if question[0] == "attribution":
        assert main([*question, *table]) == 1
        assert "by: no column 'campaign'" in capsys.readouterr().err
        return
    assert main([*question, *table]) == 0
    shown = capsys.readouterr().out
    assert "too few for a finding" in shown


def test_the_command_prints_json(table, capsys):
    assert main(["funnel", "--steps", "Visit > Buy", "--json", *table]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert '"people":1' in lines[1]


def test_errors_name_options_and_the_closest_command(table, capsys):
    assert main(["funnel", "--steps", "Visit > Buy", "--within", "3 days", *table]) == 1
    said = capsys.readouterr().err
    assert said.startswith("journeys: --within: '3 days' is not a valid duration")
    assert "timedelta" not in said
    assert main(["correlation", "--goal", "Visitt", *table]) == 1
    assert "--goal: no event 'Visitt'; did you mean 'Visit'?" in capsys.readouterr().err
    assert main(["retention", "--start", "Visit", "--clock", "sun", *table]) == 2
    assert "'--clock': 'sun' is not one of 'calendar', 'own'" in capsys.readouterr().err
    assert main(["chek"]) == 2
    assert "No such command 'chek'; did you mean 'check'?" in capsys.readouterr().err
    assert main(["funnel", *table]) == 2
    assert "Missing option '--steps'" in capsys.readouterr().err
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"journeys {jn.__version__}\n"


@pytest.mark.parametrize("question", [["retention", "--start", "Visit", "--every", "1d"], ["sessions"], ["dictionary"],
    ["trend", "--events", "Visit"], ["exits", "--steps", "Visit > Buy"],
    ["flow", "--end", "Buy", "--steps", "3"]])  # fmt: skip
def test_options_are_the_arguments_of_the_library(question, table, capsys):
    assert main([*question, "--json", *table]) == 0
    assert all(isinstance(json.loads(line), dict) for line in capsys.readouterr().out.splitlines())
    assert main([question[0], "--help"]) == 0
    assert "FILES are exports" in capsys.readouterr().out


def test_hostile_names_reach_no_terminal(tmp_path, capsys):
    evil = "\x1b[31mBuy\u202e\x9b\x07"
    log = pl.DataFrame({"timestamp": ["2026-03-01", "2026-03-02"], "event": ["Visit", evil], "user_id": ["a", "a"]})
    log.write_csv(tmp_path / "log.csv")
    files = [str(tmp_path / "log.csv"), "--timestamp", "timestamp"]
    for command in (["check"], ["trend", "--events", evil], ["trend", "--events", "x\x1b"], ["dictionary", "--json"],
                    ["flow"], ["dictionary"]):  # fmt: skip
        main([*command, *files])
        said = capsys.readouterr()
        assert all(c.isprintable() or c == "\n" for c in said.out + said.err)
    main(["dictionary", "--json", *files])
    assert evil in [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]


def test_several_sources_have_columns_of_their_own(tmp_path, capsys):
    (tmp_path / "web.csv").write_text("when;who;what\n01.04.2026 10:00;ann;Visit\n")
    (tmp_path / "crm.csv").write_text("at,mail,customer\n2026-04-02,ann@x.org,ann\n")
    web = f"web=table:{tmp_path}/web.csv,timestamp=when,event=what,ids=user_id:who,day_first=true"
    crm = f"crm=table:{tmp_path}/crm.csv,timestamp=at,event_name=Buy,ids=user_id:customer+email:mail"
    assert main(["funnel", "--source", web, "--source", crm, "--steps", "Visit > Buy"]) == 0
    assert 'Only 1 person entered at "Visit"' in capsys.readouterr().out
    assert main(["stitch", "--source", web, "--source", crm, "--out", str(tmp_path / "store")]) == 0
    assert jn.open(tmp_path / "store").people["email"].to_list() == ["ann@x.org"]
    capsys.readouterr()
    for wrong, problem in {
        "web": "--source: expected NAME=SYSTEM:PATH, got 'web'.",
        "table:x.csv,timestamp=at": "got 'table:x.csv,timestamp=at'. Write e.g. web=table:log.csv,timestamp=at,",
        "x.csv,timestamp=at": "--source: expected NAME=SYSTEM:PATH, got 'x.csv,timestamp=at'.",
        "web=tabel:x.csv": "--source web: system: no system 'tabel'; did you mean 'table'?",
        "web=table:x.csv,ids=a,timestmp=b": "no key 'timestmp'; did you mean 'timestamp'?",
        "web=segment:gone.ndjson": "--source web: ",
    }.items():
        assert main(["check", "--source", wrong]) == 1
        assert problem in capsys.readouterr().err
    assert main(["check"]) == 1
    assert "FILES: nothing to read" in capsys.readouterr().err


def test_a_table_may_have_a_date_per_event(tmp_path, capsys):
    deals = "mail,No,Lead Date,Close Date\nann@x.org,7,2026-03-01,2026-03-05\nbob@x.org,8,2026-03-02,\n"
    (tmp_path / "deals, all.csv").write_text(deals)
    path, dates = f"{tmp_path}/deals, all.csv", "Lead:Lead Date+Closed Deal:Close Date"
    for read in (
        ["--source", f"crm=table:{path},timestamp={dates},ids=user_id:No+email:mail"],
        [path, "--timestamp", dates, "--ids", "user_id:No,email:mail"],
    ):
        assert main(["dictionary", "--json", *read]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {one["event"]: one["rows"] for one in found} == {"Lead": 2, "Closed Deal": 1}
    mixed = f"crm=table:{path},timestamp=Lead Date,event_name=Lead,ids=mail+user_id:No"
    assert main(["stitch", "--source", mixed, "--out", str(tmp_path / "store")]) == 0
    assert jn.open(tmp_path / "store").people["mail"].to_list() == ["ann@x.org", "bob@x.org"]
    capsys.readouterr()
    assert main(["dictionary", path, "--timestamp", "Lead:Leed Date", "--ids", "No"]) == 1
    assert "no column 'Leed Date'; did you mean 'Lead Date'?" in capsys.readouterr().err


def write_messy_files(folder):
    """Write a shop's log in German, and a spreadsheet of its customers in American dates."""
    chance = random.Random(5)
    shop, crm = [], []
    for number in range(120):
        at = datetime(2026, 9, 1) + timedelta(hours=chance.randrange(1800))
        device, customer = f"d-{number:08d}", f"K{100_000 + number}"
        shop.append((at, device, "", "Seite besucht"))
        if number % 3 == 0:
            at += timedelta(hours=5)
            shop.append((at, device, customer, "Konto registriert"))
            crm.append((f"p{number}@x.org", customer, at + timedelta(days=1), "Lead"))
        if number % 9 == 0:
            at += timedelta(days=2)
            shop.append((at, device, customer, "Angebot gekauft"))
            crm.append((f"P{number}@x.org", customer, at + timedelta(days=1), "Customer"))
    lines = [f"{at:%d.%m.%Y %H:%M};{device};{who};{what};/x" for at, device, who, what in sorted(shop)]
    text = "Zeitpunkt;Geräte-ID;Kundennummer;Aktion;Pfad\n" + "\n".join([*lines, ";;;;", "kaputt;d-1;;Seite besucht;"])
    (folder / "shop.csv").write_text(text, encoding="utf-8-sig")
    rows = [f"{mail},{who},{at:%m/%d/%Y %I:%M %p},{what}" for mail, who, at, what in crm]
    (folder / "CRM (final).csv").write_text("\n".join(["Email Address,Customer No,Changed at,Lifecycle", *rows]))


@pytest.fixture
def messy(tmp_path, monkeypatch):
    write_messy_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["init", "shop.csv", "CRM (final).csv"]) == 0
    return tmp_path


def test_a_first_file_of_definitions_makes_the_report(messy, capsys):
    d = jn.definitions()
    assert [dict(one.options["ids"]) for one in d.sources] == [
        {"kundennummer": "Customer No", "email": "Email Address"},
        {"kundennummer": "Kundennummer", "geräte_id": "Geräte-ID"},
    ]
    assert [one.options["day_first"] for one in d.sources] == [False, True]
    assert d.funnels["main"]["steps"] == ["Seite besucht", "Konto registriert", "Angebot gekauft"]
    assert d.journeys().people.height == 120
    assert main(["run", "--out", "week.html", "--log", "runs.log"]) == 0
    assert f"journeys.toml {d.hash}" in (messy / "runs.log").read_text()
    assert "week.html: " in capsys.readouterr().out
    assert (messy / "week.html").stat().st_size > 1_000_000
    assert main(["funnel"]) == 0
    assert "14 of 120 people (12%)" in capsys.readouterr().out
    # an existing file is never overwritten
    assert main(["init", "shop.csv"]) == 1
    assert "--out: 'journeys.toml' exists already" in capsys.readouterr().err


def test_a_check_fails_when_definitions_drift(messy, capsys):
    text = (messy / "journeys.toml").read_text().replace('[events."Seite besucht"]', '[events."Seite gesehen"]')
    (messy / "journeys.toml").write_text(text)
    assert main(["check"]) == 1
    printed = capsys.readouterr()
    said = printed.err
    assert "is declared, never seen" not in printed.out  # each problem is printed once
    assert "[events.Seite gesehen]: the event 'Seite gesehen' is declared, never seen." in said
    assert "[events.Seite besucht]: the event 'Seite besucht' is undeclared." in said


def test_a_source_that_ends_early_is_a_warning(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, days in {"web": 90, "crm": 50}.items():
        rows = [f"u{day}@x.org,{datetime(2026, 1, 1) + timedelta(days=day, hours=at)},Did {name}"
                for day in range(days) for at in range(4)]  # fmt: skip
        (tmp_path / f"{name}.csv").write_text("\n".join(["email,at,event", *rows]))
    assert main(["init", "web.csv", "crm.csv"]) == 0
    assert main(["check", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == "Warning: The source 'crm' ends on 19 February 2026, 40 days before the others.\n"
    assert "Warning" not in said.out


def test_one_run_at_a_time_and_the_old_report_stays(messy, capsys, monkeypatch):
    (messy / "week.html").write_text("old")
    with lock_file(messy / ".week.html.lock", refusal=""):
        assert main(["run", "--out", "week.html"]) == 1
    assert f"--out: 'week.html' is being written by process {os.getpid()} on" in capsys.readouterr().err

    def fill_disk(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("journeys.exports.files.os.fsync", fill_disk)
        assert main(["run", "--out", "week.html", "--log", "runs.log"]) == 1
    assert "'week.html' could not be written: No space left on device." in capsys.readouterr().err
    assert "failed: " in (messy / "runs.log").read_text()
    (messy / "shop.csv").unlink()
    assert main(["run", "--out", "week.html"]) == 1
    assert "[sources.shop]: " in capsys.readouterr().err
    assert (messy / "week.html").read_text() == "old"
    assert sorted(one.name for one in messy.iterdir() if one.name.startswith(".")) == []


def test_a_log_that_cannot_be_written_is_named_first(messy, capsys):
    assert main(["run", "--out", "week.html", "--log", "gone/runs.log"]) == 1
    assert "--log: there is no folder 'gone'; create it first." in capsys.readouterr().err
    assert not (messy / "week.html").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_output_that_is_full_or_of_few_characters_is_no_traceback(table):
    def run(*words, **more):
        command = [sys.executable, "-m", "journeys.cli", *words]
        return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **more)

    with Path("/dev/full").open("w") as full:
        failed = run("funnel", "--help", stdout=full)
    assert (failed.returncode, failed.stderr) == (1, "journeys: output: No space left on device.\n")
    asked = ["funnel", "--steps", "Visit > Buy", *table]
    ascii_only = run(*asked, stdout=subprocess.PIPE, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (ascii_only.returncode, ascii_only.stderr) == (0, "")
    assert "\\u2013" in ascii_only.stdout


def test_an_interrupted_run_leaves_nothing(messy, capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Report, "html", interrupt)
    assert main(["run", "--out", "week.html"]) == 130
    assert "journeys: interrupted" in capsys.readouterr().err
    assert not (messy / "week.html").exists()
    assert not [one for one in messy.iterdir() if one.name.startswith(".")]


def test_a_table_without_time_or_people_is_refused(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert main(["init", str(tmp_path / "x.csv"), "--out", str(tmp_path / "journeys.toml")]) == 1
    assert "looks like a time. Its columns: a, b." in capsys.readouterr().err
    assert main(["init", str(tmp_path / "gone.csv"), "--out", str(tmp_path / "journeys.toml")]) == 1
    assert "gone.csv" in capsys.readouterr().err
    assert not (tmp_path / "journeys.toml").exists()


def test_a_first_file_says_what_it_could_not_read(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("head.csv").write_text("id,time,event\n")
    Path("odd.csv").write_text("email,Order Date,Status\na@x.org,01-Jan-2026 1:05 AM,Paid\n")
    Path("log.csv").write_text("id,time,event\n7,2026-01-01,Paid\n")
    said = {
        "head.csv": "'head.csv' has no rows.",
        "odd.csv": "'Order Date' holds '01-Jan-2026 1:05 AM', which is not read without a format.",
        "log.csv": "name them: journeys check log.csv --timestamp COLUMN --event COLUMN --ids COLUMN.",
    }
    for name, text in said.items():
        assert main(["init", name]) == 1
        assert text in capsys.readouterr().err
    rows = "".join(f"{n},0{n}.01.2026,1{n}:15,Paid\n" for n in range(1, 9))
    Path("days.csv").write_text("Kunde,Datum,Uhrzeit,Ereignis\n" + rows)
    assert main(["init", "days.csv"]) == 0
    unread = "in 'Uhrzeit', is not read: put both into one column"
    assert unread in capsys.readouterr().out
    assert unread in Path("journeys.toml").read_text()
    Path("people.csv").write_text("Person,timestamp,event\n" + "".join(f"u{n},2026-01-01,Paid\n" for n in range(9)))
    assert main(["init", "people.csv", "--out", "people.toml"]) == 0
    assert jn.definitions("people.toml").journeys().size.people == 9
    table = ["people.csv", "--timestamp", "timestamp", "--event", "event", "--ids"]
    assert main(["check", *table, "person:Person"]) == 1
    assert "choose another name for the type: --ids person_id:Person." in capsys.readouterr().err
    assert main(["lab", "--no-open", "days.csv"]) == 1
    assert "FOLDER: 'days.csv' is a file; name a folder." in capsys.readouterr().err


def test_systems_are_recognised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", str(samples.sample_path("hubspot.csv"))]) == 0
    assert jn.definitions().sources[0].system == "hubspot"


def test_notebooks_are_copied_and_own_work_stays(tmp_path, capsys, monkeypatch):
    (tmp_path / "nb").mkdir()
    (tmp_path / "nb" / "03_funnels.ipynb").write_text("mine")
    assert main(["lab", str(tmp_path / "nb"), "--no-open"]) == 0
    assert f"{len(samples.notebook_paths()) - 1} notebooks copied" in capsys.readouterr().out
    assert (tmp_path / "nb" / "03_funnels.ipynb").read_text() == "mine"
    monkeypatch.setattr("journeys.cli.commands.find_spec", lambda _: None)
    assert main(["lab", str(tmp_path / "other")]) == 1
    assert "JupyterLab is not installed: python -m pip install 'journeys[notebook]'" in capsys.readouterr().err


def test_shells_complete_commands_and_options():
    words = {"COMP_WORDS": "journeys retention --clo", "COMP_CWORD": "2", "_JOURNEYS_COMPLETE": "bash_complete"}
    found = subprocess.run(
        [sys.executable, "-m", "journeys"], env=os.environ | words, capture_output=True, text=True, check=False
    )
    assert found.stdout == "plain,--clock\n"


def test_the_command_says_where_most_are_lost(tmp_path, capsys):
    file = tmp_path / "log.csv"
    counts = {"Visit": 90, "Read": 80, "Try": 50, "Buy": 45}  # of the later steps "Read" loses most
    rows = [f"p{n},2026-03-01T0{at}:00:00Z,{name}" for at, name in enumerate(counts) for n in range(counts[name])]
    file.write_text("\n".join(["user_id,timestamp,event", *rows]))
    read = [str(file), "--timestamp", "timestamp", "--event", "event", "--ids", "user_id"]
    assert main(["funnel", "--steps", "Visit > Read > Try > Buy", *read]) == 0
    loss = '38% of people who reached "Read" did not go on to "Try": 30 of 80.'
    shown = capsys.readouterr().out
    assert loss in shown
    events = jn.read_table(file, timestamp="timestamp", event="event", ids=["user_id"])
    funnel = jn.stitch(events).funnel(list(counts))
    assert (funnel.worst_step, funnel.largest_loss) == (2, loss)
    assert loss in str(jn.stitch(events).report(steps=list(counts)))


def test_rows_in_quarantine_are_announced_with_the_options_that_read_them(tmp_path, capsys):
    rows = "".join(f"u{n},0{n}.03.2026,Visit\nu{n},1{n + 3}.04.2026,Buy\n" for n in range(1, 7))
    (tmp_path / "log.csv").write_text("user,day,what\n" + rows)
    columns = [str(tmp_path / "log.csv"), "--timestamp", "day", "--event", "what", "--ids", "user"]
    ask = ["funnel", *columns, "--steps", "Visit > Buy", "--json"]
    assert main(ask) == 0
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[0])["people"] == 1
    assert said.err == "Warning: 42% of the 12 rows of log were quarantined; journeys check says why.\n"
    assert main(["check", *columns]) == 1
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "give --day-first or --month-first, such as" in text
        assert "issues.quarantine" not in text
    assert main([*ask, "--day-first"]) == 0
    said = capsys.readouterr()
    assert (json.loads(said.out.splitlines()[0])["people"], said.err) == (6, "")
    assert main(["check", "--day-first", "segment=x"]) == 1
    assert "--day-first: True has no effect; it describes tables among FILES" in capsys.readouterr().err


def test_names_of_two_sides_are_two_words(table, capsys):
    ask = ["report", *table, "--steps", "Visit > Buy"]
    assert main([*ask, "--sides", "Spring", "Autumn"]) == 1
    assert "--sides: nothing is compared" in capsys.readouterr().err
    assert main(["report", "--help"]) == 0
    assert "--sides NAME NAME" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_read(messy, capsys, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a source was read")

    opened = Path.open

    def open_unless_log(path, *mode, **options):
        if path.name == "runs.log":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *mode, **options)

    monkeypatch.setattr("journeys.definition_file.source.Source.read", refuse)
    monkeypatch.setattr(Path, "open", open_unless_log)
    (messy / "journeys.toml").write_text('[sources.crm]\nsystem = "hubspot"\npath = "crm.csv"\n')
    assert main(["run", "--out", "week.html", "--log", "runs.log"]) == 1
    assert "--log: 'runs.log' could not be written: Permission denied." in capsys.readouterr().err
    monkeypatch.setattr(os, "access", lambda folder, _: folder != messy.resolve())
    for words in (["run", "--out", "week.html"], ["stitch", "--out", "new/store"], ["report", "--out", "r.html"]):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"journeys: --out: {words[-1]!r} cannot be written; the folder ")
        assert said.endswith(" is read-only.\n")
    assert sorted(one.name for one in messy.iterdir() if one.name.startswith(".")) == []
