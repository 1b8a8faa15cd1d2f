"""Where the shards of a log are counted: on this machine, or on Spark's executors."""
