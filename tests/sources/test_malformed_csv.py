"""CSV as it is written in the wild: what is half there is put aside, and what was assumed is said."""

import gzip

import pytest

import journeys as jn

TABLE = {"timestamp": "t", "event": "e", "ids": ["u"]}
HEAD = "t,e,u,v\n"
ROW = "2026-03-01,A,1,x\n"


def read(path, written):
    path.write_text(written)
    events = jn.read_table(path, **TABLE)
    found = events.issues
    assert found.read == found.kept + found.quarantined
    return events


def notes(events):
    return [one for one in events.issues.table.filter(kind="note")["reason"] if "fields" in one]


def aside(events):
    return events.issues.quarantine.select("reason", "text").rows()


def test_a_quote_that_is_left_open_at_the_end_is_no_row(tmp_path):
    path = tmp_path / "log.csv"
    assert aside(read(path, HEAD + ROW + '2026-03-01,B,5,"ab')) == [("half-written last line", "2026-03-01,B,5,ab")]
    closed = read(path, HEAD + ROW + '2026-03-01,B,5,"ab\n')
    assert aside(closed) == [("a quote that is not closed", "2026-03-01,B,5,ab")]
    swallowed = read(path, HEAD + ROW + '2026-03-01,B,5,"ab\n' + ROW)
    assert [reason for reason, _ in aside(swallowed)] == ["a quote that is not closed"] * 2
    assert swallowed.issues.kept == 1


@pytest.mark.parametrize("end", ['2026-03-01,A,1,5" pipe', '2026-03-01,A,1,"a ""b"""', '2026-03-01,A,1,"a\nb"'])
def test_quotes_that_are_closed_or_mean_nothing_are_kept_at_the_end(tmp_path, end):
    assert read(tmp_path / "log.csv", HEAD + ROW + end).issues.kept == 2


@pytest.mark.parametrize("more", ["", "2026-03-01,A,1,x,y\n"])  # the latter is read line by line
@pytest.mark.parametrize("packed", [False, True])
def test_lines_with_too_few_fields_are_counted(tmp_path, more, packed):
    path = tmp_path / "log.csv"
    rows = HEAD + ROW + "2026-03-01,A,1\n2026-03-01,A,1\n\n2026-03-01,A,1,\n" + more
    events = read(path, rows)
    if packed:
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(rows.encode()))
        path.unlink()
        events = jn.read_table(tmp_path, **TABLE)
    assert events.issues.kept == 4
    assert notes(events) == ["2 lines have fewer than 4 fields; the missing ones were read as empty"]


@pytest.mark.parametrize("rows", [ROW + "2026-03-01,A,1,\n", ROW + '2026-03-01,A,1,"a\nb"\n2026-03-01,A,1,\n'])
def test_lines_with_all_their_fields_are_not_counted(tmp_path, rows):
    assert notes(read(tmp_path / "log.csv", HEAD + rows)) == []


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "sep=;\r", "\ufeffsep=;"])
@pytest.mark.parametrize("more", ["", "2026-03-01;A;1;x;y\n"])
def test_the_line_that_names_the_separator_for_excel_is_understood(tmp_path, first, more):
    written = first + "\n" + (HEAD + ROW).replace(",", ";") + "2026-03-01;A;2;\n" + more
    events = read(tmp_path / "log.csv", written)
    assert events.table.collect()["u"].to_list() == ["1", "2"]
    assert (events.issues.quarantined, notes(events)) == (len(more) > 0, [])
