"""Names: what breaks the convention, what they should be, and renaming that reports what it changed."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys import naming
from journeys.errors import find_closest
from journeys.naming.check import names_and_counts

GOOD = [
    "Created Project", "Signed Up", "Loaded a Page", "Invited Teammate", "Connected Calendar", "Read Article",
    "Enabled Single Sign-On", "Sent Email", "Became MQL",
    "Subscribed to Newsletter", "Upgraded Plan", "Put Item in Cart", "Clicked Signup",
]  # fmt: skip


def test_good_names_pass():
    found = naming.check([name for name in GOOD if name != "Became MQL"])
    assert found.table.rows() == []
    assert found.checked == 12


@pytest.mark.parametrize(
    ("name", "problem", "better"),
    [
        ("project_created", "not written as Words with Capitals", "Created Project"),
        ("Project Created", "the verb is not first", "Created Project"),
        ("Create Project", "not in the past tense", "Created Project"),
        ("signup", "not in the past tense", "Signed Up"),
        ("userLoggedIn", "not written as Words with Capitals", "Logged In"),
        ("Clicked Button on Pricing Page", "names a place", "Clicked Button"),
        ("Sent Invite via Email", "names a manner", "Sent Invite"),
        ("Viewed Article 4711", "holds a value: make it a property", "Viewed Article"),
        ("Pricing", "no verb in front", None),
        ("$pageview", "named by a system", None),
        ("Created", "no object", None),
        ("Searched", "no object", None),
        ("created_12345_project", "not written as Words with Capitals", "Created Project"),
        ("Checkout Started", "the verb is not first", "Started Checkout"),
        ("checkout_started", "the verb is not first", "Started Checkout"),
        ("Login Failed", "the verb is not first", "Failed Login"),
        ("Signup Completed", "the verb is not first", "Completed Signup"),
        ("Checkout", "not in the past tense", "Checked Out"),
        (" Created Project", "has extra blanks", "Created Project"),
        ("!!!", "has no word", None),
    ],
)
def test_what_breaks_the_convention(name, problem, better):
    row = naming.check([name]).table.row(0, named=True)
    assert problem in row["problems"]
    assert row["suggestion"] == better


def test_near_duplicates_are_found_however_they_are_written():
    assert naming.near_duplicates(["signup", "Sign Up", "signed_up", "SignedUp", "Created Task", "Deleted Task"]) == [
        ["Sign Up", "SignedUp", "signed_up", "signup"]
    ]
    assert naming.near_duplicates(["日本語", "日本", "تسجيل", "✓", "✗"]) == []


def events(names):
    log = pl.DataFrame({"t": ["2026-03-01"] * len(names), "e": names, "u": ["1"] * len(names)})
    return jn.read_table(log, timestamp="t", event="e", ids=["u"])


def test_events_are_checked_and_renamed_by_a_file(tmp_path):
    log = events(["signup", "Sign Up", "signup", "Created Project"])
    found = naming.check(log)
    assert found.table.select("event", "rows").rows() == [("Sign Up", 1), ("signup", 2)]
    assert "2 event names" not in found._repr_html_()
    path = naming.save_mapping(found.mapping | {'Gone "x" \\ \n': "Left"}, path=tmp_path / "names.toml")
    renamed = naming.apply(log, mapping=path)
    assert renamed.changes.rows() == [
        ('Gone "x" \\ \n', "Left", 0),
        ("Sign Up", "Signed Up", 1),
        ("signup", "Signed Up", 2),
    ]
    assert renamed.merged == {"Signed Up": ["Sign Up", "signup"]}
    assert renamed.events.table.collect()["event"].to_list() == ["Signed Up"] * 3 + ["Created Project"]
    assert log.table.collect()["event"].to_list()[0] == "signup"
    assert "3 events renamed by 3 entries" in repr(renamed)


def test_an_invalid_mapping_is_refused(tmp_path):
    log = events(["signup"])
    with pytest.raises(jn.ArgumentError, match="the new name of 'signup' is empty"):
        naming.apply(log, mapping={"signup": " "})
    with pytest.raises(jn.SourceError, match="there is no file"):
        naming.apply(log, mapping=tmp_path / "none.toml")
    for text, said in (
        ("x = ", "is not TOML"),
        ("x = 1", r"has no table \[rename\]"),
        ("[rename]\na = 1", "of 'a' is not text"),
    ):
        (tmp_path / "bad.toml").write_text(text)
        with pytest.raises(jn.SourceError, match=said):
            naming.load_mapping(tmp_path / "bad.toml")
    with pytest.raises(jn.ArgumentError, match="int has neither event names nor events"):
        naming.check(7)
    with pytest.raises(jn.ArgumentError, match="7 is not an event name"):
        naming.check([7])
    with pytest.raises(jn.ArgumentError, match="list is not Events"):
        naming.apply([], mapping={})


def test_names_that_are_no_text_are_refused_before_anything_is_written(tmp_path):
    path = tmp_path / "names.toml"
    log = events(["signup"])
    for use in (lambda names: naming.apply(log, mapping=names), lambda names: naming.save_mapping(names, path=path)):
        with pytest.raises(jn.ArgumentError) as caught:
            use({"signup": 3, None: "Left"})
        assert "mapping: the new name of 'signup' is not text: 3" in str(caught.value)
        assert "mapping: the old name None is not text" in str(caught.value)
        with pytest.raises(jn.ArgumentError, match="mapping: list is not a mapping from old name to new name"):
            use(["signup"])
    assert not path.exists()
    with pytest.raises(jn.ArgumentError, match="path: there is no folder"):
        naming.save_mapping({"a": "b"}, path=tmp_path / "none" / "names.toml")
    for frame in (pl.DataFrame({"event": ["a"]}), pl.LazyFrame({"event": ["a"]})):
        with pytest.raises(jn.ArgumentError, match="Frame is not a list of names; give one column of it"):
            naming.check(frame)


def test_an_old_name_that_is_not_there_names_the_closest():
    renamed = naming.apply(
        events(["signup", "Left"]), mapping={"signpu": "Signed Up", "Elsewhere": "X", "Left": "Left App"}
    )
    assert renamed.missing == {"Elsewhere": [], "signpu": ["signup"]}
    assert "1 event renamed by 3 entries of the mapping; there is no 'signpu' (did you mean 'signup'?)" in repr(renamed)


@given(st.lists(st.text(max_size=20), max_size=6))
def test_any_name_can_be_checked(names):
    found = naming.check(names)
    assert found.table.height <= len(set(names))
    for better in found.mapping.values():
        assert naming.suggest(better) is not None


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("PROJECT_CREATED", "Created Project"),
        ("CTA_CLICKED", "Clicked CTA"),
        ("SIGN_UP", "Signed Up"),
        ("iOS App Opened", "Opened iOS App"),
        ("appOpened", "Opened App"),
        ("Planned Upgrade", None),
        ("Upgrade Plan", "Upgraded Plan"),
        ("feed refresh", "Refreshed Feed"),
        ("Added to Cart", "Added to Cart"),
        ("add_to_cart", "Added to Cart"),
        ("Moved Card to Board", "Moved Card to Board"),
        ("Logged In", "Logged In"),
    ],
)
def test_suggestions_keep_what_is_written_well(name, better):
    assert naming.suggest(name) == better


def test_names_with_small_words_and_brands_are_fine():
    assert naming.check(["Added to Cart", "Opened iOS App", "Created Project"]).table.is_empty()
    assert naming.check(["signUp"]).table["problems"].to_list()[0][0] == "not written as Words with Capitals"


def test_a_mapping_that_begins_with_a_mark_is_read(tmp_path):
    path = tmp_path / "names.toml"
    path.write_text('\ufeff[rename]\nsignup = "Signed Up"\n', encoding="utf-8")
    assert naming.load_mapping(path) == {"signup": "Signed Up"}


def test_problems_are_a_list_and_no_path():
    found = naming.check(["Created Project", "signup", "Sign Up", "signed_up"])
    for stated in (found._repr_html_(), repr(found)):
        assert "→" not in stated
        assert "1 of 4 event names is Verb + Object" in stated
    assert "not in the past tense; nearly the same as" in found._repr_html_()
    assert "0 of 1 event name are" in repr(naming.check(["signup"]))


def test_of_names_that_differ_only_in_case_the_first_is_used():
    names = ["Sign Up", "sign up", "SIGN UP", "sIGN uP", "Sign up"]
    log = pl.DataFrame({"at": ["2026-03-01"] * 500, "what": names * 100, "user_id": ["1"] * 500})
    for seed in range(10):
        events = jn.read_table(
            log.sample(fraction=1, shuffle=True, seed=seed), timestamp="at", event="what", ids=["user_id"], name="app"
        )
        assert list(names_and_counts(events)) == sorted(names)
        assert naming.apply(events, mapping={"sign upp": "Signed Up"}).missing == {"sign upp": ["SIGN UP"]}


@pytest.mark.parametrize(
    "name", ["Cancelled Subscription", "Labelled Issue", "Travelled Abroad", "Canceled Plan", "Labeled Issue"]
)
def test_both_spellings_of_a_past_tense_pass(name):
    assert naming.check([name]).table.height == 0


@pytest.mark.parametrize("bare", ["cancel", "label", "travel"])
def test_a_suggestion_is_in_the_past_tense_whatever_the_spelling(bare):
    assert naming.suggest(f"order {bare}led") == f"{bare.capitalize()}led Order"
    assert naming.check([naming.suggest(f"{bare} order")]).table.height == 0


def test_a_cautious_did_you_mean():
    assert find_closest("country", ["amount", "user_id"]) == []
    assert find_closest("contry", ["amount", "country"]) == ["country"]
    assert find_closest("user", ["user_id", "useful"]) == ["user_id"]
    assert find_closest("Berlin", ["Europe/Berlin", "Merlin"]) == ["Merlin", "Europe/Berlin"]


@given(st.text("abcdefghij", min_size=4, max_size=12), st.text("klmnopqrst", min_size=4, max_size=12))
def test_names_without_a_letter_in_common_are_never_proposed(one, other):
    assert find_closest(one, [other]) == []
