"""Words for amounts of money in English names of columns."""

AMOUNT_WORDS = r"amount|revenue|price|total|\bvalue\b|\bmrr\b"
