"""Where large real data is kept; tests that need them skip where they are missing."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("JOURNEYS_SHARED", Path(__file__).parents[2] / "shared"))
needs_shared = pytest.mark.skipif(not (SHARED / "oracles").is_dir(), reason="the shared cases are not here")
