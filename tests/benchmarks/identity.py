"""From raw events with long ids to the saved log; and bare graphs, beside networkx and DuckDB's recursive query.

DuckDB bridges the same rows by three plain queries, which these rows allow: no device has two users here. It knows no
rules, refuses nothing and keeps no evidence, so that it does less than ours for the same people.

A chain or a star of a million identifiers is a test of method: neither recursion nor quadratic time survives it.
DuckDB's recursive query carries every pair of a component, so it takes part only where components are small.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tests.benchmarks.data import DAY, EVENTS, START, Data
from tests.benchmarks.harness import Question, Way

__all__ = ["bridge", "bridge_by_duck", "by_duck", "by_networkx", "components", "questions"]

MILLION = 1_000_000
RATE = 3 * MILLION
ROOM = 100
TENTH = "a tenth of it"


def questions(data: Data) -> list[Question]:
    """Return the questions about identity; the files that they need are written on the way."""
    folder = data.folder / "identity"
    folder.mkdir(exist_ok=True)
    raw = _write(folder / "raw.parquet", _raw_events(data.events, people=data.people))
    tenth = _write(folder / "tenth.parquet", _raw_events(data.events // 10, people=max(data.people // 10, 1)))
    small = min(MILLION, max(data.events // 2, 1_000))
    clusters = _write(folder / "clusters.parquet", _clusters(small))
    chain = _write(folder / "chain.parquet", _chain(MILLION))
    star = _write(folder / "star.parquet", _star(MILLION))
    large = data.events >= 20 * MILLION
    two = {"journeys": components, "networkx": by_networkx}
    three = {**two, "DuckDB, recursive": by_duck}
    bridging = _bridging(raw, store=folder / "store")
    return [
        Question(
            "bridge",
            {"journeys": bridging, "DuckDB": Way(bridge_by_duck, {"raw": raw, "log": str(folder / "duck.parquet")})},
            bars={"DuckDB": 1.2} if large else {},
            repeat=1,
            most_seconds=data.events / RATE if large else None,
            most_bytes=data.events * ROOM if large else None,
        ),
        Question(
            "bridge, ten times as much",
            {"journeys": bridging, TENTH: _bridging(tenth, store=folder / "tenth")},
            # so many times faster ours has to be: ten times the events take at most twelve times the time
            bars={TENTH: 1 / 12} if large else {},
            repeat=1,
            compare=False,
        ),
        *(
            Question(f"{name} graph", {way: Way(call, {"links": links}) for way, call in ways.items()}, repeat=1)
            for name, links, ways in (("clustered", clusters, three), ("chain", chain, two), ("star", star, two))
        ),
    ]


def _bridging(raw: str, *, store: Path) -> Way:
    return Way(bridge, {"raw": raw, "store": str(store)}, ("journeys", "scipy.sparse.csgraph"))


def bridge(*, raw: str, store: str) -> dict[str, int]:
    """Read, stitch and save."""
    import journeys as jn

    events = jn.read_table(raw, timestamp="timestamp", event="event", ids=["user_id", "anonymous_id"], name="app")
    j = jn.stitch(events)
    j.save(store)
    bridged = j.identity.figure("of these linked to a known person")
    return {"people": j.size.people, "events": j.size.events, "bridged": bridged}


def bridge_by_duck(*, raw: str, log: str) -> dict[str, int]:
    """Give each device to the first user seen on it, number people by first event, and write their sorted log."""
    import duckdb

    con = duckdb.connect()
    con.sql(f"""
        CREATE TABLE pairs AS
            SELECT user_id, anonymous_id, count(*) AS events, min("timestamp") AS first FROM '{raw}' GROUP BY ALL
    """)
    con.sql("""
        CREATE TABLE owners AS
            SELECT anonymous_id, arg_min(user_id, first) AS owner FROM pairs WHERE user_id IS NOT NULL GROUP BY ALL
    """)
    con.sql("""
        CREATE TABLE people AS
            SELECT coalesce(user_id, owner, anonymous_id) AS id, sum(events) AS events,
                   sum(events) FILTER (user_id IS NULL AND owner IS NOT NULL) AS bridged,
                   row_number() OVER (ORDER BY min(first), id) AS person
            FROM pairs LEFT JOIN owners USING (anonymous_id) GROUP BY id
    """)
    con.sql(f"""
        COPY (
            SELECT person, "timestamp", event FROM '{raw}' AS raw LEFT JOIN owners USING (anonymous_id)
            JOIN people ON people.id = coalesce(user_id, owner, anonymous_id) ORDER BY person, "timestamp"
        ) TO '{log}' (FORMAT parquet)
    """)
    people, events, bridged = con.sql("SELECT count(*), sum(events), sum(bridged) FROM people").fetchall()[0]
    return {"people": people, "events": int(events), "bridged": int(bridged)}


def components(*, links: str) -> dict[str, int]:
    """Count the components of a graph and the size of the largest: ours."""
    import journeys as jn

    events = jn.read_table(
        links, timestamp="timestamp", event=pl.lit("link"), ids=["left", "right"], unit="s", name="graph"
    )
    sizes = jn.stitch(events, rules=jn.IdentityRules.rudderstack()).identity.table["person"].value_counts()["count"]
    return {"components": sizes.len(), "largest": int(sizes.to_numpy().max())}


def by_networkx(*, links: str) -> dict[str, int]:
    """Count them with networkx."""
    import networkx as nx

    table = pl.read_parquet(links)
    graph = nx.Graph()
    graph.add_edges_from(zip("l" + table["left"].cast(pl.String), "r" + table["right"].cast(pl.String), strict=True))
    sizes = [len(one) for one in nx.connected_components(graph)]
    return {"components": len(sizes), "largest": max(sizes)}


def by_duck(*, links: str) -> dict[str, int]:
    """Count them with a recursive query: every node's reach, then the smallest node that reaches it."""
    import duckdb

    rows = duckdb.sql(f"""
        WITH RECURSIVE links AS (
            SELECT 'l' || "left" AS a, 'r' || "right" AS b FROM '{links}'
        ), both_ways AS (SELECT a, b FROM links UNION SELECT b, a FROM links),
        reach(node, seen) AS (
            SELECT a, a FROM both_ways
            UNION
            SELECT reach.node, both_ways.b FROM reach JOIN both_ways ON reach.seen = both_ways.a
        ), label AS (SELECT node, min(seen) AS head FROM reach GROUP BY node)
        SELECT count(*) AS size FROM label GROUP BY head
    """).fetchall()
    sizes = Counter(size for (size,) in rows)
    return {"components": sum(sizes.values()), "largest": max(sizes)}


