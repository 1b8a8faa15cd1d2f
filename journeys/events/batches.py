"""The rows of a source in batches: errors in reading them, translated, and rows that repeat an earlier one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.errors import JourneysError, SourceError, first_line

END = "\0end"


def iterate_batches(rows: pl.LazyFrame, *, size: int, name: str | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows in order, in batches of about `size`.

    `LazyFrame.collect_batches` ends without an error if its source panics, as it does when a file was cut short since
    it was opened: the rows after that point would be lost. So one row is added at the end; if it does not arrive, rows
    before it are missing as well.

    Raises
    ------
    OSError
        Not all rows arrived.
    SourceError
        In place of any error of Polars or the system, if the source has a `name`.

    Examples
    --------
    >>> [batch.height for batch in iterate_batches(pl.LazyFrame({"n": range(5)}), size=2)]
    [2, 2, 1]
    """
    schema = rows.collect_schema()
    end = pl.DataFrame([pl.Series(name, [None], dtype=dtype) for name, dtype in schema.items()])
    marked = pl.concat([frame.with_columns(pl.lit(value).alias(END)) for frame, value in ((rows, 0), (end.lazy(), 1))])
    is_complete = False
    with translate_source_errors(name) if name is not None else nullcontext():
        for batch in marked.collect_batches(chunk_size=size, maintain_order=True):
            is_complete = batch.height > 0 and batch[END][-1] == 1
            if found := batch.height - is_complete:
                yield batch.select(schema.names()).head(found)
        if not is_complete:
            raise OSError("a file is damaged, or was changed while it was read")


@contextmanager
def translate_source_errors(
    name: str, *, error_class: type[JourneysError] = SourceError, hint: str = ""
) -> Iterator[None]:
    """Turn an error while the rows of a source are read into one of this library.

    Raises
    ------
    SourceError
        Or another `error_class`: a file was moved or changed, is damaged, or holds other types than it states. The
        message ends with the `hint`.
    """
    try:
        yield
    except FileNotFoundError as error:
        reason = first_line(error)
        raise error_class(f"source: a file of {name!r} no longer exists: {reason}; read it again.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        is_panic = isinstance(error, pl.exceptions.PanicException)
        reason = "a file is damaged, or was changed while it was read" if is_panic else first_line(error)
        raise error_class(f"source: the rows of {name!r} cannot be read: {reason}.{hint and ' '}{hint}") from error


KEY = ("_key", "_key2")
_PARTS = 256
_BATCH = 250_000
_ROW = np.dtype([("key", np.uint64), ("key2", np.uint64), ("row", np.int64)])
_MOVED = (
    "source: these rows come in another order each time they are read, so it is not known which of two equal messages "
    "is the first; write them to a file (sink_parquet) and read that, or keep their order (maintain_order= in join, "
    "group_by and unique)."
)

Bits = npt.NDArray[np.uint8]


def hash_keys(value: pl.Expr) -> list[pl.Expr]:
    """Hash values to two numbers of 64 bits; null stays null."""
    return [pl.when(value.is_not_null()).then(value.hash(seed)).alias(name) for seed, name in enumerate(KEY, start=1)]


class RepeatFinder:
    """Finds the rows that repeat the key of an earlier one.

    `add_keys` writes keys, in order of arrival, to a file without a name in the folder for temporary files (`TMPDIR`),
    24 bytes per row. They are read back in 256 partitions by their first bits, so that equal keys meet: in memory there
    is one partition at a time, and a bit per row.

        row  key   repeat
        0    m1    no
        1    m2    no
        2    m1    yes
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="journeys-")  # noqa: SIM115  (closed by __exit__)
        self._bounds: list[npt.NDArray[np.int64]] = []
        self._written = self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add_keys(self, key: pl.Series, key2: pl.Series) -> None:
        """Add the keys of the next rows; null for a row that is never a repeat."""
        has_key = np.flatnonzero(key.is_not_null().to_numpy())
        rows = np.empty(has_key.size, dtype=_ROW)
        rows["key"] = key.drop_nulls().to_numpy()
        rows["key2"] = key2.drop_nulls().to_numpy()
        rows["row"] = has_key + self.rows
        partition = (rows["key"] >> np.uint64(56)).astype(np.uint8)
        order = np.argsort(partition, kind="stable")
        rows[order].tofile(self._file)
        self._bounds.append(np.searchsorted(partition[order], np.arange(_PARTS + 1)) + self._written)
        self._written += rows.size
        self.rows += key.len()

    def find_repeats(self) -> Bits:
        """Return a bit per row, set where the row repeats an earlier one; the lowest bit of a byte comes first."""
        bits = np.zeros(self.rows // 8 + 1, dtype=np.uint8)
        for repeats in self._iter_repeats():
            row = repeats["row"]
            np.bitwise_or.at(bits, row >> 3, np.left_shift(1, row & 7).astype(np.uint8))
        return bits

    def list_rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        """Return the numbers of the rows that repeat an earlier one, in order, and their keys."""
        found = [np.empty(0, dtype=_ROW), *self._iter_repeats()]
        row, key = (np.concatenate([one[name] for one in found]) for name in ("row", "key"))
        order = np.argsort(row, kind="stable")
        return row[order], key[order]

    def _iter_repeats(self) -> Iterator[npt.NDArray[np.void]]:
        """Yield, partition by partition, the rows that repeat an earlier one."""
        for part in range(_PARTS):
            partition = self._read_partition(part)
            # Both the partitions and this sort keep the order of arrival, so the first of equal keys comes first.
            partition = partition[np.lexsort((partition["key2"], partition["key"]))]
            same = (partition["key"][1:] == partition["key"][:-1]) & (partition["key2"][1:] == partition["key2"][:-1])
            yield partition[1:][same]

    def _read_partition(self, part: int) -> npt.NDArray[np.void]:
        pieces = [np.empty(0, dtype=_ROW)]
        for bounds in self._bounds:
            start, stop = bounds[part : part + 2]
            if stop > start:
                self._file.seek(int(start) * _ROW.itemsize)
                pieces.append(np.fromfile(self._file, dtype=_ROW, count=int(stop - start)))
        return np.concatenate(pieces)


def drop_repeats(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Leave out rows that repeat an earlier one's key; the keys are read now, the rows when they are needed.

    Raise SourceError when the rows are read later in another order than their keys: some messages would be lost, and
    others stay twice.
    """
    with RepeatFinder() as repeats:
        for batch in iterate_batches(rows.select(KEY), size=_BATCH):
            repeats.add_keys(*batch)
        repeated, key = repeats.list_rows()
    if not repeated.size:
        return rows.drop(KEY)

    def mark_kept(batch: pl.Series) -> pl.Series:
        row, key_now = batch.struct.unnest()
        at = row.to_numpy()
        place = np.minimum(np.searchsorted(repeated, at), repeated.size - 1)
        is_repeat = repeated[place] == at
        if (key_now.fill_null(0).to_numpy()[is_repeat] != key[place[is_repeat]]).any():
            raise SourceError(_MOVED)
        return pl.Series(~is_repeat)

    is_kept = pl.struct("_row", KEY[0]).map_batches(mark_kept, return_dtype=pl.Boolean, is_elementwise=True)
    return rows.with_row_index("_row").filter(is_kept).drop("_row", *KEY)
