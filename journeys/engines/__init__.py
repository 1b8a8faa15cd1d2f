"""Engines that count the shards of a log elsewhere than on this machine, which `api/selection.py` does itself."""
