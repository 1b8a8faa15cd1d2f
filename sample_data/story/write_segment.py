"""Segment files: spec calls as gzipped lines by source and month, and a few of them as warehouse tables."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from story.data_errors import Call, add_retries, make_bad_calls, to_json, truncate, vary_email
from story.rows import Row
from story.setting import END, SITE, START, TITLES, Dice

AGENTS = {
    (
        "desktop",
        "Chrome",
    ): "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/134.0.0.0 Safari/537.36",
    (
        "desktop",
        "Safari",
    ): "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Version/18.3 Safari/605.1.15",
    ("desktop", "Firefox"): "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
    ("desktop", "Edge"): "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/134.0.0.0 Edg/134.0.0.0",
    ("mobile", "Chrome"): "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/134.0.0.0 Mobile Safari/537.36",
    (
        "mobile",
        "Safari",
    ): "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) Version/18.3 Mobile/15E148 Safari/604.1",
    ("mobile", "Firefox"): "Mozilla/5.0 (Android 15; Mobile; rv:136.0) Gecko/136.0 Firefox/136.0",
}
BOT_AGENT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LIBRARY = {
    "website": {"name": "analytics.js", "version": "4.13.1"},
    "product": {"name": "analytics-node", "version": "2.2.0"},
}
TIMES = ("originalTimestamp", "sentAt", "receivedAt", "timestamp")


def build_call(row: Row, number: object) -> Call:
    """Build a call of the Segment spec from a row; times are still in ms."""
    dice = Dice("call", number)
    row.message = "ajs-" + dice.hex_digits(14)
    lag = dice.integer(120, 900)
    skewed = row.t + (row.person.skew if row.source == "website" else 0)
    context: Call = {"library": LIBRARY[row.source]}
    call: Call = {"type": row.kind, "messageId": row.message, "anonymousId": row.anonymous, "userId": row.user}
    properties = dict(row.properties)
    if row.kind == "page":
        properties |= _page(row)
        context["page"] = {key: properties[key] for key in ("path", "url", "title", "referrer", "search")}
        call |= {"name": TITLES[row.path], "properties": properties}
    elif row.kind == "track":
        call |= {"event": row.name, "properties": properties}
        if row.source == "product" and row.person.account:
            context["groupId"] = row.person.account
    elif row.kind == "identify":
        call["traits"] = {**properties, "email": vary_email(dice, properties["email"])}
    elif row.kind == "group":
        call |= {"groupId": properties.pop("group_id"), "traits": properties}
    else:
        call["previousId"] = properties["previous"]
    if row.campaign and row.campaign.name:
        c = row.campaign
        tags = {"name": c.name, "source": c.source, "medium": c.medium, "content": c.content}
        context["campaign"] = {key: value for key, value in tags.items() if value}
    if row.anonymous and "device" in row.properties:
        seen = (row.properties["device"], row.properties["browser"])
        context |= {"userAgent": AGENTS.get(seen, BOT_AGENT), "device": {"type": seen[0]}}
    times = {"originalTimestamp": skewed, "sentAt": skewed + lag, "receivedAt": row.t + lag, "timestamp": row.t}
    return {**call, "context": context, **times}


def _page(row: Row) -> dict[str, str]:
    search = ""
    campaign = row.campaign
    if campaign and campaign.name:
        tags = {"source": campaign.source, "medium": campaign.medium, "campaign": campaign.name}
        search = "?" + "&".join(f"utm_{key}={value}" for key, value in tags.items())
        search += f"&utm_content={campaign.content}" if campaign.content else ""
    referrer = campaign.referrer if campaign else SITE + "/"
    url = SITE + row.path + search
    return {"path": row.path, "url": url, "title": TITLES[row.path], "referrer": referrer, "search": search}


def to_iso(t: int) -> str:
    return datetime.fromtimestamp(t / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{t % 1000:03d}Z"


def _format_times(call: Call) -> Call:
    return {key: to_iso(value) if key in TIMES and isinstance(value, int) else value for key, value in call.items()}


def write_archive(rows: list[Row], folder: Path) -> dict[str, int]:
    """Write `source/month.json.gz` in order of arrival; return the number of lines of each kind."""
    lines: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    counts: Counter[str] = Counter()

    def put(source: str, received: int, line: str, what: str) -> None:
        counts["lines"] += 1
        counts[what] += bool(what)
        month = to_iso(min(max(received, START), END - 1))[:7]
        lines[source, month].append((received, counts["lines"], line))

    for source in LIBRARY:
        first = [row for row in rows if not row.added]
        calls = [build_call(row, i) for i, row in enumerate(first) if row.source == source]
        for what, call in add_retries(calls):
            counts[call["type"]] += what != "duplicate"
            put(source, call["receivedAt"], to_json(_format_times(call)), what)
        if source == "product":
            example = next(call for call in calls if call.get("event") == "Opened Help" and call["anonymousId"])
            for reason, bad in make_bad_calls(example):
                line = to_json(_format_times({key: value for key, value in bad.items() if key != "_received"}))
                put(source, bad["_received"], truncate(line) if reason == "broken line" else line, reason)
        for row in rows:
            if row.added and row.source == source:
                call = build_call(row, f"added {row.added}")
                counts[call["type"]] += 1
                put(source, call["receivedAt"], to_json(_format_times(call)), "")
    for (source, month), content in sorted(lines.items()):
        content.sort()
        write_gzip(folder / source / f"{month}.json.gz", "".join(f"{line}\n" for _, _, line in content))
    return dict(sorted(counts.items()))


def write_gzip(path: Path, text: str) -> None:
    """Write the same bytes on every run: without the time and the name of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


