"""The first definition file: which columns are taken for what, and what is said of files that are not understood."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

import journeys as jn
from journeys.cli import main
from journeys.definition_file import draft_definitions
from journeys.definition_file.guess_columns import guess_columns

PEOPLE = [f"K{1000 + n}" for n in range(40)]
TIMES = [f"2026-03-{1 + n % 28:02} 10:00:00" for n in range(40)]


def guess(**columns):
    return guess_columns(pl.DataFrame({"Zeit": TIMES, **columns}))


def test_kinds_of_devices_are_no_identifiers():
    found = guess(Gerät=["iPhone", "Desktop"] * 20, Kundennummer=PEOPLE)
    assert found.ids == {"kundennummer": "Kundennummer"}
    models = guess(device=[f"Galaxy S{n}" for n in range(40)], email=[f"{one}@x.org" for one in PEOPLE])
    assert models.ids == {"email": "email"}
    assert guess(**{"Geräte-ID": [f"d-{n:08}" for n in range(40)]}).ids == {"geräte_id": "Geräte-ID"}
    # one of forty people has each of two names: they are kinds, not people
    assert guess(Lead=["warm", "cold"] * 20).ids == {}


@pytest.mark.parametrize(("event", "campaign", "who"), [
    ("Vorgang", "Kampagne", "Kunden-Nr."), ("Événement", "Campagne", "N° client"), ("Acción", "Campaña", "Cliente"),
    ("Ereignis", "Kampagnenname", "Benutzerkennung"), ("Étape", "Campagne", "Membre"), ("Estado", "Campaña", "Usuario"),
    ("name", "Campaign Title", "Cust. No"),
])  # fmt: skip
def test_heads_in_four_languages(event, campaign, who):
    found = guess(**{event: ["a", "b"] * 20, campaign: ["spring", None] * 20, who: PEOPLE})
    assert (found.event, found.columns, [*found.ids.values()]) == (event, {"campaign": campaign}, [who])


def test_accounts_are_companies_where_several_people_have_one():
    mails = [f"p{n}@x.org" for n in range(40)]
    shared = guess(account_id=[f"acc-{n % 8}" for n in range(40)], mail=mails)
    assert (shared.columns, shared.ids) == ({"group_id": "account_id"}, {"email": "mail"})
    assert guess(account_id=PEOPLE, mail=mails).ids == {"account_id": "account_id", "email": "mail"}


def test_serial_dates_and_decimal_commas_are_read(tmp_path):
    rows = "".join(f"46082,{n:02};Lastschrift;{who};1.2{n:02},50 €;EUR\n" for n, who in enumerate(PEOPLE))
    head = "Buchungstag;Vorgang;Kundennummer;Betrag;Währung\n"
    (tmp_path / "bank.csv").write_text(head + rows, encoding="cp1252")
    text = draft_definitions([str(tmp_path / "bank.csv")], file=tmp_path / "journeys.toml").text
    d = jn.Definitions.from_toml(text.replace("# time_zone", "time_zone"), folder=tmp_path)
    assert d.sources[0].options["unit"] == "days"
    events = d.journeys().events.collect().sort("timestamp")
    assert events["timestamp"][0] == datetime(2026, 2, 28, 23, tzinfo=UTC)  # midnight of 1 March in Berlin
    assert events["timestamp"][25] == datetime(2026, 3, 1, 5, tzinfo=UTC)  # a quarter of a day later
    assert events["Betrag"].to_list() == [1200.5 + n for n in range(40)]
    assert set(events["currency"]) == {"EUR"}


def test_commas_between_thousands_are_not_decimal(tmp_path):
    rows = "".join(f'2026-03-01 10:{n:02}:00,Paid,{who},"$1{n % 10},{n:03}"\n' for n, who in enumerate(PEOPLE))
    (tmp_path / "paid.csv").write_text(f"time,event,user_id,amount\n{rows}")
    text = draft_definitions([str(tmp_path / "paid.csv")], file=tmp_path / "journeys.toml").text
    assert "decimal_comma" not in text


def test_nested_identifiers_and_campaigns_are_found(tmp_path):
    context = {"utm": {"campaign": "spring"}, "page": {"path": "/pricing"}}
    lines = [
        {"ts": f"2026-03-01T10:{n:02}:00Z", "name": "visit", "ctx": context,
         "who": {"device": {"id": f"{n:016x}"}, "user": {"id": who}}}
        for n, who in enumerate(PEOPLE)
    ]  # fmt: skip
    (tmp_path / "app.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
    text = draft_definitions([str(tmp_path / "app.jsonl")], file=tmp_path / "journeys.toml").text
    d = jn.Definitions.from_toml(text, folder=tmp_path)
    assert d.sources[0].options["ids"] == {"user_id": "who.user.id", "device_id": "who.device.id"}
    events = d.journeys().events.collect()
    assert set(events["campaign"]) == {"spring"}
    assert set(events["page_path"]) == {"/pricing"}
    assert "ctx_utm_campaign" not in events.columns


def test_what_a_person_has_one_of_is_named_where_tables_differ(tmp_path):
    (tmp_path / "shop.csv").write_text(
        "time,action,device_id\n" + "".join(f"{at},Visit,d-{n:08}\n" for n, at in enumerate(TIMES))
    )
    (tmp_path / "crm (ET).csv").write_text(
        "Changed (ET),stage,customer_no,device_id\n"
        + "".join(f"{at},Lead,{who},d-{n:08}\n" for n, (at, who) in enumerate(zip(TIMES, PEOPLE, strict=True)))
    )
    files = [str(tmp_path / name) for name in ("shop.csv", "crm (ET).csv")]
    d = jn.Definitions.from_toml(draft_definitions(files, file=tmp_path / "journeys.toml").text, folder=tmp_path)
    assert d.rules.exclusive == ("customer_no",)
    assert d.sources[0].options["time_zone"] == "America/New_York"
    assert d.journeys().people.height == 40


def test_a_file_that_is_not_understood_is_left_out_and_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text("timestamp,event,user_id\n2026-03-01,Visit,a\n2026-03-02,Buy,a\n")
    (tmp_path / "prices.csv").write_text("plan,\u202eprice\npro,3\n")
    assert main(["init", "log.csv", "prices.csv"]) == 0
    assert "prices.csv: not read, and left out of the definitions: no column" in capsys.readouterr().out
    text = (tmp_path / "journeys.toml").read_text()
    assert "# [sources.prices]  # not read: no column of 'prices.csv' looks like a time. Its columns: plan," in text
    assert jn.definitions().journeys().people.height == 1


def test_a_date_for_each_stage_is_an_event(tmp_path):
    rows = "".join(
        f"K{n},p{n}@x.org,2026-03-{1 + n % 9:02},2026-03-1{n % 9},1990-05-01,2026-04-01\n" for n in range(40)
    )
    head = "Contact ID,Email,Lead Date,closed_won_at,Birth Date,Last Modified Date\n"
    (tmp_path / "crm.csv").write_text(head + rows)
    draft = draft_definitions([str(tmp_path / "crm.csv")], file=tmp_path / "journeys.toml")
    assert "a table with a date per event, 'Lead Date', 'closed_won_at'" in draft.remarks[0]
    d = jn.Definitions.from_toml(draft.text, folder=tmp_path)
    assert d.sources[0].options["timestamp"] == {"Lead": "Lead Date", "Closed won": "closed_won_at"}
    assert dict(d.journeys().event_counts.select("event", "count").iter_rows()) == {"Lead": 40, "Closed won": 40}
    with pytest.raises(
        jn.JourneysError, match="a table needs 'event' .a column., 'event_name' .*or a 'timestamp' that"
    ):
        jn.Definitions.from_toml('[sources.x]\nsystem = "table"\npath = "a.csv"\ntimestamp = "at"\nids = ["id"]')


def test_the_dates_of_a_row_are_its_events_where_a_column_says_what_became_of_it():
    day = [f"2026-03-{1 + n % 28:02}" for n in range(40)]
    late = [f"2026-04-{1 + n % 28:02}" if n % 2 else None for n in range(40)]
    status, mails = ["Open", "Won"] * 20, [f"p{n % 30}@x.org" for n in range(40)]
    lead = guess_columns(pl.DataFrame({"Won Date": late, "Created Date": day, "Lead ID": PEOPLE, "Status": status}))
    assert (lead.event, lead.dates) == (None, {"Created": "Created Date", "Won": "Won Date"})
    order = guess_columns(
        pl.DataFrame({"mail": mails, "Status": status, "Paid at": day, "Sent at": day, "Back at": late})
    )
    assert (order.event, [*order.dates]) == (None, ["Paid", "Sent", "Back"])
    # a log of changes has a row per change, and its date of creation is no event of it
    log = guess_columns(pl.DataFrame({"Stage Date": late, "Created Date": day, "mail": mails, "Stage": status}))
    assert (log.event, log.dates) == ("Stage", {})
    assert guess_columns(pl.DataFrame({"Created": day, "Last Activity Date": late, "Lead ID": PEOPLE})).event is None


def test_an_amount_and_a_time_zone_are_proposed_where_they_matter(tmp_path):
    (tmp_path / "shop.csv").write_text(
        "at,event,user_id,amount\n"
        + "".join(
            f"2026-03-01T10:{n:02}:00Z,Visit,u{n},\n2026-03-02T10:{n:02}:00Z,Purchase,u{n},1{n}\n" for n in range(40)
        )
    )
    text = draft_definitions([str(tmp_path / "shop.csv")], file=tmp_path / "journeys.toml").text
    assert '# value = "amount"  # what the goal is worth' in text
    assert "time_zone" not in text
    switched_on = text.replace("# value", "value").replace("# sections", "sections").replace("# entered", "entered")
    report = jn.Definitions.from_toml(switched_on, folder=tmp_path)
    assert report._report["entered"] == "7d"
    assert "trend:Purchase" in report._report["sections"]


def test_what_has_stopped_is_named_with_its_last_day():
    log = pl.DataFrame(
        {"person": "a", "timestamp": [f"2026-0{m}-{d:02}" for m in (1, 2, 3) for d in range(1, 29)] * 3,
         "event": ["Old"] * 60 + ["New"] * 192}
    ).with_row_index().with_columns(person=pl.col("index").cast(pl.String))  # fmt: skip
    log = log.filter((pl.col("event") == "New") | (pl.col("timestamp") < "2026-03-10"))
    old = log.filter(pl.col("timestamp").is_between(pl.lit("2026-03-01"), pl.lit("2026-03-09"))).with_columns(
        event=pl.lit("Old")
    )
    j = jn.Journeys.from_table(pl.concat([log, *[old] * 5]).drop("index"))
    d = jn.Definitions.from_toml('[events.Old]\nmeans = "x"\n[events.New]\nmeans = "y"\n')
    assert d.check(j).failures == ("[events.Old]: the event 'Old' is gone: it last occurred on 9 March 2026.",)


def test_a_draft_shows_no_control_that_reorders_text_and_a_funnel_that_somebody_finishes(tmp_path):
    names = ["Clicked\u202e", "Buy \U000e0041", "Seen"]
    (tmp_path / "log.csv").write_text(
        "at,event,user_id\n"
        + "".join(f"2026-03-01T1{k}:{n:02}:00Z,{one},u{n}\n" for n in range(40) for k, one in enumerate(names))
    )
    text = draft_definitions([str(tmp_path / "log.csv")], file=tmp_path / "journeys.toml").text
    assert "".join(c for c in text if not c.isprintable()).strip("\n") == ""
    d = jn.Definitions.from_toml(text, folder=tmp_path)
    # "Seen" is after the goal for everyone
    assert d.funnels["main"]["steps"] == ["Clicked\u202e", "Buy \U000e0041"]
    assert d.funnel(d.journeys(), "main").table["people"].to_list() == [40, 40]


def test_all_sources_that_are_gone_are_named_with_their_place(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = '[sources.{0}]\nsystem = "table"\npath = "{0}.csv"\ntimestamp = "at"\nevent = "what"\nids = ["who"]\n'
    (tmp_path / "journeys.toml").write_text(source.format("a") + source.format("b") + source.format("c"))
    (tmp_path / "c.csv").write_text("att,what,woh\n2026-03-01,Visit,u1\n")
    for command in ("run", "check", "funnel"):
        assert main([command, *(["--steps", "A > B"] if command == "funnel" else [])]) == 1
        said = capsys.readouterr().err
        assert said.startswith(
            "journeys: 4 problems:\n- journeys.toml, [sources.a]: path: there is no file or folder 'a.csv'"
        )
        assert "- journeys.toml, [sources.b]: path: there is no" in said
        assert "- journeys.toml, [sources.c]: timestamp: no column 'at'" in said
        assert "- journeys.toml, [sources.c]: ids: no column 'who'. Available: 'att', 'what', 'woh'." in said


def test_a_report_is_written_to_files_that_it_can_be(tmp_path, capsys):
    for command in (["demo"], ["run"], ["report", "x.csv", "--steps", "A > B"]):
        assert main([*command, "--out", str(tmp_path / "report.doc")]) == 1
        assert "--out: 'report.doc' must end in '.html', '.htm', '.pdf' or '.xlsx'." in capsys.readouterr().err
    assert main(["run", str(tmp_path / "no.toml")]) == 1
    assert "FILE: there is no file '" in (said := capsys.readouterr().err)
    assert "journeys init FILES writes a first one." in said


def test_without_a_funnel_init_says_what_to_write(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.csv").write_text("user_id,timestamp,event\na,2024-01-01,A\n")
    assert main(["init", "one.csv"]) == 0
    closing = 'Read them, and write the funnel of the report, [funnels.main] steps = ["…", "…"], then: journeys run'
    assert closing in capsys.readouterr().out
    assert "[events.A]  # 1 row, 1 person\n" in (tmp_path / "journeys.toml").read_text()


def draft_table(tmp_path, rows, **options):
    pl.DataFrame(rows).write_csv(tmp_path / "table.csv", **options)
    draft = draft_definitions([str(tmp_path / "table.csv")], file=tmp_path / "journeys.toml")
    return draft, jn.Definitions.from_toml(draft.text, folder=tmp_path)


def test_seconds_and_milliseconds_in_one_column_are_read(tmp_path):
    times = [1_772_530_000 + 100 * n if n % 3 else 1_772_530_000_000 + 100_000 * n for n in range(40)]
    draft, d = draft_table(tmp_path, {"ts": times, "evt": ["visit", "buy"] * 20, "uid": PEOPLE})
    assert 'unit = "mixed"  # some times count seconds, and some milliseconds or smaller units' in draft.text
    assert d.sources[0].options["event"] == "evt"
    found = d.journeys().events.sort("timestamp").collect()["timestamp"].dt.epoch("s").to_list()
    assert found == [1_772_530_000 + 100 * n for n in range(40)]


def test_codes_of_discounts_and_dates_identify_nobody(tmp_path):
    start, end = ([f"2026-0{month}-{1 + n % 28:02}" for n in range(40)] for month in (3, 4))
    rows = {"Email": [f"{one}@x.org" for one in PEOPLE], "Discount Code": ["AUTUMN", None] * 20,
            "trial_end": start, "membership_start": end, "birth_date": start, "Cancelled at": end}  # fmt: skip
    draft, d = draft_table(tmp_path, rows)
    assert d.sources[0].options["ids"] == {"email": "Email"}
    dates = {"Trial end": "trial_end", "Membership start": "membership_start", "Cancelled": "Cancelled at"}
    assert d.sources[0].options["timestamp"] == dates
    # what is undone is no goal
    assert d.funnels["main"]["steps"] == ["Trial end", "Membership start"]
    assert draft.has_funnel


def test_a_channel_is_found(tmp_path):
    rows = {
        "Datum": TIMES,
        "Vorgang": ["a", "b"] * 20,
        "Kundennummer": PEOPLE,
        "Werbekanal": ["Newsletter", None] * 20,
        "utm_campaign": "",
    }
    draft, d = draft_table(tmp_path, rows, separator=";")
    assert d.sources[0].options["columns"] == {"channel": "Werbekanal"}
    assert d.content["report"]["by"] == "first_channel"
    assert '# sections = ["funnel", "campaigns", "trend:b", "flow", "correlation"]' in draft.text


def test_a_first_look_says_what_the_check_will_report(tmp_path):
    days = [f"2026-03-{day:02} {hour:02}:00:00" for day in range(1, 32) for hour in range(0, 24, 6)]
    names = ["Visit" if n % 2 or n > 80 else "Try" for n in range(len(days))]
    draft, _ = draft_table(tmp_path, {"at": days, "event": names, "user_id": [f"u{n % 9}" for n in range(len(days))]})
    assert "journeys check reports: [events.Try]: the event 'Try' is gone" in draft.remarks[-1]
