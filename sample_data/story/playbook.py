"""Stories added on top of the others: pages before sign-up, newsletter links, an upsell, large accounts.

Each draws from dice of its own and only adds rows, to people who are there already. What the other stories wrote stays
as it is, and no campaign is added that could be credited with a sign-up, a project or an upgrade.
"""

from __future__ import annotations

from dataclasses import replace

from story.email_and_sales import email_row
from story.people import Person
from story.product import HABITS, Work, billing_row
from story.rows import Row, event_name
from story.setting import DAY, END, GIVEAWAY, HOUR, MINUTE, SITE, START, Dice, random_moment
from story.website import Visit

# The page that was opened last before the sign-up form, by who creates a project: share of owners, share of others.
LAST_PAGES = {"/import": (0.15, 0.04), "/compare": (0.04, 0.19)}

# The links of the newsletters: number, page, and how likely a click leads to a demo request.
LINKS = {"customer story": (11, "/customers", 0.45), "product news": (12, "/features", 0.03)}
LINK_CLICKED = 0.45

# The upsell: what share of those eligible gets it, and how likely each plan adds seats.
UPSELL_CAMPAIGN, UPSELL_SUBJECT, UPSELL_SENT = 4, "The next three seats are half price", 0.64
UPSELL_AFTER, UPSELL_WITHIN = 10 * DAY, 5 * DAY
SEATS = {"team": {"clicked": 0.85, "read": 0.45}, "business": {"clicked": 0.12, "read": 0.12}}
SEATS_BY_THEMSELVES = {"team": 0.05, "business": 0.12}
SEAT_PRICE = {"team": 15, "business": 75}

LARGE, FIT_WINDOW = 200, 28 * DAY
ACTIVE_ACCOUNTS, SILENT_ACCOUNTS = 10, 10
"""How many large accounts are made busy in the last four weeks, and how many are busy before and silent since."""


def playbook_rows(people: list[Person], rows: list[Row]) -> list[Row]:
    """Return the added rows, marked as such and numbered; `rows` are those of the other stories, in time order."""
    theirs: dict[int, list[Row]] = {person.number: [] for person in people}
    for row in rows:
        theirs[row.person.number].append(row)
    shared = {browser for person in people for browser in person.shared}
    added: list[Row] = []
    for person in people:
        if not shared & set(person.anonymous):
            added += _last_page_rows(person, theirs[person.number])
            added += _newsletter_link_rows(person, theirs[person.number])
        added += _upsell_rows(person)
    added += _account_rows([person for person in people if not shared & {*person.anonymous, *person.shared}], theirs)
    added = sorted((row for row in added if row.t < END), key=lambda row: (row.t, row.person.number))
    return [replace(row, added=number) for number, row in enumerate(added, 1)]


