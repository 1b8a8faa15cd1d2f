"""The meanings of other tools, all choices at once."""

from __future__ import annotations

from typing import Any

__all__ = ["PRESETS"]

PRESETS: dict[str, dict[str, Any]] = {
    "mixpanel": {"within": "7d", "ties": "2s", "reentry": "first", "excluded": "drops"},
    "amplitude": {"within": "1d", "ties": "1s", "reentry": "best", "excluded": "removed"},
    "posthog": {"within": "14d", "ties": "step_order", "reentry": "best", "excluded": "removed"},
    "ga4": {"ties": "arrival", "reentry": "best", "excluded": "drops"},
    "clickhouse": {"ties": "either", "reentry": "best", "reuse": True},
}
"""What each tool means by a funnel, from its documentation or its source; whatever is said beside it wins."""
