"""What all of HubSpot's exports share: lifecycle stages as events, and how a contact's id is called."""

from __future__ import annotations

import re

import polars as pl

from journeys.sources.fields import named
from journeys.sources.reading.flat_columns import snake_case

__all__ = ["COMPANY", "CONTACT", "CREATED", "STAGES", "became", "plain_name"]

STAGES = {
    "subscriber": "Became Subscriber",
    "lead": "Became Lead",
    "marketingqualifiedlead": "Became MQL",
    "salesqualifiedlead": "Became SQL",
    "opportunity": "Became Opportunity",
    "customer": "Became Customer",
    "evangelist": "Became Evangelist",
    "other": "Became Other",
}
CONTACT = ("objectId", "vid", "contact_id", "contactId", "Record ID", "hs_object_id", "record_id")
COMPANY = ("Company name", "Company Domain Name", "domain", "numberofemployees")
CREATED = (
    "createdate", "Create Date", "hs_createdate", "createdAt", "hs_lastmodifieddate", "lastmodifieddate",
    "Last Modified Date", "updatedAt",
)  # fmt: skip


def became(stage: pl.Expr) -> pl.Expr:
    """Name the event of reaching a lifecycle stage; a stage of your own keeps its name."""
    plain = stage.str.to_lowercase().str.replace_all(r"[\s_-]", "")
    return named(plain, STAGES, default=pl.concat_str(pl.lit("Became "), stage))


def plain_name(column: str) -> str:
    """Write a column's name as a warehouse does.

    Examples
    --------
    >>> plain_name("Associated Contact IDs")
    'associated_contact_ids'
    """
    return snake_case(re.sub(r"IDs\b", "Ids", column))
