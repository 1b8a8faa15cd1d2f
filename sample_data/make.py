"""Generate the sample data: `python sample_data/make.py [--out FOLDER]` writes the same bytes every time.

Standard library only. README.md and truth.json list the planted effects and their sizes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from story.bookings import write_bookings  # noqa: E402
from story.data_errors import corrupt_identifiers, test_mailbox_rows  # noqa: E402
from story.generate import generate_story  # noqa: E402
from story.playbook import playbook_rows  # noqa: E402
from story.rows import Row  # noqa: E402
from story.truth import write_truth  # noqa: E402
from story.write_segment import write_archive, write_warehouse  # noqa: E402
from story.write_systems import write_billing, write_customerio, write_hubspot  # noqa: E402


def in_time(row: Row) -> tuple[int, int]:
    """Return the key that sorts rows by time, then by person; ties keep their order."""
    return row.t, row.person.number


def make(out: Path) -> None:
    """Write every file of the sample data into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    people, rows = generate_story()
    rows += test_mailbox_rows(people)
    rows.sort(key=in_time)
    corrupted = corrupt_identifiers(rows)
    write_warehouse(corrupted, out / "segment_warehouse")
    added = playbook_rows(people, rows)
    rows, corrupted = sorted(rows + added, key=in_time), sorted(corrupted + added, key=in_time)
    files = {
        "segment": write_archive(corrupted, out / "segment"),
        "customerio.ndjson": write_customerio(rows, out / "customerio.ndjson"),
        "hubspot.csv": write_hubspot(rows, out / "hubspot.csv"),
        "billing.csv": write_billing(rows, out / "billing.csv"),
    }
    write_truth(people, corrupted, files, write_bookings(out / "bookings.csv"), out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (default: beside this script)")
    make(parser.parse_args().out)
