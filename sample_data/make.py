"""Make the sample data: `python sample_data/make.py [--out FOLDER]` writes the same story, byte for byte, every time.

Standard library only. What is planted in it, and how large each effect came out, is in README.md and truth.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from story.mess import spoil_identifiers, test_mailboxes  # noqa: E402
from story.offices import write_billing, write_customerio, write_hubspot  # noqa: E402
from story.plot import tell  # noqa: E402
from story.segment import write_archive, write_warehouse  # noqa: E402
from story.truth import write_truth  # noqa: E402


def make(out: Path) -> None:
    """Write every file of the sample data into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    people, rows = tell()
    rows += test_mailboxes(people)
    rows.sort(key=lambda row: (row.t, row.person.number))
    spoilt = spoil_identifiers(rows)
    files = {
        "segment": write_archive(spoilt, out / "segment"),
        "customerio.ndjson": write_customerio(rows, out / "customerio.ndjson"),
        "hubspot.csv": write_hubspot(rows, out / "hubspot.csv"),
        "billing.csv": write_billing(rows, out / "billing.csv"),
    }
    write_warehouse(spoilt, out / "segment_warehouse")
    write_truth(people, spoilt, files, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="where to write (default: beside this script)")
    make(parser.parse_args().out)
