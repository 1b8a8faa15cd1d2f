"""The people: 5,000 of them with devices, identifiers, and the decisions drawn for each."""

from __future__ import annotations

from dataclasses import dataclass, field

from story.setting import (
    ARTICLES,
    BUYING_GUIDE,
    CAMPAIGNS,
    DAY,
    DAYS,
    GIVEAWAY,
    START,
    Article,
    Campaign,
    Dice,
    is_weekend,
    random_moment,
)

VISITORS, TEAMMATES, CRM_ONLY, BOTS = 4_805, 120, 70, 5
FIRST = [
    "Ada", "Ben", "Cleo", "Dan", "Elif", "Finn", "Gita", "Hugo", "Ines", "Jan", "Kaya", "Leo", "Mira", "Noor",
    "Olga", "Paul", "Rosa", "Sam", "Tara", "Umar", "Vera", "Wim", "Yuki", "Zoe",
]  # fmt: skip
LAST = [
    "Abel", "Berg", "Costa", "Diaz", "Eder", "Fuchs", "Garcia", "Hahn", "Ito", "Jansen", "Khan", "Lopez",
    "Moreau", "Novak", "Olsen", "Petrov", "Quist", "Rossi", "Sato",
]  # fmt: skip
COMPANY = [
    "Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Harbor", "Iris", "Juniper", "Kestrel",
    "Lumen", "Maple", "Nimbus", "Onyx", "Pine",
]  # fmt: skip
TRADE = [
    "Works", "Labs", "Studio", "Partners", "Foods", "Motors", "Health", "Energy", "Media", "Travel",
    "Logistics", "Design",
]  # fmt: skip
ROLES = {"engineer": 3, "project manager": 4, "marketing": 2, "founder": 1.5, "operations": 2}
BROWSERS = {
    "desktop": {"Chrome": 58, "Safari": 22, "Firefox": 10, "Edge": 10},
    "mobile": {"Chrome": 50, "Safari": 45, "Firefox": 5},
}


@dataclass(slots=True)
class Person:
    """One true person: attributes first, then the identifiers in the systems."""

    number: int
    kind: str
    arrives: int
    campaign: Campaign
    device: str
    browser: str
    name: str
    enterprise: bool
    watches: bool
    articles: list[Article]
    hidden_path: bool
    signs_up: bool
    anonymous: list[str]
    skew: int
    user: str = ""
    old_user: str = ""
    email: str = ""
    customerio: str = ""
    contact: int = 0
    account: str = ""
    company: str = ""
    size: int = 0
    role: str = ""
    demo: bool = False
    newsletter: bool = False
    project: int = 0
    calendar: int = 0
    upgrade: int = 0
    signed_up: int = 0
    known_at: int = 0
    shared: list[str] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return bool(self.email)


def sign_up_chance(person: Person) -> float:
    """Video watchers sign up less often on each kind of device, but most use a desktop, where more people sign up."""
    if person.campaign is GIVEAWAY:
        chance = 0.42 if person.watches else 0.52
    elif person.device == "desktop":
        chance = 0.28 if person.watches else 0.37
    else:
        chance = 0.015 if person.watches else 0.045
    for article in person.articles:
        chance *= article.sign_up
    return min(chance * person.campaign.sign_up, 0.9)


def _arrival(dice: Dice) -> tuple[int, Campaign]:
    while True:
        campaign = CAMPAIGNS[dice.weighted_choice({i: c.weight for i, c in enumerate(CAMPAIGNS)})]
        day = dice.integer(campaign.first_day, campaign.last_day)
        if not is_weekend(day) or dice.flip(0.45):
            return random_moment(dice, day), campaign


