"""One hypothesis profile for the whole suite: repeatable, and short enough to run twice."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    # the second run asks another engine the same questions, of fewer logs
    max_examples=15 if os.environ.get("POLARS_ENGINE_AFFINITY") == "in-memory" else 30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("suite")
