"""One reader per system: its files → `Events`, the canonical shape.

Every reader gives the same columns, lazily and in order of arrival:

==================  ========================  ==========================================================================
column              type                      what
==================  ========================  ==========================================================================
`timestamp`         Datetime("us", "UTC")     when it happened, the device's clock corrected where the system allows it
`event`             String                    what was done, as Verb + Object where the system has no name of its own
`source`            String                    the system (the reader's `name=`)
identifiers         String                    one column per type, the most trusted first (see below)
`message_id`        String                    the system's key against duplicates: the first arrival stays
`campaign`, …       String                    `campaign`, `campaign_source`, `campaign_medium`, `campaign_term`,
                                              `campaign_content`: fields, else the address's utm_*, else its click ids
`channel`           String                    GA4's default channel group of that arrival
`page_url`, …       String                    `page_path`, `page_url`, `page_title`, `page_referrer`, `page_search`
`group_id`          String                    the account
`replay_url`        String                    link to the session's recording
`by`                String                    "person" or "system": Customer.io and HubSpot also record what was done to
                                              people, such as a delivery, or a stage that the CRM set
all else            as found                  properties: typed, flattened with "_", lists as JSON text
==================  ========================  ==========================================================================

====================  =======================================================  ==================================
reader                identifiers                                              time
====================  =======================================================  ==================================
`read_segment`        user_id, email, anonymous_id                             timestamp, else skew-corrected
`read_rudderstack`    user_id, email, anonymous_id                             timestamp, else skew-corrected
`read_hubspot`        email, hubspot_id                                        occurredAt / created (ms)
`read_customerio`     user_id, email, customerio_id                            timestamp (s)
`read_ga4`            user_id, user_pseudo_id                                  event_timestamp (µs)
`read_mixpanel`       user_id, device_id                                       properties.time (s or ms)
`read_amplitude`      user_id, device_id (amplitude_id, if asked)              event_time
`read_posthog`        user_id, anonymous_id                                    timestamp
`read_snowplow`       user_id, domain_userid (device_id; network_userid,       true_tstamp, else derived_tstamp, else
                      if asked)                                                collector_tstamp
`read_table`          the columns that are named                               the column that is named
`read_sql`            the columns that are named                               the column that is named
====================  =======================================================  ==================================

The systems, and the columns by which their files are recognised, are listed once, in `registry`. A Delta or Iceberg
table: every reader takes its folder or its library's object, and reads its current version.
"""

from journeys.sources.amplitude import read_amplitude
from journeys.sources.check import Checked, check, read_any
from journeys.sources.customerio import read_customerio
from journeys.sources.ga4 import read_ga4
from journeys.sources.hubspot import read_hubspot
from journeys.sources.mixpanel import read_mixpanel
from journeys.sources.posthog import read_posthog
from journeys.sources.segment import read_rudderstack, read_segment
from journeys.sources.snowplow import read_snowplow
from journeys.sources.sql import read_sql
from journeys.sources.table import read_table

__all__ = [
    "Checked",
    "check",
    "read_amplitude",
    "read_any",
    "read_customerio",
    "read_ga4",
    "read_hubspot",
    "read_mixpanel",
    "read_posthog",
    "read_rudderstack",
    "read_segment",
    "read_snowplow",
    "read_sql",
    "read_table",
]
