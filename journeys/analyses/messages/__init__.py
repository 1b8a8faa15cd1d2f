"""Messages: how many people got, read and clicked each campaign, and who converted afterwards."""

from journeys.analyses.messages.result import Messages
from journeys.analyses.messages.run import messages

__all__ = ["Messages", "messages"]
