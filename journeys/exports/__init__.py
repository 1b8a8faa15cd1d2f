"""Write people and results to files for the systems that act on them; nothing is sent.

People (any `Journeys`): `to_customerio`, `to_hubspot`, `to_segment`, `to_people`; with traits computed from the
journeys, such as `j.last_before("Signed Up", of="page_path").trait()`. Results and tables: `to_csv`, `to_parquet`,
`to_excel`, `to_markdown`, `to_image`, `to_duckdb`. Text that a spreadsheet would run as a formula is neutralised.
"""

from journeys.exports.excel import to_excel
from journeys.exports.people import WrittenPeople, save_as, to_people
from journeys.exports.results import to_csv, to_duckdb, to_image, to_markdown, to_parquet
from journeys.exports.systems import to_customerio, to_hubspot, to_segment

__all__ = [
    "WrittenPeople",
    "save_as",
    "to_csv",
    "to_customerio",
    "to_duckdb",
    "to_excel",
    "to_hubspot",
    "to_image",
    "to_markdown",
    "to_parquet",
    "to_people",
    "to_segment",
]
