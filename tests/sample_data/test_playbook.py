"""The stories of the playbook, counted in the raw files with plain loops, are as large as truth.json and README say."""

import csv
import math
from collections import Counter, defaultdict

from journeys.samples import load_truth
from tests.sample_data.raw_files import (
    DAY,
    STORED,
    first,
    mails,
    owner,
    owners,
    segment_calls,
    segment_time,
    table,
    timelines,
    when,
)

TRUTH = load_truth()
END = when("2026-07-01T00:00:00Z")
FORMS = {"/signup", "/invite"}


def written():
    return " ".join((STORED / "README.md").read_text(encoding="utf-8").replace(",", "").split())


def test_the_last_page_before_the_form():
    found = defaultdict(Counter)
    for line in timelines().values():
        page = "(none)"
        for _, name, call in line:
            if name == "Loaded a Page" and call["properties"]["path"] not in FORMS:
                page = call["properties"]["path"]
            if name == "Signed Up":
                found[page]["signed_up"] += 1
                found[page]["created_project"] += first(line, "Created Project") < math.inf
                break
    assert {page: dict(counts) for page, counts in found.items()} == TRUTH["last_pages"]
    assert sum(counts["signed_up"] for counts in found.values()) == TRUTH["funnel"]["people"][1]
    rates = {page: c["created_project"] / c["signed_up"] for page, c in found.items() if c["signed_up"] >= 30}
    assert max(rates, key=rates.get) == "/import"
    assert rates["/import"] > 0.8
    assert rates["/compare"] < 0.25
    pages = TRUTH["last_pages"]
    assert f"{pages['/import']['signed_up']} people came from `/import`" in written()
    assert f"and {pages['/import']['created_project']} of them create a project (84%)" in written()
    assert f"from `/compare` and {pages['/compare']['created_project']} of them do (22%)" in written()


def test_links_of_newsletters_before_demo_requests():
    found = {}
    for page in TRUTH["newsletter_links"]:
        href, clicked, asked = f"https://tidyboards.example{page}", 0, 0
        for person, line in mails().items():
            clicks = [t for t, metric, data in line if metric == "clicked" and data["href"] == href]
            demos = [t for t, name, _ in timelines().get(person, []) if name == "Requested Demo"]
            clicked += bool(clicks)
            asked += any(click <= demo <= click + 3 * DAY for click in clicks for demo in demos)
        found[page] = {"clicked": clicked, "requested_demo": asked}
    assert found == TRUTH["newsletter_links"]
    assert found["/customers"]["requested_demo"] / found["/customers"]["clicked"] > 0.4
    assert found["/features"]["requested_demo"] / found["/features"]["clicked"] < 0.1
    for page, counts in found.items():
        assert f"{counts['clicked']} clicked the one to `{page}`" in written() or page == "/customers"
    assert "64 people clicked the link to `/customers` and 30 of them requested a demo" in written()


def test_the_upsell_works_for_one_plan():
    found = defaultdict(Counter)
    for person, line in timelines().items():
        paid = next(((t, row) for t, name, row in line if name == "Upgraded Plan"), None)
        if not paid or paid[0] + 15 * DAY >= END:
            continue
        offer = [(t, metric) for t, metric, data in mails().get(person, []) if data.get("campaign_id") == 4]
        sent = [t for t, metric in offer if metric == "delivered"]
        start = sent[0] if sent else paid[0] + 10 * DAY
        counts, group = found[paid[1]["plan"]], "sent" if sent else "not sent"
        counts[group] += 1
        counts[f"{group}, added seats"] += start <= first(line, "Added Seats") <= start + 5 * DAY
        for metric, key in {"human_opened": "read", "clicked": "clicked"}.items():
            counts[key] += any(what == metric for _, what in offer)
    assert {plan: dict(counts) for plan, counts in found.items()} == TRUTH["upsell"]

    def rate(plan, group):
        return found[plan][f"{group}, added seats"] / found[plan][group]

    assert rate("team", "sent") > rate("team", "not sent") + 0.25
    assert abs(rate("business", "sent") - rate("business", "not sent")) < 0.05
    team, business = found["team"], found["business"]
    assert f"{team['sent']} got it and {team['sent, added seats']} *Added Seats*" in written()
    assert f"{business['sent']} got it and {business['sent, added seats']} added seats" in written()


