"""The section [report] of a definition file: whom it is about, what it compares, and which answers it shows."""

import base64

import pytest

import journeys as jn
from journeys.definition_file.report import find_period
from tests.definition_file.test_definitions import FILE, j  # noqa: F401

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BASE = FILE.split("[report]")[0].replace("[funnels.main]", '[funnels.main]\nwithin = "10d"') + (
    '[segments.Spring]\nwhere = { column = "first_campaign", is = "spring" }\n'
    '[segments.Ads]\nwhere = { column = "first_campaign", is = "ads" }\n'
)


def define(report, folder=None):
    return jn.Definitions.from_toml(f"{BASE}[report]\n{report}", name="team.toml", folder=folder)


def test_a_report_has_names_colours_and_a_logo(j, tmp_path):  # noqa: F811
    (tmp_path / "logo.png").write_bytes(base64.b64decode(PIXEL))
    said = (
        'sections = ["funnel", "## Next: what we do\\nWe wait.", "Note: all is well."]\nlogo = "logo.png"\n'
        'colours = { goal = "#7A1FA2" }\nnames = { "Signed Up" = "Made an account" }'
    )
    report = define(said, tmp_path).report(j)
    page = report.html()
    assert "Made an account" in page
    assert "#7a1fa2" in page
    assert report.logo.startswith("data:image/png;base64,")
    assert [one.name for one in report.sections] == ["funnel", "text-2", "text-3"]


def test_two_periods_and_two_segments_are_compared(j):  # noqa: F811
    funnel = jn.Definitions.from_toml(BASE)
    last = find_period("28d", j, within="10d")
    for said, entered in (('["2026-04-01", "2026-05-01"]', ("2026-04-01", "2026-05-01")), ('"28d"', last)):
        report = define(f'sections = ["comparison"]\nentered = {said}').report(j)
        now = j.funnel(funnel.funnels["main"]["steps"], within="10d", entered=entered)
        assert report.sections[0].finding == now.compare(now.previous()).finding
    report = define('segment = "Spring"\nagainst = "Ads"\nsections = ["comparison"]').report(j)
    spring, ads = (funnel.funnel(funnel.segment(j, name), "main") for name in ("Spring", "Ads"))
    assert report.sections[0].finding == spring.compare(ads).finding
    assert '"Spring" minus "Ads"' in report.sections[0].definition
    # a funnel with named steps, or with options that the report's own does not have, is asked as it is written
    strict = BASE.replace('within = "10d"', 'within = "10d"\norder = "strict"') + "[report]\n"
    shown = jn.Definitions.from_toml(strict + 'against = "Ads"').report(j).sections
    assert [one.name for one in shown] == ["funnel-1", "funnelcomparison-2", "flow-3", "correlation-4"]
    steps = funnel.funnels["main"]["steps"]
    assert shown[0].table["people"].to_list() == j.funnel(steps, within="10d", order="strict").table["people"].to_list()


def test_both_sides_entered_in_the_period_of_the_report(j):  # noqa: F811
    strict = BASE.replace('within = "10d"', 'within = "10d"\norder = "strict"') + "[report]\n"
    said = 'segment = "Spring"\nagainst = "Ads"\nentered = ["2026-04-01", "2026-05-01"]\nsections = ["comparison"]'
    report = jn.Definitions.from_toml(strict + said).report(j)
    definitions = jn.Definitions.from_toml(BASE)
    options = {"within": "10d", "order": "strict", "entered": ("2026-04-01", "2026-05-01")}
    steps = definitions.funnels["main"]["steps"]
    spring, ads = (definitions.segment(j, name).funnel(steps, **options) for name in ("Spring", "Ads"))
    assert report.sections[0].table.equals(spring.compare(ads).table)
    assert ads.table["people"][0] < definitions.funnel(definitions.segment(j, "Ads"), "main").table["people"][0]


