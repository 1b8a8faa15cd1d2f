"""Where a visit came from: what is tagged stays, clicks fill in, referrers are stated by whose site they are."""

import polars as pl
import pytest

import journeys as jn


def visit(**columns):
    row = {"at": "2026-03-01", "what": "Loaded a Page", "who": "u1"} | columns
    table = jn.read_table(pl.DataFrame(row), timestamp="at", event="what", ids=["who"]).table
    return table.collect().row(0, named=True)


def arrival(**columns):
    row = visit(**columns)
    return row["campaign_source"], row["campaign_medium"], row["channel"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("utm_medium=email&utm_campaign=spring", (None, "email", "Email")),
        ("utm_medium=email", (None, "email", "Email")),
        ("utm_medium=email&fbclid=1", (None, "email", "Email")),
        ("utm_source=google&gclid=1", ("google", "cpc", "Paid Search")),
        ("utm_source=letter&gclid=1", ("letter", "cpc", "Paid Other")),
        ("utm_source=letter&fbclid=1", ("letter", None, "Unassigned")),
        ("utm_campaign=spring&gclid=1", ("google", "cpc", "Paid Search")),
        ("utm_medium=cpc&msclkid=1", ("bing", "cpc", "Paid Search")),
        ("fbclid=1", ("facebook", "social", "Organic Social")),
        ("utm_source=direct&utm_medium=cpc", ("direct", "cpc", "Paid Other")),
        ("utm_source=direct", ("direct", None, "Direct")),
        ("utm_source=(direct)&utm_medium=(none)", ("(direct)", "(none)", "Direct")),
        ("utm_source=quora.com&utm_medium=referral", ("quora.com", "referral", "Organic Social")),
        ("utm_source=snapchat.com&utm_medium=referral", ("snapchat.com", "referral", "Organic Social")),
        ("utm_source=vk.com&utm_medium=referral", ("vk.com", "referral", "Organic Social")),
        ("utm_source=pinterest.de&utm_medium=referral", ("pinterest.de", "referral", "Organic Social")),
        ("utm_source=ask.acme.com&utm_medium=referral", ("ask.acme.com", "referral", "Referral")),
        ("redirect=https://y.example/?utm_source=inner", (None, None, "Direct")),
        ("redirect=https://y.example/?gclid=1&utm_source=own", ("own", None, "Unassigned")),
        ("plan=pro", (None, None, "Direct")),
    ],
)
def test_tags_and_clicks(query, expected):
    assert arrival(page_url=f"https://x.example/?{query}", page_referrer=None) == expected
    assert arrival(page_search=query, page_path="/", page_referrer=None) == expected


def test_fields_without_a_source_are_kept():
    stated = visit(campaign_medium="email", campaign_content="top", page_url="https://x.example/?gclid=1")
    assert (stated["campaign_medium"], stated["campaign_content"], stated["channel"]) == ("email", "top", "Email")
    assert visit(campaign_content="top", page_url="https://x.example/")["campaign_content"] == "top"
    call = {"type": "page", "messageId": "m", "userId": "u", "timestamp": "2026-03-01T10:00:00Z"}
    call["context"] = {"campaign": {"medium": "email", "content": "top"}, "page": {"url": "https://x.example/"}}
    row = jn.read_segment(pl.DataFrame([call])).table.collect().row(0, named=True)
    assert (row["campaign_medium"], row["campaign_content"], row["channel"]) == ("email", "top", "Email")


@pytest.mark.parametrize(
    ("referrer", "channel"),
    [
        ("https://www.google.co.uk/", "Organic Search"),
        ("https://uk.search.yahoo.com/search", "Organic Search"),
        ("https://m.search.naver.com/", "Organic Search"),
        ("android-app://com.google.android.googlequicksearchbox/", "Organic Search"),
        ("https://accounts.google.com/", "Referral"),
        ("https://docs.google.com/", "Referral"),
        ("https://mail.google.com/", "Referral"),
        ("android-app://com.google.android.gm/", "Referral"),
        ("https://ask.acme.com/", "Referral"),
        ("https://www.amazon.com/dp/1", "Organic Shopping"),
        ("https://l.facebook.com/", "Organic Social"),
        ("https://de.pinterest.com/", "Organic Social"),
        ("https://t.co/abc", "Organic Social"),
        ("https://m.youtube.com/", "Organic Video"),
        ("https://partner.example/", "Referral"),
        ("https://www.x.example/", None),
        ("https://shop.x.example:8080/", None),
    ],
)
def test_referrers(referrer, channel):
    assert arrival(page_url="https://app.x.example/", page_referrer=referrer)[2] == channel


@pytest.mark.parametrize(
    ("here", "referrer", "same"),
    [
        ("https://shop.acme.co.uk/", "https://acme.co.uk/", True),
        ("https://acme.co.uk/", "https://other.co.uk/", False),
        ("https://acme.github.io/", "https://other.github.io/", False),
        ("http://10.0.0.1/", "http://10.9.0.1/", False),
        ("http://localhost:8000/", "http://localhost:3000/", True),
    ],
)
def test_a_site_is_a_registered_domain(here, referrer, same):
    assert arrival(page_url=here, page_referrer=referrer)[2] == (None if same else "Referral")
