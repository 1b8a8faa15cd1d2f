"""What was read, and how it became people, for readers who have never heard of an identifier."""

from __future__ import annotations

import polars as pl

from journeys.display import format_count, format_definite_count, format_number, format_percent, use_unit
from journeys.errors import JourneysError
from journeys.report.protocol import ReportedJourneys
from journeys.report.section import Section
from journeys.report.sections import draw_chart

_PLAIN_TYPES = {
    "user_id": "user id",
    "anonymous_id": "browser cookie",
    "email": "email address",
    "phone": "phone number",
    "hubspot_id": "HubSpot contact",
    "customerio_id": "Customer.io profile",
}
_PLAIN_MEASURES = {
    "anonymous events": "events of visitors who had not signed in",
    "of these linked to a known person": "of these, linked to a known person",
    "people without events": "people without any event",
    "identifiers": "ids, addresses and cookies found",
    "links taken": "pairs of them that belong to one person",
    "links refused": "pairs refused, since they would merge two known people",
    "links from an identifier to itself": "pairs of one id with itself",
    "shared identifiers": "browsers that several known people used",
    "placeholder values": 'values that mean nothing, such as "null"',
}
_SHARED = {
    "next": "counts for the next person to sign in",
    "previous": "counts for the person who signed in before",
    "first": "counts for the first person who signed in",
    "last": "counts for the last person who signed in",
    "drop": "is left out",
}


_COUNTED_TWICE = {
    True: "Somebody who comes under another id, such as a second account,",
    False: "A visitor who returns with another browser and never signs in",
}


def identity_section(journeys: ReportedJourneys) -> Section | None:
    """Say in plain words what was read and how it became people; None where person ids were known from the start."""
    try:
        identity = journeys.identity
    except JourneysError:
        return None
    known, people = identity.figure("known people"), identity.figure("people")
    known_by = " or ".join(f"their {_name_type(name)}" for name in identity.types if name in identity.rules.exclusive)
    rows = identity.rows.select(pl.col(pl.Int64).sum()).row(0, named=True)
    with use_unit("person"):  # accounts, too, are made of people
        events, of_all = format_count(rows["events"], "event"), format_definite_count(people, "person")
        finding = f"{events} belong to {format_count(people, 'person')}"
        pictures, _ = draw_chart(identity.plot)
        selected, reading = _describe_selection(journeys, events=rows["events"], people=people), ""
    is_all_known = bool(known_by) and known == people > 1
    if is_all_known:
        finding += f", all known by {known_by}"
        reading = f"all {format_number(people)} people are known by {known_by}, which no two people share."
    elif known_by:
        share = f" ({format_percent(known / people)})" if people else ""
        finding += f", {format_number(known)} of them known by {known_by}"
        reading = (
            f"{format_number(known)} of {of_all}{share} are known by {known_by}, which no two people share: what they "
            "did before and after signing in is one journey. Everyone else is a visitor: "
        )
    else:
        reading = "nothing in these files belongs to one person only, so the same person may count twice. "
    if not is_all_known:
        browser = "a browser counts as one person until somebody signs in on it."
        reading += browser if known_by else "A browser counts as one person."
    reading += _describe_types(journeys)
    shared = _SHARED.get(identity.rules.shared, "counts for one person")
    return Section(
        name="identity",
        question="What was read, and how were visits linked to people?",
        finding=f"{finding}.",
        definition=f"{_describe_rows(rows)}.{selected}",
        pictures=pictures,
        reading=reading,
        limits=f"that no two of these people are the same. {_COUNTED_TWICE[is_all_known]} is counted again.",
        table=identity.figures.with_columns(pl.col("measure").replace(_PLAIN_MEASURES)),
        method=f"One {_name_type(identity.types[0])} is one person."
        if len(identity.types) == 1
        else "Ids that occur together, such as a cookie and a user id in one event, belong to one person. A pair "
        f"that would merge two known people is refused ({format_number(identity.figure('links refused'))} were). What "
        f"was done on a shared browser before signing in {shared}.",
    )


def _describe_rows(rows: dict[str, int]) -> str:
    """Describe how many rows were read, and what became of them; what there is none of is left out."""
    became = [
        f"{format_number(rows['events'])} are events",
        f"{format_number(rows['facts'])} describe people or companies" if rows["facts"] else "",
        f"{format_number(rows['duplicates'])} are repeats and do not count again" if rows["duplicates"] else "",
        f"{format_number(rows['quarantined'])} could not be used" if rows["quarantined"] else "",
    ]
    return f"{format_count(rows['read'], 'row')} were read: {'; '.join(filter(None, became))}"


def _name_type(id_type: str) -> str:
    return _PLAIN_TYPES.get(id_type, id_type.replace("_", " "))


def _describe_types(journeys: ReportedJourneys) -> str:
    """Describe how many people have each other kind of identifier, as a sentence."""
    identity = journeys.identity
    counts = dict(identity.table.group_by("id_type").agg(pl.col("person").n_unique()).sort("id_type").iter_rows())
    others = [
        f"{format_number(counts[one])} have a {_name_type(one)}".replace(" a email", " an email")
        for one in identity.types
        if one in counts and one not in identity.rules.exclusive
    ]
    return f" Visits are also linked by what they have in common: {', '.join(others)}." if others else ""


def _describe_selection(journeys: ReportedJourneys, *, events: int, people: int) -> str:
    """Say that the report is about a part of what was read, or about accounts; empty where it is about all of it."""
    size = journeys.size
    if (size.events, size.people) == (events, people):
        return ""
    return (
        f" This counts all that was read; the report is about {format_count(size.people, journeys._log.unit)} and "
        f"{format_count(size.events, 'event')} of it."
    )