def _last_page_rows(person: Person, rows: list[Row]) -> list[Row]:
    """Insert one page right before the sign-up form: most who import boards begin a project, few who compare do."""
    if person.kind != "visitor" or not person.signed_up or person.hidden_path or person.campaign is GIVEAWAY:
        return []
    dice = Dice("last page", person.number)
    draw, owner = dice.uniform(0, 1), bool(person.project)
    for path, (owners, others) in LAST_PAGES.items():
        chance = owners if owner else others
        if draw < chance:
            form = next((row for row in rows if row.path == "/signup"), None)
            if not form:
                return []  # after the end of the story
            before = max(row.t for row in rows if row.t < form.t)
            return [replace(form, t=(before + form.t) // 2, path=path, properties=dict(form.properties))]
        draw -= chance
    return []


def _newsletter_link_rows(person: Person, rows: list[Row]) -> list[Row]:
    """Add clicks on two more links of newsletters that were read, and the demo requests that follow one of them."""
    if len(person.anonymous) != 1:
        return []  # on a second browser nobody would know them
    clicked = {row.properties["delivery_id"] for row in rows if row.kind == "clicked"}
    added: list[Row] = []
    asked = person.demo
    for row in rows:
        about = row.properties
        if row.kind != "human_opened" or "newsletter_id" not in about or about["delivery_id"] in clicked:
            continue
        if any(later > row.t for later in (person.signed_up, person.project, person.upgrade)):
            continue
        if person.signed_up and not any(r.kind == "page" and person.signed_up < r.t < row.t for r in rows):
            continue  # nobody's first page since signing up
        dice = Dice("newsletter link", about["delivery_id"])
        if not dice.flip(LINK_CLICKED):
            continue
        number, path, demo = LINKS[dice.choice(list(LINKS))]
        click = email_row(person, row.t + dice.integer(5, 200) * 1000, "clicked", dice, **about)
        click.properties |= {"href": SITE + path, "link_id": number}
        visit = Visit(person, click.t + 3_000, anonymous=person.anonymous[0], dice=dice)
        visit.page(path)
        if dice.flip(demo) and not asked:
            asked = True
            visit.t += dice.integer(1, 20) * MINUTE
            visit.page("/demo")
            visit.track("Requested Demo", form="demo")
        added += [click, *visit.rows]
    return added


def plan_of(person: Person) -> str:
    """Return the plan that somebody pays for."""
    return "team" if person.size < 40 else "business"


def _upsell_rows(person: Person) -> list[Row]:
    """Offer seats to some of those who pay, ten days after upgrading: small teams take them, large companies do not."""
    offered = person.upgrade + UPSELL_AFTER
    if not person.upgrade or offered + UPSELL_WITHIN >= END:
        return []
    dice, plan = Dice("half price", person.number), plan_of(person)
    t = offered + dice.integer(1, 900) * 1000
    rows: list[Row] = []
    chance = SEATS_BY_THEMSELVES[plan]
    if dice.flip(UPSELL_SENT):
        about = {"delivery_id": "dg" + dice.hex_digits(14), "subject": UPSELL_SUBJECT, "campaign_id": UPSELL_CAMPAIGN}
        rows.append(email_row(person, t, "delivered", dice, **about))
        if dice.flip(0.6):
            t += int(dice.exponential(4) * HOUR) + MINUTE
            rows.append(email_row(person, t, "opened", dice, **about))
            rows.append(email_row(person, t + 1000, "human_opened", dice, **about))
            chance = SEATS[plan]["read"]
            if dice.flip(0.6):
                t += dice.integer(5, 200) * 1000
                rows.append(email_row(person, t, "clicked", dice, **about, href=f"{SITE}/app", link_id=21))
                chance = SEATS[plan]["clicked"]
    if dice.flip(chance):
        seats = billing_row(person, t + dice.integer(MINUTE, 2 * DAY), "Added Seats", dice)
        seats.properties["amount"] = SEAT_PRICE[plan]
        rows.append(seats)
    return rows


def _account_rows(people: list[Person], theirs: dict[int, list[Row]]) -> list[Row]:
    """Let some large accounts work every fourth day of the last four weeks, and others only in the four before."""
    dice = Dice("large accounts")
    recent = END - FIT_WINDOW
    idle: list[Person] = []
    for person in people:
        last = max((row.t for row in theirs[person.number] if event_name(row) in HABITS), default=0)
        sold = any(row.name == "salesqualifiedlead" for row in theirs[person.number])
        large = person.kind == "visitor" and person.size >= LARGE
        if large and last and last < recent - FIT_WINDOW and not sold:
            idle.append(person)
    chosen = dice.sample(idle, ACTIVE_ACCOUNTS + SILENT_ACCOUNTS)
    rows: list[Row] = []
    for number, person in enumerate(chosen):
        first = recent if number < ACTIVE_ACCOUNTS else recent - FIT_WINDOW
        known = sorted({row.name for row in theirs[person.number] if row.name in HABITS})
        day = (first - START) // DAY
        for later in range(0, 27, 4):
            start = random_moment(dice, day + later)
            work = Work(person, start, anonymous=person.anonymous[0], dice=dice, user=person.user)
            for _ in range(dice.integer(1, 3)):
                work.track(dice.choice(known))
            rows += work.rows
    return rows
