"""The library finds in the sample files what was planted in them."""

import math
from collections import Counter, defaultdict
from itertools import combinations, pairwise

import polars as pl
import pytest

import journeys as jn
from journeys import samples
from journeys.errors import SourceError

TRUTH = samples.load_truth()
FILES = TRUTH["files"]
STEPS = TRUTH["funnel"]["steps"]
GOAL = "Upgraded Plan"


@pytest.fixture(scope="module")
def segment():
    return samples.load_segment()


@pytest.fixture(scope="module")
def j():
    return samples.load_journeys()


def test_every_file_is_found_and_a_wrong_name_is_explained():
    for name in ("segment", "segment_warehouse", "customerio.ndjson", "hubspot.csv", "billing.csv", "README.md"):
        assert samples.sample_path(name).exists()
    with pytest.raises(SourceError, match="no sample file 'customer.ndjson'; did you mean 'customerio.ndjson'"):
        samples.sample_path("customer.ndjson")


def test_segment_counts_its_own_mess(segment):
    issues, stated = segment.issues, FILES["segment"]
    assert issues.read == stated["lines"]
    assert issues.duplicates == stated["duplicate"]
    # Junk identifiers are read as they are: what names nobody is for stitching to say.
    bad = ("no time", "unreadable time", "no id", "no event", "broken line")
    assert issues.quarantined == sum(stated[reason] for reason in bad)
    assert issues.read == issues.kept + issues.facts + issues.duplicates + issues.quarantined


@pytest.mark.parametrize("name", ["customerio.ndjson", "hubspot.csv", "billing.csv"])
def test_the_other_files_add_up(name):
    load = {"customerio.ndjson": samples.load_customerio, "hubspot.csv": samples.load_hubspot}
    issues = load.get(name, samples.load_billing)().issues
    stated = Counter(FILES[name])
    assert issues.read == stated["lines"]
    assert issues.duplicates == stated["duplicate"]
    assert issues.quarantined == stated["no time"] + stated["no id"] + stated["broken line"]
    assert issues.read == issues.kept + issues.facts + issues.duplicates + issues.quarantined


def test_the_warehouse_tables_are_the_same_calls(segment):
    warehouse = samples.load_segment_warehouse()
    same = warehouse.table.select("message_id", "timestamp", "event").collect()
    both = segment.table.select("message_id", "timestamp", "event").collect().join(same, on=["message_id"], suffix="_w")
    assert both.height == same.height > 50
    assert both.filter(pl.col("timestamp") != pl.col("timestamp_w")).is_empty()
    assert both.filter(pl.col("event") != pl.col("event_w")).is_empty()


def true_people():
    found = defaultdict(set)
    for id_type, value, person in samples.load_truth_people().iter_rows():
        found[id_type, value].add(person)
    return found


def pairs(groups):
    return {pair for members in groups.values() for pair in combinations(sorted(members), 2)}


def measure(identity_table):
    """Precision and recall over pairs of identifiers: said to be, and truly, of one person."""
    owners = true_people()
    said, true = defaultdict(set), defaultdict(set)
    for id_type, value, person in identity_table.select("id_type", "id", "person").iter_rows():
        if (id_type, value) in owners:
            said[person].add((id_type, value))
    for key, people in owners.items():
        for person in people:
            true[person].add(key)
    together, truly = pairs(said), pairs(true)
    return len(together & truly) / len(together), len(together & truly) / len(truly)


def test_stitching_is_precise_and_finds_nearly_all(j):
    precision, recall = measure(j.identity.table)
    assert precision >= 0.99
    assert recall >= 0.95
    text = samples.sample_path("README.md").read_text(encoding="utf-8")
    assert f"precision {precision:.4f}" in text
    assert f"recall {recall:.4f}" in text


def right_on_shared_browsers(journeys, segment):
    """How many anonymous events on shared browsers went to the person who was really there."""
    same = ["timestamp", "event", "session_id"]
    shared = pl.read_csv(samples.sample_path("truth_shared.csv")).select("message_id", truth="person")
    seen = segment.table.select("message_id", *same).collect().join(shared, on="message_id")
    name = pl.col("event").cast(pl.String)
    given = journeys.events.select("timestamp", name, "session_id", "person").collect()
    users = samples.load_truth_people().filter(id_type="user_id").select(user_id="id", owner="person")
    who = journeys.people.select("person", pl.col("user_id").cast(pl.String)).join(users, on="user_id")
    found = seen.join(given, on=same, nulls_equal=True).join(who, on="person")
    assert found.height == shared.height
    return found.filter(pl.col("truth") == pl.col("owner")).height