def test_invoices_repeat():
    paid = [[row for _, name, row in line if name == "Paid Invoice"] for line in timelines().values()]
    stated = TRUTH["invoices"]
    assert sum(map(len, paid)) == stated["invoices"] == TRUTH["files"]["billing.csv"]["Paid Invoice"]
    assert sum(int(row["amount"]) for rows in paid for row in rows) == stated["amount"]
    assert [sum(len(rows) >= n for rows in paid) for n in (1, 2, 3)] == [stated[f"at least {n}"] for n in (1, 2, 3)]
    assert f"{stated['invoices']} invoices of {stated['amount']} euros" in written()


def test_large_accounts_that_are_active_and_silent():
    members, employees = defaultdict(set), {}
    for call in sorted((call for call in segment_calls()[0] if call["type"] == "group"), key=segment_time):
        members[call["groupId"]].add(owner(user_id=call["userId"], anonymous_id=call["anonymousId"]))
        employees[call["groupId"]] = call["traits"]["employees"]
    large = [account for account, number in employees.items() if number >= 200]
    found = Counter(large=len(large))
    for account in large:
        lines = [timelines()[person] for person in members[account]]
        ages = [(END - t) / DAY for line in lines for t, name, _ in line if name in {"Created Task", "Completed Task"}]
        days = {math.ceil(age) for age in ages if age <= 28}
        sold = any(first(line, "Became SQL") < math.inf for line in lines)
        found["active"] += bool(days)
        found["active on four days, not SQL"] += len(days) >= 4 and not sold
        found["silent"] += not days and any(28 < age <= 56 for age in ages)
    assert dict(found) == TRUTH["large_accounts"]
    assert found["active on four days, not SQL"] > 10 < found["silent"]
    assert f"{found['large']} accounts have 200 or more employees. {found['active']} of them" in written()
    assert f"{found['active on four days, not SQL']} of these did so on four days" in written()
    assert f"{found['silent']} were active in the 28 days before" in written()


def test_campaigns_of_leads():
    found = defaultdict(Counter)
    for line in timelines().values():
        touches = [
            (t, call["context"]["campaign"]["name"])
            for t, name, call in line
            if name == "Loaded a Page" and "campaign" in call["context"]
        ]
        for key, event in {"became_mql": "Became MQL", "became_sql": "Became SQL"}.items():
            at = first(line, event)
            if at < math.inf:
                found[next((name for t, name in touches if t < at), "(none)")][key] += 1
    assert {name: dict(counts) for name, counts in found.items()} == TRUTH["stages"]
    webinar = found["partner_webinar"]
    assert webinar["became_sql"] / webinar["became_mql"] > 0.7
    assert f"{webinar['became_sql']} of the {webinar['became_mql']} whom it brought (75%)" in written()


def test_bookings_once_they_are_cleaned():
    with (STORED / "bookings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    stated, people, heard = TRUTH["bookings"], {}, {}
    assert len(rows) == stated["lines"]
    number_of = {row["Browser"]: row["Customer no."] for row in rows if row["Browser"] and row["Customer no."]}
    reached = defaultdict(set)
    for row in rows[:-3]:
        customer = (row["Customer no."] or number_of.get(row["Browser"], "")).strip().upper()
        person = customer or row["Browser"]
        reached[person].add(row["What happened"].title())
        people[person] = reached[person]
        heard[person] = row["Heard of us"] or heard[person]
    assert [sum(step in did for did in people.values()) for step in stated["steps"]] == stated["people"]
    for source, counts in stated["by_source"].items():
        theirs = [did for person, did in people.items() if heard[person] == source]
        assert [sum(step in did for did in theirs) for step in stated["steps"]] == counts
    steps = zip(stated["steps"], stated["people"], strict=True)
    assert " → ".join(f"*{step}* {number}" for step, number in steps) in written()
    assert len({row["When"].count(",") for row in rows}) == 2


def test_the_playbook_added_to_the_sample_and_changed_nothing():
    # The figures that the first version of the sample was published with.
    assert TRUTH["funnel"]["people"] == [4_930, 1_217, 602, 107]
    assert TRUTH["hidden_path"]["upgraded"] == 149
    assert TRUTH["files"]["billing.csv"]["Paid Invoice"] == 176
    assert TRUTH["files"]["hubspot.csv"]["lines"] == 5_255
    assert dict(Counter(kind for kind, _ in owners())) == {
        "anonymous_id": 5_439, "customerio_id": 1_391, "email": 1_507, "hubspot_id": 1_506, "user_id": 1_250
    }  # fmt: skip
    assert len(table("truth_people.csv")) == 11_133
    subscribers = {person for person, line in timelines().items() if first(line, "Subscribed to Newsletter") < math.inf}
    assert len(subscribers) > 490
