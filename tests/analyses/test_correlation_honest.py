"""Under no effect nothing is found more often than promised; leaks and unequal time are recognised; real logs agree."""

import csv
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

import journeys as jn
from journeys import stats
from journeys.log import build_log
from tests.shared import PUBLISHED, SHARED, needs_shared

START = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000


def log_of(person, day, event):
    stamp = (START + np.asarray(day) * DAY).astype(np.int64)
    times = pl.Series(stamp).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame({"person": person, "timestamp": times, "event": event})


def equal_time(rng, people=400, behaviours=12):
    """Everybody is watched 60 days; behaviours and converting have nothing to do with each other."""
    frames = [log_of(np.arange(people), np.zeros(people), "came")]
    for number in range(behaviours):
        who = np.flatnonzero(rng.random(people) < rng.uniform(0.1, 0.6))
        frames.append(log_of(who, rng.uniform(0.01, 5, len(who)), f"b{number:02}"))
    who = np.flatnonzero(rng.random(people) < 0.2)
    frames.append(log_of(who, rng.uniform(10, 20, len(who)), "goal"))
    frames.append(log_of(np.arange(people), np.full(people, 60), "end"))
    return jn.Journeys.from_table(pl.concat(frames))


def test_without_effect_few_are_called_significant():
    rng = np.random.default_rng(11)
    below, any_found, tables = [], 0, 60
    for _ in range(tables):
        table = equal_time(rng).correlation("goal", exclude=["came", "end"]).table
        below += (table["p_value"] <= 0.05).to_list()
        any_found += int((table["q_value"] <= 0.05).any())
    # 720 tests at 5%: three standard errors are 2.4 points. With no effect at all, the false discovery rate is the
    # chance of finding anything: 60 tables at 5%, three standard errors are 8.4 points.
    assert abs(np.mean(below) - 0.05) < 0.024
    assert any_found / tables < 0.05 + 0.084


def test_intervals_cover_the_true_phi():
    rng = np.random.default_rng(12)
    covered, phis = [], []
    people = 600
    for _ in range(150):
        did = rng.random(people) < 0.3
        goal = rng.random(people) < np.where(did, 0.4, 0.1)
        frames = [log_of(np.arange(people), np.zeros(people), "came")]
        frames.append(log_of(np.flatnonzero(did), np.ones(did.sum()), "b"))
        frames.append(log_of(np.flatnonzero(goal), np.full(goal.sum(), 2), "goal"))
        table = jn.Journeys.from_table(pl.concat(frames)).correlation("goal").table
        row = table.filter(pl.col("behaviour") == "b").row(0, named=True)
        truth = float(stats.phi(0.3 * 0.4, 0.3 * 0.6, 0.7 * 0.1, 0.7 * 0.9))
        covered.append(row["ci_low"] <= truth <= row["ci_high"])
        phis.append(row["phi"])
    assert abs(np.mean(covered) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 150)
    assert np.mean(phis) == pytest.approx(truth, abs=0.02)


def unequal_time(rng, people=4000):
    """Announcements reach everybody at a constant rate; converters leave the table when they convert."""
    frames = [log_of(np.arange(people), rng.uniform(0, 10, people), "came")]
    arrived = frames[0]["timestamp"].cast(pl.Int64).to_numpy() / DAY - START / DAY
    goal = rng.random(people) < 0.25
    helped = rng.random(people) < np.where(goal, 0.5, 0.2)
    took = rng.exponential(12, people)
    goal &= arrived + took < 90
    for _ in range(3):
        when = rng.uniform(0, 90, people)
        seen = when > arrived
        frames.append(log_of(np.flatnonzero(seen), when[seen], "announced"))
    frames.append(log_of(np.flatnonzero(helped), arrived[helped] + 0.001, "helped"))
    frames.append(log_of(np.flatnonzero(goal), (arrived + took)[goal], "goal"))
    after = goal & (rng.random(people) < 0.9)
    frames.append(log_of(np.flatnonzero(after), (arrived + took)[after] + 0.1, "invoice"))
    frames.append(log_of([people], [90.0], "came"))
    return jn.Journeys.from_table(pl.concat(frames))


def test_unequal_time_and_leaks_are_not_reported_and_the_true_one_is():
    found = unequal_time(np.random.default_rng(13)).correlation("goal")
    row = {row["behaviour"]: row for row in found.checks.to_dicts()}
    assert row["announced"]["q_value"] < 1e-6
    assert row["announced"]["doubt"] == "does not hold once everybody is observed equally long"
    assert found.findings["behaviour"].to_list() == ["helped"]
    (leak,) = found.set_apart.filter(pl.col("behaviour") == "invoice")["reason"]
    assert leak.endswith('who did it did so only after "goal"')
    assert found.finding.startswith('"helped" goes with reaching "goal": ')


