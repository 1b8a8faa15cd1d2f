"""What is going on, where that takes longer than a second: one line on a terminal or under a notebook's cell.

Nothing is shown elsewhere (a script whose errors go to a file, a scheduler), and nothing is left behind.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from importlib import import_module
from time import monotonic
from typing import Any

_WAIT, _EVERY = 1.0, 0.5
_CLEAR = "\r\x1b[K"
_tasks: list[str] = []


@contextmanager
def show_progress(task: str) -> Iterator[None]:
    """Show what is being done, and for how long, until it is done; from its second second on.

    Tasks inside a task are shown behind it.

    Examples
    --------
    >>> with show_progress("Stitching 3 sources"):
    ...     1 + 1
    2
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _tasks.append(task)
    try:
        show = _find_display() if len(_tasks) == 1 else None
        if show is None:
            yield
            return
        done = threading.Event()
        # in a notebook, the context says under which cell to write
        ticker = threading.Thread(target=copy_context().run, args=(_tick, show, done), daemon=True)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()
    finally:
        _tasks.pop()


def _tick(show: Callable[[str], None], done: threading.Event) -> None:
    """Show the tasks and the seconds until they are done, then an empty line."""
    started = monotonic()
    if done.wait(_WAIT):
        return
    # a display that is gone must not end the work
    with suppress(Exception):
        while not done.is_set():
            show(f"{' · '.join(dict.fromkeys(_tasks))} … {monotonic() - started:.0f} s")
            done.wait(_EVERY)
        show("")


def _find_display() -> Callable[[str], None] | None:
    """Find where to show a line that replaces the last one: a notebook or a terminal; None where there is neither."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if getattr(shell, "kernel", None) is not None:
        return _NotebookLine().show
    if os.environ.get("TERM") == "dumb" or not sys.stderr or not sys.stderr.isatty():
        return None
    return _show_on_terminal


def _show_on_terminal(text: str) -> None:
    sys.stderr.write(f"{_CLEAR}{text}")
    sys.stderr.flush()


class _NotebookLine:
    """A line under the cell that runs; when it is empty, the notebook keeps no text of it."""

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, text: str) -> None:
        display = import_module("IPython.display").display
        content = {"text/plain": text} if text else {}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)
