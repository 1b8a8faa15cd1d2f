"""How identifiers became people, for readers who have never heard of an identifier."""

from __future__ import annotations

import polars as pl

from journeys.display import format_definite_count, format_number, format_percent
from journeys.identity import Identity
from journeys.report.fixed_explanations import Explanation

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


def explain_identity(identity: Identity) -> Explanation:
    """Explain in plain words how what was read became people: what identifies somebody, and what links visits."""
    known, people = identity.figure("known people"), identity.figure("people")
    known_by = describe_known_by(identity)
    is_all_known = bool(known_by) and known == people > 1
    if is_all_known:
        reading = f"all {format_number(people)} people are known by {known_by}, which no two people share."
    elif known_by:
        share = f" ({format_percent(known / people)})" if people else ""
        reading = (
            f"{format_number(known)} of {format_definite_count(people, 'person')}{share} are known by {known_by}, "
            "which no two people share: what they did before and after signing in is one journey. Everyone else is a "
            "visitor: a browser counts as one person until somebody signs in on it."
        )
    else:
        reading = (
            "nothing in these files belongs to one person only, so the same person may count twice. A browser counts "
            "as one person."
        )
    shared = _SHARED.get(identity.rules.shared, "counts for one person")
    return Explanation(
        question="What was read, and how were visits linked to people?",
        reading=reading + _describe_types(identity),
        limits=f"that no two of these people are the same. {_COUNTED_TWICE[is_all_known]} is counted again.",
        method=f"One {_name_type(identity.types[0])} is one person."
        if len(identity.types) == 1
        else "Ids that occur together, such as a cookie and a user id in one event, belong to one person. A pair "
        f"that would merge two known people is refused ({format_number(identity.figure('links refused'))} were). What "
        f"was done on a shared browser before signing in {shared}.",
    )


def describe_known_by(identity: Identity) -> str:
    """Name the identifiers that only one person has, such as "their user id"; empty if no source has one."""
    return " or ".join(f"their {_name_type(name)}" for name in identity.types if name in identity.rules.exclusive)


def list_plain_figures(identity: Identity) -> pl.DataFrame:
    """Return what stitching did in numbers, called by plain words."""
    return identity.figures.with_columns(pl.col("measure").replace(_PLAIN_MEASURES))


def _name_type(id_type: str) -> str:
    return _PLAIN_TYPES.get(id_type, id_type.replace("_", " "))


def _describe_types(identity: Identity) -> str:
    """Describe how many people have each other kind of identifier, as a sentence."""
    counts = dict(identity.table.group_by("id_type").agg(pl.col("person").n_unique()).sort("id_type").iter_rows())
    others = [
        f"{format_number(counts[one])} have a {_name_type(one)}".replace(" a email", " an email")
        for one in identity.types
        if one in counts and one not in identity.rules.exclusive
    ]
    return f" Visits are also linked by what they have in common: {', '.join(others)}." if others else ""
