"""The hash index that numbers combinations of identifiers."""

import numpy as np
import pytest

from journeys.arrays import HashIndex


@pytest.mark.parametrize("different", [1, 2, 1_000, 2**40])
@pytest.mark.parametrize("size", [0, 1, 5_000, 100_000])
@pytest.mark.parametrize("begin", [0, 0xFFF << 52])
def test_equal_hashes_get_one_number_in_order_of_arrival(size: int, different: int, begin: int) -> None:
    # few hashes begin alike, so that they crowd into one place of the table: its first, or its last and beyond
    hashes = np.random.default_rng(size).integers(0, different, size, dtype=np.uint64) << np.uint64(24)
    if begin:
        hashes = hashes[:2_000] & np.uint64(2**48 - 1) | np.uint64(begin)
    index, seen = HashIndex(), {}
    for piece in np.array_split(hashes, 3):
        number, new = index.number(piece, piece.astype(np.uint32))
        assert number.tolist() == [seen.setdefault(one, len(seen)) for one in piece.tolist()]
        assert [seen[one] for one in piece[new].tolist()] == list(range(len(seen) - new.size, len(seen)))
    assert index.count == len(seen)
    assert not index.collided


def test_hashes_that_wrap_around_are_found_after_growing() -> None:
    # the last places of the small table, and of the large one
    hashes = np.arange(300, dtype=np.uint64) + np.uint64(2**64 - 300)
    index = HashIndex(4)
    for piece in np.array_split(hashes, 30):
        index.number(piece, piece.astype(np.uint32))
    again, new = index.number(hashes, hashes.astype(np.uint32))
    assert again.tolist() == list(range(300))
    assert new.size == 0


def test_a_hash_with_two_checks_is_a_collision() -> None:
    index = HashIndex()
    index.number(np.array([5, 6, 5], dtype=np.uint64), np.array([1, 1, 1], dtype=np.uint32))
    assert not index.collided
    index.number(np.array([6], dtype=np.uint64), np.array([2], dtype=np.uint32))
    assert index.collided
