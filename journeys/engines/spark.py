"""Count on Spark's executors: one task per shard, the same counting functions, the same answers.

A shard is sent as its plan (where its files are and what was selected), never as data; what comes back is its small
table of counts. The executors need access to the store's files and this library, with the same version of Polars.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.errors import ArgumentError, JourneysError
from journeys.log import View
from journeys.log.log import count_shard

if TYPE_CHECKING:
    import pyarrow as pa


_ANSWER = "shard int, counts binary, refused binary"


@dataclass(frozen=True)
class SparkEngine:
    """Run counts on a Spark session, classic or Connect; raise ArgumentError when it is not one."""

    session: Any

    def __post_init__(self) -> None:
        if not hasattr(self.session, "createDataFrame"):
            raise ArgumentError(f"engine: expected a SparkSession or 'local', got {self.session!r}.")

    def __call__(
        self, count: Callable[[View, Any], pl.DataFrame], spec: object, *, views: Iterable[View]
    ) -> pl.DataFrame:
        """Concatenate the counts of all shards, in the order of the shards.

        Raise a JourneysError when a count raises one, as it would on this machine, or when Spark fails, for instance
        because its session was stopped.
        """
        import cloudpickle

        jobs = [(number, bytearray(cloudpickle.dumps((count, spec, view)))) for number, view in enumerate(views)]
        try:
            shards = self.session.createDataFrame(jobs, "shard int, job binary").repartition(max(1, len(jobs)))
            answers = sorted(shards.mapInArrow(_count_shards, _ANSWER).collect(), key=lambda row: row.shard)
        except Exception as error:  # Spark raises errors of Java, of Py4J and of its own
            raise JourneysError(
                f"engine: Spark could not count the shards: {_first_line(error)} If the session was stopped, open the "
                "store on a new one: jn.open(path, engine=session), or ask here with .on('local')."
            ) from error
        for answer in answers:
            if answer.refused is not None:
                raise pickle.loads(bytes(answer.refused))  # noqa: S301  # written by our own task
        return pl.concat([pl.read_ipc(io.BytesIO(bytes(answer.counts))) for answer in answers])


def _first_line(error: Exception) -> str:
    """Return the first line of an error's text, without the trace of Java that follows, as a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:") + "."


def _count_shards(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Count each shard of a task; an error of this library is sent back as itself, not as a Java trace."""
    import pyarrow as pa

    for batch in batches:
        for row in batch.to_pylist():
            count, spec, view = pickle.loads(row["job"])  # noqa: S301  # written by our own driver
            counts = refused = None
            try:
                file = io.BytesIO()
                count_shard(count, spec, view=view).write_ipc(file)
                counts = file.getvalue()
            except JourneysError as error:
                refused = pickle.dumps(error)
            columns = [pa.array([row["shard"]], pa.int32()), *(pa.array([it], pa.binary()) for it in (counts, refused))]
            yield pa.RecordBatch.from_arrays(columns, names=["shard", "counts", "refused"])
