"""The report: one offline HTML file that answers a page of questions, findings first."""

from journeys.report.campaign import campaign_report
from journeys.report.document import Report
from journeys.report.section import Finding, Picture, Section

__all__ = ["Finding", "Picture", "Report", "Section", "campaign_report"]
