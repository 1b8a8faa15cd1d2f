"""The report: one offline HTML file that answers a page of questions, findings first."""

from journeys.report.campaign import campaign_report
from journeys.report.document import Report
from journeys.report.section import Finding, Picture, Section
from journeys.report.sections import make_section, text_section

__all__ = ["Finding", "Picture", "Report", "Section", "campaign_report", "make_section", "text_section"]


def __dir__() -> list[str]:
    return __all__
