"""The sorted log: build, save, open, shards. The only room that knows the disk."""

from journeys.log.build import Built, build_log
from journeys.log.core import CAMPAIGN, Log, View
from journeys.log.store import open_log, save_log
from journeys.log.stream import stream_log

__all__ = ["CAMPAIGN", "Built", "Log", "View", "build_log", "open_log", "save_log", "stream_log"]