@pytest.mark.parametrize("exposure", ["matched", "first 5d"])
def test_equal_exposure_takes_the_effect_of_time_away(exposure):
    found = unequal_time(np.random.default_rng(14)).correlation("goal", exposure=exposure).table
    phi = dict(found.select("behaviour", "phi").rows())
    assert abs(phi["announced"]) < 0.05
    assert phi["helped"] > 0.15


def test_both_groups_are_watched_equally_long_when_matched():
    from journeys.analyses.correlation.exposure import read_arrays

    journeys = unequal_time(np.random.default_rng(15))
    ask = journeys.correlation("goal", exposure="matched")._spec
    window = read_arrays(journeys._shards()[0], ask).open_window(ask)
    for share in (0.25, 0.5, 0.75):
        one, other = (np.quantile(window.observed[who], share) / DAY for who in (window.converted, ~window.converted))
        assert one == pytest.approx(other, rel=0.12)
    assert (~window.converted).sum() > 0.5 * (journeys.people.height - window.converted.sum())


def test_what_comes_right_before_the_goal_is_a_part_of_it():
    people = np.arange(300)
    frames = [log_of(people, people * 0.0, "came"), log_of(people[:60], np.full(60, 1.0), "Clicked Upgrade")]
    frames += [
        log_of(people[60:90], np.full(30, 1.0), "Clicked Upgrade"),
        log_of(people[:60], np.full(60, 1.0001), "goal"),
    ]
    found = jn.Journeys.from_table(pl.concat(frames)).correlation("goal")
    row = found.checks.filter(pl.col("behaviour") == "Clicked Upgrade").row(0, named=True)
    assert row["doubt"] == '60 of the 60 converters who did it did so within a minute before "goal": a part of it'
    assert found.finding == 'No behaviour goes with "goal" in a way that holds up.'


def test_too_good_to_be_true():
    people = np.arange(300)
    frames = [log_of(people, people * 0.0, "came"), log_of(people[:60], np.full(60, 1.0), "echo")]
    frames.append(log_of(people[:59], np.full(59, 3.0), "goal"))
    found = jn.Journeys.from_table(pl.concat(frames)).correlation("goal")
    row = found.table.filter(pl.col("behaviour") == "echo").row(0, named=True)
    assert row["strength"] == "too good to be true"
    assert any(line.startswith('Too good to be true, look for a leak: "echo"') for line in found.cautions)
    assert "echo" not in found.findings["behaviour"]


@pytest.fixture(scope="module")
def sample():
    from journeys import samples

    return samples.load_journeys()


class TestPlantedTruth:
    def test_findings(self, sample):
        found = sample.correlation("Upgraded Plan")
        findings = found.findings["behaviour"].to_list()
        assert findings[0] == "Connected Calendar"
        assert "Received Announcement" not in findings
        assert "Enabled Single Sign-On" not in findings
        assert "Became Customer" not in findings
        reasons = dict(found.set_apart.select("behaviour", "reason").rows())
        assert reasons["Enabled Single Sign-On"].endswith('who did it did so only after "Upgraded Plan"')
        assert found.finding.startswith('"Connected Calendar" goes with reaching "Upgraded Plan"')

    @pytest.mark.parametrize("exposure", ["matched", "first 7d"])
    def test_equal_time(self, sample, exposure):
        found = sample.correlation("Upgraded Plan", exposure=exposure).table
        row = found.filter(pl.col("behaviour") == "Received Announcement").row(0, named=True)
        assert abs(row["phi"]) < 0.03
        assert row["q_value"] > 0.05
        assert found["behaviour"][0] == "Connected Calendar"

    def test_content_and_campaigns_in_one_call(self, sample):
        stages = sample.correlations(["Became MQL", "Became SQL"], behaviours=["page_path", "campaign"], min_people=20)
        kinds = {name.split(":")[0] for name in stages.matrix["behaviour"]}
        assert kinds == {"page_path", "campaign"}


@needs_shared
class TestRealLogs:
    def test_areas_of_a_web_site(self):
        visits = pl.read_parquet(SHARED / "data" / "msweb" / "visits.parquet")
        log = visits.select(person="user_id", event="path").unique()
        # The order of visits is unknown: put the goal last, so that everything counts as before it.
        hour = pl.when(pl.col("event") == "/msdownload").then(2).otherwise(1)
        log = log.with_columns(timestamp=pl.datetime(2026, 1, 1, hour, time_zone="UTC"))
        found = jn.Journeys.from_table(log).correlation("/msdownload", min_people=0)
        with (PUBLISHED / "msweb_phi_vs_msdownload.csv").open() as file:
            expected = list(csv.DictReader(file))
        ours = {row["behaviour"]: row for row in found.table.to_dicts()}
        assert len(expected) > 200
        for row in expected:
            mine = ours[row["path"]]
            cells = tuple(int(row[name]) for name in ("both", "path_only", "target_only", "neither"))
            assert (mine["both"], mine["behaviour_only"], mine["conversion_only"], mine["neither"]) == cells
            assert mine["phi"] == pytest.approx(float(row["phi"]), abs=1e-9)

    def test_a_baseball_season(self):
        frame = pl.scan_parquet(SHARED / "data" / "retrosheet_2019" / "events.parquet")
        log = frame.filter(pl.col("event").is_in(["plate_appearance", "swinging_strike", "strikeout"]))
        log = log.select("event", person="session_id", timestamp="timestamp").collect()
        found = jn.Journeys.from_table(log).correlation("strikeout", min_people=0).table
        row = found.filter(pl.col("behaviour") == "swinging_strike").row(0, named=True)
        cells = (row["both"], row["behaviour_only"], row["conversion_only"], row["neither"])
        assert cells == (35366, 27512, 7457, 116182)
        assert row["phi"] == pytest.approx(0.564411, abs=5e-7)


