"""Which behaviours go with converting: the 2×2 table of each, with everything that could make it lie."""