def _write(path: Path, frame: pl.DataFrame | None) -> str:
    if frame is not None and not path.exists():
        frame.write_parquet(path, row_group_size=250_000)
    return str(path)


def _raw_events(count: int, *, people: int) -> pl.DataFrame:
    """Make events in order of time; 40% name their user, everybody has up to two devices."""
    rng = np.random.default_rng(11)
    devices, users = _long_ids(rng, 2 * people), _long_ids(rng, people)
    person = rng.integers(0, people, count)
    device = 2 * person + (rng.random(count) < 0.3)
    named = pl.Series(rng.random(count) < 0.4)
    time = pl.Series(np.sort(rng.integers(0, 90 * DAY, count)) + START).cast(pl.Datetime("us", "UTC"))
    event = pl.Series(EVENTS).gather(rng.integers(0, len(EVENTS), count))
    user = users.gather(person)
    table = pl.DataFrame({"timestamp": time, "event": event, "anonymous_id": devices.gather(device), "user_id": user})
    return table.with_columns(pl.when(named).then("user_id"))


def _long_ids(rng: np.random.Generator, count: int) -> pl.Series:
    """Make 36-character ids of hexadecimal digits and dashes."""
    digits: npt.NDArray[np.uint8] = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    text = digits[rng.integers(0, 16, (count, 36))]
    text[:, [8, 13, 18, 23]] = ord("-")
    return pl.Series(np.ascontiguousarray(text).reshape(-1).view("S36").astype(str))


def _graph(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> pl.DataFrame:
    return pl.DataFrame({"left": left, "right": right}).with_columns(
        # nothing here is an id that stands for nobody
        pl.col("left", "right") + 1_000_000_007,
        timestamp=pl.lit(START // 1_000_000),
    )


def _clusters(links: int) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    return _graph(rng.integers(0, links, links), rng.integers(0, 2 * links, links))


def _chain(length: int) -> pl.DataFrame:
    steps = np.arange(length, dtype=np.int64)
    return _graph((steps + 1) // 2, steps // 2)


def _star(leaves: int) -> pl.DataFrame:
    return _graph(np.zeros(leaves, dtype=np.int64), np.arange(leaves, dtype=np.int64))