def _snake(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()).strip("_")


def _flatten(prefix: str, value: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{prefix}_{_snake(key)}" if prefix else _snake(key)
        out |= _flatten(name, inner) if isinstance(inner, dict) else {name: inner}
    return out


def write_warehouse(rows: list[Row], folder: Path) -> None:
    """Write the calls of a few people as Segment's warehouse tables; `tracks` has no properties."""
    guest = min((r.person.number for r in rows if r.kind == "alias"), default=0)
    known = sorted({r.person.number for r in rows if r.kind == "identify" and r.person.user})[:3]
    strangers = sorted({r.person.number for r in rows if r.kind == "page" and not r.person.known})[:4]
    chosen = {guest, *known, *strangers}
    tables: dict[str, list[Call]] = defaultdict(list)
    taken: Counter[int] = Counter()
    for number, row in enumerate(rows):
        if row.source not in LIBRARY or row.person.number not in chosen or taken[row.person.number] >= 25:
            continue
        taken[row.person.number] += 1
        call = _format_times(build_call(row, number))
        common = {"id": call["messageId"], "anonymous_id": call["anonymousId"], "user_id": call["userId"]}
        common |= {_snake(key): call[key] for key in TIMES} | _flatten("context", call["context"])
        if row.kind == "track":
            slug = {"event": _snake(row.name), "event_text": row.name}
            tables["tracks"].append(common | slug)
            tables[slug["event"]].append(common | slug | _flatten("", call["properties"]))
        else:
            own = call.get("properties") or call.get("traits") or {}
            extra = {"name": call["name"]} if row.kind == "page" else {}
            extra |= {_snake(k): call[k] for k in ("groupId", "previousId") if k in call}
            name = {"page": "pages", "identify": "identifies", "group": "groups", "alias": "aliases"}[row.kind]
            tables[name].append(common | extra | _flatten("", own))
    for name, content in tables.items():
        write_csv(folder / f"{name}.csv", content)


def write_csv(path: Path, content: list[dict[str, Any]]) -> None:
    """Write every column that any row has, in order of appearance; missing values are empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(key for row in content for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(content)