def _draw_person(number: int, kind: str) -> Person:
    dice = Dice("person", number)
    arrives, campaign = _arrival(dice)
    if kind == "teammate":
        campaign = CAMPAIGNS[0]
    desktop = dice.flip(0.5) if campaign is GIVEAWAY else dice.flip(0.53)
    device = "desktop" if desktop or kind == "teammate" else "mobile"
    enterprise = dice.flip(0.13)
    articles = [a for a in ARTICLES if dice.flip(0.45 if enterprise and a is BUYING_GUIDE else a.readers)]
    person = Person(
        number=number,
        kind=kind,
        arrives=arrives,
        campaign=campaign,
        device=device,
        browser=dice.weighted_choice(BROWSERS[device]),
        name=f"{dice.choice(FIRST)} {dice.choice(LAST)}",
        enterprise=enterprise,
        watches=dice.flip(0.52 if device == "desktop" else 0.04),
        articles=articles if kind == "visitor" else [],
        hidden_path=False,
        signs_up=kind == "teammate",
        anonymous=[dice.uuid()] if kind != "crm" else [],
        skew=dice.integer(-7_200_000, 7_200_000) if dice.flip(0.08) else 0,
    )
    if kind == "visitor":
        person.hidden_path = campaign is not GIVEAWAY and device == "desktop" and dice.flip(0.022)
        person.signs_up = person.hidden_path or dice.flip(sign_up_chance(person))
        _add_devices(person, dice)
    if kind in {"visitor", "teammate"}:
        _draw_decisions(person, dice)
    if kind == "crm" or person.signs_up or person.newsletter or person.demo:
        _assign_identifiers(person, dice)
    return person


def _add_devices(person: Person, dice: Dice) -> None:
    more = 0
    if person.signs_up and not person.hidden_path:
        more = dice.weighted_choice({0: 0.6, 1: 0.3, 2: 0.1})
    elif dice.flip(0.02):
        more = 1
    person.anonymous += [dice.uuid() for _ in range(more)]


def _draw_decisions(person: Person, dice: Dice) -> None:
    if person.kind == "visitor" and not person.hidden_path:
        if person.signs_up:
            person.demo = dice.flip(0.28 if person.enterprise else 0.03)
            person.newsletter = dice.flip(0.3)
        elif person.campaign is not GIVEAWAY:
            person.demo = dice.flip(0.06 if person.enterprise else 0.008)
            person.newsletter = dice.flip(0.05)


def _assign_identifiers(person: Person, dice: Dice) -> None:
    number = person.number
    person.size = dice.choice([200, 350, 800, 2500]) if person.enterprise else dice.choice([1, 3, 8, 15, 40, 90])
    person.company = f"{dice.choice(COMPANY)} {dice.choice(TRADE)}"
    person.role = dice.weighted_choice(ROLES)
    domain = person.company.replace(" ", "").lower() if dice.flip(0.8) else "mail"
    person.email = f"{person.name.replace(' ', '.').lower()}{number}@{domain}.example"
    person.contact = 5_000_000 + 3 * number
    if person.kind != "crm":
        person.customerio = dice.hex_digits(12)
    if person.signs_up:
        person.user = str(100_000 + 13 * number)
        person.account = f"acct_{number:04d}"
        if person.kind == "visitor" and dice.flip(0.03):
            person.old_user = str(900_000 + number)


def draw_people() -> list[Person]:
    """Draw everyone in the story, numbered from 1."""
    kinds = ["visitor"] * VISITORS + ["teammate"] * TEAMMATES + ["crm"] * CRM_ONLY + ["bot"] * BOTS
    people = [_draw_person(number, kind) for number, kind in enumerate(kinds, 1)]
    _share_devices(people)
    return people


def _share_devices(people: list[Person]) -> None:
    """Choose 40 pairs whose second person also signs in on the first one's browser, weeks after both signed up."""
    dice = Dice("shared devices")
    early = [p for p in people if p.signs_up and p.kind == "visitor" and not p.hidden_path and not p.old_user]
    early = [p for p in early if p.arrives < START + (DAYS - 60) * DAY]
    chosen = dice.sample(early, 80)
    for owner, guest in zip(chosen[::2], chosen[1::2], strict=True):
        guest.shared.append(owner.anonymous[0])
