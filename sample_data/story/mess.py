"""What goes wrong between a person and a file: retries, junk identifiers, test mailboxes, broken and empty lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from story.people import Person
from story.rows import Row
from story.website import Visit
from story.world import DAY, HOUR, MINUTE, Dice

NOBODY = "00000000-0000-0000-0000-000000000000"
TEST_MAILBOX = "test@test.com"
NO_TIMESTAMP, RETRIED, JUNK = 0.003, 0.006, 0.006
Call = dict[str, Any]


def test_mailboxes(people: list[Person]) -> list[Row]:
    """Strangers who typed the same made-up address into the newsletter form: it names nobody."""
    dice = Dice("test mailbox")
    strangers = [p for p in people if p.kind == "visitor" and not p.known and len(p.anonymous) == 1]
    rows: list[Row] = []
    for person in dice.some(strangers, 14):
        visit = Visit(person, person.arrives + HOUR, anonymous=person.anonymous[0], dice=dice)
        visit.rows.append(
            Row(visit.t, "website", "identify", "", person, visit.anonymous, None, {"email": TEST_MAILBOX})
        )
        visit.t += 300
        visit.track("Subscribed to Newsletter", form="footer")
        rows += visit.rows
    return rows


def spoil_identifiers(rows: list[Row]) -> list[Row]:
    """A server library that writes "undefined", "null" and all zeros where it has no identifier."""
    dice = Dice("junk")
    spoilt = []
    for row in rows:
        if row.source == "product" and row.kind == "track" and row.anonymous and dice.yes(JUNK):
            user = dice.pick(["null", "undefined"]) if dice.yes(0.5) else None
            spoilt.append(replace(row, user=user) if user else replace(row, anonymous=NOBODY))
        else:
            spoilt.append(row)
    return spoilt


def spoil_calls(calls: list[Call]) -> Iterator[tuple[str, Call]]:
    """Segment calls as they arrive, each with what happened to it: "", "duplicate" or "no timestamp"."""
    dice = Dice("retries")
    for call in calls:
        if dice.yes(NO_TIMESTAMP):
            yield "no timestamp", {key: value for key, value in call.items() if key != "timestamp"}
        else:
            yield "", call
        if dice.yes(RETRIED):
            wait = dice.whole(MINUTE, 2 * DAY)
            times = {key: call[key] + wait for key in ("sentAt", "receivedAt")}
            yield "duplicate", {**call, **times}


def bad_calls(call: Call) -> Iterator[tuple[str, Call]]:
    """Calls that no reader can place, made from a good one, with the reason."""
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
            shift = dice.whole(0, 100 * DAY)
            bad: Call = {**call, "messageId": "bad-" + dice.hex(12)}
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
                bad |= {"anonymousId": NOBODY, "userId": dice.pick(["undefined", "null"])}
            bad["_received"] = received
            yield reason, bad


def cut(line: str) -> str:
    """A line whose end was lost on the way."""
    return line[: len(line) * 2 // 3]


def shout(dice: Dice, email: str) -> str:
    """People type their address with capitals, with a space behind it, or as it is."""
    if dice.yes(0.12):
        return email.title()
    return email + " " if dice.yes(0.02) else email


def dump(call: Call) -> str:
    return json.dumps(call, ensure_ascii=False, separators=(",", ":"))