def test_most_people_who_sign_in_next_came_before(j, segment):
    by_last = jn.stitch(*samples.load_sample(), rules=jn.IdentityRules(shared="last"))
    right, others = right_on_shared_browsers(j, segment), right_on_shared_browsers(by_last, segment)
    count = pl.read_csv(samples.sample_path("truth_shared.csv")).height
    assert right > 0.8 * count > others
    text = samples.sample_path("README.md").read_text(encoding="utf-8")
    assert f"Of the {count} anonymous events on shared browsers" in text
    assert f"{right} go to the person" in text
    assert f"{others} with `last`" in text


def test_placeholder_values_identify_nobody(j):
    ids = set(j.identity.table["id"])
    assert not ids & {"null", "undefined", "00000000-0000-0000-0000-000000000000"}
    assert abs(j.people.height - TRUTH["identity"]["people_with_events"]) < 0.02 * 5_000


def test_the_funnel(j):
    found = j.funnel(STEPS, within=TRUTH["funnel"]["within"]).table["people"].to_list()
    for people, stated in zip(found, TRUTH["funnel"]["people"], strict=True):
        assert math.isclose(people, stated, rel_tol=0.02)


def test_the_giveaway_in_the_funnel_by_campaign(j):
    table = j.funnel(STEPS[:3], within="30d", by="first_campaign").table
    people = {
        (row["first_campaign"], row["step"]): row["people"]
        for row in table.select("first_campaign", "step", "people").to_dicts()
    }
    for step, key in enumerate(["people", "signed_up", "created_project"], 1):
        assert math.isclose(people["spring_giveaway", step], TRUTH["campaigns"]["spring_giveaway"][key], rel_tol=0.05)


def test_the_true_behaviour_leads_and_the_leak_is_no_finding(j):
    answer = j.correlation(GOAL)
    table, apart = answer.table, dict(answer.set_apart.select("behaviour", "reason").iter_rows())
    rows = {row["behaviour"]: row for row in table.to_dicts()}
    effect = TRUTH["true_effect"]
    found = rows[effect["behaviour"]]
    assert math.isclose(found["phi"], effect["before"]["phi"], abs_tol=0.02)
    assert found["both"] == pytest.approx(effect["before"]["both"], abs=3)
    others = [r["phi"] for name, r in rows.items() if name != effect["behaviour"] and r["phi"] is not None]
    assert max(others) < found["phi"] - 0.15
    for leak in (TRUTH["leak"]["behaviour"], TRUTH["near_duplicate_of_goal"]["behaviour"]):
        assert leak not in rows
        assert "only after" in apart[leak]
    findings = answer.findings["behaviour"].to_list()
    assert findings[0] == effect["behaviour"]
    assert TRUTH["immortal_time"]["behaviour"] not in findings


def test_time_alone_is_no_finding_once_time_is_equal(j):
    stated = TRUTH["immortal_time"]
    for exposure in ("first 7d", "matched"):
        rows = j.correlation(GOAL, exposure=exposure, min_people=1).table
        found = rows.filter(pl.col("behaviour") == stated["behaviour"])
        assert found["q_value"].item() > 0.05


def test_the_planted_surprising_path(j):
    path = TRUTH["hidden_path"]["path"]
    walked = j.where(pl.col("event") != "Received Announcement").flow(end=GOAL, steps=len(path), top=None)
    for position, (source, target) in enumerate(pairwise(path)):
        link = walked.table.filter(position=position, source=source, target=target)
        assert link["people"].item() >= TRUTH["hidden_path"]["upgraded_without_project"] - 2
    short = j.funnel([GOAL]).converted(step=1).people
    begun = j.funnel(["Created Project"]).converted(step=1).people
    assert short.join(begun, on="person", how="anti").height == TRUTH["hidden_path"]["upgraded_without_project"]


def test_the_weeks_when_the_button_was_broken(j):
    stated = TRUTH["visible_drop_off"]
    funnel = j.funnel(["Signed Up", "Saw Error"], within="1d")
    hit = funnel.converted(step=2)
    errors = hit.events.filter(pl.col("error_code") == stated["error_code"]).collect()
    assert errors["person"].n_unique() == stated["broken: saw the error"]
    assert set(errors["browser"]) == {stated["browser"]}
    assert errors["replay_url"].null_count() == 0


def test_watching_the_video_reverses_by_device(j):
    everyone = j.correlation("Signed Up").table.filter(pl.col("behaviour") == "Watched Video")
    assert everyone["phi"].item() > 0.02
