"""The sample data: an invented product in the files of four systems, with the planted effects documented.

*Tidy Boards* is a project-management product. From 1 March to 30 June 2026 about 5,000 people visit its website, read
its blog, get its emails, sign up, work in it, are contacted by a sales team, and some of them pay. Each system has its
own format, with the retries, placeholder identifiers and broken lines that such files have.

========================  ==========================================  ====================
function                  what it loads                               file in sample_data/
========================  ==========================================  ====================
`load_segment`            website and product                         ``segment/``
`load_segment_warehouse`  a few of the same people, as tables         ``segment_warehouse/``
`load_customerio`         emails and who opened them                  ``customerio.ndjson``
`load_hubspot`            the stages of the sales team                ``hubspot.csv``
`load_billing`            payments                                    ``billing.csv``
`load_sample`             all four, ready for `stitch`
`load_journeys`           all four, stitched
`load_truth`              every planted effect with its size          ``truth.json``
`load_truth_people`       the true person behind each identifier      ``truth_people.csv``
========================  ==========================================  ====================

One more file, ``bookings.csv``, is an untidy export of another company, for a first attempt with `read_table`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.errors import SourceError, unknown_message

if TYPE_CHECKING:
    from journeys.api import Journeys
    from journeys.events import Events

__all__ = [
    "load_billing", "load_customerio", "load_hubspot", "load_journeys", "load_sample", "load_segment",
    "load_segment_warehouse", "load_truth", "load_truth_people", "notebook_paths", "sample_path",
]  # fmt: skip

_FILES = ("segment", "segment_warehouse", "customerio.ndjson", "hubspot.csv", "billing.csv", "truth.json")
_TABLES = ("bookings.csv", "truth_people.csv", "truth_shared.csv", "README.md")


def sample_path(name: str = "") -> Path:
    """Return the path of a sample file: in the installed package, or in a checkout of the repository.

    Parameters
    ----------
    name
        For instance ``"segment"`` or ``"hubspot.csv"``; empty for the folder itself.

    Raises
    ------
    SourceError
        There is no such file; the error lists those there are.

    Examples
    --------
    >>> sample_path("hubspot.csv").name
    'hubspot.csv'
    >>> sample_path("hubspott.csv")
    Traceback (most recent call last):
    ...
    journeys.errors.SourceError: name: no sample file 'hubspott.csv'; did you mean 'hubspot.csv'? ...
    """
    here = Path(__file__).resolve().parent
    places = [here / "_sample_data", here.parent / "sample_data"]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise SourceError(f"the sample data is neither in {places[0]} nor in {places[1]}; install the package again.")
    if name and not (folder / name).exists():
        raise SourceError(unknown_message("name", name, available=[*_FILES, *_TABLES], what="sample file"))
    return folder / name


def notebook_paths() -> list[Path]:
    """Return the paths of the notebooks: in the installed package, or in a checkout of the repository.

    Examples
    --------
    >>> notebook_paths()[0].name
    '00_from_your_own_csv.ipynb'
    """
    here = Path(__file__).resolve().parent
    return sorted([*(here / "_notebooks").glob("*.ipynb"), *(here.parent / "notebooks").glob("*.ipynb")])


def load_segment() -> Events:
    """Load the calls of the website and the product to Segment: gzipped lines of the spec, by source and month.

    About 67,000 calls. Identifiers: `user_id` (known after signing up), `anonymous_id` (a browser), `email` (from
    identify calls).

    =============================  ====================================================================================
    event                          when, and its own properties
    =============================  ====================================================================================
    Loaded a Page                  any page; `page_path`, `page_title`; `campaign…` if the link was tagged
    Read Article                   scrolled to the end of a blog article; `article`
    Watched Video                  the two-minute tour on the home page; `video`
    Viewed Template                opened one in the template gallery; `template`
    Requested Demo                 sent the demo form; `form`
    Subscribed to Newsletter       entered an email address in the footer; `form`
    Signed Up                      created an account; `plan`, `role`
    Received Announcement          a web push reached the browser, whatever its owner did; `channel`
    Signed In                      on any device; `method`
    Created Project                the first thing to do in the product; `from_template`
    Invited Teammate               by the owner of an account
    Connected Calendar             `provider`
    Created Task, Completed Task,
    Assigned Task, Moved Card,
    Added Comment, Uploaded File,
    Searched Tasks, Opened Report,
    Changed Settings, Opened Help  the daily work
    Enabled Single Sign-On         a feature of the paid plan; `trial` for the few who try it before
    Saw Error                      `error_code`, `error_at`
    Contacted Support              `topic`
    =============================  ====================================================================================

    Every behaviour has `device` (desktop, mobile), `browser`, `session_id`; some have `replay_url` (the recording).
    Identify calls carry `email`, `name`, and after signing up `role`, `company`, `company_size`; group calls the
    account (`group_id`) with `name` and `employees`.

    Examples
    --------
    >>> load_segment().ids
    ('user_id', 'email', 'anonymous_id')
    """
    from journeys.sources import read_segment

    return read_segment(sample_path("segment"))


def load_segment_warehouse() -> Events:
    """Load a few of the same calls as Segment's warehouse tables: `tracks`, `pages`, one table per event, …

    The message ids are those of `load_segment`: stitched together with it, every row here is a duplicate.

    Examples
    --------
    >>> load_segment_warehouse()
    Events from segment: ...
    """
    from journeys.sources import read_segment

    return read_segment(sample_path("segment_warehouse"))


def load_customerio() -> Events:
    """Load Customer.io's reporting webhooks: 15,400 rows on emails delivered, opened, clicked, and subscriptions.

    Identifiers: `user_id`, `email`, `customerio_id`. An ``opened`` is weak evidence, because mail proxies open emails
    (a third of the deliveries here); ``human_opened`` and ``clicked`` are people. Onboarding emails have
    `campaign_id` 3 and are sent one hour, two days and six days after signing up; newsletters have a `newsletter_id`
    and are sent every second Tuesday. Offers of seats have `campaign_id` 4 and reach some of the customers ten days
    after they upgrade. A click says which link it was: `href` and `link_id`.

    Examples
    --------
    >>> load_customerio().ids
    ('user_id', 'email', 'customerio_id')
    """
    from journeys.sources import read_customerio

    return read_customerio(sample_path("customerio.ndjson"))


def load_hubspot() -> Events:
    """Load HubSpot's property history of 1,500 contacts: Became Subscriber, Lead, MQL, SQL, Opportunity, Customer.

    Identifiers: `hubspot_id` (objectId), `email` (often in other capitals than elsewhere). `jobtitle` and
    `numemployees` are traits; `associatedcompanyid` is the account. "Became Customer" follows an upgrade by a day
    or two, when billing informs the CRM: a near-duplicate of it, not a cause.

    Examples
    --------
    >>> load_hubspot().ids
    ('email', 'hubspot_id')
    """
    from journeys.sources import read_hubspot

    return read_hubspot(sample_path("hubspot.csv"))


def load_billing() -> Events:
    """Load the billing table: Upgraded Plan, Paid Invoice (each 30 days later), Added Seats, Cancelled Plan.

    A plain CSV with columns `transaction_id`, `time` (UTC, not stated), `event`, `user_id` (digits), `plan`
    (team, business), `amount`, `currency` (EUR).

    Examples
    --------
    >>> load_billing()
    Events from billing: 355 events of 360 rows (3 duplicates, 2 in quarantine), ...
    """
    from journeys.sources import read_table

    return read_table(
        sample_path("billing.csv"),
        timestamp="time",
        event="event",
        ids=["user_id"],
        message_id="transaction_id",
        name="billing",
    )


def load_sample() -> tuple[Events, Events, Events, Events]:
    """Load all four systems, in the order Segment, Customer.io, HubSpot, billing: ``jn.stitch(*load_sample())``.

    Examples
    --------
    >>> [events.name for events in load_sample()]
    ['segment', 'customer.io', 'hubspot', 'billing']
    """
    return load_segment(), load_customerio(), load_hubspot(), load_billing()


def load_journeys() -> Journeys:
    """Load all four systems and stitch them with the default rules: 5,000 people with one timeline each.

    Examples
    --------
    >>> load_journeys()
    Journeys: 5,024 people, 80,945 events, ...
    """
    from journeys.api import stitch

    return stitch(*load_sample())


def load_truth() -> dict[str, Any]:
    """Load the size of every planted effect, counted over the true people and not over the files.

    Examples
    --------
    >>> truth = load_truth()
    >>> truth["funnel"]["steps"]
    ['Loaded a Page', 'Signed Up', 'Created Project', 'Upgraded Plan']
    >>> truth["true_effect"]["behaviour"], truth["leak"]["behaviour"]
    ('Connected Calendar', 'Enabled Single Sign-On')
    """
    found: dict[str, Any] = json.loads(sample_path("truth.json").read_text(encoding="utf-8"))
    return found


def load_truth_people() -> pl.DataFrame:
    """Load the true person behind each identifier: `id_type`, `id` (String), `person` (Int64).

    A browser that two people share has two rows. Placeholders ("null", all zeros, a test mailbox) are not included.

    Examples
    --------
    >>> load_truth_people().columns
    ['id_type', 'id', 'person']
    """
    types = {"id_type": pl.String, "id": pl.String, "person": pl.Int64}
    return pl.read_csv(sample_path("truth_people.csv"), schema_overrides=types)


def __dir__() -> list[str]:
    return __all__
