"""The bookings of a bicycle workshop: one untidy CSV as a spreadsheet exports it, with people of its own."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from story.setting import MINUTE, Dice, later_moment, random_moment

BERLIN = ZoneInfo("Europe/Berlin")
COLUMNS = ["Customer no.", "Browser", "When", "What happened", "Price", "Heard of us"]
PEOPLE, DAYS = 420, 90
STEPS = ["Opened Booking Page", "Chose Time", "Booked Repair", "Paid Repair"]
# How they heard of the workshop: share of people, and how likely those who chose a time book a repair.
SOURCES = {"search": (0.5, 0.62), "flyer": (0.3, 0.82), "voucher site": (0.2, 0.2)}


def _as_text(t: int, *, spreadsheet: bool) -> str:
    """Write a time as local time of Berlin: as text, or as the number of days that a spreadsheet stores."""
    local = datetime.fromtimestamp(t / 1000, UTC).astimezone(BERLIN).replace(tzinfo=None)
    if spreadsheet:
        days = (local - datetime(1899, 12, 30)) / timedelta(days=1)
        return f"{days:.5f}".replace(".", ",")
    return local.strftime("%d.%m.%Y %H:%M")


def _price(dice: Dice) -> str:
    cents = dice.integer(1_900, 32_000) if dice.flip(0.9) else dice.integer(110_000, 240_000)
    return f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))


def write_bookings(path: Path) -> dict[str, Any]:
    """Write the file; return its lines, its people by step, and the people who book by how they heard of it."""
    rows: list[tuple[int, dict[str, str]]] = []
    reached: Counter[str] = Counter()
    by_source: dict[str, Counter[str]] = {source: Counter() for source in SOURCES}
    for number in range(1, PEOPLE + 1):
        dice = Dice("booking", number)
        source = dice.weighted_choice({source: share for source, (share, _) in SOURCES.items()})
        browser, customer = "b-" + dice.hex_digits(8), f"C-{number:04d}"
        t = random_moment(dice, dice.integer(0, DAYS))
        counter = False  # at the counter, payments are typed into the spreadsheet
        for step, chance in zip(STEPS, (1, 0.75, SOURCES[source][1], 0.85), strict=True):
            if not dice.flip(chance):
                break
            reached[step] += 1
            by_source[source][step] += 1
            by_hand = customer.lower() + " " if dice.flip(0.3) else customer
            row = {
                "Customer no.": by_hand if counter else customer if step == "Booked Repair" else "",
                "Browser": "" if counter else browser,
                "When": _as_text(t, spreadsheet=counter),
                "What happened": step.lower() if dice.flip(0.1) else step,
                "Price": _price(dice) if step == "Paid Repair" else "",
                "Heard of us": "" if counter else source,
            }
            rows.append((t, row))
            counter = step == "Booked Repair"
            t = later_moment(dice, t, dice.integer(1, 5)) if counter else t + dice.integer(1, 9) * MINUTE
    rows.sort(key=lambda item: item[0])
    table = [row for _, row in rows]
    table += [table[7] | {"When": "later"}, table[8] | {"When": ""}, table[9] | {"Customer no.": "", "Browser": ""}]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    people = [reached[step] for step in STEPS]
    booked = {source: [counts[step] for step in STEPS] for source, counts in by_source.items()}
    return {"lines": len(table), "steps": STEPS, "people": people, "by_source": booked}
