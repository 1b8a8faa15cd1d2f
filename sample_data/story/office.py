"""What happens outside the product: e-mails and who opens them, and the sales team's stages."""

from __future__ import annotations

from story.people import Person
from story.rows import Row
from story.website import Visit
from story.world import BUYING_GUIDE, DAY, END, GIVEAWAY, HOUR, MINUTE, START, WEBINAR, Campaign, Dice, later

ONBOARDING = [(0, "Welcome to Tidy Boards"), (2, "Three boards to start from"), (6, "Bring your team")]
NEWSLETTERS = range(2, 122, 14)  # every second Tuesday
SUBJECTS = ["Stand-ups without meetings", "The weekly review, revisited", "Boards we liked", "What is new in May"]


def mail(person: Person) -> list[Row]:
    """Onboarding and newsletters: delivered, opened (often by a machine), opened by a human, clicked."""
    if not person.customerio or not person.known_at:
        return []
    dice = Dice("mail", person.number)
    rows: list[Row] = []
    if person.newsletter:
        rows.append(_told(person, person.known_at + MINUTE, "subscribed", dice))
    if dice.yes(0.012):
        return [*rows, _told(person, person.known_at + HOUR, "bounced", dice, subject=ONBOARDING[0][1], campaign_id=3)]
    if person.signs_up:
        # Never after a whole number of hours: that would look like a clock in another time zone.
        welcome = person.signed_up + HOUR + Dice("welcome", person.number).whole(61, 959) * 1000
        for day, subject in ONBOARDING:
            at = welcome if day == 0 else later(dice, person.signed_up, day)
            rows += _delivery(person, at, dice, human=0.38, subject=subject, campaign_id=3)
    reader = person.newsletter or (person.signs_up and dice.yes(0.35))
    for number, day in enumerate(NEWSLETTERS if reader else [], 1):
        at = START + day * DAY + 8 * HOUR + dice.whole(0, 20 * MINUTE)
        if at < person.known_at + HOUR:
            continue
        subject = f"Tidy Letter {number}: {SUBJECTS[number % len(SUBJECTS)]}"
        rows += _delivery(person, at, dice, human=0.27, subject=subject, newsletter_id=10 + number)
        if dice.yes(0.02):
            rows.append(_told(person, rows[-1].t + MINUTE, "unsubscribed", dice))
            break
    return rows


def _told(person: Person, t: int, metric: str, dice: Dice, **properties: object) -> Row:
    row = Row(t - t % 1000, "customerio", metric, metric, person, None, person.user or None, dict(properties))
    row.message = "01K" + dice.hex(23).upper()
    return row


def _delivery(person: Person, t: int, dice: Dice, *, human: float, **about: object) -> list[Row]:
    about = {"delivery_id": "dg" + dice.hex(14), **about}
    rows = [_told(person, t, "delivered", dice, **about)]
    if dice.yes(0.35):  # a mail proxy loads the picture within seconds: an open that nobody made
        rows.append(_told(person, t + dice.whole(2, 30) * 1000, "opened", dice, **about))
    if not dice.yes(human):
        return rows
    t += int(dice.wait(5) * HOUR) + MINUTE
    rows += [_told(person, t, "opened", dice, **about), _told(person, t + 1000, "human_opened", dice, **about)]
    if dice.yes(0.22):
        t += dice.whole(5, 200) * 1000
        path = "/blog" if "newsletter_id" in about else "/docs/getting-started"
        rows.append(_told(person, t, "clicked", dice, **about, href=f"https://tidyboards.example{path}", link_id=7))
        rows += _click_through(person, t + 3_000, path, dice, about)
    return rows


def _click_through(person: Person, t: int, path: str, dice: Dice, about: dict[str, object]) -> list[Row]:
    name = f"newsletter_{about['newsletter_id']}" if "newsletter_id" in about else "onboarding"
    campaign = Campaign(name, "customer.io", "email", None, "", path, 0)
    visit = Visit(person, t, anonymous=person.anonymous[0], dice=dice)
    visit.page(path, campaign=campaign)
    return visit.rows


def sales(person: Person) -> list[Row]:
    """Lead, MQL, SQL, opportunity; and "customer", which the CRM learns from billing a day or two later."""
    if not person.contact or not (person.known_at or person.kind == "crm"):
        return []
    dice = Dice("sales", person.number)
    created = (person.known_at or person.arrives) + 2 * HOUR + dice.whole(20, 55) * MINUTE
    rows = [_noted(person, created, "", "", dice)]
    if person.kind == "crm" or person.signs_up or person.demo:
        rows.append(_noted(person, created, "lifecyclestage", "lead", dice))
    else:
        rows.append(_noted(person, created, "lifecyclestage", "subscriber", dice))
    if dice.yes(0.6):
        rows.append(_noted(person, created + 5 * MINUTE, "jobtitle", person.role, dice))
        rows.append(_noted(person, created + 5 * MINUTE, "numemployees", str(person.size), dice))
    t = created
    for stage, chance in _stages(person):
        if not dice.yes(chance):
            break
        t = later(dice, t, 1 + dice.wait(3))
        rows.append(_noted(person, t, "lifecyclestage", stage, dice))
    if person.upgrade and person.upgrade < END and dice.yes(0.93):
        known = later(dice, person.upgrade, 1 + dice.wait(1))
        rows.append(_noted(person, known, "lifecyclestage", "customer", dice))
    return rows


def _stages(person: Person) -> list[tuple[str, float]]:
    """Big companies and demo requests are what marketing qualifies; webinar and buying guide, what sales accepts."""
    if person.kind == "teammate":
        qualified = 0.0
    elif person.campaign is GIVEAWAY:
        qualified = 0.01
    elif person.demo:
        qualified = 0.8
    elif person.kind == "crm":
        qualified = 0.3
    else:
        qualified = 0.5 if person.enterprise and person.signs_up else 0.05
    accepted = 0.35
    if person.campaign is WEBINAR:
        accepted = 0.75
    elif BUYING_GUIDE in person.articles:
        accepted = 0.65
    return [("marketingqualifiedlead", qualified), ("salesqualifiedlead", accepted), ("opportunity", 0.55)]


def _noted(person: Person, t: int, name: str, value: str, dice: Dice) -> Row:
    row = Row(t, "hubspot", name, value, person, None, None)
    row.message = str(dice.whole(100_000_000, 999_999_999))
    return row
