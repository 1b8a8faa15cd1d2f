"""What the benchmarks that ask simulated logs share: their command, and how they end."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl


def parse_options(description: str | None, *, choices: Collection[str], name: str, logs: int) -> argparse.Namespace:
    """Parse the command: `logs` for each of the `chosen`, of which one may be named, and the file `out`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", type=int, default=logs, help=f"per {name}")
    parser.add_argument(
        f"--{name}", choices=choices, nargs=1, default=[*choices], dest="chosen", help=f"one {name}; all by default"
    )
    parser.add_argument("--out", type=Path, help="a CSV file for the figures")
    return parser.parse_args()


def finish_run(figures: pl.DataFrame, *, out: Path | None, wrong: Sequence[object], fault: str) -> None:
    """Write the figures, and fail where some are wrong."""
    if out:
        figures.write_csv(out)
    if wrong:
        raise SystemExit(f"{len(wrong)} of {figures.height} {fault}.")
