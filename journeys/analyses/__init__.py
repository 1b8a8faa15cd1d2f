"""One question a file: `count(view, spec)` adds up over shards, `summarise(counts, spec)` makes the result."""
