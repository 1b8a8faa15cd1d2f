"""Messages beside the loose funnel and DuckDB; every attribution model with its interval within seconds."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks import funnel
from tests.benchmarks.data import CONVERSION, FUNNEL, Data
from tests.benchmarks.harness import Question, Way

WITHIN = 5 * 86_400 * 1_000_000
CHANNELS = 10
DRAWS = 200
_OURS = ("journeys", "scipy.stats", "scipy.sparse")


def questions(data: Data) -> list[Question]:
    """Return the questions about messages and about all attribution models."""
    loose = Way(funnel.ours, {"store": data.store, "steps": FUNNEL}, _OURS)
    ours = Way(messages, {"store": data.store}, _OURS)
    return [
        Question(
            "messages",
            {"journeys": ours, "DuckDB": Way(messages_duck, {"plain": data.plain}, ("duckdb",))},
            bars={"DuckDB": 4},
        ),
        Question(
            "messages, loose", {"journeys": ours, "loose funnel": loose}, bars={"loose funnel": 1 / 3}, compare=False
        ),
        Question(
            "attribution, all models",
            {"journeys": Way(attribution, {"plain": data.plain, "store": str(data.folder / "channels")}, _OURS)},
            repeat=2,
            most_seconds=10,
            most_bytes=2 * 2**30,
        ),
    ]


def messages(store: str) -> list[int]:
    """Count who got, read and clicked messages, and who converted within five days of the latest touch."""
    import journeys as jn

    stages = {"delivered": "Opened Email", "clicked": "Clicked Email"}
    m = jn.open(store).messages(CONVERSION, by=None, within=f"{WITHIN}us", credit="clicked", stages=stages)
    return list(m.table.select("messages", "people", "clicked", "already", "pending", "eligible", "converted").row(0))


def messages_duck(plain: str) -> list[int]:
    """Do the same with window functions; a message is whatever a person got within 24 hours of its first event."""
    import duckdb

    query = f"""
    with recursive rows as (
        select person, epoch_us(timestamp) t, event from '{plain}'
        where event in ('Opened Email', 'Clicked Email', '{CONVERSION}')
    ), bounds as (select max(epoch_us(timestamp)) last from '{plain}'),
    mails as (
        select person, t, row_number() over (partition by person order by t) n,
            min(t) over (partition by person) begun
        from rows where event <> '{CONVERSION}'
    ), chain as (
        select person, begun t from mails where n = 1
        union all
        select c.person, min(m.t) from chain c join mails m on m.person = c.person and m.t >= c.t + 86400000000
        group by c.person, c.t
    ), touched as (
        select person, t, event,
            max(case when event = 'Clicked Email' then t end) over w touch,
            max(case when event = '{CONVERSION}' then t end)
                over (w rows between unbounded preceding and 1 preceding) goal
        from rows window w as (partition by person order by t)
    ), people as (
        select r.person, min(r.t) filter (r.event <> '{CONVERSION}') first,
            min(r.t) filter (r.event = '{CONVERSION}') goal, bool_or(r.event = 'Clicked Email') clicked
        from rows r group by r.person
    ), credited as (
        select distinct person from touched
        where event = '{CONVERSION}' and t - touch <= {WITHIN} and (goal is null or goal < touch)
    ), marked as (
        select p.*, coalesce(p.goal < p.first, false) already,
            not coalesce(p.goal < p.first, false) and p.first + {WITHIN} > b.last pending,
            c.person is not null converted
        from people p cross join bounds b left join credited c on c.person = p.person where p.first is not null
    )
    select (select count(*) from chain), count(*), count(*) filter (clicked), count(*) filter (already),
        count(*) filter (pending), count(*) filter (not already and not pending),
        count(*) filter (not already and not pending and converted)
    from marked
    """
    with duckdb.connect() as connection:
        return [int(value) for value in connection.execute(query).fetchone() or ()]


def attribution(plain: str, store: str) -> int:
    """Share conversions over ten channels by all models, each with an interval of 200 draws of people."""
    import journeys as jn

    if not Path(store).exists():
        save_channels(plain, store)
    compared = jn.open(store).attribution(CONVERSION, by="channel").compare_models(draws=DRAWS)
    return compared.table.height


def save_channels(plain: str, store: str) -> None:
    """Save the log with one of ten channels on each page load, in a process whose peak does not count."""
    import subprocess
    import sys

    code = (
        "import polars as pl, journeys as jn\n"
        f"log = pl.scan_parquet({plain!r}).select('person', 'timestamp', 'event', channel='channel ' "
        "+ pl.col('page').str.slice(-1))\n"
        f"jn.Journeys.from_table(log).save({store!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
