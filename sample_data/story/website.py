"""Visits to the website: pages, articles, templates, the video, sign-up; and announcements pushed to every browser."""

from __future__ import annotations

from typing import Any

from story.people import Person
from story.rows import Row
from story.setting import (
    DAY,
    END,
    GIVEAWAY,
    HOUR,
    MINUTE,
    PAGE_WEIGHTS,
    TEMPLATES,
    Campaign,
    Dice,
    later_moment,
)

ANNOUNCEMENT_EVERY_DAYS = 110


class Visit:
    """One session on the website, built event by event."""

    def __init__(self, person: Person, start: int, *, anonymous: str, dice: Dice, user: str | None = None) -> None:
        self.person, self.t, self.anonymous, self.user, self.dice = person, start, anonymous, user, dice
        self.session = dice.hex_digits(8)
        self.rows: list[Row] = []
        mobile = person.device == "mobile"
        # A second machine of a person is of the other kind; somebody else's machine is an office desktop.
        if anonymous in person.anonymous[1:2]:
            mobile = not mobile
        self.device = "mobile" if mobile and anonymous not in person.shared else "desktop"
        same = self.device == person.device
        self.browser = person.browser if same else ("Safari" if self.device == "mobile" else "Chrome")

    def _add(self, kind: str, name: str, *, campaign: Campaign | None = None, path: str = "", **properties: Any) -> Row:
        row = Row(
            self.t,
            "website",
            kind,
            name,
            self.person,
            self.anonymous,
            self.user,
            {"device": self.device, "browser": self.browser, "session_id": self.session, **properties},
            campaign,
            path,
        )
        self.rows.append(row)
        self.t += int(self.dice.uniform(4, 150) * 1000)
        return row

    def page(self, path: str, *, campaign: Campaign | None = None) -> None:
        self._add("page", "", campaign=campaign, path=path)

    def track(self, name: str, **properties: Any) -> Row:
        return self._add("track", name, **properties)

    def identify(self) -> None:
        """Add the identify call, which links the browser to the person."""
        p = self.person
        p.known_at = p.known_at or self.t
        traits: dict[str, object] = {"email": p.email, "name": p.name}
        if p.user:
            self.user = p.user
            traits |= {"role": p.role, "company": p.company, "company_size": p.size}
        self.rows.append(Row(self.t, "website", "identify", "", p, self.anonymous, self.user, traits))
        self.t += 300

    def group(self) -> None:
        p = self.person
        traits = {"group_id": p.account, "name": p.company, "employees": p.size}
        self.rows.append(Row(self.t, "website", "group", "", p, self.anonymous, self.user, traits))
        self.t += 300


def _browse_pages(visit: Visit, pages: int) -> None:
    for _ in range(pages):
        visit.page(visit.dice.weighted_choice(PAGE_WEIGHTS))


def _read_content(visit: Visit) -> None:
    person = visit.person
    for article in person.articles:
        visit.page(f"/blog/{article.slug}")
        if visit.dice.flip(0.7):
            visit.track("Read Article", article=article.slug)
    if person.watches:
        visit.track("Watched Video", video="two-minute tour")
    if not person.hidden_path and visit.dice.flip(0.05):
        visit.page("/templates")
        visit.track("Viewed Template", template=visit.dice.choice(TEMPLATES))


def _sign_up(visit: Visit) -> None:
    person = visit.person
    visit.page("/signup" if person.kind == "visitor" else "/invite")
    person.signed_up = visit.t + 600
    visit.identify()
    visit.track("Signed Up", plan="free", role=person.role)
    visit.group()


def rows_before_sign_up(person: Person) -> list[Row]:
    """Return every visit up to signing up or giving up; sets `person.signed_up`."""
    dice = Dice("website", person.number)
    if person.kind == "bot":
        return _crawler_rows(person, dice)
    if person.hidden_path:
        return _hidden_path_rows(person, dice)
    visits = 1
    while visits < 6 and person.kind == "visitor" and dice.flip(0.1 if person.campaign is GIVEAWAY else 0.34):
        visits += 1
    rows: list[Row] = []
    t, told = person.arrives, dice.integer(0, visits - 1)
    for number in range(visits):
        anonymous = person.anonymous[0]
        if number and len(person.anonymous) > 1 and dice.flip(0.4):
            anonymous = person.anonymous[1]
        visit = Visit(person, t, anonymous=anonymous, dice=dice)
        if person.kind == "visitor":
            campaign = person.campaign if number == 0 else None
            visit.page(person.campaign.landing if number == 0 else "/", campaign=campaign)
            if person.campaign is not GIVEAWAY:
                _browse_pages(visit, dice.weighted_choice({0: 3, 1: 3, 2: 2, 3: 1}))
            if number == told:
                _read_content(visit)
        last = number == visits - 1
        if last and (person.demo or person.newsletter):
            _leave_address(visit)
        if last and person.signs_up:
            _sign_up(visit)
        rows += visit.rows
        t = later_moment(dice, visit.t, 0.05 + dice.exponential(4))
    return rows