def _ask_like(case):
    """Ask a case of PostHog's as an analyst would: traits for properties of people, values for those of events."""
    config = case["config"]
    steps = [
        jn.step(
            step["id"],
            (pl.col("event") == step["match"][0]["event"])
            & pl.all_horizontal(pl.col(one["key"]).is_in(one["value"]) for one in step["match"][0]["properties"]),
        )
        if step.get("match")
        else step["id"]
        for step in config["steps"]
    ]
    properties = sorted({name for row in case["events"] for name in row["properties"]})
    rows = [
        (row["person"], row["timestamp"], row["event"], *(row["properties"].get(name) for name in properties))
        for row in case["events"]
    ]
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event", *properties], orient="row")
    kind = config.get("funnel_correlation_type", "events")
    traits, behaviours = None, "events"
    if kind == "properties":
        names = config["funnel_correlation_names"]
        found = [(one["id"], *(one["properties"].get(name) for name in names)) for one in case["persons"]]
        traits, behaviours = pl.DataFrame(found, schema=["person", *names], orient="row"), names
    elif kind == "event_with_properties":
        left_out = config.get("funnel_correlation_event_exclude_property_names", [])
        columns = [name for name in properties if name not in left_out]
        behaviours = [jn.values(name, of=of) for of in config["funnel_correlation_event_names"] for name in columns]
    return jn.Journeys(build_log(log, people=traits).log).correlation(
        steps[-1], behaviours=behaviours, since=steps[0], within=f"{config['window_seconds']}s", min_people=0
    )


def test_correlations_of_posthog():
    """All seven cases: its counts are ours, and its odds ratios, with one person more in every cell, follow."""
    import json

    cases = json.loads((PUBLISHED / "posthog.json").read_text())
    cases = [case for case in cases if case["kind"] == "correlation"]
    assert len(cases) == 7
    for case in cases:
        ours = {row["behaviour"]: row for row in _ask_like(case).table.to_dicts()}
        for answer in [*case["derived_full"]["events"], *case["expected"].get("events", [])]:
            event, *value = answer["event"].split("::")
            name = {0: event, 1: f"{event}: {value[-1:] and value[0]}", 2: f"{event}, {': '.join(value)}"}[len(value)]
            row = ours[name]
            counts = (answer["success_count"], answer["failure_count"])
            assert (row["both"], row["behaviour_only"]) == counts, (case["id"], name)
            a, b, c, d = (row[cell] + 1 for cell in ("both", "behaviour_only", "conversion_only", "neither"))
            assert a * d / (b * c) == pytest.approx(answer.get("odds_ratio", a * d / (b * c))), (case["id"], name)


def test_a_behaviour_that_holds_the_conversion_is_set_apart_for_that():
    rows = [
        (person, day, name) for person in range(40) for day, name in ((1, "Visit"), (2, "Buy")) if person % 2 or day < 2
    ]
    frame = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row")
    log = jn.Journeys.from_table(frame.with_columns(timestamp=pl.datetime(2026, 3, pl.col("day"))).drop("day"))
    asked = [jn.at_least("Buy", times=1), jn.sequence("Visit", then="Buy"), "Visit"]
    apart = dict(
        log.correlation("Buy", behaviours=asked, min_people=1).set_apart.select("behaviour", "reason").iter_rows()
    )
    assert apart.pop("Visit") == "everybody did it"
    assert set(apart.values()) == {"the conversion itself is part of it"}
    assert len(apart) == 2


def test_people_in_both_groups_are_counted_and_reported():
    frame = pl.DataFrame({"person": [n for n in range(40) for _ in range(2)], "event": ["Visit", "Buy"] * 40})
    log = jn.Journeys.from_table(frame.with_columns(timestamp=pl.datetime(2026, 3, 1 + pl.col("person") % 9)))
    first, second = log.only(pl.col("person") < 25), log.only(pl.col("person") >= 20)
    found = first.correlation("Buy", min_people=1).compare(second)
    assert found.settings["note"].startswith("5 people are in both groups")
    apart = log.only(pl.col("person") < 20).correlation("Buy", min_people=1).compare(second)
    assert "note" not in apart.settings
