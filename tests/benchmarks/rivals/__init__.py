"""The same questions put to other engines, each in the fastest wording that we found for it."""
