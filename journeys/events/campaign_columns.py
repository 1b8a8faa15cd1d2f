"""The campaign columns: the one list of them, for sources, the log and the analyses."""

from collections.abc import Iterable

CAMPAIGN_COLUMNS = ("campaign", "campaign_source", "campaign_medium", "campaign_term", "campaign_content", "channel")


def present_campaign_columns(columns: Iterable[str]) -> list[str]:
    """List the campaign columns among some columns, in their own order.

    A row is a **touch** when any of them is filled.

    Examples
    --------
    >>> present_campaign_columns(["event", "channel", "campaign"])
    ['campaign', 'channel']
    """
    present = set(columns)
    return [name for name in CAMPAIGN_COLUMNS if name in present]
