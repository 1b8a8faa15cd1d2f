"""Every public table comes in one order, however many threads worked on it."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_threads_change_no_order():
    found = []
    for threads in (1, 2, 5):
        done = subprocess.run(
            [sys.executable, "-m", "tests.api.digests"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert len(found[0]) > 20
    assert [name for name in found[0] if len({one[name] for one in found}) > 1] == []
