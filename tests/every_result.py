"""One case for each kind of answer; tests that must hold for all of them read this list."""

from collections.abc import Callable
from dataclasses import replace

import polars as pl

import journeys as jn
from journeys.log import View, build_log
from journeys.result import Result
from tests.logs import Row, frame

Ask = Callable[[jn.Journeys], Result]


def valued(j: jn.Journeys) -> jn.Journeys:
    """Add an amount to each event."""
    amount = pl.col("timestamp").dt.minute().cast(pl.Float64) - 2.5
    shards = tuple(View(view.events.with_columns(amount=amount), view.people, whole=view.whole) for view in j._shards())
    return replace(j, _log=replace(j._log, shards=shards), _filters=())


STAGES = {"delivered": "A", "clicked": "B"}


def as_accounts(j: jn.Journeys) -> jn.Journeys:
    """Make journeys of accounts: each person becomes an account, and who did B in it another member."""
    member = pl.col("person") + (pl.col("event").cast(pl.String) == "B").cast(pl.String)
    events = j.events.with_columns(member=member).collect()
    people = events.group_by("person").agg(members=pl.col("member").n_unique().cast(pl.Int64)).sort("person")
    return jn.Journeys(build_log(events, people=people).log)


CASES: dict[str, Ask] = {
    "Activity": lambda j: as_accounts(j).activity(active=["A", "B", "X"], days=1, score={"events": 2, "breadth": 1}),
    "Attribution": lambda j: j.attribution("X", model="markov", lookback="9m"),
    "AttributionComparison": lambda j: j.attribution("X", converted=("2026-03-01T00:03", "2026-03-01T00:09")).compare(),
    "ComparedFlow": lambda j: j.flow(end="X", against=pl.col("first_campaign").is_null()),
    "ConvertedWithin": lambda j: j.funnel(["A", "B"]).converted_within(),
    "Correlation": lambda j: j.correlation("X", min_people=0),
    "CorrelationComparison": lambda j: j.correlation("X", min_people=0).compare(j.only(pl.col("event_count") > 1)),
    "Correlations": lambda j: j.correlations(["X", "B"], min_people=0),
    "DifferenceExplanation": lambda j: j.funnel(["A", "B"], within="4m").explain_difference(
        j.funnel(["A", "B"], within="2m")
    ),
    "Dictionary": lambda j: j.dictionary(),
    "Dropoff": lambda j: j.dropoff("X"),
    "Exits": lambda j: j.funnel(["A", "B", "C"], within="4m").exits(),
    "Experiment": lambda j: j.experiment("campaign", goal="X"),
    "Flow": lambda j: j.flow(start="A", end="X"),
    "Funnel": lambda j: j.funnel(["A", "B", "C"], within="4m", by="campaign"),
    "FunnelComparison": lambda j: j.funnel(["A", "B"], by="campaign").compare(),
    "FunnelTrend": lambda j: j.funnel(["A", "B"]).trend(every="1d"),
    "LastBefore": lambda j: j.last_before("X", of="campaign", within="9m", then="A", then_within="2m"),
    "Impact": lambda j: j.impact("X", on="B", periods=2),
    "Lifecycle": lambda j: j.lifecycle("A", every="1d"),
    "Messages": lambda j: j.messages("X", by="campaign", within="4m", stages=STAGES),
    "MessagesAgainst": lambda j: j.messages("X", by="campaign", within="4m", stages=STAGES).against("not sent"),
    "ModelComparison": lambda j: j.attribution("X", lookback="9m").compare_models(
        ["last", "time_decay", "markov"], draws=9
    ),
    "NextEvents": lambda j: j.funnel(["A", "B"]).next_after_drop(2),
    "Overlap": lambda j: jn.overlap({"A": j.only(jn.did("A")), "B": j.only(jn.did("B")), "C": j.only(jn.did("C"))}),
    "Paths": lambda j: j.flow(end="X").paths(5),
    "Permutation": lambda j: j.correlation("X", min_people=0).permute(n_permutations=5),
    "Resonance": lambda j: j.flow(end="X", against=pl.col("first_campaign").is_null()).resonance(),
    "Retention": lambda j: j.retention("A", back="B", every="1d", periods=2, by="campaign"),
    "Sequences": lambda j: j.flow(end="X").sequences(2),
    "Sessions": lambda j: j.sessions(by="campaign", goal="X"),
    "StepAssociations": lambda j: j.flow(end="X").correlation(min_people=0),
    "StepTimes": lambda j: j.funnel(["A", "B"]).times(),
    "Stickiness": lambda j: j.stickiness("A"),
    "Stratified": lambda j: j.correlation("X", min_people=0).by("first_campaign"),
    "StratifiedCorrelations": lambda j: j.correlations(["X", "B"], min_people=0).by("first_campaign"),
    "StratumTrend": lambda j: j.correlation("X", min_people=0).by("first_campaign").trend("A"),
    "TimeToConvert": lambda j: j.funnel(["A", "B"]).time_to_convert(),
    "Timeline": lambda j: j.timeline("a"),
    "Transitions": lambda j: j.transitions(),
    "Trend": lambda j: j.trend("A", every="1d", by="campaign", compare="previous"),
    "Value": lambda j: valued(j).value("amount", of="X", start="A", every="1m", by="campaign", draws=9),
}


def as_stitched(j: jn.Journeys) -> jn.Journeys:
    """Stitch the same events, with the person as a user id, and half of their rows of a device, too."""
    table = j.events.with_columns(device=pl.when(pl.col("timestamp").dt.minute() % 2 == 0).then("person")).collect()
    rows = table.rename({"person": "user_id"})
    return jn.stitch(jn.read_table(rows, timestamp="timestamp", event="event", ids=["user_id", "device"], name="web"))


# the results that stitching gives, which are not asked of journeys
IDENTITY_CASES: dict[str, Callable[[jn.Journeys], Result]] = {
    "Identity": lambda j: as_stitched(j).identity,
    "LinkExplanation": lambda j: as_stitched(j).identity.explain(("user_id", "a"), ("user_id", "b")),
    "StitchingImpact": lambda j: as_stitched(j).identity.compare_unstitched(lambda one: one.correlation("X")),
}

# every event and both campaigns occur, so that every case can be asked of any log that holds these rows
EVERY_NAME: list[Row] = [
    *(("a", 0, name, "ads") for name in "ABCX"),
    *(("b", 0, name, "spring") for name in "ABCX"),
    ("c", 0, "A", None),
    *(("y", minute, name, "ads") for minute, name in enumerate("AX")),
    ("z", 0, "A", "spring"),
]


def every_log(found: list[Row]) -> pl.DataFrame:
    """Make a log that holds every name, and some rows more."""
    return frame([*EVERY_NAME, *found])


def result_classes() -> set[type[Result]]:
    """Every kind of answer that the library has."""
    found: set[type[Result]] = set()
    left = [Result]
    while left:
        for one in left.pop().__subclasses__():
            found.add(one)
            left.append(one)
    return found
