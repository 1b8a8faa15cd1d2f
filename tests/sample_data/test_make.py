"""The stored sample data is what its script writes, and its files say what truth.json says: plain loops, no library."""

import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from journeys.samples import load_truth
from tests.sample_data.raw_files import (
    DAY,
    STORED,
    content,
    doers,
    first,
    owners,
    segment_calls,
    timelines,
)

TRUTH = load_truth()
NAMED = [
    "billing.csv",
    "bookings.csv",
    "customerio.ndjson",
    "hubspot.csv",
    "truth.json",
    "truth_people.csv",
    "truth_shared.csv",
]


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, STORED / "make.py", "--out", out], check=True, env=env)
    return out


def test_the_script_writes_what_is_stored(made):
    written = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    assert {Path(name) for name in NAMED} <= written
    assert len([path for path in written if path.suffix == ".gz"]) == 8
    differing = [path for path in sorted(written) if content(made / path) != content(STORED / path)]
    assert differing == []
    stored = {p.relative_to(STORED) for kind in ("*.csv", "*.gz", "*.ndjson") for p in STORED.rglob(kind)}
    assert stored - written == set()


def test_lines_of_segment_add_up():
    calls, other = segment_calls()
    stated = TRUTH["files"]["segment"]
    for kind in ("lines", "duplicate", "broken line", "no time", "no id", "no event", "only junk ids", "no timestamp"):
        assert other[kind] == stated[kind], kind
    assert other["unreadable time"] == stated["unreadable time"]
    assert dict(Counter(call["type"] for call in calls)) == {
        kind: stated[kind] for kind in ("alias", "group", "identify", "page", "track")
    }
    assert sum(stated.values()) - stated["lines"] - stated["no timestamp"] == stated["lines"]


def test_lines_of_the_other_files_add_up():
    for name in ("customerio.ndjson", "hubspot.csv", "billing.csv"):
        stated = TRUTH["files"][name]
        lines = len(content(STORED / name).decode().splitlines()) - name.endswith(".csv")
        assert lines == stated["lines"] == sum(stated.values()) - stated["lines"]


def test_size_of_the_story():
    assert 4_900 <= TRUTH["identity"]["people_with_events"] <= 5_100
    assert 79_000 <= TRUTH["events"] <= 81_000
    names = {call["event"] for call in segment_calls()[0] if call["type"] == "track"}
    assert 20 <= len(names) <= 30


def test_everyone_behind_the_identifiers():
    identity = TRUTH["identity"]
    kinds = Counter(kind for kind, _ in owners())
    assert dict(kinds) == identity["identifiers"]
    assert sum(len(people) == 2 for people in owners().values()) == identity["shared_devices"] == 40
    devices = Counter(person for (kind, _), who in owners().items() if kind == "anonymous_id" for person in who)
    assert sum(n > 1 for n in devices.values()) == identity["several_devices"]
    aliases = [call for call in segment_calls()[0] if call["type"] == "alias"]
    for call in aliases:
        assert owners()["user_id", call["previousId"]] == owners()["user_id", call["userId"]]
    # One of the guests signed up in the last hours, and the alias call was never sent.
    assert len(aliases) <= identity["aliases"] <= len(aliases) + 2


def test_the_funnel():
    def reached(line, steps, window):
        best = 0
        for i, (start, name, _) in enumerate(line):
            depth = int(name == steps[0])
            for t, later, _ in line[i + 1 :] if depth else []:
                if depth < len(steps) and t - start <= window:
                    depth += later == steps[depth]
            best = max(best, depth)
        return best

    depth = [reached(line, TRUTH["funnel"]["steps"], 30 * DAY) for line in timelines().values()]
    assert [sum(d >= k for d in depth) for k in range(1, 5)] == TRUTH["funnel"]["people"]


def test_the_giveaway_brings_people_who_never_begin():
    campaigns = TRUTH["campaigns"]
    giveaway = campaigns["spring_giveaway"]
    landed = {
        person
        for person, line in timelines().items()
        if any(c.get("context", {}).get("campaign", {}).get("name") == "spring_giveaway" for _, _, c in line)
    }
    assert len(landed) == giveaway["people"]
    assert len(landed & doers("Signed Up")) == giveaway["signed_up"]
    assert len(landed & doers("Created Project")) == giveaway["created_project"]
    rest = [counts for name, counts in campaigns.items() if name not in {"spring_giveaway", "onboarding"}]
    sign_up = sum(c["signed_up"] for c in rest) / sum(c["people"] for c in rest)
    begin = sum(c["created_project"] for c in rest) / sum(c["signed_up"] for c in rest)
    assert giveaway["signed_up"] / giveaway["people"] > 2 * sign_up
    assert giveaway["created_project"] / giveaway["signed_up"] < begin / 4


