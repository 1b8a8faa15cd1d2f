"""The sizes of the stories of `playbook.py`, counted with plain loops over what really happened."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

from story.playbook import FIT_WINDOW, LARGE, LINKS, UPSELL_AFTER, UPSELL_CAMPAIGN, UPSELL_WITHIN
from story.rows import Row
from story.setting import DAY, END, SITE

Timeline = list[tuple[int, str, Row]]
FORMS = {"/signup", "/invite"}
DEMO_WITHIN = 3 * DAY
ACTIVE = {"Created Task", "Completed Task"}


def count_playbook(lines: dict[int, Timeline], rows: list[Row]) -> dict[str, Any]:
    """Return the truth about pages, links, the upsell, invoices, large accounts, and stages by campaign."""
    return {
        "last_pages": _count_last_pages(lines),
        "newsletter_links": _count_links(lines),
        "upsell": _count_upsell(lines),
        "invoices": _count_invoices(lines),
        "large_accounts": _count_accounts(lines, rows),
        "stages": _count_stages(lines),
    }


def _first(line: Timeline, event: str) -> float:
    return next((t for t, name, _ in line if name == event), math.inf)


def _count_last_pages(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    """Count sign-ups, and those who create a project, by the last page before the sign-up form."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines.values():
        signed = next((i for i, (_, name, _) in enumerate(line) if name == "Signed Up"), None)
        if signed is None:
            continue
        pages = [row.path for _, _, row in line[:signed] if row.kind == "page" and row.path not in FORMS]
        counts = table[pages[-1] if pages else "(none)"]
        counts["signed_up"] += 1
        counts["created_project"] += _first(line, "Created Project") < math.inf
    return {page: dict(counts) for page, counts in sorted(table.items())}


def _count_links(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    """Count people by the newsletter link they clicked, and those who asked for a demo within three days of a click."""
    table: dict[str, dict[str, int]] = {}
    for page in ["/blog", *(page for _, page, _ in LINKS.values())]:
        clicked = requested = 0
        for line in lines.values():
            clicks = [t for t, _, row in line if row.kind == "clicked" and row.properties["href"] == SITE + page]
            demos = [t for t, name, _ in line if name == "Requested Demo"]
            clicked += bool(clicks)
            requested += any(0 <= demo - click <= DEMO_WITHIN for demo in demos for click in clicks)
        table[page] = {"clicked": clicked, "requested_demo": requested}
    return table


def _count_upsell(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    """Count those who could be offered seats, by plan: who got the email, and who added seats within five days."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines.values():
        upgrade = next(((t, row) for t, name, row in line if name == "Upgraded Plan"), None)
        if upgrade is None or upgrade[0] + UPSELL_AFTER + UPSELL_WITHIN >= END:
            continue
        t, row = upgrade
        mails = [row for _, _, row in line if row.properties.get("campaign_id") == UPSELL_CAMPAIGN]
        sent = next((mail.t for mail in mails if mail.kind == "delivered"), None)
        start = sent or t + UPSELL_AFTER
        group, counts = "sent" if sent else "not sent", table[row.properties["plan"]]
        counts[group] += 1
        counts["read"] += any(mail.kind == "human_opened" for mail in mails)
        counts["clicked"] += any(mail.kind == "clicked" for mail in mails)
        counts[f"{group}, added seats"] += 0 <= _first(line, "Added Seats") - start <= UPSELL_WITHIN
    return {plan: dict(sorted(counts.items())) for plan, counts in sorted(table.items())}


def _count_invoices(lines: dict[int, Timeline]) -> dict[str, int]:
    """Count invoices, and the people who paid at least one, two and three."""
    paid = [sum(name == "Paid Invoice" for _, name, _ in line) for line in lines.values()]
    amount = sum(row.properties["amount"] for line in lines.values() for _, name, row in line if name == "Paid Invoice")
    counts = {"invoices": sum(paid), "amount": amount}
    return counts | {f"at least {n}": sum(number >= n for number in paid) for n in (1, 2, 3)}


def _count_accounts(lines: dict[int, Timeline], rows: list[Row]) -> dict[str, int]:
    """Count large accounts by what their members did in the last four weeks, and whether sales has accepted anybody."""
    employees: dict[str, int] = {}
    accounts: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if row.kind == "group":
            employees[row.properties["group_id"]] = row.properties["employees"]  # as the last member stated it
            accounts[row.properties["group_id"]].add(row.person.number)
    large = [account for account, number in employees.items() if number >= LARGE]
    counts: Counter[str] = Counter({"large": len(large)})
    for account in large:
        members = [lines[number] for number in sorted(accounts[account])]
        active = [t for line in members for t, name, _ in line if name in ACTIVE]
        recent = {(END - t) // DAY for t in active if t >= END - FIT_WINDOW}
        before = [t for t in active if END - 2 * FIT_WINDOW <= t < END - FIT_WINDOW]
        sold = any(_first(line, "Became SQL") < math.inf for line in members)
        counts["active"] += bool(recent)
        counts["active on four days, not SQL"] += len(recent) >= 4 and not sold
        counts["silent"] += not recent and bool(before)
    return dict(counts)


def _count_stages(lines: dict[int, Timeline]) -> dict[str, dict[str, int]]:
    """Count MQLs and SQLs by the first campaign that brought them, if it came before they became one."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines.values():
        touches = [(t, row.campaign.name) for t, _, row in line if row.campaign and row.campaign.name]
        for key, event in {"became_mql": "Became MQL", "became_sql": "Became SQL"}.items():
            at = _first(line, event)
            if at < math.inf:
                table[next((name for t, name in touches if t < at), "(none)")][key] += 1
    return {name: dict(counts) for name, counts in sorted(table.items())}
