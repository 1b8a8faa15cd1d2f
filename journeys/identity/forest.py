"""Groups of whole numbers: connected components, and union-find that knows what a group may hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Forest", "components", "smallest"]

Ints = npt.NDArray[np.int64]


def components(count: int, a: Ints, b: Ints) -> Ints:
    """Return for each code the smallest code of its connected component."""
    if not a.size:
        return np.arange(count, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = (a.astype(np.int32), b.astype(np.int32))
    graph = coo_array((np.ones(a.size, dtype=np.int8), ends), shape=(count, count)).tocsr()
    _, label = connected_components(graph, directed=False)
    return smallest(label.astype(np.int64))


def smallest(label: Ints) -> Ints:
    """Rename each group to its smallest member; the labels are whole numbers below the number of members."""
    first = np.zeros(label.size, dtype=np.int64)
    first[label[::-1]] = np.arange(label.size - 1, -1, -1)
    return first[label]


class Forest:
    """Union-find that knows what each group holds, without recursion."""

    __slots__ = ("_held", "_limits", "_max_ids", "_parent", "_size")

    def __init__(self, rank: Ints, *, limits: Sequence[int | None], max_ids: int | None) -> None:
        self._parent = list(range(rank.size))
        self._size = [1] * rank.size
        self._max_ids = max_ids
        limited = [(at, limit) for at, limit in enumerate(limits) if limit is not None]
        self._limits = [limit for _, limit in limited]
        self._held = [(rank == at).astype(int).tolist() for at, _ in limited]

    def _root(self, code: int) -> int:
        parent = self._parent
        while parent[code] != code:
            parent[code] = parent[parent[code]]
            code = parent[code]
        return code

    def join(self, codes: list[int], *, force: bool) -> bool:
        """Make one group of those that hold the codes, if it fits or must be; say whether they are one."""
        roots = list(dict.fromkeys(map(self._root, codes)))
        if len(roots) < 2:
            return True
        if not force:
            for held, limit in zip(self._held, self._limits, strict=True):
                counts = [held[root] for root in roots if held[root]]
                if len(counts) > 1 and sum(counts) > limit:
                    return False
            if self._max_ids is not None and sum(self._size[root] for root in roots) > self._max_ids:
                return False
        top, *others = sorted(roots, key=lambda root: -self._size[root])
        for root in others:
            self._parent[root] = top
            self._size[top] += self._size[root]
            for held in self._held:
                held[top] += held[root]
        return True

    def trim(self, codes: list[int], *, force: bool) -> None:
        """Join as many of the codes as fit, leaving out from the end."""
        while len(codes) > 1 and not self.join(codes, force=force):
            codes = codes[:-1]

    def roots(self) -> Ints:
        """Return the group of each code."""
        return np.array([self._root(code) for code in range(len(self._parent))], dtype=np.int64)
