"""What users do in the product: projects, the calendar, the weeks with a broken button, and payments."""

from __future__ import annotations

from typing import Any

from story.people import Person
from story.rows import Row
from story.setting import DAY, GIVEAWAY, HOUR, MINUTE, START, Dice, later_moment
from story.website import Visit

HABITS = {
    "Created Task": 5.0,
    "Completed Task": 4.0,
    "Moved Card": 2.5,
    "Added Comment": 2.5,
    "Assigned Task": 1.5,
    "Uploaded File": 1.0,
    "Searched Tasks": 1.2,
    "Opened Report": 0.7,
    "Changed Settings": 0.4,
    "Opened Help": 0.4,
}
BROKEN_FROM, BROKEN_TO = START + 64 * DAY, START + 85 * DAY  # 4 to 24 May
BROKEN_BROWSER, BROKEN_CODE = "Safari", "PROJECT-500"
UPGRADE_WITH_CALENDAR, UPGRADE_WITHOUT = 0.7, 0.06
AFTERNOON = 0.48


class Work(Visit):
    """A session in the product: most events come from the browser, some from the server, which knows only the user."""

    def track(self, name: str, **properties: Any) -> Row:
        row = super().track(name, **properties)
        row.source = "product"
        if self.dice.flip(0.3):
            row.anonymous = None
        if name in {"Created Project", "Saw Error"} or self.dice.flip(0.04):
            row.properties["replay_url"] = f"https://replay.example/session/{self.session}"
        return row


def product_activity(person: Person) -> list[Row]:
    """Return everything a user does in the product; sets `person.project`, `.calendar` and `.upgrade`."""
    if person.hidden_path:
        return _rows_after_upgrade(person, Dice("paid", person.number))
    dice = Dice("product", person.number)
    rows = _guest_rows(person, dice)
    work = _work(person, person.signed_up + dice.integer(2, 30) * MINUTE, dice)
    broken = work.browser == BROKEN_BROWSER and BROKEN_FROM <= person.signed_up < BROKEN_TO
    if broken and dice.flip(0.92):
        for _ in range(dice.integer(1, 3)):
            work.track("Saw Error", error_code=BROKEN_CODE, error_at="new project")
        return rows + work.rows
    if not dice.flip(_project_chance(person)):
        for _ in range(dice.integer(0, 2)):
            work.track(dice.choice(["Opened Help", "Changed Settings", "Searched Tasks"]))
        return rows + work.rows
    person.project = work.t
    template = dice.flip(0.3)
    work.track("Created Project", from_template=template)
    rows += work.rows
    _draw_upgrade(person, dice)
    return rows + _work_rows(person, dice) + _rows_after_upgrade(person, Dice("paid", person.number))


def _project_chance(person: Person) -> float:
    if person.campaign is GIVEAWAY:
        return 0.09
    return 0.66 if person.device == "desktop" else 0.56


def _guest_rows(person: Person, dice: Dice) -> list[Row]:
    """A few people started with a guest account, which an alias call renames when they sign up."""
    if not person.old_user:
        return []
    rows = []
    for _ in range(dice.integer(2, 5)):
        t = person.signed_up - dice.integer(2, 40) * MINUTE
        row = Row(t, "product", "track", dice.choice(["Opened Help", "Searched Tasks"]), person, None, person.old_user)
        row.properties = {"device": person.device, "browser": person.browser, "plan": "guest"}
        rows.append(row)
    alias = Row(
        person.signed_up + 2_000, "product", "alias", "", person, None, person.user, {"previous": person.old_user}
    )
    return [*rows, alias]


def _draw_upgrade(person: Person, dice: Dice) -> None:
    if person.kind == "teammate":
        return  # the owner of the account connects the calendar, and pays
    if dice.flip(0.27):
        person.calendar = person.project + int((0.02 + dice.exponential(3)) * DAY)
    chance = UPGRADE_WITH_CALENDAR if person.calendar else UPGRADE_WITHOUT
    if dice.flip(chance):
        person.upgrade = later_moment(dice, person.calendar or person.project, 1 + dice.exponential(9))


