"""The stories planted in the sample data are what the questions of the library find, in the identities it finds."""

from typing import Any

import polars as pl
import pytest

import journeys as jn
from journeys.samples import load_journeys, load_truth

TRUTH = load_truth()
WORK = ["Created Task", "Completed Task"]


@pytest.fixture(scope="module")
def j() -> jn.Journeys:
    return load_journeys()


def test_pages_that_bring_sign_ups_that_activate(j: jn.Journeys) -> None:
    table = j.last_before(
        "Signed Up", of="page_path", event="Loaded a Page", skip=["/signup", "/invite"], within="122d",
        then="Created Project", top=None,
    ).table  # fmt: skip
    found = {page: people for page, people in table.select("page_path", "people").rows() if people}
    assert found == {page: counts["signed_up"] for page, counts in TRUTH["last_pages"].items()}
    rates = dict(table.filter(pl.col("people") >= 30).select("page_path", "rate").rows())
    assert max(rates, key=lambda page: rates[page]) == "/import"
    assert {"/giveaway", "/compare", "/templates"} == set(sorted(rates, key=lambda page: rates[page])[:3])


def test_the_newsletter_link_that_precedes_demo_requests(j: jn.Journeys) -> None:
    table = j.last_before("Requested Demo", of="href", event="Clicked Email", within="3d").table
    asked = dict(table.filter(pl.col("href") != "(none)").select("href", "people").rows())
    stated = {page: counts["requested_demo"] for page, counts in TRUTH["newsletter_links"].items()}
    assert asked == {f"https://tidyboards.example{page}": people for page, people in stated.items() if people}
    clicked = j.messages(by="href").table
    people = dict(clicked.select("href", "clicked").rows())
    for page, counts in TRUTH["newsletter_links"].items():
        assert people[f"https://tidyboards.example{page}"] == counts["clicked"]


def test_the_upsell_that_works_for_one_plan(j: jn.Journeys) -> None:
    found: dict[str, dict[str, Any]] = {}
    offer = j.where((pl.col("source") != "customer.io") | (pl.col("campaign_id") == 4))
    for plan in ("team", "business"):
        customers = offer.only(jn.did(jn.step("paid", (pl.col("event") == "Upgraded Plan") & (pl.col("plan") == plan))))
        messages = customers.messages("Added Seats", by=None, within="5d", credit="delivered")
        found[plan] = messages.table.row(0, named=True) | messages.against("not sent").table.row(0, named=True)
        stated = TRUTH["upsell"][plan]
        assert {name: found[plan][name] for name in ("read", "clicked")} == {n: stated[n] for n in ("read", "clicked")}
        assert (found[plan]["people"], found[plan]["converted"]) == (stated["sent"], stated["sent, added seats"])
    assert found["team"]["ci_low"] > 0 > found["business"]["ci_low"]


def test_repeat_invoices_are_all_credited(j: jn.Journeys) -> None:
    stated = TRUTH["invoices"]
    every = j.attribution("Paid Invoice", conversions="every", value="amount", model="linear").table
    assert every["credit"].sum() == pytest.approx(stated["invoices"])
    assert every["value"].sum() == pytest.approx(stated["amount"])
    payers = j.value("amount", of="Paid Invoice").people_table
    days = [(payers["repeat_days"] >= n).sum() for n in range(3)]
    assert days == [stated[f"at least {n}"] for n in (1, 2, 3)]


def test_large_accounts_that_are_active_and_silent(j: jn.Journeys) -> None:
    activity = j.by_account().activity(
        active=WORK, days=28, fit=pl.col("group_employees") >= 200, contact="Became SQL", until="2026-07-01"
    )
    large = activity.table.filter("fit")
    stated = TRUTH["large_accounts"]
    unnoticed = (pl.col("active_days") >= 4) & pl.col("last_contact").is_null()
    quiet = pl.col("silent_for").is_between(pl.duration(days=28), pl.duration(days=56))
    assert large.height == stated["large"]
    assert large.filter(pl.col("events") > 0).height == stated["active"]
    assert large.filter(unnoticed).height == pytest.approx(stated["active on four days, not SQL"], abs=1)
    assert large.filter(quiet).height == stated["silent"]
    assert activity.finding.startswith(f"{stated['active']} of ")


def test_campaigns_of_leads(j: jn.Journeys) -> None:
    for key, goal in {"became_mql": "Became MQL", "became_sql": "Became SQL"}.items():
        table = j.attribution(goal, model="first", lookback="122d").table.filter(pl.col("credit") > 0)
        found = dict(table.select("campaign", pl.col("credit").cast(pl.Int64)).rows())
        stated = {name: counts[key] for name, counts in TRUTH["stages"].items() if key in counts}
        # the identities that are found differ from the true ones for one lead
        assert found.keys() == stated.keys()
        assert max(abs(found[name] - stated[name]) for name in stated) <= 1


def test_articles_of_sign_ups_and_leads(j: jn.Journeys) -> None:
    table = j.correlation("Became SQL", behaviours=jn.values("article", of="Read Article"), min_people=1).table
    strongest = table.sort("phi", descending=True)["behaviour"][0]
    assert strongest.endswith("buying-guide")
