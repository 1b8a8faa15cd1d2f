"""What the sample files say, read with plain loops: lines, times, the true person behind each row, timelines."""

import csv
import gzip
import json
import math
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from pathlib import Path

from journeys.samples import sample_path

STORED = sample_path()
DAY = 86_400_000
STAGES = {"marketingqualifiedlead": "Became MQL", "salesqualifiedlead": "Became SQL", "customer": "Became Customer"}


def content(path: Path) -> bytes:
    """What is in a file; zipped bytes differ between zlib versions, their content does not."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def segment_lines():
    for path in sorted(STORED.glob("segment/*/*.json.gz")):
        yield from content(path).decode().splitlines()


def when(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000 + 0.5)


def segment_time(call):
    """The corrected time: as given, or by the clock-skew formula."""
    if "timestamp" in call:
        return when(call["timestamp"])
    return when(call["receivedAt"]) - (when(call["sentAt"]) - when(call["originalTimestamp"]))


@cache
def segment_calls():
    """Readable calls, first of each message id, and how many lines were of which other kind."""
    calls, seen, other = [], set(), Counter()
    for line in segment_lines():
        other["lines"] += 1
        try:
            call = json.loads(line)
        except json.JSONDecodeError:
            other["broken line"] += 1
            continue
        if call["messageId"] in seen:
            other["duplicate"] += 1
            continue
        seen.add(call["messageId"])
        if "receivedAt" not in call:
            other["no time"] += 1
        elif "noon" in call["receivedAt"]:
            other["unreadable time"] += 1
        elif call["type"] == "track" and not call["event"]:
            other["no event"] += 1
        elif not call["anonymousId"] and not call["userId"]:
            other["no id"] += 1
        elif call["messageId"].startswith("bad-"):
            other["only junk ids"] += 1
        else:
            other["no timestamp"] += "timestamp" not in call
            calls.append(call)
    return calls, other


def table(name):
    with (STORED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def owners():
    found = defaultdict(set)
    for row in table("truth_people.csv"):
        found[row["id_type"], row["id"]].add(int(row["person"]))
    return found


def owner(**ids):
    """The true person behind a row: the only one whom all its good identifiers allow."""
    sets = [owners()[kind, value] for kind, value in ids.items() if value and (kind, value) in owners()]
    both = set.intersection(*sets) if sets else set()
    return next(iter(both)) if len(both) == 1 else None


@cache
def timelines():
    """One list of (time, event, call) a person from the raw files, by the truth about identifiers."""
    shared = {row["message_id"]: int(row["person"]) for row in table("truth_shared.csv")}
    lines = defaultdict(list)
    for call in segment_calls()[0]:
        if call["type"] in {"track", "page"}:
            person = shared.get(call["messageId"]) or owner(user_id=call["userId"], anonymous_id=call["anonymousId"])
            lines[person].append((segment_time(call), call.get("event") or "Loaded a Page", call))
    seen = set()
    for row in table("billing.csv"):
        if row["time"] and row["user_id"] and row["transaction_id"] not in seen:
            seen.add(row["transaction_id"])
            t = when(row["time"] + "Z")
            lines[owner(user_id=row["user_id"])].append((t, row["event"], row))
    for row in table("hubspot.csv"):
        if row["occurredAt"] and row["objectId"] and row["propertyName"] == "lifecyclestage":
            if row["eventId"] not in seen:
                seen.add(row["eventId"])
                name = STAGES.get(row["propertyValue"], row["propertyValue"])
                lines[owner(hubspot_id=row["objectId"])].append((int(row["occurredAt"]), name, row))
    assert None not in lines, "every row has one true person"
    for line in lines.values():
        line.sort(key=lambda item: item[0])
    return lines


def first(line, event):
    return next((t for t, name, _ in line if name == event), math.inf)


def doers(event):
    return {person for person, line in timelines().items() if first(line, event) < math.inf}


@cache
def mails():
    """One list of (time, metric, data) per person, from the rows of Customer.io."""
    lines, seen = defaultdict(list), set()
    for line in content(STORED / "customerio.ndjson").decode().splitlines():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if row["timestamp"] and row["event_id"] not in seen:
            seen.add(row["event_id"])
            person = owner(customerio_id=row["data"]["identifiers"]["cio_id"])
            lines[person].append((row["timestamp"] * 1000, row["metric"], row["data"]))
    for line in lines.values():
        line.sort(key=lambda item: item[0])
    return lines
