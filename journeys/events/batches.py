"""The rows of a lazy frame in batches, all of them or an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import polars as pl

from journeys.events.source_errors import translate_source_errors

END = "\0end"


def iterate_batches(rows: pl.LazyFrame, *, size: int, name: str | None = None) -> Iterator[pl.DataFrame]:
    """Yield the rows in order, in batches of about `size`.

    `LazyFrame.collect_batches` ends without an error if its source panics, as it does when a file was cut short since
    it was opened: the rows after that point would be lost. Therefore one more row follows the others; if it does not
    arrive, some of them did not either.

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
