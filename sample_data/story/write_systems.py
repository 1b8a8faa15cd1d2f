"""Customer.io, HubSpot and billing: the same people, each in its own format and with its own errors."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from story.data_errors import to_json, truncate, vary_email
from story.rows import Row
from story.setting import Dice
from story.write_segment import write_csv


def write_customerio(rows: list[Row], path: Path) -> dict[str, int]:
    """Write reporting webhooks, one JSON object per line, times in seconds; some retried, broken or without a time."""
    dice = Dice("customerio")
    counts: Counter[str] = Counter()
    lines = []
    for row in rows:
        if row.source != "customerio":
            continue
        person = row.person
        about = dict(row.properties)
        customer = row.user if person.signed_up and row.t >= person.signed_up else None
        data: dict[str, Any] = {
            "customer_id": customer,
            "identifiers": {"id": customer, "email": person.email, "cio_id": person.customerio},
        }
        kind = "customer" if row.kind in {"subscribed", "unsubscribed"} else "email"
        if kind == "email":
            data["recipient"] = vary_email(Dice(row.message) if row.added else dice, person.email).strip()
        call = {"event_id": row.message, "object_type": kind, "metric": row.kind, "timestamp": row.t // 1000}
        line = to_json({**call, "data": {**data, **about}})
        counts[row.kind] += 1
        lines.append(line)
        if row.added:
            continue
        if dice.flip(0.002):
            counts["duplicate"] += 1
            lines.append(line)
        if dice.flip(0.0003):
            counts["broken line"] += 1
            lines.append(truncate(line))
        if dice.flip(0.0003):
            counts["no time"] += 1
            lines.append(
                to_json({**json.loads(line), "event_id": "01K" + dice.hex_digits(23).upper(), "timestamp": None})
            )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return dict(sorted((counts | {"lines": len(lines)}).items()))


def write_hubspot(rows: list[Row], path: Path) -> dict[str, int]:
    """Write the property history, contact by contact, newest first; some rows retried or without a time or an id."""
    dice = Dice("hubspot")
    counts: Counter[str] = Counter()
    table: list[dict[str, Any]] = []
    for row in sorted((r for r in rows if r.source == "hubspot"), key=lambda r: (r.person.contact, -r.t)):
        person = row.person
        change = {
            "eventId": row.message,
            "objectId": person.contact,
            "email": vary_email(dice, person.email).strip(),
            "subscriptionType": "contact.propertyChange" if row.kind else "contact.creation",
            "propertyName": row.kind,
            "propertyValue": row.name,
            "occurredAt": row.t,
            "changeSource": "IMPORT" if person.kind == "crm" else "INTEGRATION",
            "attemptNumber": 0,
            "associatedcompanyid": person.account,
            "company": person.company,
        }
        counts[row.name if row.kind == "lifecyclestage" else row.kind or "creation"] += 1
        table.append(change)
        if dice.flip(0.003):
            counts["duplicate"] += 1
            table.append(change | {"attemptNumber": 1})
        if dice.flip(0.001):
            counts["no time"] += 1
            table.append(change | {"eventId": str(dice.integer(10**9, 10**10)), "occurredAt": ""})
        if dice.flip(0.001):
            counts["no id"] += 1
            table.append(change | {"eventId": str(dice.integer(10**9, 10**10)), "objectId": "", "email": ""})
    write_csv(path, table)
    return dict(sorted((counts | {"lines": len(table)}).items()))


def write_billing(rows: list[Row], path: Path) -> dict[str, int]:
    """Write payments: times in UTC without saying so, user ids that look like numbers."""
    counts: Counter[str] = Counter()
    table, first = [], []
    for row in rows:
        if row.source == "billing":
            counts[row.name] += 1
            time = datetime.fromtimestamp(row.t / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            about = {"transaction_id": row.message, "time": time, "event": row.name, "user_id": row.user}
            table.append({**about, **row.properties, "currency": "EUR"})
            first += table[-1:] if not row.added else []
    table += first[10:13]  # sent twice
    table.append({**first[20], "transaction_id": "txn_without_time", "time": ""})
    table.append({**first[21], "transaction_id": "txn_without_user", "user_id": ""})
    write_csv(path, table)
    bad = {"duplicate": 3, "no time": 1, "no id": 1}
    return dict(sorted((counts | bad | {"lines": len(table)}).items()))
