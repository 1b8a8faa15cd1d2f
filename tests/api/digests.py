"""Print a digest of each public table of the sample, row order included: a program, to be run on several threads."""

import hashlib
import json

import polars as pl

import journeys as jn
from journeys import samples

STEPS = ["Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan"]


def tables() -> dict[str, pl.DataFrame]:
    """Ask every question of the sample once."""
    events = samples.load_sample()
    j = jn.stitch(*events)
    plain = j.funnel(STEPS, within="30d")
    grouped = j.funnel(STEPS, within="30d", by=["first_campaign", "first_channel"], top=3)
    flow = j.flow(end=STEPS[-1], steps=6)
    correlation = j.correlation(STEPS[-1])
    lost = plain.dropped(after=STEPS[1])
    return {
        **{f"issues of {one.table.collect()['source'][0]}": one.issues.table for one in events},
        "identity": j.identity.table,
        "identity's shared": j.identity.shared,
        "identity's refused": j.identity.refused,
        "people": j.people,
        "funnel": plain.table,
        "funnel by two": grouped.table,
        "times": grouped.times().table,
        "converted within": grouped.converted_within().table,
        "trend": grouped.trend(every="1w").table,
        "after a drop": plain.next_after_drop(2).table,
        "flow": flow.table,
        "flow's nodes": flow.nodes,
        "paths": flow.paths(50).table,
        "sequences": flow.sequences(3).table,
        "correlation": correlation.table,
        "correlation's checks": correlation.checks,
        "drop-off": j.dropoff(STEPS[-1]).table,
        "transitions": j.transitions().table,
        "attribution": j.attribution(STEPS[-1]).table,
        "lost people": lost.people,
        "lost events": lost.events.collect(),
    }


if __name__ == "__main__":
    print(
        json.dumps({name: hashlib.sha256(repr(table.rows()).encode()).hexdigest() for name, table in tables().items()})
    )
