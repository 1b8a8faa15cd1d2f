"""Where the published cases are, and where large real data is kept; tests of that data skip where it is missing."""

import os
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).parent / "published"
SHARED = Path(os.environ.get("JOURNEYS_SHARED", Path(__file__).parents[2] / "shared"))
needs_shared = pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the large real data is not here")
