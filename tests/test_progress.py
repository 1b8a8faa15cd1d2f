"""Progress: shown after a second on a terminal and in a notebook, nowhere else, and nothing of it stays."""

import io
import sys
import threading
import time

import nbformat
import pytest
from nbclient import NotebookClient

from journeys.display import progress, show_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(progress, "_WAIT", 0.05)
    monkeypatch.setattr(progress, "_EVERY", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_a_long_task_is_shown_on_a_terminal_and_cleared(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    with show_progress("Making the report"), show_progress("Counting"):
        time.sleep(0.2)
    shown = terminal.getvalue().split(progress._CLEAR)
    assert shown[1] == "Making the report · Counting … 0 s"
    assert shown[-1] == ""


def test_a_quick_task_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    with show_progress("Counting"):
        pass
    assert terminal.getvalue() == ""


def test_nothing_is_shown_without_a_terminal(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    with show_progress("Counting"):
        time.sleep(0.1)
    assert terminal.getvalue() == ""


def test_an_error_ends_the_line_and_passes(terminal, monkeypatch):
    def interrupt():
        time.sleep(0.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(KeyboardInterrupt), show_progress("Counting"):
        interrupt()
    assert terminal.getvalue().endswith(progress._CLEAR)
    assert not [one for one in threading.enumerate() if one.daemon and one.name.endswith("(run)")]
    assert progress._tasks == []


def test_a_saved_notebook_keeps_nothing_of_it():
    code = (
        "import time\nfrom journeys.display import progress\nprogress._WAIT = 0.1\nprint('before')\n"
        "with progress.show_progress('Counting'):\n    time.sleep(0.4)\n'after'"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    said = [one.get("text") or one.get("data") for one in notebook.cells[0].outputs]
    assert [one for one in said if one] == ["before\n", {"text/plain": "'after'"}]
