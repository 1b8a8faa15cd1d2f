"""A data dictionary in plain loops."""

from collections import Counter, defaultdict
from datetime import timedelta


def plain_dictionary(found):
    """Return event → what the dictionary says of it, of rows (person, time, event, campaign)."""
    if not found:
        return {}
    until = max(time for _, time, _, _ in found)
    answer = {}
    for event in {row[2] for row in found}:
        rows = [row for row in found if row[2] == event]
        times = [time for _, time, _, _ in rows]
        filled = Counter(campaign for *_, campaign in rows if campaign is not None)
        whose = defaultdict(set)
        for person, _, _, campaign in rows:
            whose[campaign].add(person)
        shared = [value for value in filled if len(whose[value]) > 1]
        answer[event] = {
            "rows": len(rows),
            "people": len({row[0] for row in rows}),
            "share_of_people": len({row[0] for row in rows}) / len({row[0] for row in found}),
            "first_seen": min(times),
            "last_seen": max(times),
            "days_with": len({time.date() for time in times}),
            "recent": sum(time > until - timedelta(days=7) for time in times),
            "before": sum(until - timedelta(days=35) < time <= until - timedelta(days=7) for time in times),
            "filled": sum(filled.values()) / len(rows),
            "examples": sorted(shared, key=lambda value: (-filled[value], value))[:3],
        }
    return answer
