"""The sorted log: build, save, open, shards. The only package that knows the disk."""

from importlib import import_module
from typing import TYPE_CHECKING

from journeys.log.log import Log, View

if TYPE_CHECKING:
    from journeys.log.build import BuiltLog, build_log
    from journeys.log.store import open_log, save_log
    from journeys.log.stream import stream_log

__all__ = ["BuiltLog", "Log", "View", "build_log", "open_log", "save_log", "stream_log"]

# modules that work on arrays load NumPy, a quarter of the import's time: they wait until a log is made
_LAZY = {"BuiltLog": "build", "build_log": "build", "open_log": "store", "save_log": "store", "stream_log": "stream"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return globals().setdefault(name, getattr(import_module(f"journeys.log.{_LAZY[name]}"), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
