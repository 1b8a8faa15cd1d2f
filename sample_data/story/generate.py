"""The whole story: the rows of all people, in the order in which they happened."""

from __future__ import annotations

from story.email_and_sales import email_rows, sales_rows
from story.people import Person, draw_people
from story.product import product_activity
from story.rows import Row
from story.setting import END
from story.website import announcement_rows, rows_after_sign_up, rows_before_sign_up


def generate_story() -> tuple[list[Person], list[Row]]:
    """Return the people and all that happened to them before the end of the story, in time order."""
    people = draw_people()
    sources = [p for p in people if p.kind == "visitor" and p.signs_up and not p.hidden_path]
    accounts = [(p.account, p.company) for p in sources]
    rows: list[Row] = []
    for person in people:
        if person.kind == "teammate":
            person.account, person.company = accounts[person.number * 7 % len(accounts)]
        if person.kind != "crm":
            rows += rows_before_sign_up(person)
        if person.signs_up:
            rows += rows_after_sign_up(person) + product_activity(person)
        rows += announcement_rows(person) + email_rows(person) + sales_rows(person)
    rows = [row for row in rows if row.t < END]
    rows.sort(key=lambda row: (row.t, row.person.number))  # a person's rows keep their order within a millisecond
    return people, rows