def test_every_question_may_be_a_section(j):  # noqa: F811
    asked = [
        '"value:event_count"', '"impact:Read Article"', '"last_before:campaign"', '"lifecycle:Signed Up"',
        '"stickiness:Active"', '"sessions:campaign"', '"dropoff:Upgraded Plan"', '{ kind = "transitions" }',
        '{ kind = "messages", by = "campaign", stages = { delivered = "Read Article", clicked = "Active" } }',
        '{ kind = "impact", of = "Active", on = "Upgraded Plan", every = "1w", periods = 2 }',
    ]  # fmt: skip
    number = j.events.collect().with_columns(event_count=1.0)
    journeys = jn.Journeys.from_table(number)
    sections = define(f"sections = [{', '.join(asked)}]").report(journeys).sections
    assert [one.name.partition("-")[0] for one in sections] == [
        "value", "impact", "lastbefore", "lifecycle", "stickiness", "sessions", "dropoff", "transitions", "messages",
        "impact",
    ]  # fmt: skip
    impact = journeys.impact(jn.step("Active", ["Created Project", "Read Article"]), on="Upgraded Plan", every="1w",
                             periods=2)  # fmt: skip
    assert sections[-1].finding == impact.finding


@pytest.mark.parametrize(("said", "problem"), [
    ('entered = "7 days"', 'entered: expected two dates, or whole days such as "7d"'),
    ('entered = ["2026-01-01"]', "entered: expected two dates"),
    ('segment = "Sprng"', "segment: no segment 'Sprng'; did you mean 'Spring'?"),
    ("names = { A = 1 }", "names: 'A' is 1, not a text."),
    ("sections = [3]", 'sections: expected a text or a table such as { kind = "trend" }, got 3.'),
    ('logo = "none.png"', "logo: 'none.png' cannot be read: No such file"),
    ('colours = { gaol = "#000000" }', "colours: no role 'gaol'; did you mean 'goal'?"),
    ('by = "nope"', "by: no column of people 'nope'."),
    ('sections = ["trend:Sgned Up"]', "sections: trend: events: no event 'Sgned Up'; did you mean 'Signed Up'?"),
    ('sections = [{ kind = "impact", off = "X" }]', "sections: impact: options: no option 'off'; did you mean 'of'?"),
    ('sections = [{ kind = "experiment" }]', "sections: experiment: variant: it is missing; write { kind ="),
    ('sections = ["funl"]', "sections: no section 'funl'; did you mean 'funnel'?"),
])  # fmt: skip
def test_problems_name_the_table_and_the_key(said, problem, j):  # noqa: F811
    with pytest.raises(jn.JourneysError) as caught:
        define(said).report(j)
    assert f"team.toml, [report]: {problem}" in str(caught.value)


def test_problems_of_the_funnel_and_of_segments_name_theirs(j):  # noqa: F811
    text = '[funnels.main]\nsteps = ["Loaded a Page", "Signd Up"]\n[segments.X]\ndid = "Gone"\n'
    d = jn.Definitions.from_toml(text, name="team.toml")
    for ask in (lambda: d.funnel(j, "main"), lambda: d.report(j)):
        with pytest.raises(jn.UnknownNameError, match=r"^team.toml, \[funnels.main\]: steps: no event 'Signd Up'; did"):
            ask()
    with pytest.raises(jn.UnknownNameError, match=r"^team.toml, \[segments.X\]: .*no event 'Gone'"):
        d.segment(j, "X")
    report = jn.Definitions.from_toml('[report]\ngoal = "Signed Up"\nsections = ["flow"]').report(j)
    assert [one.name for one in report.sections] == ["flow"]


def test_what_too_few_people_did_leads_no_report(j):  # noqa: F811
    report = define('sections = ["trend:Upgraded Plan", "funnel"]').report(j)
    assert report.sections[0].finding.endswith("too few for a finding.")
    assert not [one for one in report.findings if one.section == report.sections[0].name]
