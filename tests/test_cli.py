"""The command: what it writes and prints, what it refuses, and how it ends."""

import subprocess
import sys

import pytest

from journeys import samples
from journeys.cli import main


def test_a_reader_who_has_seen_enough_ends_the_command_quietly(tmp_path):
    rows = "".join(f"2026-03-01T10:00:00Z,Event {n},u{n}\n" for n in range(2_000))
    (tmp_path / "log.csv").write_text("timestamp,event,user_id\n" + rows)
    command = [sys.executable, "-m", "journeys.cli", "check", "--timestamp", "timestamp", str(tmp_path / "log.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        said = run.stderr.read()
        assert (run.wait(), said) == (0, b"")


def test_the_demo_writes_its_file_and_tells_three_findings(tmp_path, capsys):
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


def test_the_command_tells_a_system_by_its_columns(capsys):
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
    assert "Buy" in capsys.readouterr().out


def test_the_command_prints_json(table, capsys):
    assert main(["funnel", "--steps", "Visit > Buy", "--json", *table]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert '"people":1' in lines[1]
