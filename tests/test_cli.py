"""The command and those who read what it says."""

import subprocess
import sys


def test_a_reader_who_has_seen_enough_ends_the_command_quietly(tmp_path):
    rows = "".join(f"2026-03-01T10:00:00Z,Event {n},u{n}\n" for n in range(2_000))
    (tmp_path / "log.csv").write_text("timestamp,event,user_id\n" + rows)
    command = [sys.executable, "-m", "journeys.cli", "check", "--timestamp", "timestamp", str(tmp_path / "log.csv")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        said = run.stderr.read()
        assert (run.wait(), said) == (0, b"")
