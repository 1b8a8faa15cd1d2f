"""The whole story: everybody's rows, in the order in which they happened."""

from __future__ import annotations

from story.office import mail, sales
from story.people import Person, cast
from story.product import life
from story.rows import Row
from story.website import after_sign_up, announcements, before_sign_up
from story.world import END


def tell() -> tuple[list[Person], list[Row]]:
    """Return the people and all that happened to them before the end of the story, in time order."""
    people = cast()
    sources = [p for p in people if p.kind == "visitor" and p.signs_up and not p.hidden_path]
    accounts = [(p.account, p.company) for p in sources]
    rows: list[Row] = []
    for person in people:
        if person.kind == "teammate":
            person.account, person.company = accounts[person.number * 7 % len(accounts)]
        if person.kind != "crm":
            rows += before_sign_up(person)
        if person.signs_up:
            rows += after_sign_up(person) + life(person)
        rows += announcements(person) + mail(person) + sales(person)
    rows = [row for row in rows if row.t < END]
    rows.sort(key=lambda row: (row.t, row.person.number))  # a person's rows keep their order within a millisecond
    return people, rows