def _work(person: Person, t: int, dice: Dice) -> Work:
    anonymous = person.anonymous[0]
    return Work(person, t, anonymous=anonymous, dice=dice, user=person.user)


def _work_rows(person: Person, dice: Dice) -> list[Row]:
    """Active days become rarer over time. The calendar is connected on the day drawn before."""
    rows: list[Row] = []
    days = 2 + int(dice.exponential(6))
    invites = dice.flip(0.3)
    t = person.project + 20 * MINUTE
    for day in range(days):
        work = _work(person, t, dice)
        if day and dice.flip(0.5):
            work.track("Signed In", method="password")
        if day == 0 and invites:
            work.track("Invited Teammate")
        for _ in range(dice.integer(2, 7)):
            work.track(dice.weighted_choice(HABITS))
        if dice.flip(0.015):
            work.track("Saw Error", error_code="UPLOAD-413", error_at="file upload")
        if dice.flip(0.012):
            work.track("Contacted Support", topic=dice.choice(["billing", "import", "login"]))
        rows += work.rows + _afternoon_rows(person, work.t, day)
        t = later_moment(dice, work.t, 1 + dice.exponential(3))
    if person.calendar:
        work = _work(person, person.calendar, dice)
        work.track("Connected Calendar", provider=dice.choice(["google", "outlook"]))
        rows += work.rows
    if dice.flip(0.02):  # a trial of a paid feature, open to everyone and unrelated to upgrading
        work = _work(person, person.project + int(dice.exponential(12) * DAY), dice)
        work.track("Enabled Single Sign-On", trial=True)
        rows += work.rows
    return rows


def _afternoon_rows(person: Person, t: int, day: int) -> list[Row]:
    """Some return later the same day; this has its own dice, so that nothing else in the story depends on it."""
    dice = Dice("afternoon", person.number, day)
    if not dice.flip(AFTERNOON):
        return []
    work = _work(person, t + dice.integer(60, 240) * MINUTE, dice)
    for _ in range(dice.integer(2, 7)):
        work.track(dice.weighted_choice(HABITS))
    return work.rows


def _rows_after_upgrade(person: Person, dice: Dice) -> list[Row]:
    """Features of the paid plan are used after paying: they look like the best predictor and predict nothing."""
    if not person.upgrade:
        return []
    billing = [billing_row(person, person.upgrade, "Upgraded Plan", dice)]
    billing += [billing_row(person, person.upgrade + month * 30 * DAY, "Paid Invoice", dice) for month in (1, 2, 3)]
    if dice.flip(0.04):
        billing.append(billing_row(person, person.upgrade + int(dice.uniform(3, 40) * DAY), "Cancelled Plan", dice))
    rows: list[Row] = []
    if dice.flip(0.7):
        work = _work(person, person.upgrade + HOUR + int(dice.exponential(3) * DAY), dice)
        work.track("Enabled Single Sign-On", trial=False)
        rows += work.rows
    t = person.upgrade + DAY
    for _ in range(0 if person.hidden_path else 3 + int(dice.exponential(5))):
        work = _work(person, t, dice)
        for _ in range(dice.integer(2, 7)):
            work.track(dice.weighted_choice(HABITS))
        rows += work.rows
        t = later_moment(dice, work.t, 1 + dice.exponential(3))
    return rows + billing


def billing_row(person: Person, t: int, name: str, dice: Dice) -> Row:
    plan = "team" if person.size < 40 else "business"
    row = Row(t - t % 1000, "billing", "track", name, person, None, person.user)
    row.properties = {"plan": plan, "amount": 0 if name == "Cancelled Plan" else (29 if plan == "team" else 149)}
    row.message = "txn_" + dice.hex_digits(10)
    return row
