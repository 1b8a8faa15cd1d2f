"""HubSpot's lifecycle stages as events, and the names of columns that all of its exports share."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from journeys.sources.column_mapping import replace_names
from journeys.sources.reading.row_store import snake_case

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


def name_stage_event(stage: pl.Expr) -> pl.Expr:
    """Name the event of reaching a lifecycle stage; a custom stage keeps its name."""
    plain = stage.str.to_lowercase().str.replace_all(r"[\s_-]", "")
    return replace_names(plain, STAGES, default=pl.concat_str(pl.lit("Became "), stage))


def write_warehouse_name(column: str) -> str:
    """Write a column's name as a warehouse does.

    Examples
    --------
    >>> write_warehouse_name("Associated Contact IDs")
    'associated_contact_ids'
    """
    return snake_case(re.sub(r"IDs\b", "Ids", column))


def find_stage_dates(columns: Iterable[str]) -> dict[str, list[str]]:
    """Find the columns with the date on which contacts reached each stage, custom stages included.

    Examples
    --------
    >>> find_stage_dates(["hs_lifecyclestage_lead_date", "hs_v2_date_entered_lead", "hs_v2_date_entered_current_stage"])
    {'lead': ['hs_lifecyclestage_lead_date', 'hs_v2_date_entered_lead']}
    >>> find_stage_dates(["Became a Customer Date", 'Date entered "Product Qualified (Stages)"'])
    {'customer': ['Became a Customer Date'], 'Product Qualified': ['Date entered "Product Qualified (Stages)"']}
    """
    found: dict[str, list[str]] = {}
    for column in columns:
        match = _LABEL.match(column.strip()) or _INTERNAL_NAME.match(snake_case(column))
        stage = next(name for name in match.groups() if name) if match else "current_stage"
        if snake_case(stage) != "current_stage":
            plain = re.sub(r"[\s_-]", "", stage.lower())
            found.setdefault(plain if plain in STAGES else stage, []).append(column)
    return found


# hs_v2_date_entered_lead, hs_date_entered_lead, hs_lifecyclestage_lead_date; "Became a Lead Date"
_INTERNAL_NAME = re.compile(r"^(?:hs_(?:v2_)?date_entered_(.+)|hs_lifecyclestage_(.+)_date|became_an?_(.+)_date)$")
# Date entered "Lead (Lifecycle Stage Pipeline)"
_LABEL = re.compile(r"^date entered\s*[\"'“‘]?(.+?)\s*(?:\([^()]*\))?\s*[\"'”’]?$", re.IGNORECASE)
