"""Print a page as PDF with a browser that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from journeys.errors import ArgumentError, JourneysError

_NAMES = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chrome.exe"),
    *("microsoft-edge", "microsoft-edge-stable", "msedge", "msedge.exe", "brave-browser"),
)
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_SECONDS = 120


def find_browser() -> str | None:
    """Return the path of an installed Chromium, Chrome, Edge or Brave; `BROWSER_PATH` names another one."""
    named = os.environ.get("BROWSER_PATH")
    found = [named] if named else [shutil.which(name) for name in _NAMES]
    found += [] if named else [place for place in _PLACES if Path(place).is_file()]
    return next(filter(None, found), None)


def print_page(page: str, path: Path) -> None:
    """Print an HTML page to a PDF file, in a profile of its own that is removed afterwards.

    Raises
    ------
    ArgumentError
        There is no browser.
    JourneysError
        The browser fails or takes more than two minutes.
    """
    browser = find_browser()
    if browser is None:
        raise ArgumentError(
            "pdf: printing needs Chromium, Google Chrome or Microsoft Edge, and none is installed; install one, or set "
            "BROWSER_PATH to its program. Or write the page with .write(...) and print it from any browser."
        )
    with TemporaryDirectory(prefix="journeys-") as folder:
        source = Path(folder, "page.html")
        source.write_text(page, encoding="utf-8")
        options = ["--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={Path(folder, 'profile')}"]
        # Chromium refuses to run its sandbox as root, as in most containers.
        options += ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        command = [browser, *options, "--no-pdf-header-footer", f"--print-to-pdf={path}", source.as_uri()]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            raise JourneysError(f"pdf: {browser!r} could not print the page: {error}.") from error
        if run.returncode or not path.is_file() or not path.stat().st_size:
            reason = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
            raise JourneysError(f"pdf: {browser!r} could not print the page: {reason}.")