def cells(event, *, goal="Upgraded Plan", before=True):
    a = b = c = d = 0
    for line in timelines().values():
        end = first(line, goal)
        did = first(line, event) < (end if before else math.inf)
        converted = end < math.inf
        a, b = a + (did and converted), b + (did and not converted)
        c, d = c + (not did and converted), d + (not did and not converted)
    # People whom only e-mails know are on no timeline here; they did neither.
    d += TRUTH["identity"]["people_with_events"] - len(timelines())
    phi = (a * d - b * c) / math.sqrt(max((a + b) * (c + d) * (a + c) * (b + d), 1))
    return {"both": a, "behaviour_only": b, "conversion_only": c, "neither": d, "phi": round(phi, 4)}


@pytest.mark.parametrize("key", ["true_effect", "leak", "near_duplicate_of_goal", "immortal_time", "second_best"])
def test_behaviours_and_upgrading(key):
    stated = TRUTH[key]
    assert cells(stated["behaviour"]) == stated["before"]
    if "whole" in stated:
        assert cells(stated["behaviour"], before=False) == stated["whole"]


def test_what_the_planted_effects_are_worth():
    assert TRUTH["true_effect"]["before"]["phi"] > 0.55
    assert TRUTH["second_best"]["before"]["phi"] < 0.4
    assert TRUTH["leak"]["whole"]["phi"] > 0.7
    assert abs(TRUTH["leak"]["before"]["phi"]) < 0.03
    assert TRUTH["near_duplicate_of_goal"]["whole"]["phi"] > 0.9
    assert TRUTH["near_duplicate_of_goal"]["before"]["both"] == 0
    assert TRUTH["immortal_time"]["before"]["phi"] < -0.08
    assert abs(TRUTH["immortal_time"]["first 7d"]["phi"]) < 0.02


def test_the_weeks_when_the_button_was_broken():
    stated = TRUTH["visible_drop_off"]
    hit = [
        person
        for person, line in timelines().items()
        if any(c.get("properties", {}).get("error_code") == stated["error_code"] for _, _, c in line)
    ]
    assert len(hit) == stated["broken: saw the error"]
    assert not set(hit) & doers("Created Project")
    assert stated["broken: created project"] / stated["broken: signed up"] < 0.15
    assert stated["before and after: created project"] / stated["before and after: signed up"] > 0.45
    recorded = [c for _, name, c in timelines()[hit[0]] if name == "Saw Error"]
    assert all(c["properties"]["replay_url"].startswith("https://replay.example/") for c in recorded)


def test_the_planted_surprising_path():
    stated = TRUTH["hidden_path"]
    short = doers("Upgraded Plan") - doers("Created Project")
    assert len(short) == stated["upgraded_without_project"] > 30
    for person in short:
        line = timelines()[person]
        end = first(line, "Upgraded Plan")
        walked = [name for t, name, _ in line if t <= end]
        collapsed = [name for i, name in enumerate(walked) if i == 0 or walked[i - 1] != name]
        assert [n for n in collapsed if n != "Received Announcement"] == stated["path"]


def test_watching_the_video_reverses_by_device():
    def rate(group, who):
        return group[f"{who}, signed up"] / group[who]

    both = {name: rate(group, "watched") - rate(group, "did not watch") for name, group in TRUTH["simpson"].items()}
    assert both["all"] > 0.04
    assert both["desktop"] < -0.05
    assert both["mobile"] < 0


def test_the_readme_says_these_numbers():
    text = (STORED / "README.md").read_text(encoding="utf-8").replace(",", "")
    files, identity, broken = TRUTH["files"], TRUTH["identity"], TRUTH["visible_drop_off"]
    giveaway, effect, leak = (
        TRUTH["campaigns"]["spring_giveaway"],
        TRUTH["true_effect"]["before"],
        TRUTH["leak"]["whole"],
    )
    said = [
        *(f"| {counts['lines']} |" for counts in files.values()),
        f"{TRUTH['events']} events",
        " → ".join(f"{s} {n}" for s, n in zip(TRUTH["funnel"]["steps"], TRUTH["funnel"]["people"], strict=True)),
        f"{giveaway['people']} people\n{giveaway['signed_up']} sign-ups",
        f"and {giveaway['created_project']} of them create a project",
        f"{effect['both']} of them upgrade afterwards {effect['conversion_only']} upgrade",
        f"phi = {effect['phi']:.2f}",
        f"{leak['both']} of {leak['both'] + leak['behaviour_only']}",
        f"phi = {leak['phi']:.2f}",
        f"phi = −{-TRUTH['immortal_time']['before']['phi']:.2f}",
        f"{broken['broken: created project']} of {broken['broken: signed up']} who signed up with Safari",
        f"{broken['broken: saw the error']} saw the error",
        f"{TRUTH['hidden_path']['upgraded_without_project']} of the {TRUTH['hidden_path']['upgraded']} upgrade without",
        f"{sum(identity['identifiers'].values())} identifiers",
        f"{identity['never_identified']} never identify",
        f"{identity['several_devices']} people use several browsers",
        f"{identity['shared_devices']} browsers are used by two",
        f"{identity['aliases']} people began under a guest",
    ]
    assert [sentence for sentence in said if sentence not in text] == []
