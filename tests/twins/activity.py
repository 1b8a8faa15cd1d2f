"""The activity of accounts in plain loops: rows (account, member, minute, event), the window in minutes."""

from collections.abc import Sequence
from typing import Any

Row = tuple[str, str, int, str]


def describe(rows: Sequence[Row], *, active: Sequence[str], until: int, window: int) -> dict[str, dict[str, Any]]:
    found = {}
    for account in sorted({row[0] for row in rows if row[2] <= until}):
        own = [row for row in rows if row[0] == account and row[2] <= until]
        events = [row for row in own if row[3] in active]
        inside = [row for row in events if until - window < row[2]]
        before = [row for row in events if until - 2 * window < row[2] <= until - window]
        born = min(row[2] for row in own)
        trend = len(inside) / len(before) if before and born <= until - 2 * window else None
        state = "active"
        if born > until - window:
            state = "new"
        elif not inside:
            state = "silent"
        elif trend is not None and trend < 0.5 and len(before) >= 10:
            state = "waning"
        found[account] = {
            "members": len({row[1] for row in own}),
            "active_members": len({row[1] for row in inside}),
            "events": len(inside),
            "breadth": len({row[3] for row in inside}),
            "trend": trend,
            "state": state,
            "silent": until - max(row[2] for row in events) if events else None,
        }
    return found
