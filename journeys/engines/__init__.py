"""Engines that count the shards of a log on other machines; `api/selection.py` counts them on this one."""
