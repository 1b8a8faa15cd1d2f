"""What happens outside the product: emails and who opens them, and the stages of the sales team."""

from __future__ import annotations

from story.people import Person
from story.rows import Row
from story.setting import BUYING_GUIDE, DAY, END, GIVEAWAY, HOUR, MINUTE, START, WEBINAR, Campaign, Dice, later_moment
from story.website import Visit

ONBOARDING = [(0, "Welcome to Tidy Boards"), (2, "Three boards to start from"), (6, "Bring your team")]
NEWSLETTERS = range(2, 122, 14)  # every second Tuesday
SUBJECTS = ["Stand-ups without meetings", "The weekly review, revisited", "Boards we liked", "What is new in May"]


def email_rows(person: Person) -> list[Row]:
    """Onboarding and newsletters: delivered, opened (often by a machine), opened by a human, clicked."""
    if not person.customerio or not person.known_at:
        return []
    dice = Dice("mail", person.number)
    rows: list[Row] = []
    if person.newsletter:
        rows.append(email_row(person, person.known_at + MINUTE, "subscribed", dice))
    if dice.flip(0.012):
        return [
            *rows,
            email_row(person, person.known_at + HOUR, "bounced", dice, subject=ONBOARDING[0][1], campaign_id=3),
        ]
    if person.signs_up:
        # Never after a whole number of hours: that would look like a clock in another time zone.
        welcome = person.signed_up + HOUR + Dice("welcome", person.number).integer(61, 959) * 1000
        for day, subject in ONBOARDING:
            at = welcome if day == 0 else later_moment(dice, person.signed_up, day)
            rows += _delivery_rows(person, at, dice, human=0.38, subject=subject, campaign_id=3)
    reader = person.newsletter or (person.signs_up and dice.flip(0.35))
    for number, day in enumerate(NEWSLETTERS if reader else [], 1):
        at = START + day * DAY + 8 * HOUR + dice.integer(0, 20 * MINUTE)
        if at < person.known_at + HOUR:
            continue
        subject = f"Tidy Letter {number}: {SUBJECTS[number % len(SUBJECTS)]}"
        rows += _delivery_rows(person, at, dice, human=0.27, subject=subject, newsletter_id=10 + number)
        if dice.flip(0.02):
            rows.append(email_row(person, rows[-1].t + MINUTE, "unsubscribed", dice))
            break
    return rows


def email_row(person: Person, t: int, metric: str, dice: Dice, **properties: object) -> Row:
    row = Row(t - t % 1000, "customerio", metric, metric, person, None, person.user or None, dict(properties))
    row.message = "01K" + dice.hex_digits(23).upper()
    return row


def _delivery_rows(person: Person, t: int, dice: Dice, *, human: float, **about: object) -> list[Row]:
    about = {"delivery_id": "dg" + dice.hex_digits(14), **about}
    rows = [email_row(person, t, "delivered", dice, **about)]
    if dice.flip(0.35):  # a mail proxy loads the picture within seconds: an open that nobody made
        rows.append(email_row(person, t + dice.integer(2, 30) * 1000, "opened", dice, **about))
    if not dice.flip(human):
        return rows
    t += int(dice.exponential(5) * HOUR) + MINUTE
    rows += [
        email_row(person, t, "opened", dice, **about),
        email_row(person, t + 1000, "human_opened", dice, **about),
    ]
    if dice.flip(0.22):
        t += dice.integer(5, 200) * 1000
        path = "/blog" if "newsletter_id" in about else "/docs/getting-started"
        rows.append(email_row(person, t, "clicked", dice, **about, href=f"https://tidyboards.example{path}", link_id=7))
        rows += _click_rows(person, t + 3_000, path, dice, about)
    return rows


def _click_rows(person: Person, t: int, path: str, dice: Dice, about: dict[str, object]) -> list[Row]:
    name = f"newsletter_{about['newsletter_id']}" if "newsletter_id" in about else "onboarding"
    campaign = Campaign(name, "customer.io", "email", None, "", path, 0)
    visit = Visit(person, t, anonymous=person.anonymous[0], dice=dice)
    visit.page(path, campaign=campaign)
    return visit.rows


def sales_rows(person: Person) -> list[Row]:
    """Lead, MQL, SQL, opportunity; and "customer", which the CRM learns from billing a day or two later."""
    if not person.contact or not (person.known_at or person.kind == "crm"):
        return []
    dice = Dice("sales", person.number)
    created = (person.known_at or person.arrives) + 2 * HOUR + dice.integer(20, 55) * MINUTE
    rows = [_crm_row(person, created, "", "", dice)]
    if person.kind == "crm" or person.signs_up or person.demo:
        rows.append(_crm_row(person, created, "lifecyclestage", "lead", dice))
    else:
        rows.append(_crm_row(person, created, "lifecyclestage", "subscriber", dice))
    if dice.flip(0.6):
        rows.append(_crm_row(person, created + 5 * MINUTE, "jobtitle", person.role, dice))
        rows.append(_crm_row(person, created + 5 * MINUTE, "numemployees", str(person.size), dice))
    t = created
    for stage, chance in _stages(person):
        if not dice.flip(chance):
            break
        t = later_moment(dice, t, 1 + dice.exponential(3))
        rows.append(_crm_row(person, t, "lifecyclestage", stage, dice))
    if person.upgrade and person.upgrade < END and dice.flip(0.93):
        known = later_moment(dice, person.upgrade, 1 + dice.exponential(1))
        rows.append(_crm_row(person, known, "lifecyclestage", "customer", dice))
    return rows


def _stages(person: Person) -> list[tuple[str, float]]:
    """Marketing qualifies large companies and demo requests; sales accepts those from the webinar and buying guide."""
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


def _crm_row(person: Person, t: int, name: str, value: str, dice: Dice) -> Row:
    row = Row(t, "hubspot", name, value, person, None, None)
    row.message = str(dice.integer(100_000_000, 999_999_999))
    return row