def _leave_address(visit: Visit) -> None:
    """Newsletter and demo forms know an email address, not a user."""
    person = visit.person
    if person.demo:
        visit.page("/demo")
    if not person.signs_up:
        visit.identify()
    if person.demo:
        visit.track("Requested Demo", form="demo")
    if person.newsletter:
        visit.track("Subscribed to Newsletter", form="footer")


def _hidden_path_rows(person: Person, dice: Dice) -> list[Row]:
    """Template gallery, sign-up, pricing, upgrade: an agency buying for a client, never opening a project."""
    visit = Visit(person, person.arrives, anonymous=person.anonymous[0], dice=dice)
    visit.page("/templates", campaign=person.campaign)
    for template in dice.sample(TEMPLATES, dice.integer(2, 4)):
        visit.track("Viewed Template", template=template)
    _sign_up(visit)
    visit.page("/pricing")
    if dice.flip(0.85):
        person.upgrade = visit.t + dice.integer(4, 50) * MINUTE
    return visit.rows


def _crawler_rows(person: Person, dice: Dice) -> list[Row]:
    visit = Visit(person, person.arrives, anonymous=person.anonymous[0], dice=dice)
    visit.browser = "Googlebot"
    for _ in range(30):
        visit.page(dice.weighted_choice(PAGE_WEIGHTS))
        visit.t = visit.rows[-1].t + 2_000
    return visit.rows


def rows_after_sign_up(person: Person) -> list[Row]:
    """Return later visits of users: signed in or not, on any of their devices, and on another person's."""
    dice = Dice("returns", person.number)
    rows: list[Row] = []
    if person.hidden_path:
        return rows
    t = person.signed_up
    for anonymous in person.anonymous[1:]:  # most machines see their owner sign in sooner or later
        if dice.flip(0.95):
            t = later_moment(dice, t, 1 + dice.exponential(3))
            rows += _sign_in(person, t, anonymous, dice)
    for _ in range(dice.weighted_choice({0: 5, 1: 3, 2: 2})):
        t = later_moment(dice, t, 1 + dice.exponential(9))
        user = person.user if dice.flip(0.6) else None
        visit = Visit(person, t, anonymous=person.anonymous[0], dice=dice, user=user)
        _browse_pages(visit, dice.integer(1, 2))
        rows += visit.rows
    for anonymous in person.shared:
        t = max(person.signed_up, END - 59 * DAY) + int(dice.uniform(0, 20) * DAY)
        for _ in range(2):
            rows += _sign_in(person, t, anonymous, dice)
            t = later_moment(dice, t, 2 + dice.exponential(4))
    return rows


def _sign_in(person: Person, t: int, anonymous: str, dice: Dice) -> list[Row]:
    visit = Visit(person, t, anonymous=anonymous, dice=dice)
    _browse_pages(visit, dice.integer(1, 2))
    visit.identify()
    visit.track("Signed In", method="password")
    return visit.rows


def announcement_rows(person: Person) -> list[Row]:
    """Return announcements pushed to every browser, at a constant rate until the end: time decides who gets one."""
    if person.kind in {"bot", "crm"}:
        return []
    dice = Dice("announcements", person.number)
    rows = []
    t = person.arrives + HOUR + int(dice.exponential(ANNOUNCEMENT_EVERY_DAYS) * DAY)
    while t < END:
        row = Row(t, "website", "track", "Received Announcement", person, person.anonymous[0])
        row.properties = {"channel": "web push"}
        rows.append(row)
        t += int(dice.exponential(ANNOUNCEMENT_EVERY_DAYS) * DAY)
    return rows
