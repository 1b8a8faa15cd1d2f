"""Whose files and frames these are, when the first of them tells nothing: `check` and the command."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.cli import main
from journeys.sources import read_any

CALL = {"type": "track", "event": "Signed Up", "messageId": "m", "userId": "u", "timestamp": "2026-03-01T10:00:00Z"}
TRACKS = "id,anonymous_id,user_id,timestamp,event,event_text\nt1,a1,u1,2026-03-01 10:02:00,signed_up,Signed Up\n"


def test_the_system_of_a_frame_is_detected_from_its_columns():
    frame = pl.DataFrame([CALL])
    assert read_any(frame).name == "segment"
    assert jn.check(frame.lazy()).events[0].issues.kept == 1
    with pytest.raises(
        jn.SourceError, match="source: the system of a DataFrame is not recognised; .* Its columns: 'a'"
    ):
        jn.check(pl.DataFrame({"a": [1]}))
    with pytest.raises(jn.SourceError, match="source: NoneType is not a path, a frame or an Arrow-compatible object"):
        jn.check(None)


def test_the_system_of_a_folder_is_detected_from_the_first_recognised_file(tmp_path, capsys):
    (tmp_path / "accounts.csv").write_text("id,received_at,name\ng1,2026-03-01 10:00:00,Acme\n")
    (tmp_path / "tracks.csv").write_text(TRACKS)
    assert jn.check(tmp_path).events[0].issues.kept == 1
    assert main(["check", str(tmp_path)]) == 0
    assert "1 source, 1 row read" in capsys.readouterr().out


def test_a_broken_first_file_does_not_hide_the_others(tmp_path):
    (tmp_path / "a.ndjson").write_text("not json at all\n")
    (tmp_path / "b.ndjson").write_text(json.dumps(CALL) + "\n")
    found = jn.check(tmp_path).events[0].issues
    assert (found.kept, found.quarantined) == (1, 1)
    (tmp_path / "b.ndjson").unlink()
    with pytest.raises(jn.SourceError, match="first problem is: half-written last line|first problem is: broken JSON"):
        jn.check(tmp_path)


def test_a_warehouse_in_capitals_is_detected(tmp_path):
    head, row = TRACKS.splitlines()
    (tmp_path / "tracks.csv").write_text(f"{head.upper()}\n{row}\n")
    assert jn.check(tmp_path).events[0].name == "segment"


def test_the_command_passes_on_what_numbers_count_and_where_clocks_stand(tmp_path, capsys):
    path = tmp_path / "m.ndjson"
    path.write_text(json.dumps({"event": "A", "properties": {"time": 1772530000123, "distinct_id": "u"}}) + "\n")
    assert main(["check", str(path)]) == 1
    assert "(--unit 'ms')" in capsys.readouterr().err
    for given in (str(path), f"mixpanel={path}"):
        assert main(["check", given, "--unit", "ms", "--time-zone", "Europe/Berlin"]) == 0
        assert "1 source, 1 row read" in capsys.readouterr().out
    tracks = tmp_path / "tracks.csv"
    tracks.write_text(TRACKS)
    assert main(["check", str(tracks), str(path), "--unit", "ms"]) == 0
    table = tmp_path / "log.csv"
    table.write_text("at,what,who\n1772530000123,A,1\n")
    assert main(["check", str(table), "--timestamp", "at", "--event", "what", "--ids", "who", "--unit", "ms"]) == 0
