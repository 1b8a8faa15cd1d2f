"""Pictures: one file a chart, each a function `draw(table, ...)` that takes a table and words and counts nothing.

All charts take `title` (the finding) and `subtitle` (the definition), and `dark` and `narrow` (for a dark page; for a
phone).
"""
