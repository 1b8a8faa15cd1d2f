"""Pictures: one file a chart, each a function `draw(table, ...)` that takes a table and words and counts nothing."""
