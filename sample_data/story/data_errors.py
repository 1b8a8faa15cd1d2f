"""Errors in the files: retries, placeholder identifiers, a test mailbox, broken and incomplete calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from story.people import Person
from story.rows import Row
from story.setting import DAY, HOUR, MINUTE, Dice
from story.website import Visit

ZERO_ID = "00000000-0000-0000-0000-000000000000"
TEST_MAILBOX = "test@test.com"
NO_TIMESTAMP, RETRIED, JUNK = 0.003, 0.006, 0.006
Call = dict[str, Any]


def test_mailbox_rows(people: list[Person]) -> list[Row]:
    """Return visits of strangers who type the same made-up address into the newsletter form."""
    dice = Dice("test mailbox")
    strangers = [p for p in people if p.kind == "visitor" and not p.known and len(p.anonymous) == 1]
    rows: list[Row] = []
    for person in dice.sample(strangers, 14):
        visit = Visit(person, person.arrives + HOUR, anonymous=person.anonymous[0], dice=dice)
        visit.rows.append(
            Row(visit.t, "website", "identify", "", person, visit.anonymous, None, {"email": TEST_MAILBOX})
        )
        visit.t += 300
        visit.track("Subscribed to Newsletter", form="footer")
        rows += visit.rows
    return rows


def corrupt_identifiers(rows: list[Row]) -> list[Row]:
    """Replace some identifiers as a server library does that writes "undefined", "null" or zeros where it has none."""
    dice = Dice("junk")
    corrupted = []
    for row in rows:
        if row.source == "product" and row.kind == "track" and row.anonymous and dice.flip(JUNK):
            user = dice.choice(["null", "undefined"]) if dice.flip(0.5) else None
            corrupted.append(replace(row, user=user) if user else replace(row, anonymous=ZERO_ID))
        else:
            corrupted.append(row)
    return corrupted


def add_retries(calls: list[Call]) -> Iterator[tuple[str, Call]]:
    """Yield Segment calls as they arrive, each with what happened to it: "", "duplicate" or "no timestamp"."""
    dice = Dice("retries")
    for call in calls:
        if dice.flip(NO_TIMESTAMP):
            yield "no timestamp", {key: value for key, value in call.items() if key != "timestamp"}
        else:
            yield "", call
        if dice.flip(RETRIED):
            wait = dice.integer(MINUTE, 2 * DAY)
            times = {key: call[key] + wait for key in ("sentAt", "receivedAt")}
            yield "duplicate", {**call, **times}


def make_bad_calls(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield calls that no reader can use, made from a good one, with the reason."""
    dice = Dice("bad calls")
    for reason, count in {
        "no time": 12,
        "unreadable time": 6,
        "no id": 15,
        "no event": 5,
        "only junk ids": 25,
        "broken line": 8,
    }.items():
        for _ in range(count):
            shift = dice.integer(0, 100 * DAY)
            bad: Call = {**call, "messageId": "bad-" + dice.hex_digits(12)}
            for key in ("timestamp", "originalTimestamp", "sentAt", "receivedAt"):
                bad[key] += shift
            received = bad["receivedAt"]
            if reason == "no time":
                bad = {k: v for k, v in bad.items() if not k.endswith(("At", "stamp", "Timestamp"))}
            elif reason == "unreadable time":
                bad |= dict.fromkeys(("timestamp", "originalTimestamp", "sentAt", "receivedAt"), "yesterday noon")
            elif reason == "no id":
                bad |= {"anonymousId": None, "userId": None}
            elif reason == "no event":
                bad["event"] = None
            elif reason == "only junk ids":
                bad |= {"anonymousId": ZERO_ID, "userId": dice.choice(["undefined", "null"])}
            bad["_received"] = received
            yield reason, bad


def truncate(line: str) -> str:
    """Drop the end of a line."""
    return line[: len(line) * 2 // 3]


def vary_email(dice: Dice, email: str) -> str:
    """Write an address as people type it: with capitals, with a space at the end, or as it is."""
    if dice.flip(0.12):
        return email.title()
    return email + " " if dice.flip(0.02) else email


def to_json(call: Call) -> str:
    return json.dumps(call, ensure_ascii=False, separators=(",", ":"))
