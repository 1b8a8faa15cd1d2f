"""The planted effects, counted with plain loops over what really happened: truth.json and two small tables."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from story.data_errors import TEST_MAILBOX, ZERO_ID
from story.people import Person
from story.playbook_truth import count_playbook
from story.product import BROKEN_BROWSER, BROKEN_CODE, BROKEN_FROM, BROKEN_TO
from story.rows import Row, event_name
from story.setting import ARTICLES, DAY
from story.write_segment import to_iso, write_csv

STAGES = {
    "subscriber": "Became Subscriber",
    "lead": "Became Lead",
    "marketingqualifiedlead": "Became MQL",
    "salesqualifiedlead": "Became SQL",
    "opportunity": "Became Opportunity",
    "customer": "Became Customer",
}
GOAL, FUNNEL, WINDOW_DAYS = "Upgraded Plan", ["Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan"], 30
Timeline = list[tuple[int, str, Row]]
JUNK = {ZERO_ID, "null", "undefined"}


def timelines(rows: list[Row]) -> dict[int, Timeline]:
    """Return one list of (time, event, row) per true person, in order; identify calls and the like are not events."""
    found: dict[int, Timeline] = defaultdict(list)
    for row in rows:
        name = event_name(row)
        if row.source == "customerio":
            name = f"e-mail {row.kind}"
        elif row.kind == "lifecyclestage":
            name = STAGES[row.name]
        if name:
            found[row.person.number].append((row.t, name, row))
    return dict(found)


def first_time(timeline: Timeline, event: str) -> float:
    return next((t for t, name, _ in timeline if name == event), math.inf)


def people_who_did(lines: dict[int, Timeline], event: str) -> set[int]:
    return {number for number, line in lines.items() if first_time(line, event) < math.inf}


def deepest_step(timeline: Timeline, steps: list[str], window: int) -> int:
    """Return the deepest step that any attempt reached: steps in order, all within the window after the first."""
    best = 0
    for i, (start, name, _) in enumerate(timeline):
        if name != steps[0]:
            continue
        depth = 1
        for t, later_name, _ in timeline[i + 1 :]:
            if t - start > window or depth == len(steps):
                break
            depth += later_name == steps[depth]
        best = max(best, depth)
    return best


def contingency_table(lines: dict[int, Timeline], event: str, goal: str, exposure: str) -> dict[str, float]:
    """Count the four cells of behaviour and goal, and phi, for one rule of how long each person is observed."""
    a = b = c = d = 0
    for line in lines.values():
        end, goal_at = math.inf, first_time(line, goal)
        if exposure == "before":
            end = goal_at
        elif exposure == "first 7d":
            end = line[0][0] + 7 * DAY
            if goal_at <= end:
                continue
        done = any(name == event and t < end for t, name, _ in line)
        if goal_at < math.inf:
            a, c = a + done, c + (not done)
        else:
            b, d = b + done, d + (not done)
    below = math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    phi = (a * d - b * c) / below if below else 0.0
    return {"both": a, "behaviour_only": b, "conversion_only": c, "neither": d, "phi": round(phi, 4)}


def identifier_owners(rows: list[Row]) -> dict[tuple[str, str], set[int]]:
    """Return the true people behind each identifier: two for a shared browser."""
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in rows:
        person = row.person
        ids = {("anonymous_id", row.anonymous), ("user_id", row.user), ("user_id", row.properties.get("previous"))}
        if row.kind == "identify":
            ids.add(("email", row.properties["email"]))
        elif row.source == "customerio":
            ids |= {("email", person.email), ("customerio_id", person.customerio)}
        elif row.source == "hubspot":
            ids |= {("email", person.email), ("hubspot_id", str(person.contact))}
        for id_type, value in ids:
            if value and value not in JUNK and value != TEST_MAILBOX:
                found[id_type, value].add(person.number)
    return dict(found)


def _count_campaigns(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines.values():
        tagged = [row.campaign.name for _, name, row in line if name == "Loaded a Page" and row.campaign]
        counts = table[next((name for name in tagged if name), "(none)")]
        counts["people"] += 1
        for key, event in {"signed_up": "Signed Up", "created_project": "Created Project", "upgraded": GOAL}.items():
            counts[key] += first_time(line, event) < math.inf
    return {name: dict(counts) for name, counts in sorted(table.items()) if not name.startswith("newsletter")}


def _count_broken_weeks(lines: dict[int, Timeline]) -> dict[str, Any]:
    hit: Counter[str] = Counter()
    for line in lines.values():
        signed = [(t, row) for t, name, row in line if name == "Signed Up"]
        if not signed:
            continue
        t, row = signed[0]
        inside = BROKEN_FROM <= t < BROKEN_TO
        where = (
            ("broken" if inside else "before and after") if row.properties["browser"] == BROKEN_BROWSER else "others"
        )
        if where == "others" and not inside:
            continue
        hit[f"{where}: signed up"] += 1
        hit[f"{where}: created project"] += first_time(line, "Created Project") < math.inf
        hit[f"{where}: saw the error"] += any(r.properties.get("error_code") == BROKEN_CODE for _, _, r in line)
    about = {"browser": BROKEN_BROWSER, "error_code": BROKEN_CODE, "from": to_iso(BROKEN_FROM), "to": to_iso(BROKEN_TO)}
    return {**about, **dict(sorted(hit.items()))}


def _count_by_device(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines.values():
        device = next((row.properties["device"] for _, _, row in line if "device" in row.properties), None)
        if not device:
            continue
        key = "watched" if first_time(line, "Watched Video") < first_time(line, "Signed Up") else "did not watch"
        for group in (device, "all"):
            table[group][key] += 1
            table[group][f"{key}, signed up"] += first_time(line, "Signed Up") < math.inf
    return {group: dict(sorted(counts.items())) for group, counts in sorted(table.items())}


def _count_readers(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    table = {}
    for article in ARTICLES:
        path, counts = f"/blog/{article.slug}", Counter[str]()
        for line in lines.values():
            read = min((t for t, _, row in line if row.path == path), default=math.inf)
            counts["readers"] += read < first_time(line, "Signed Up") and read < math.inf
            counts["signed_up"] += read < first_time(line, "Signed Up") < math.inf
            counts["became_mql"] += read < first_time(line, "Became MQL") < math.inf
            counts["became_sql"] += read < first_time(line, "Became SQL") < math.inf
        table[article.slug] = dict(counts)
    return table


def _count_identifiers(
    people: list[Person], lines: dict[int, Timeline], ids: dict[tuple[str, str], set[int]]
) -> dict[str, Any]:
    devices = Counter(n for (kind, _), owners in ids.items() if kind == "anonymous_id" for n in owners)
    known = {n for (kind, _), owners in ids.items() if kind != "anonymous_id" for n in owners}
    return {
        "people_with_events": len(lines),
        "identifiers": dict(sorted(Counter(kind for kind, _ in ids).items())),
        "known_people": len(known),
        "never_identified": len(set(lines) - known),
        "several_devices": sum(n > 1 for n in devices.values()),
        "shared_devices": sum(len(owners) > 1 for owners in ids.values()),
        "aliases": sum(bool(p.old_user) for p in people),
        "junk": sorted({*JUNK, TEST_MAILBOX}),
    }


def write_truth(
    people: list[Person], rows: list[Row], files: dict[str, dict[str, int]], bookings: dict[str, Any], out: Path
) -> None:
    """Write truth.json, truth_people.csv (per identifier) and truth_shared.csv (events on shared browsers)."""
    lines, ids = timelines(rows), identifier_owners(rows)
    depth = Counter(deepest_step(line, FUNNEL, WINDOW_DAYS * DAY) for line in lines.values())
    upgraded, project = people_who_did(lines, GOAL), people_who_did(lines, "Created Project")
    behaviours = {
        "true_effect": ("Connected Calendar", ["before", "first 7d", "whole"]),
        "leak": ("Enabled Single Sign-On", ["before", "whole"]),
        "near_duplicate_of_goal": ("Became Customer", ["before", "whole"]),
        "immortal_time": ("Received Announcement", ["before", "first 7d", "whole"]),
        "second_best": ("Created Project", ["before"]),
    }
    truth: dict[str, Any] = {
        "files": files,
        "events": sum(map(len, lines.values())),
        "identity": _count_identifiers(people, lines, ids),
        "funnel": {
            "steps": FUNNEL,
            "within": f"{WINDOW_DAYS}d",
            "people": [sum(depth[k] for k in range(step, len(FUNNEL) + 1)) for step in range(1, len(FUNNEL) + 1)],
        },
        "people_who": {
            name: len(people_who_did(lines, name)) for name in [*FUNNEL, "Connected Calendar", "Requested Demo"]
        },
        "campaigns": _count_campaigns(lines),
        **{
            key: {
                "behaviour": name,
                **{exposure: contingency_table(lines, name, GOAL, exposure) for exposure in exposures},
            }
            for key, (name, exposures) in behaviours.items()
        },
        "visible_drop_off": _count_broken_weeks(lines),
        "hidden_path": {
            "path": ["Loaded a Page", "Viewed Template", "Loaded a Page", "Signed Up", "Loaded a Page", GOAL],
            "upgraded": len(upgraded),
            "upgraded_without_project": len(upgraded - project),
        },
        "simpson": _count_by_device(lines),
        "articles": _count_readers(lines),
        **count_playbook(lines, rows),
        "bookings": bookings,
    }
    (out / "truth.json").write_text(json.dumps(truth, indent=2) + "\n", encoding="utf-8")
    owners = [{"id_type": k, "id": v, "person": n} for (k, v), who in sorted(ids.items()) for n in sorted(who)]
    write_csv(out / "truth_people.csv", owners)
    shared = {v for (k, v), who in ids.items() if k == "anonymous_id" and len(who) > 1}
    seen = [r for r in rows if r.anonymous in shared and r.user in {None, *JUNK} and event_name(r)]
    write_csv(
        out / "truth_shared.csv",
        [{"anonymous_id": r.anonymous, "message_id": r.message, "person": r.person.number} for r in seen],
    )
