"""What has to work with nothing but the core dependencies: a quick import, and every kind of question."""

import subprocess
import sys
import tempfile
from importlib.metadata import version

import polars as pl

import journeys as jn

MOST_SECONDS = 0.5


def import_seconds(module: str) -> float:
    """Return the best processor time of five imports, each in a process of its own: what it takes undisturbed."""
    timed = f"import time; start = time.process_time(); import {module}; print(time.process_time() - start)"
    runs = [
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout) for _ in range(5)
    ]
    return min(runs)


def main() -> None:
    """Ask a tiny log everything, in memory and from a store."""
    log = pl.DataFrame(
        {
            "person": ["a", "a", "a", "b", "b", "c"],
            "timestamp": [f"2026-03-0{day}T10:00:00Z" for day in (1, 2, 3, 1, 2, 1)],
            "event": ["Loaded a Page", "Signed Up", "Upgraded Plan", "Loaded a Page", "Signed Up", "Loaded a Page"],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        for j in (jn.Journeys.from_table(log), jn.Journeys.from_table(log).save(folder, shards=2)):
            funnel = j.funnel(["Loaded a Page", "Signed Up", "Upgraded Plan"], within="7d")
            assert funnel.table["people"].to_list() == [3, 2, 1], funnel.table
            assert j.flow(end="Upgraded Plan").table.height > 0
            assert j.correlation("Upgraded Plan", min_people=0).table.height == 2
            for result in (funnel, j.flow(), j.correlation("Upgraded Plan", min_people=0)):
                assert result._repr_html_()
                assert result.plot().data
    seconds, polars = import_seconds("journeys"), import_seconds("polars")
    versions = ", ".join(f"{name} {version(name)}" for name in ("polars", "plotly", "scipy", "numpy"))
    print(f"import {seconds:.2f} s (Polars alone {polars:.2f} s) with Python {sys.version.split()[0]}, {versions}")
    if seconds >= MOST_SECONDS:
        sys.exit(f"import journeys takes {seconds:.2f} s, at most {MOST_SECONDS} s")


if __name__ == "__main__":
    main()
